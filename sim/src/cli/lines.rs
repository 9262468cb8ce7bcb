//! Lines from standard input.

use std::io::{BufRead, Read as _};

use lithify::limits;
use serde::de::DeserializeOwned;

use super::exit::{Exit, Failure, Outcome};

/// The longest line in bytes: a batch of the largest size with every byte escaped.
const LINE_BYTES: u64 = 8 * limits::BATCH_BYTES as u64;

/// Reads a line without its end; false at the end of the input.
pub(crate) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Outcome<bool> {
    line.clear();
    let mut limited = std::io::Read::take(input, LINE_BYTES);
    let length = limited
        .read_until(b'\n', line)
        .map_err(|error| Exit::Io.because(format!("cannot read standard input: {error}")))?;
    line.pop_if(|byte| *byte == b'\n');
    Ok(length > 0)
}

/// One line of input.
pub(crate) enum Line {
    /// With its end, if it has one.
    Whole(Vec<u8>),
    TooLong,
}

/// The next line, or `None` at the end. Of a line of more than `most` bytes nothing is
/// kept.
pub(crate) fn next_line(input: &mut impl BufRead, most: u64) -> Outcome<Option<Line>> {
    let failed = |error: std::io::Error| -> Failure {
        Exit::Io.because(format!("cannot read the input: {error}"))
    };
    let mut bytes = Vec::new();
    let mut bounded = input.by_ref().take(most + 1);
    bounded.read_until(b'\n', &mut bytes).map_err(failed)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() as u64 <= most || bytes.ends_with(b"\n") {
        return Ok(Some(Line::Whole(bytes)));
    }
    input.skip_until(b'\n').map_err(failed)?;
    Ok(Some(Line::TooLong))
}

/// What a line holds, or what is wrong with it, with the column.
pub(crate) fn parse<T: DeserializeOwned>(line: &[u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        let reason = error.to_string();
        // It counts lines itself, and each line of ours is its first.
        let reason = reason
            .rsplit_once(" at line ")
            .map_or(&*reason, |(reason, _)| reason);
        format!("not {what}: {reason} at column {}", error.column())
    })
}
