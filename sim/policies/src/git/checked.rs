//! A log that is checked against itself, and corrected by the trees where it is wrong.
//!
//! git compares two trees by walking along their entries, and each entry of either tree is
//! used once: paired with one of the same name, or logged as gone or as new. From that
//! follows, also for trees that hold a name twice or out of order: a path that no line
//! names has not changed; and a path that one line names, whose old side is what the path
//! had before, has the new side now. Everything else (a path on two lines, an old side
//! that nobody has written) says that the log does not tell the tree. Then the tree itself
//! is read, where there is a repository; a log alone is refused, with the commit, the
//! path, and the likely cause: it runs backwards or lacks commits.
//!
//! Memory: one commit and one tree.

use std::collections::BTreeMap;
use std::io;

use lithify::limits;

use super::lines::{LineError, excerpt};
use super::objects::{Listing, TreeReader};
use super::process::GitError;
use super::raw_change::FileChange;
use super::raw_log::LogCommit;
use super::repository::Repository;

/// A commit whose changes were taken from its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrected {
    /// The first such commit's place in the log, from 1.
    pub number: u64,
    /// Its object id.
    pub id: String,
    /// A path of which the log does not say what became.
    pub path: Vec<u8>,
    /// How many commits there are of the kind.
    pub commits: u64,
}

/// An iterator over the commits of a log. No commit names a path twice, and every old side
/// is what the commits before have left. After an error it is over.
#[derive(Debug)]
pub struct CheckedLog<L> {
    log: L,
    repository: Option<Repository>,
    trees: Option<TreeReader>,
    /// Paths and values behind the newest commit.
    tree: BTreeMap<Vec<u8>, Vec<u8>>,
    commits: u64,
    corrected: Option<Corrected>,
    is_over: bool,
}

impl<L: Iterator<Item = Result<LogCommit, LineError>>> CheckedLog<L> {
    /// A log that has to speak for itself.
    pub fn alone(log: L) -> Self {
        Self {
            log,
            repository: None,
            trees: None,
            tree: BTreeMap::new(),
            commits: 0,
            corrected: None,
            is_over: false,
        }
    }

    /// The log of a repository, which has the trees.
    pub fn of_repository(log: L, repository: &Repository) -> Self {
        Self {
            repository: Some(repository.clone()),
            ..Self::alone(log)
        }
    }

    /// The first commit whose changes were taken from its tree, and how many there were.
    pub fn corrected(&self) -> Option<&Corrected> {
        self.corrected.as_ref()
    }

    fn read_commit(&mut self) -> Result<Option<LogCommit>, LineError> {
        let mut commit = match self.log.next().transpose() {
            Ok(Some(commit)) => commit,
            Ok(None) => return Ok(None),
            Err(error) => return Err(self.named(error)),
        };
        self.commits += 1;
        if let Some((path, what)) = contradiction(&self.tree, &commit) {
            let path = path.to_vec();
            let Some(repository) = &self.repository else {
                return Err(LineError::Contradiction {
                    commit: commit.id,
                    path,
                    what,
                });
            };
            let reader = match &mut self.trees {
                Some(reader) => reader,
                none => none.insert(repository.trees().map_err(failed)?),
            };
            reader.go_to(&commit.id).map_err(failed)?;
            if reader.lines() > (limits::BATCH_OPERATIONS + self.tree.len()) as u64 {
                return Err(failed(GitError::Failed(format!(
                    "commit {} has {} files: with more than {} new ones it does not fit a batch",
                    commit.id,
                    reader.lines(),
                    limits::BATCH_OPERATIONS
                ))));
            }
            let listing = reader.listing().map_err(failed)?;
            commit.changes = changes(&self.tree, listing);
            let corrected = self.corrected.get_or_insert(Corrected {
                number: self.commits,
                id: commit.id.clone(),
                path,
                commits: 0,
            });
            corrected.commits += 1;
        }
        for change in &commit.changes {
            match &change.value {
                Some(value) => self.tree.insert(change.path.clone(), value.clone()),
                None => self.tree.remove(&change.path),
            };
        }
        Ok(Some(commit))
    }

    /// git says that a log has failed, but not at which commit and path: the trees of the
    /// commits behind the newest one may tell.
    fn named(&self, error: LineError) -> LineError {
        let (LineError::Read(_), Some(repository)) = (&error, &self.repository) else {
            return error;
        };
        let look = || -> Result<(), GitError> {
            let mut reader = repository.trees()?;
            let mut commits = repository.commits()?;
            let garbled = |error: LineError| GitError::Failed(error.to_string());
            while commits.advance().map_err(garbled)? {
                if commits.number() > self.commits {
                    reader.go_to(&String::from_utf8_lossy(commits.line()))?;
                }
            }
            Ok(())
        };
        match look() {
            Err(GitError::Failed(what)) => {
                LineError::Read(io::Error::other(format!("{what}; {error}")))
            }
            _ => error,
        }
    }
}

impl<L: Iterator<Item = Result<LogCommit, LineError>>> Iterator for CheckedLog<L> {
    type Item = Result<LogCommit, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.read_commit().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

fn failed(error: GitError) -> LineError {
    LineError::Read(io::Error::other(error.to_string()))
}

/// The first path of which the log does not say what became, and why.
fn contradiction<'a>(
    tree: &BTreeMap<Vec<u8>, Vec<u8>>,
    commit: &'a LogCommit,
) -> Option<(&'a [u8], String)> {
    let mut paths: Vec<&[u8]> = commit.changes.iter().map(|change| &*change.path).collect();
    paths.sort_unstable();
    if let Some(pair) = paths.windows(2).find(|pair| pair[0] == pair[1]) {
        return Some((pair[0], "it comes twice".to_owned()));
    }
    let shown =
        |value: Option<&Vec<u8>>| value.map_or("nothing".to_owned(), |value| excerpt(value));
    commit.changes.iter().find_map(|change| {
        let known = tree.get(&change.path);
        (known != change.before.as_ref()).then(|| {
            let what = format!(
                "it is said to have had {}, and had {}",
                shown(change.before.as_ref()),
                shown(known)
            );
            (&*change.path, what)
        })
    })
}

/// What makes one tree of the other, in the order of paths.
fn changes(tree: &BTreeMap<Vec<u8>, Vec<u8>>, listing: Listing) -> Vec<FileChange> {
    let listing: BTreeMap<Vec<u8>, Vec<u8>> = listing.into_iter().collect();
    let gone = tree.keys().filter(|path| !listing.contains_key(*path));
    let mut changed: Vec<&Vec<u8>> = listing
        .iter()
        .filter(|(path, value)| tree.get(*path) != Some(*value))
        .map(|(path, _)| path)
        .chain(gone)
        .collect();
    changed.sort_unstable();
    changed
        .into_iter()
        .map(|path| FileChange {
            path: path.clone(),
            before: tree.get(path).cloned(),
            value: listing.get(path).cloned(),
        })
        .collect()
}
