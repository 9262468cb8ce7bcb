//! A commit on its way to a replica, as a line of JSON:
//! `{"commit":5,"previous":"16 hex digits","chain":"16 hex digits","writes":[{"key":"k","value":"v"},{"key":"d"}]}`.
//! A write without a value deletes. Bytes that are not UTF-8 are `{"hex":"00ff"}`.

use lithify_specimens::data_file::{Change, Write};
use serde::{Deserialize, Serialize};

use super::super::bytes::{BytesInput, JsonBytes};
use super::super::lines;

#[derive(Serialize)]
struct WriteOutput<'a> {
    key: JsonBytes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<JsonBytes<'a>>,
}

#[derive(Serialize)]
struct ChangeOutput<'a> {
    commit: u64,
    previous: String,
    chain: String,
    writes: Vec<WriteOutput<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteInput {
    key: BytesInput,
    value: Option<BytesInput>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeInput {
    commit: u64,
    previous: String,
    chain: String,
    writes: Vec<WriteInput>,
}

/// Encodes a change as a line.
pub(super) fn encode(change: &Change) -> Vec<u8> {
    let writes = change.writes.iter().map(|write| WriteOutput {
        key: JsonBytes(&write.key),
        value: write.value.as_deref().map(JsonBytes),
    });
    let output = ChangeOutput {
        commit: change.commit,
        previous: format!("{:016x}", change.previous),
        chain: format!("{:016x}", change.chain),
        writes: writes.collect(),
    };
    serde_json::to_vec(&output).expect("numbers and strings are JSON")
}

/// Decodes a line as a change, or describes the error.
pub(super) fn decode(line: &[u8]) -> Result<Change, String> {
    let input: ChangeInput = lines::parse(line.trim_ascii_end(), "JSON of a commit")?;
    let writes = input.writes.iter().map(|write| Write {
        key: write.key.bytes().to_vec(),
        value: write.value.as_ref().map(|value| value.bytes().to_vec()),
    });
    Ok(Change {
        commit: input.commit,
        previous: digits(&input.previous)?,
        chain: digits(&input.chain)?,
        writes: writes.collect(),
    })
}

fn digits(text: &str) -> Result<u64, String> {
    let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = is_hex.then(|| u64::from_str_radix(text, 16).ok()).flatten();
    number.ok_or_else(|| format!("{text:?} is no chain of 16 hexadecimal digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_survives_json() {
        let writes = vec![
            Write {
                key: b"k".to_vec(),
                value: Some(vec![0xff, 0]),
            },
            Write {
                key: b"gone \"".to_vec(),
                value: None,
            },
        ];
        let change = Change::new(u64::MAX, 0x00ab, writes);
        assert_eq!(decode(&encode(&change)), Ok(change));
    }
}
