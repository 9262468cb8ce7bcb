//! The errors of the engine, sorted by what the caller should do about them.
//!
//! Every message is one line that names the file and the compared numbers. A bug of the engine is
//! not an error: it panics. The cause of an [`Error`] is always the environment (disk, damage,
//! another process) or the input of the caller.

use std::fmt;
use std::io;

use crate::commit::Commit;

/// The result of every fallible call of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Stored bytes that have changed since they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The damaged file, relative to the store's directory.
    pub file: String,
    /// The offset in the file, in bytes.
    pub offset: u64,
    /// The expected value.
    pub expected: String,
    /// The found value.
    pub found: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} is damaged at offset {}: expected {}, found {}",
            self.file, self.offset, self.expected, self.found
        )
    }
}

/// An error of the engine.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The disk refused an operation.
    Io {
        /// The action, as a verb phrase (`"append to"`).
        action: &'static str,
        /// The file, relative to the store's directory.
        file: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Stored bytes are damaged. Nothing was changed.
    Damage(Damage),
    /// The store was written in a format version that this library does not read.
    UnsupportedFormat {
        /// The file with that version.
        file: String,
        /// Its format version.
        found: u32,
        /// The newest version that this library reads.
        supported: u32,
    },
    /// A file has blocks whose compression was not built in. Nothing was changed.
    CompressionLeftOut {
        /// The file.
        file: String,
        /// The compression, which is a feature of this package.
        compression: &'static str,
    },
    /// There is no store here.
    NotAStore {
        /// Why the directory is no store.
        reason: String,
    },
    /// Another process, or another handle of this one, has the store open. A reader beside a writer
    /// gets this error only if the writer has changed the store during each attempt to read it.
    Locked,
    /// The store was created with other options that fix the layout.
    OptionsMismatch {
        /// The option's name.
        option: &'static str,
        /// The stored value.
        stored: String,
        /// The value given now.
        given: String,
    },
    /// Options that contradict themselves.
    InvalidOptions(String),
    /// Input beyond a documented limit (see [`crate::limits`]). Nothing was written.
    Limit {
        /// The limited quantity, with its unit.
        what: &'static str,
        /// The given value.
        given: u64,
        /// The highest allowed value.
        limit: u64,
    },
    /// A commit that does not exist yet.
    BeyondHead {
        /// The requested commit.
        commit: Commit,
        /// The newest commit.
        head: Commit,
    },
    /// A commit that retention has thinned out.
    Thinned {
        /// The requested commit.
        commit: Commit,
        /// The nearest readable commit before it.
        before: Option<Commit>,
        /// The nearest readable commit after it.
        after: Option<Commit>,
    },
    /// A keyspace that no commit has written to.
    UnknownKeyspace(String),
    /// The handle was opened for reading only.
    ReadOnly,
    /// The store is a replica and makes no commits of its own.
    IsReplica,
    /// The directory holds a backup, which takes no commits: see [`restore`](crate::backup::restore).
    IsBackup,
    /// A directory that cannot take this backup, or this restored store. Nothing was changed.
    BackupRefused {
        /// The reason of the refusal.
        reason: String,
    },
    /// A commit that a backup does not hold.
    NotHeld {
        /// The commit asked for.
        commit: Commit,
        /// The first commit that the backup holds.
        first: Commit,
        /// The last commit that the backup holds.
        last: Commit,
    },
    /// A commit that a replica cannot take yet. Nothing was written.
    Gap {
        /// The commit that the replica needs next.
        expected: Commit,
        /// The given commit.
        found: Commit,
    },
    /// A primary and its replica have different histories. Nothing was written.
    Diverged {
        /// Before this commit the histories are equal.
        first: Commit,
        /// The histories differ at this commit or before it.
        last: Commit,
    },
    /// A replica has thinned out data that it would have to compare with its primary. Nothing was
    /// written.
    Incomparable {
        /// The primary describes its history from this commit on.
        base: Commit,
        /// The replica's newest commit.
        head: Commit,
    },
    /// Another commit has written what a transaction has read. Nothing was written; the transaction
    /// can be tried again.
    Conflict {
        /// The keyspace.
        keyspace: String,
        /// The key that was written, or `None` when the key is no longer known.
        key: Option<Vec<u8>>,
        /// The commit as of which the transaction has read.
        since: Commit,
    },
    /// A name that no keyspace can have.
    KeyspaceName {
        /// The name.
        name: String,
        /// The reason.
        reason: &'static str,
    },
    /// A handle of a keyspace of another store. Nothing was read or written.
    ForeignKeyspace(String),
    /// The store was closed through another clone of the handle.
    Closed,
    /// An earlier write or sync failed. It is in doubt whether the commits of that write are
    /// durable, and the handle refuses further commits until the store is opened again.
    Poisoned {
        /// The first failure.
        cause: String,
    },
}

impl Error {
    /// Wraps an error of the operating system together with the action and the file.
    pub(crate) fn io(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Io {
            action,
            file,
            source,
        }
    }

