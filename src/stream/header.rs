//! The header of a stream.

use serde::{Deserialize, Serialize};

use super::VERSION;
use super::digest::Digest;
use super::error::StreamError;
use crate::codec::put_varint;
use crate::commit::Commit;
use crate::manifest::encode_placement;
use crate::options::Placement;
use crate::read::Trail;

/// The part of a header that is the same in every version. A header of another version may have other
/// fields, so [`Version::check`] comes before the whole header is parsed.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Version {
    changes: u32,
}

impl Version {
    /// Refuses another version.
    ///
    /// # Errors
    /// [`StreamError::Version`].
    pub fn check(self) -> Result<(), StreamError> {
        match self.changes {
            VERSION => Ok(()),
            found => Err(StreamError::Version {
                found,
                supported: VERSION,
            }),
        }
    }
}

/// The first line of a stream.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the stream.
    changes: u32,
    placement: Placement,
    /// The stream begins after this commit.
    since: u64,
    /// The last commit; `None` for a stream without a known end.
    head: Option<u64>,
    past: PastFields,
    /// The digest of the fields above.
    digest: Digest,
}

/// A [`Trail`] for serde.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PastFields {
    base: u64,
    marks: Vec<(u64, Digest)>,
}

impl Header {
    pub(super) fn new(placement: &Placement, head: Option<Commit>, trail: &Trail) -> Self {
        let marks = trail.marks.iter();
        let marks = marks.map(|(commit, digest)| (commit.get(), Digest(*digest)));
        let mut header = Self {
            changes: VERSION,
            placement: placement.clone(),
            since: trail.marks.last().map_or(0, |(commit, _)| commit.get()),
            head: head.map(Commit::get),
            past: PastFields {
                base: trail.base.get(),
                marks: marks.collect(),
            },
            digest: Digest::default(),
        };
        header.digest = header.computed();
        header
    }

    /// The digest of the contents.
    fn computed(&self) -> Digest {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, u64::from(self.changes));
        encode_placement(&self.placement, &mut bytes);
        put_varint(&mut bytes, self.since);
        bytes.push(u8::from(self.head.is_some()));
        put_varint(&mut bytes, self.head.unwrap_or_default());
        put_varint(&mut bytes, self.past.base);
        for (commit, digest) in &self.past.marks {
            put_varint(&mut bytes, *commit);
            bytes.extend_from_slice(&digest.0.to_le_bytes());
        }
        Digest::of_header(&bytes)
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Refuses a header that no sender makes.
    pub(super) fn check(&self) -> Result<(), StreamError> {
        let version = Version {
            changes: self.changes,
        };
        version.check()?;
        let computed = self.computed();
        if computed != self.digest {
            return Err(StreamError::Changed {
                commit: None,
                computed: computed.0,
                stated: self.digest.0,
            });
        }
        let refuse = |reason: String| Err(StreamError::Header { reason });
        if let Some(head) = self.head.filter(|head| self.since > *head) {
            return refuse(format!(
                "the stream begins after commit {} and ends with commit {head}",
                self.since
            ));
        }
        let PastFields { base, marks } = &self.past;
        let commits = marks.iter().map(|(commit, _)| *commit);
        let runs_up = std::iter::once(*base).chain(commits).is_sorted();
        if !runs_up || marks.last().map_or(0, |(commit, _)| *commit) != self.since {
            return refuse(format!(
                "the digests in the header are not those of a history up to commit {}",
                self.since
            ));
        }
        Ok(())
    }

    /// How windows are placed in the sender's store. A replica needs the same: see
    /// [`Options::placement`](crate::Options::placement).
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The stream begins after this commit.
    #[must_use]
    pub fn since(&self) -> Commit {
        Commit::new(self.since)
    }

    /// The last commit of the stream; `None` for a stream without a known end.
    #[must_use]
    pub fn head(&self) -> Option<Commit> {
        self.head.map(Commit::new)
    }

    /// The history up to the beginning of the stream, for
    /// [`Replica::compare`](crate::Replica::compare).
    #[must_use]
    pub fn trail(&self) -> Trail {
        let marks = self.past.marks.iter();
        Trail {
            base: Commit::new(self.past.base),
            marks: marks
                .map(|(commit, digest)| (Commit::new(*commit), digest.0))
                .collect(),
        }
    }
}
