//! A git history as commits: paths are keys, and the length of a value is that of the text
//! that `git ls-tree` prints. The clock is the commit time. If the time goes backwards, the
//! clock stays the same.

use std::collections::BTreeMap;

use lithify_sim::keyed::Seed;

use super::history::{History, Write};
use crate::git::{LineError, LogCommit};

/// How paths are distributed over keyspaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// All paths are in one keyspace.
    One,
    /// By the first directory. All files at the root share one keyspace.
    Directory,
    /// Each path has its own keyspace.
    Path,
    /// By a hash of the first directory, over this number of keyspaces.
    Hashed(u64),
}

/// Converts the commits of a log. A deletion has the bytes of its path.
///
/// # Errors
/// Errors of the log.
pub fn history(
    name: &str,
    log: impl IntoIterator<Item = Result<LogCommit, LineError>>,
    grouping: Grouping,
    seed: Seed,
) -> Result<History, LineError> {
    let mut history = History::new(name, 0);
    let mut keys: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    let mut keyspaces: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for commit in log {
        let commit = commit?;
        let mut writes = Vec::new();
        for change in commit.changes {
            let length = change.path.len() + change.value.as_ref().map_or(0, Vec::len);
            let key = match keys.get(&change.path) {
                Some(&key) => key,
                None => {
                    let group = group(grouping, &change.path);
                    let next = keyspaces.len();
                    if !keyspaces.contains_key(&group) {
                        history.keyspace_names.push(name_of(grouping, &group));
                    }
                    let keyspace = *keyspaces.entry(group).or_insert(next);
                    let key = history.new_key(keyspace);
                    keys.insert(change.path, key);
                    key
                }
            };
            writes.push(Write {
                key,
                bytes: length as u32,
                is_tombstone: change.value.is_none(),
            });
        }
        history.push(commit.time_seconds.unwrap_or(0), writes);
    }
    history.keyspaces = keyspaces.len().max(1);
    history.read_evenly(seed);
    Ok(history)
}

/// The displayed name of a keyspace. The root directory is `.`, and a hashed group is a
/// number.
fn name_of(grouping: Grouping, group: &[u8]) -> String {
    match (grouping, group) {
        (Grouping::Hashed(_), &[a, b, c, d, e, f, g, h]) => {
            u64::from_le_bytes([a, b, c, d, e, f, g, h]).to_string()
        }
        (_, []) => ".".to_owned(),
        _ => String::from_utf8_lossy(group).into_owned(),
    }
}

fn group(grouping: Grouping, path: &[u8]) -> Vec<u8> {
    let slash = path.iter().position(|&byte| byte == b'/');
    let directory = &path[..slash.unwrap_or(0)];
    match grouping {
        Grouping::One => Vec::new(),
        Grouping::Directory => directory.to_vec(),
        Grouping::Path => path.to_vec(),
        Grouping::Hashed(count) => (xxhash_rust::xxh3::xxh3_64(directory) % count)
            .to_le_bytes()
            .to_vec(),
    }
}
