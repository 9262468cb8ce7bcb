//! Checks a git log for contradictions, and corrects it from the trees of the commits.
//!
//! git compares two trees by walking along their entries, and uses each entry of both
//! trees once: it pairs the entry with one of the same name, or logs it as removed or
//! added. Two facts follow, even for trees that contain a name twice or out of order. A
//! path without a line in the log has not changed. A path with one line, whose old side
//! equals the value before the commit, has the new side as its value now. In all other
//! cases (a path on two lines, or an old side that no commit has written) the log does not
//! determine the tree. Then the tree itself is read, if there is a repository. A log
//! without a repository is refused, with the commit, the path, and the likely cause: the
//! log is in reverse order or lacks commits.
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
    /// The position of the first such commit in the log, from 1.
    pub number: u64,
    /// Its object id.
    pub id: String,
    /// A path whose value the log does not determine.
    pub path: Vec<u8>,
    /// The number of such commits.
    pub commits: u64,
}

/// An iterator over the commits of a log. No commit contains a path twice, and every old
/// side is the value after the commits before. The iterator ends after an error.
#[derive(Debug)]
pub struct CheckedLog<L> {
    log: L,
    repository: Option<Repository>,
    trees: Option<TreeReader>,
    /// Paths and values after the newest commit.
    tree: BTreeMap<Vec<u8>, Vec<u8>>,
    commits: u64,
    corrected: Option<Corrected>,
    is_over: bool,
}

impl<L: Iterator<Item = Result<LogCommit, LineError>>> CheckedLog<L> {
    /// Checks a log without a repository. A contradiction is an error.
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

    /// Checks the log of a repository. A contradiction is resolved from the trees.
    pub fn of_repository(log: L, repository: &Repository) -> Self {
        Self {
            repository: Some(repository.clone()),
            ..Self::alone(log)
        }
    }

    /// The first commit whose changes were taken from its tree, and the number of such
    /// commits.
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

    /// git reports that a log has failed, but not at which commit and path. Reading the
    /// trees of the commits after the newest one can show where.
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

/// The first path whose value the log does not determine, with the reason.
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

/// The changes that make one tree from the other, in the order of paths.
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
