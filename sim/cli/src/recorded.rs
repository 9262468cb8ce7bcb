//! A git history as a workload: real sizes of commits, real hot files.
//!
//! Paths become numbers in the order in which they appear. The first directory chooses
//! the keyspace. The length of a value is the length of what `git ls-tree` prints for
//! it, and the tag of a value is the position of its commit.

use std::collections::BTreeMap;

use lithify_sim::history::{Batch, Key, Value, Write};

use super::git_log;

/// The number of keyspaces of a history.
const KEYSPACES: u8 = 4;

/// The commits of a repository, or of a log in a file, which may be compressed.
///
/// # Errors
/// If there is no history, or if the log is invalid.
pub(crate) fn commits(path: &str) -> Result<Vec<Batch>, String> {
    let mut keys: BTreeMap<Vec<u8>, Key> = BTreeMap::new();
    let mut batches = Vec::new();
    for commit in git_log::open(path)? {
        let tag = batches.len() as u32;
        let mut writes = Vec::new();
        for change in commit.map_err(|error| error.to_string())?.changes {
            // If there are more paths than numbers, the numbers begin again at 0.
            let number = keys.len() as u16;
            let key = *keys.entry(change.path).or_insert_with_key(|path| Key {
                keyspace: keyspace_of(path),
                key: number.into(),
            });
            let length = change.value.map(|value| value.len() as u32);
            writes.push(Write {
                key,
                value: length.map(|length| Value { length, tag }),
            });
        }
        batches.push(Batch { writes });
    }
    Ok(batches)
}

fn keyspace_of(path: &[u8]) -> u16 {
    let directory = path.split(|&byte| byte == b'/').next().unwrap_or(path);
    (xxhash_rust::xxh3::xxh3_64(directory) % u64::from(KEYSPACES)) as u16
}
