//! Keys and values, which are bytes, in text and in JSON.
//!
//! Text quotes them as git quotes paths. JSON has no bytes: UTF-8 is a string, and any
//! other bytes are an object `{"hex":"00ff"}`. The same two forms are read.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

/// The text of `--help` about bytes.
pub(crate) const BYTES_HELP: &str = "\
Keys and values are bytes. Text output quotes them as git quotes paths: in C style between \
double quotes, if they contain control characters, quotes, backslashes or bytes from 0x80. \
JSON output in a pipe has one value on each line; bytes that are not UTF-8 are \
{\"hex\":\"00ff\"}.";

/// The bytes of an argument, unchanged.
pub(crate) fn of_argument(argument: &OsStr) -> &[u8] {
    argument.as_bytes()
}

/// A key in the form for messages.
pub(crate) fn shown(key: &[u8]) -> String {
    let quoted = lithify_policies::git::quote::quote(key);
    let text = String::from_utf8_lossy(&quoted).into_owned();
    if text.starts_with('"') {
        text
    } else {
        format!("\"{text}\"")
    }
}

/// Bytes to be written as JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonBytes<'a>(pub(crate) &'a [u8]);

impl Serialize for JsonBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Hex {
            hex: String,
        }
        if let Ok(text) = str::from_utf8(self.0) {
            return serializer.serialize_str(text);
        }
        let mut hex = String::with_capacity(self.0.len() * 2);
        for byte in self.0 {
            let _ = write!(hex, "{byte:02x}");
        }
        Hex { hex }.serialize(serializer)
    }
}

/// Writes a path as JSON. The library's own form fails for a path that is not UTF-8,
/// and that would be noticed only at the end of the work.
pub(crate) fn json_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    JsonBytes(path.as_os_str().as_bytes()).serialize(serializer)
}

/// As `json_path`, for an optional path.
pub(crate) fn json_perhaps_path<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let bytes = path
        .as_ref()
        .map(|path| JsonBytes(path.as_os_str().as_bytes()));
    bytes.serialize(serializer)
}

/// Bytes that were read from JSON.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged, expecting = "expected a string or {\"hex\":\"..\"}")]
pub(crate) enum BytesInput {
    Text(String),
    #[serde(deserialize_with = "hex_object")]
    Hex(Vec<u8>),
}

impl BytesInput {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Hex(bytes) => bytes,
        }
    }
}

fn hex_object<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Hex {
        hex: String,
    }
    let Hex { hex } = Hex::deserialize(deserializer)?;
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let bytes: Option<Vec<u8>> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect();
    bytes.ok_or_else(|| serde::de::Error::custom("hex needs an even number of hexadecimal digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_json() {
        for bytes in [
            &b""[..],
            b"text",
            "h\u{e9}".as_bytes(),
            b"\xff\x00",
            b"a\xc3",
        ] {
            let text = serde_json::to_string(&JsonBytes(bytes)).unwrap();
            let back: BytesInput = serde_json::from_str(&text).unwrap();
            assert_eq!(back.bytes(), bytes, "{text}");
        }
    }

    #[test]
    fn malformed_bytes_are_refused() {
        for text in [
            "1",
            "{}",
            r#"{"hex":"0"}"#,
            r#"{"hex":"+1"}"#,
            r#"{"hex":"00","x":1}"#,
        ] {
            assert!(serde_json::from_str::<BytesInput>(text).is_err(), "{text}");
        }
    }
}
