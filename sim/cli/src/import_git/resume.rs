//! Checks that the imported log is the log that the store began with.
//!
//! If the store still knows the writes of every commit, each commit is compared. If
//! retention has removed history, the log is folded into one tree, which must equal the
//! store's tree at its head; the store cannot tell more.

use std::collections::BTreeMap;

use crate::bytes::shown;
use lithify::read::{Changes, Operation};
use lithify::{Commit, Error, KeyRange, Snapshot, Store};
use lithify_policies::git::LogCommit;
use lithify_sim::cli::exit::{Exit, Failure, Outcome};

/// The advice for a history that differs from the imported one.
pub(crate) const REWRITTEN: &str =
    "a history that was rewritten, or that of another branch, needs a store of its own";

type Tree = BTreeMap<Vec<u8>, Vec<u8>>;

/// The commits of a store, which are compared in order.
pub(crate) struct Stored<'a> {
    snapshot: Snapshot,
    keyspace: &'a str,
    knowledge: Knowledge,
}

/// What the store still knows.
enum Knowledge {
    /// The writes of each commit.
    Commits(Box<Changes>),
    /// Only the newest tree. The value is the tree of the log so far.
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

    /// Compares the trees, if the commits could not be compared one by one.
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

/// The writes of a commit according to the log, in the store's order. The last change
/// of a path wins, as in a batch.
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

/// The first operation that only one side has, as text; `None` if both sides are equal.
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
