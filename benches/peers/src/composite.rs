//! History for engines that keep none: the commit number behind the key, newest first.
//!
//! What one would write by hand: the number is inverted and big-endian, so that the first
//! entry at or behind (key, commit) is the newest version that is not younger. A scan as of a
//! commit passes over the versions that it does not want. With few versions of a key that is
//! cheaper than a seek for each key.

use crate::Result;
use crate::data::{COMMIT_BYTES, KEY_BYTES, Key};
use crate::engine::{Direction, View, Visit};

/// The key under which `commit` stores its version of `plain`.
pub(crate) fn key(plain: &[u8], commit: u64) -> Key {
    Key::with_suffix(plain, (!commit).to_be_bytes())
}

/// Copies the value of `plain` as of `commit` to `value`; false when there was none.
pub(crate) fn get(
    view: &mut dyn View,
    plain: &[u8],
    commit: u64,
    value: &mut Vec<u8>,
) -> Result<bool> {
    let mut is_found = false;
    view.seek(&key(plain, commit), &mut |key, found| {
        if key[..KEY_BYTES] == *plain {
            is_found = true;
            value.clear();
            value.extend_from_slice(found);
        }
    })?;
    Ok(is_found)
}

/// Calls `visit` with every entry as of `commit`, in order.
pub(crate) fn scan(view: &mut dyn View, commit: u64, visit: Visit<'_>) -> Result<()> {
    let mut visited: Option<[u8; KEY_BYTES]> = None;
    view.scan(Direction::Forward, &mut |key, value| {
        let (plain, suffix) = key.split_at(KEY_BYTES);
        let suffix: [u8; COMMIT_BYTES] = suffix
            .try_into()
            .expect("every key here has a commit number");
        let is_wanted = !u64::from_be_bytes(suffix) <= commit;
        if is_wanted && visited.as_ref().is_none_or(|visited| visited != plain) {
            visited = Some(plain.try_into().expect("a key has 16 bytes"));
            visit(plain, value);
        }
    })
}
