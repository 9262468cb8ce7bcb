//! The end of a stream that has the commits.

use super::digest::Digest;
use super::header::Header;
use super::line::Line;
use crate::commit::Commit;
use crate::options::Placement;
use crate::read::{Changes, CommitChanges};

/// Makes the header and the lines of one stream.
#[derive(Clone, Debug)]
pub struct Sender {
    header: Header,
    /// The commit of the next line.
    next: Commit,
    /// The digest of the stream before it.
    digest: Digest,
}

impl Sender {
    /// A stream of these changes, of which none was taken yet. The stream ends with the commit of the
    /// snapshot that the changes were read from, so a receiver notices if it was cut off.
    #[must_use]
    pub fn new(placement: &Placement, changes: &Changes) -> Self {
        Self::with_end(placement, changes, Some(changes.until()))
    }

    /// The same without a known end, for changes that are continued with [`Changes::go_on`].
    #[must_use]
    pub fn without_end(placement: &Placement, changes: &Changes) -> Self {
        Self::with_end(placement, changes, None)
    }

    fn with_end(placement: &Placement, changes: &Changes, head: Option<Commit>) -> Self {
        let header = Header::new(placement, head, changes.trail());
        Self {
            next: header.since().next(),
            digest: header.digest(),
            header,
        }
    }

    /// The first line of the stream.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next line of the stream.
    ///
    /// # Panics
    /// When it is not the turn of this commit.
    #[must_use]
    pub fn line(&mut self, changes: CommitChanges) -> Line {
        assert_eq!(changes.commit, self.next, "commits are sent in order");
        self.next = changes.commit.next();
        self.digest = self.digest.with(changes.commit, changes.after());
        Line::new(changes, self.digest)
    }
}
