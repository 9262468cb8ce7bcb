//! `wal_recover`: replays a log that is contained in the message.
//!
//! An entry is a payload, or an object with a `payload` and optional fields: `checksum`
//! (CRC-32 of the payload, hexadecimal or a number, or whether it was right: `valid`,
//! `invalid`), `checksum_valid`, `length`, `offset`. An entry is invalid if one of
//! these is wrong, if it has no payload, or if its offset does not follow the previous
//! offset. Replay stops there, because later entries may depend on a missing entry. The
//! node's own log is not changed.

use lithify_specimens::snapshot_log::{Machine, Texts};
use serde_json::{Map, Value};

use super::message::{Code, Fields, Refusal};
use super::requests::checksum;

/// Replays the entries before the first invalid entry.
pub(super) fn recover(entries: &[Value]) -> Result<Fields, Refusal> {
    let mut texts = Texts::default();
    let mut next_offset = None;
    let mut replayed = 0;
    for entry in entries {
        let Some(payload) = valid_payload(entry, &mut next_offset) else {
            break;
        };
        texts
            .apply(payload.as_bytes())
            .map_err(|fault| Code::Malformed.because(fault))?;
        replayed += 1;
    }
    let pairs = texts.pairs().iter();
    let state: Map<String, Value> = pairs
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    Ok(vec![
        ("entries_replayed", replayed.into()),
        ("entries_skipped", (entries.len() - replayed).into()),
        ("state", Value::Object(state).into()),
    ])
}

/// The payload of an entry, if none of its fields is wrong.
fn valid_payload<'entry>(
    entry: &'entry Value,
    next_offset: &mut Option<u64>,
) -> Option<&'entry str> {
    let entry = match entry {
        Value::String(payload) => return Some(payload),
        entry => entry.as_object()?,
    };
    let payload = entry.get("payload")?.as_str()?;
    let is_right = |name: &str, is_right: &dyn Fn(&Value) -> bool| match entry.get(name) {
        None => true,
        Some(value) => is_right(value),
    };
    let follows = |value: &Value| match (value.as_u64(), *next_offset) {
        (Some(offset), Some(expected)) => offset == expected,
        (offset, None) => offset.is_some(),
        (None, Some(_)) => false,
    };
    let is_valid = is_right("checksum", &|value| is_checksum(value, payload))
        && is_right("checksum_valid", &|value| value == &Value::Bool(true))
        && is_right("length", &|value| {
            value.as_u64() == Some(payload.len() as u64)
        })
        && is_right("offset", &follows);
    if let Some(offset) = entry.get("offset").and_then(Value::as_u64) {
        *next_offset = offset.checked_add(1);
    }
    is_valid.then_some(payload)
}

/// Whether `value` is the CRC-32 of the payload: digits in either case, with or without
/// `0x`, or a number. The word `valid` means that the sender has already compared it.
fn is_checksum(value: &Value, payload: &str) -> bool {
    let expected = checksum(payload.as_bytes());
    match value {
        // The word cannot be digits: it is not hexadecimal.
        Value::String(word) if word == "valid" => true,
        Value::String(digits) => {
            let digits = digits.trim_start_matches("0x");
            u32::from_str_radix(digits, 16).is_ok_and(|it| format!("{it:08x}") == expected)
        }
        Value::Number(number) => number
            .as_u64()
            .is_some_and(|it| format!("{it:08x}") == expected),
        _ => false,
    }
}