    /// The same error, for another caller whose commit has failed for the same reason.
    pub(crate) fn for_another(&self) -> Self {
        match self {
            Self::Io {
                action,
                file,
                source,
            } => Self::Io {
                action,
                file: file.clone(),
                source: source.raw_os_error().map_or_else(
                    || io::Error::new(source.kind(), source.to_string()),
                    io::Error::from_raw_os_error,
                ),
            },
            Self::Poisoned { cause } => Self::Poisoned {
                cause: cause.clone(),
            },
            Self::ReadOnly => Self::ReadOnly,
            other => Self::Poisoned {
                cause: other.to_string(),
            },
        }
    }

    /// Damage in `file` at `offset`.
    pub(crate) fn damage(
        file: &str,
        offset: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Damage(Damage {
            file: file.to_owned(),
            offset,
            expected: expected.into(),
            found: found.into(),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io {
                action,
                file,
                source,
            } if file.is_empty() => {
                write!(formatter, "cannot {action} the store directory: {source}")
            }
            Self::Io {
                action,
                file,
                source,
            } => {
                write!(formatter, "cannot {action} {file}: {source}")
            }
            Self::Damage(damage) => write!(formatter, "{damage}"),
            Self::UnsupportedFormat {
                file,
                found,
                supported,
            } => write!(
                formatter,
                "{file} has format version {found}, this library reads up to {supported}: \
                 use a newer lithify"
            ),
            Self::CompressionLeftOut { file, compression } => write!(
                formatter,
                "{file} has blocks compressed with {compression}, which this build leaves out: \
                 enable the feature {compression:?} of lithify"
            ),
            Self::NotAStore { reason } => write!(formatter, "not a lithify store: {reason}"),
            Self::Locked => write!(
                formatter,
                "the store is locked: another process or handle has it open"
            ),
            Self::OptionsMismatch {
                option,
                stored,
                given,
            } => write!(
                formatter,
                "the store was created with {option} {stored} and cannot be opened with {given}: \
                 {option} fixes the layout for good"
            ),
            Self::InvalidOptions(reason) => write!(formatter, "invalid options: {reason}"),
            Self::Limit { what, given, limit } => write!(
                formatter,
                "{what} is {given}, the limit is {limit}: nothing was written"
            ),
            Self::BeyondHead { commit, head } => write!(
                formatter,
                "commit {commit} does not exist: the newest commit is {head}"
            ),
            Self::Thinned {
                commit,
                before,
                after,
            } => {
                let name = |side: &Option<Commit>| {
                    side.map_or_else(|| "none".to_owned(), |commit| commit.to_string())
                };
                write!(
                    formatter,
                    "commit {commit} was thinned out by retention; the nearest readable commits \
                     are {} before and {} after",
                    name(before),
                    name(after)
                )
            }
            Self::UnknownKeyspace(name) => {
                write!(formatter, "there is no keyspace {name:?} in this store")
            }
            Self::ReadOnly => write!(formatter, "the store was opened for reading only"),
            Self::IsReplica => write!(
                formatter,
                "the store is a replica and takes commits from its primary only, until it is \
                 promoted"
            ),
            Self::IsBackup => write!(
                formatter,
                "the directory holds a backup, which takes no commits: restore it to another one"
            ),
            Self::BackupRefused { reason } => {
                write!(formatter, "the directory cannot be used: {reason}")
            }
            Self::NotHeld {
                commit,
                first,
                last,
            } => write!(
                formatter,
                "the backup does not hold commit {commit}: it can be restored as of the commits \
                 {first} to {last}"
            ),
            Self::Gap { expected, found } => write!(
                formatter,
                "commit {found} cannot be applied: commit {expected} comes next"
            ),
            Self::Diverged { first, last } if first == last => write!(
                formatter,
                "the histories of primary and replica differ at commit {first}: nothing was \
                 written"
            ),
            Self::Diverged { first, last } => write!(
                formatter,
                "the histories of primary and replica differ at one of the commits {first} to \
                 {last}: nothing was written; the changes since commit {} show at which",
                first.minus(1)
            ),
            Self::Incomparable { base, head } => write!(
                formatter,
                "the history of the primary cannot be compared from commit {base} on, because \
                 the replica has thinned its own out: nothing was written; take the changes \
                 since commit {head}"
            ),
            Self::Conflict {
                keyspace,
                key: Some(key),
                since,
            } => write!(
                formatter,
                "key \"{}\" of keyspace {keyspace:?} was written after commit {since}, as of which \
                 the transaction has read it: nothing was written; try again",
                key.escape_ascii()
            ),
            Self::Conflict {
                keyspace,
                key: None,
                since,
            } => write!(
                formatter,
                "keyspace {keyspace:?} was thinned out after commit {since}, as of which the \
                 transaction has read it, so that nobody can know whether it was written since: \
                 nothing was written; try again"
            ),
            Self::KeyspaceName { name, reason } => {
                write!(formatter, "{name:?} cannot be a keyspace's name: {reason}")
            }
            Self::ForeignKeyspace(name) => write!(
                formatter,
                "the handle of keyspace {name:?} belongs to another store, and is refused"
            ),
            Self::Closed => write!(
                formatter,
                "the store was closed through another clone of the handle: nothing was written"
            ),
            Self::Poisoned { cause } => write!(
                formatter,
                "the store refuses commits until it is opened again, because of an earlier \
                 failure: {cause}"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
