//! Is the log that is imported the one that the store has begun with?
//!
//! Where the store still knows what every commit wrote, each one is compared. Where
//! retention has thinned history out, the log is folded into one tree, which must be the
//! store's tree at its head: that is all that such a store can say.

use std::collections::BTreeMap;

use crate::bytes::shown;
use lithify::read::{Changes, Operation};
use lithify::{Commit, Error, KeyRange, Snapshot, Store};
use lithify_policies::git::LogCommit;
use lithify_sim::cli::exit::{Exit, Failure, Outcome};

/// What to do about a history that is not the one that was imported.
pub(crate) const REWRITTEN: &str =
    "a history that was rewritten, or that of another branch, needs a store of its own";

type Tree = BTreeMap<Vec<u8>, Vec<u8>>;

/// The commits that a store has, to be compared in order.
pub(crate) struct Stored<'a> {
    snapshot: Snapshot,
    keyspace: &'a str,
    knowledge: Knowledge,
}

/// What the store still knows.
enum Knowledge {
    /// What each commit wrote.
    Commits(Box<Changes>),
    /// Only the newest tree; this is the log's so far.
    Head(Tree),
}

impl<'a> Stored<'a> {
    pub(crate) fn new(store: &Store, keyspace: &'a str) -> Outcome<Self> {
        let snapshot = store.snapshot();
        let knowledge = match snapshot.changes_since(Commit::ZERO) {
            Ok(changes) => Knowledge::Commits(Box::new(changes)),
            Err(Error::Thinned { .. }) => Knowledge::Head(Tree::new()),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            snapshot,
            keyspace,
            knowledge,
        })
    }

    /// Compares the next commit of the log.
    pub(crate) fn compare(&mut self, number: Commit, commit: &LogCommit) -> Outcome {
        match &mut self.knowledge {
            Knowledge::Commits(changes) => {
                let stored = changes.next().expect("the head was not reached yet")?;
                let logged = operations_of(commit, self.keyspace);
                first_difference(&stored.operations, &logged)
                    .map_or(Ok(()), |what| Err(differs(number, commit, &what)))
            }
            Knowledge::Head(tree) => {
                for change in &commit.changes {
                    match &change.value {
                        Some(value) => tree.insert(change.path.clone(), value.clone()),
                        None => tree.remove(&change.path),
                    };
                }
                Ok(())
            }
        }
    }

    /// Compares what could not be compared commit by commit.
    pub(crate) fn finish(self) -> Outcome {
        let Knowledge::Head(tree) = self.knowledge else {
            return Ok(());
        };
        let mut logged = tree.into_iter();
        let mut stored = self.snapshot.range(self.keyspace, KeyRange::all())?;
        loop {
            let here = stored.next().transpose()?;
            let here = here.map(|(path, value)| (Vec::from(path), Vec::from(value)));
            let there = logged.next();
            if here == there {
                if here.is_none() {
                    return Ok(());
                }
                continue;
            }
            let path = [&here, &there]
                .into_iter()
                .flatten()
                .map(|(path, _)| path)
                .min();
            return Err(Exit::Input.because(format!(
                "the tree at commit {} differs from the log at path {}: this is not the history \
                 that was imported; {REWRITTEN}",
                self.snapshot.commit(),
                path.map_or_else(String::new, |path| shown(path))
            )));
        }
    }
}

/// What the log says that the commit wrote, in the store's order. The last change of a
/// path wins, as in a batch.
fn operations_of(commit: &LogCommit, keyspace: &str) -> Vec<Operation> {
    let by_path: BTreeMap<&Vec<u8>, &Option<Vec<u8>>> = commit
        .changes
        .iter()
        .map(|change| (&change.path, &change.value))
        .collect();
    by_path
        .into_iter()
        .map(|(path, value)| Operation {
            keyspace: keyspace.to_owned(),
            key: path.clone(),
            value: value.clone(),
        })
        .collect()
}

/// The first operation that only one side has, in words; `None` when they are equal.
fn first_difference(stored: &[Operation], logged: &[Operation]) -> Option<String> {
    let equal = stored
        .iter()
        .zip(logged)
        .take_while(|(a, b)| a == b)
        .count();
    let words = |operation: Option<&Operation>| match operation {
        None => "nothing more".to_owned(),
        Some(Operation {
            keyspace,
            key,
            value,
        }) => {
            let what = value.as_deref().map_or("delete".to_owned(), shown);
            format!("{} = {what} in keyspace {keyspace:?}", shown(key))
        }
    };
    (equal < stored.len() || equal < logged.len()).then(|| {
        format!(
            "the store wrote {}, the log {}",
            words(stored.get(equal)),
            words(logged.get(equal))
        )
    })
}

fn differs(number: Commit, commit: &LogCommit, what: &str) -> Failure {
    Exit::Input.because(format!(
        "commit {number} differs from {} in the log: {what}; {REWRITTEN}",
        commit.id
    ))
}
