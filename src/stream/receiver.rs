//! The end of a stream that takes the commits.

use super::digest::Digest;
use super::error::StreamError;
use super::header::Header;
use super::line::Line;
use crate::commit::Commit;
use crate::read::{CommitChanges, Past};

/// Checks the header and the lines of one stream. After an error the receiver stands before the
/// refused line.
#[derive(Clone, Debug)]
pub struct Receiver {
    header: Header,
    /// The commit of the next line.
    next: Commit,
    /// The history before it.
    past: Past,
    /// The digest of the stream before it.
    digest: Digest,
}

impl Receiver {
    /// Begins with the header of a stream.
    ///
    /// # Errors
    /// [`StreamError::Version`], [`StreamError::Changed`] and [`StreamError::Header`].
    pub fn new(header: Header) -> Result<Self, StreamError> {
        header.check()?;
        Ok(Self {
            next: header.since().next(),
            past: header.trail().past(),
            digest: header.digest(),
            header,
        })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The last commit that was received, or the commit before the stream.
    #[must_use]
    pub fn last(&self) -> Commit {
        self.next.minus(1)
    }

    /// Checks a line and returns its commit.
    ///
    /// # Errors
    /// [`StreamError::Gap`], [`StreamError::BeyondEnd`] and [`StreamError::Changed`].
    pub fn take(&mut self, line: Line) -> Result<CommitChanges, StreamError> {
        let commit = line.commit();
        if commit != self.next {
            return Err(StreamError::Gap {
                expected: self.next,
                found: commit,
            });
        }
        if let Some(head) = self.header.head().filter(|head| commit > *head) {
            return Err(StreamError::BeyondEnd { commit, head });
        }
        let stated = line.digest();
        let changes = line.into_changes(self.past);
        let after = changes.after();
        let computed = self.digest.with(commit, after);
        if computed != stated {
            return Err(StreamError::Changed {
                commit: Some(commit),
                computed: computed.0,
                stated: stated.0,
            });
        }
        (self.past, self.digest, self.next) = (after, computed, commit.next());
        Ok(changes)
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`StreamError::CutOff`] when the header states a later end.
    pub fn finish(self) -> Result<(), StreamError> {
        let last = self.last();
        match self.header.head() {
            Some(head) if head != last => Err(StreamError::CutOff { last, head }),
            _ => Ok(()),
        }
    }
}
