//! Why a receiver refuses a header or a line.

use std::fmt;

use crate::commit::Commit;

/// A stream that is not as a sender makes it. No commit of the refused line may be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// A stream of another version.
    Version {
        /// The version of the stream.
        found: u32,
        /// The version of the receiver.
        supported: u32,
    },
    /// A header that contradicts itself.
    Header {
        /// The contradiction.
        reason: String,
    },
    /// The contents do not have the digest that the line states.
    Changed {
        /// The commit of the line; `None` for the header.
        commit: Option<Commit>,
        /// The digest of the contents.
        computed: u128,
        /// The digest in the line.
        stated: u128,
    },
    /// A line is missing, or comes twice.
    Gap {
        /// The commit that comes next.
        expected: Commit,
        /// The commit of the line.
        found: Commit,
    },
    /// A commit behind the end that the header states.
    BeyondEnd {
        /// The commit of the line.
        commit: Commit,
        /// The last commit according to the header.
        head: Commit,
    },
    /// The stream ends before the commit that the header states.
    CutOff {
        /// The last commit that was received.
        last: Commit,
        /// The last commit according to the header.
        head: Commit,
    },
}

impl fmt::Display for StreamError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { found, supported } => write!(
                formatter,
                "the stream has version {found}, this program reads version {supported}: both ends \
                 of the stream must be of the same version"
            ),
            Self::Header { reason } => formatter.write_str(reason),
            Self::Changed {
                commit,
                computed,
                stated,
            } => {
                match commit {
                    Some(commit) => write!(formatter, "commit {commit}")?,
                    None => formatter.write_str("the header")?,
                }
                write!(
                    formatter,
                    " is not what was sent: its digest is {computed:032x}, the line says \
                     {stated:032x}: the stream was changed on its way"
                )
            }
            Self::Gap { expected, found } => write!(
                formatter,
                "commit {found} cannot be applied: commit {expected} comes next"
            ),
            Self::BeyondEnd { commit, head } => write!(
                formatter,
                "commit {commit} is beyond the end that the header names, {head}"
            ),
            Self::CutOff { last, head } => write!(
                formatter,
                "the stream ends with commit {last}, but its header says {head}: it was cut off"
            ),
        }
    }
}

impl std::error::Error for StreamError {}
