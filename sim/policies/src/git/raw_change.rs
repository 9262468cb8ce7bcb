//! Parses one line of `git log --raw`: a path and its change. Pure.
//!
//! The format is `:OLDMODE NEWMODE OLDID NEWID STATUS<tab>PATH`, with full object ids
//! (`--no-abbrev`) and without renames (`--no-renames`). Only states that are possible in
//! git trees are accepted, and the status has to agree with the modes. An object id of
//! zeros is a possible state: git shows trees that contain one.

use super::lines::excerpt;
use super::quote::unquote;

/// The change of one path in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The path, as bytes.
    pub path: Vec<u8>,
    /// The text that `git ls-tree` printed before the tab until now. `None` if the path
    /// did not exist.
    pub before: Option<Vec<u8>>,
    /// The text that it prints from now on. `None` if the path was removed.
    pub value: Option<Vec<u8>>,
}

/// The kind of object that `git ls-tree` prints for a mode. `None` for modes that a
/// recursive listing never shows.
fn kind_of(mode: &[u8]) -> Option<&'static str> {
    match mode {
        b"100644" | b"100755" | b"120000" => Some("blob"),
        b"160000" => Some("commit"),
        _ => None,
    }
}

/// Whether the text is a full object id: SHA-1 or SHA-256 in lower-case hexadecimal
/// digits.
pub(super) fn is_object_id(text: &[u8]) -> bool {
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    matches!(text.len(), 40 | 64) && text.iter().all(is_hex)
}

/// Parses a line that begins with a colon.
///
/// # Errors
/// A description of what is wrong with the line.
pub(super) fn parse_change(line: &[u8]) -> Result<FileChange, String> {
    let line = line
        .strip_prefix(b":")
        .ok_or_else(|| format!("expected a change or a commit, found {}", excerpt(line)))?;
    let tab = line.iter().position(|byte| *byte == b'\t');
    let (fields, path) = tab.map_or((line, None), |tab| (&line[..tab], Some(&line[tab + 1..])));
    let fields: Vec<&[u8]> = fields.split(|byte| *byte == b' ').collect();
    let [old_mode, new_mode, old_id, new_id, status] = fields[..] else {
        return Err(format!(
            "a change has 5 fields before its tab, found {}",
            fields.len()
        ));
    };
    let path = path.ok_or("the change has no path")?;
    let old = state("old", old_mode, old_id)?;
    let new = state("new", new_mode, new_id)?;
    check_status(status, old.is_some(), new.is_some())?;
    let path = unquote(path).map_err(|what| format!("the path is badly quoted: {what}"))?;
    if path.is_empty() || path.contains(&0) {
        return Err(format!("{} is no path", excerpt(&path)));
    }
    Ok(FileChange {
        path: path.into_owned(),
        before: old,
        value: new,
    })
}

/// One side of a change: its value, or `None` if the path did not exist.
fn state(side: &str, mode: &[u8], id: &[u8]) -> Result<Option<Vec<u8>>, String> {
    if !is_object_id(id) {
        return Err(format!(
            "the {side} object id must be 40 or 64 hexadecimal digits, found {}",
            excerpt(id)
        ));
    }
    let is_zero = id.iter().all(|byte| *byte == b'0');
    if mode == b"000000" {
        return if is_zero {
            Ok(None)
        } else {
            Err(format!(
                "the {side} mode is 000000, but its object id is not zero"
            ))
        };
    }
    let Some(kind) = kind_of(mode) else {
        return Err(format!(
            "the {side} mode must be 100644, 100755, 120000, 160000 or 000000, found {}",
            excerpt(mode)
        ));
    };
    Ok(Some([mode, b" ", kind.as_bytes(), b" ", id].concat()))
}

/// Checks that the status letter agrees with the modes.
fn check_status(status: &[u8], was_there: bool, is_there: bool) -> Result<(), String> {
    let expected = match status {
        b"A" => (false, true),
        b"D" => (true, false),
        b"M" | b"T" => (true, true),
        _ => {
            return Err(format!(
                "the status must be A, D, M or T, found {}",
                excerpt(status)
            ));
        }
    };
    if (was_there, is_there) == expected {
        Ok(())
    } else {
        Err(format!("status {} contradicts the modes", excerpt(status)))
    }
}
