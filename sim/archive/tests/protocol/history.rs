//! Histories as models: commits with a few keys, and what a reader has to see.

use std::collections::BTreeMap;

use lithify::read::{CommitChanges, Operation, Past};
use lithify::{Commit, Placement};

/// The keys of every history.
pub(crate) const KEYS: [&str; 3] = ["a", "b", "c"];
pub(crate) const KEYSPACES: [&str; 2] = ["stones", "metals"];

/// A history: the commits 1, 2, ..
pub(crate) type History = Vec<CommitChanges>;

/// The history `name` of `count` commits, which is that of every other name up to commit `common`.
pub(crate) fn history(name: &str, common: u64, count: u64) -> History {
    let mut past = Past::default();
    let mut commits = Vec::new();
    for number in 1..=count {
        let author = if number <= common { "all" } else { name };
        let changes = CommitChanges {
            commit: Commit::new(number),
            before: past,
            operations: operations(number, author),
        };
        past = changes.after();
        commits.push(changes);
    }
    commits
}

fn operations(number: u64, author: &str) -> Vec<Operation> {
    let operation = |keyspace: &str, key: &str, value: Option<String>| Operation {
        keyspace: keyspace.to_owned(),
        key: key.as_bytes().to_vec(),
        value: value.map(String::into_bytes),
    };
    let key = |number: u64| KEYS[(number % 3) as usize];
    match number % 5 {
        // An empty commit.
        4 => Vec::new(),
        3 => vec![
            operation("stones", key(number), None),
            operation("metals", key(number), Some(format!("{author} {number}"))),
        ],
        _ => vec![
            operation("stones", "b", Some(format!("{author} {number}"))),
            operation("stones", key(number), Some(format!("{author} {number}"))),
        ]
        .into_iter()
        .skip(usize::from(key(number) == "b"))
        .collect(),
    }
}

/// The pairs of a keyspace at a commit.
pub(crate) fn state(history: &History, keyspace: &str, at: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut state = BTreeMap::new();
    for changes in &history[..at as usize] {
        for operation in changes
            .operations
            .iter()
            .filter(|it| it.keyspace == keyspace)
        {
            match &operation.value {
                Some(value) => state.insert(operation.key.clone(), value.clone()),
                None => state.remove(&operation.key),
            };
        }
    }
    state
}

/// The placement with this alignment.
pub(crate) fn placement(alignment: &str) -> Placement {
    Placement {
        alignment: alignment.parse().unwrap(),
        ..Placement::default()
    }
}
