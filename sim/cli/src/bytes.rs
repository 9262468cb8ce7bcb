//! Keys and values, which are bytes, in text and in JSON.
//!
//! Text quotes them as git quotes paths. JSON has no bytes: see
//! [`lithify::stream::text_or_hex`].

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use lithify::stream::text_or_hex;
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
        text_or_hex::serialize(self.0, serializer)
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
pub(crate) struct BytesInput(#[serde(with = "text_or_hex")] Vec<u8>);

impl BytesInput {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
