//! The errors of an archive. Each is one line that names the object, the numbers that were compared,
//! and the consequence.

use std::fmt;

use lithify::Commit;

/// The result of every operation of this package.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on an archive has failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no archive: the object that every archive has is missing.
    NoArchive {
        /// The name of that object.
        name: String,
    },
    /// A text that names no object store that this build can use.
    Url {
        /// The text.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The object store has refused a request for good. Nothing has happened.
    Failed {
        /// The verb of the request.
        verb: &'static str,
        /// The name of the object.
        name: String,
        /// What the store says.
        reason: String,
    },
    /// The store was busy, or its replies were lost, at every attempt.
    NoReply {
        /// The verb of the request.
        verb: &'static str,
        /// The name of the object.
        name: String,
        /// The number of attempts.
        attempts: u32,
        /// Whether the request may have happened, or may still happen.
        is_in_doubt: bool,
        /// The last reason.
        reason: String,
    },
    /// An object whose bytes are not those that were written under this name.
    Damage {
        /// The name of the object.
        name: String,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// An intact object that was written under another name.
    Renamed {
        /// The name of the object.
        name: String,
        /// The name under which it was written.
        written_as: String,
    },
    /// An intact object of another archive.
    Foreign {
        /// The name of the object.
        name: String,
        /// The identity of this archive.
        archive: String,
        /// The identity of the archive that has written the object.
        found: String,
    },
    /// An object of a format that this program does not know.
    Version {
        /// The name of the object.
        name: String,
        /// The version of the object.
        found: u32,
        /// The newest version that this program knows.
        supported: u32,
    },
    /// An object that must be there is missing, and no wider window has its commits.
    Missing {
        /// The name of the object.
        name: String,
        /// The first commit that only this object has.
        first: Commit,
        /// The last one.
        last: Commit,
    },
    /// Two objects disagree about the history.
    Mixed {
        /// The name of the object that disagrees with those before it.
        name: String,
        /// The histories differ at this commit or before it.
        commit: Commit,
    },
    /// Another writer has archived a commit at the same time.
    Raced {
        /// The first commit that was not archived by this writer.
        commit: Commit,
        /// The name that both wanted.
        name: String,
    },
    /// A commit after the newest one in the archive.
    BeyondHead {
        /// The requested commit.
        commit: Commit,
        /// The newest commit.
        head: Commit,
    },
    /// An object would be larger than an archive allows.
    TooLarge {
        /// The name of the object.
        name: String,
        /// Its bytes before compression.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The archive and the store place windows differently.
    Placement {
        /// The placement of the archive.
        archive: String,
        /// The placement of the store.
        store: String,
    },
    /// The archive has later commits than the store. Nothing was written.
    Ahead {
        /// The newest commit of the archive.
        archive: Commit,
        /// The newest commit of the store.
        store: Commit,
    },
    /// The archive holds another history than the store. Nothing was written.
    OtherHistory {
        /// The histories differ at this commit or before it.
        head: Commit,
    },
    /// A store that has thinned out history. Nothing was written.
    Thinned {
        /// A commit that the store no longer knows exactly.
        commit: Commit,
    },
    /// A directory that cannot take a restored store.
    Directory {
        /// The reason.
        reason: String,
    },
    /// The store on the disk has refused.
    Store(lithify::Error),
}

impl From<lithify::Error> for Error {
    fn from(error: lithify::Error) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoArchive { name } => write!(
                formatter,
                "there is no archive: the object {name:?} is missing, or the bucket is"
            ),
            Self::Url { url, reason } => {
                write!(formatter, "{url:?} is no place for an archive: {reason}")
            }
            Self::Failed { verb, name, reason } => {
                write!(formatter, "cannot {verb} {name}: {reason}")
            }
            Self::NoReply {
                verb,
                name,
                attempts,
                is_in_doubt,
                reason,
            } => {
                write!(
                    formatter,
                    "cannot {verb} {name} after {attempts} attempts: {reason}"
                )?;
                match is_in_doubt {
                    true => formatter.write_str(
                        "; it is in doubt whether this has happened: run the command again",
                    ),
                    false => formatter.write_str("; nothing has happened: run the command again"),
                }
            }
            Self::Damage {
                name,
                expected,
                found,
            } => write!(
                formatter,
                "damage in object {name}: expected {expected}, found {found}"
            ),
            Self::Renamed { name, written_as } => write!(
                formatter,
                "damage: object {name} was written as {written_as}, and somebody has moved it"
            ),
            Self::Foreign {
                name,
                archive,
                found,
            } => write!(
                formatter,
                "object {name} belongs to the archive {found}, and not to this one, {archive}: two \
                 archives were mixed in one place"
            ),
            Self::Version {
                name,
                found,
                supported,
            } => write!(
                formatter,
                "object {name} has format version {found}, this program reads up to {supported}: use \
                 a newer lithify"
            ),
            Self::Missing { name, first, last } => write!(
                formatter,
                "damage: object {name} is missing, and no wider window has the commits {first} to \
                 {last}"
            ),
            Self::Mixed { name, commit } => write!(
                formatter,
                "damage: the history up to commit {commit} in object {name} is not the history in \
                 the objects before it"
            ),
            Self::Raced { commit, name } => write!(
                formatter,
                "another writer has archived commit {commit} at the same time, as {name}: nothing of \
                 this push from commit {commit} on is in the archive; run the command again, which \
                 compares both"
            ),
            Self::BeyondHead { commit, head } => write!(
                formatter,
                "commit {commit} is not in the archive: its newest commit is {head}"
            ),
            Self::TooLarge { name, bytes, limit } => write!(
                formatter,
                "object {name} would have {bytes} bytes before compression, the limit is {limit}: \
                 nothing was written; an archive with fewer levels has smaller windows"
            ),
            Self::Placement { archive, store } => write!(
                formatter,
                "the archive was made with placement {archive}, and the store has {store}: it is the \
                 archive of another store"
            ),
            Self::Ahead { archive, store } => write!(
                formatter,
                "the newest commit of the archive is {archive}, that of the store is {store}: the \
                 store was set back, or another store writes to this archive; nothing was written"
            ),
            Self::OtherHistory { head } => write!(
                formatter,
                "the archive holds another history than the store, up to its newest commit, {head}: \
                 nothing was written; a store needs a place of its own"
            ),
            Self::Thinned { commit } => write!(
                formatter,
                "the store has thinned out history and does not know commit {commit} exactly: only a \
                 store that keeps all history can be archived; nothing was written"
            ),
            Self::Directory { reason } => {
                write!(formatter, "the directory cannot be used: {reason}")
            }
            Self::Store(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for Error {}
