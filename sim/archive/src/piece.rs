//! A piece of history: the decoded commits of one object, and an index by key.
//!
//! Invariants: the commits are dense, and the digest of the history after them, computed anew, is the
//! one in the header. So a piece that exists is what its writer had. Pieces never change, and can be
//! cached for ever.

use std::ops::{Bound, Range};
use std::sync::OnceLock;

use bytes::Bytes;
use lithify::read::{CommitChanges, KeyRange, Operation, Past};
use lithify::{Alignment, Commit, Window};

use crate::body;
use crate::error::{Error, Result};
use crate::number::Number;
use crate::object::{self, Commits, Contents, Header, Reached, Span};
use crate::plan::Planned;

/// The commits of an object.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) writer: Option<Number>,
    pub(crate) commits: Vec<CommitChanges>,
    /// The bytes of the lines, as a measure of memory.
    pub(crate) bytes: u64,
    /// The place of each operation, sorted by keyspace, key and commit.
    index: OnceLock<Vec<Place>>,
}

/// The place of an operation: of its commit, and inside the commit.
#[derive(Clone, Copy, Debug)]
struct Place(u32, u32);

/// A log object, or a window.
#[derive(Debug)]
pub(crate) enum Found {
    Piece(Piece),
    /// A log object whose commits are in a window.
    Moved(Span),
}

impl Found {
    /// The commits that the object has, or had.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Piece(piece) => piece.span,
            Self::Moved(span) => *span,
        }
    }
}

/// The history with this digest, counted from the first commit.
pub(crate) fn past(digest: Number) -> Past {
    Past {
        base: Commit::ZERO,
        digest: digest.0,
    }
}

/// The object with these commits.
pub(crate) fn encode(
    name: &str,
    archive: Number,
    writer: Option<Number>,
    commits: &[CommitChanges],
) -> Result<Bytes> {
    let mut lines = Vec::new();
    for changes in commits {
        lines.extend(body::line(changes));
    }
    let header = Header {
        name: name.to_owned(),
        archive,
        contents: Contents::Commits(Commits {
            span: span_of(commits),
            writer,
            bytes: lines.len() as u64,
        }),
    };
    Ok(object::encode(&header, &body::compress(name, &lines)?))
}

/// The ends of these commits, of which there is at least one, with the digests there.
pub(crate) fn span_of(commits: &[CommitChanges]) -> Span {
    let (first, last) = (&commits[0], &commits[commits.len() - 1]);
    Span {
        before: Reached {
            commit: first.commit.minus(1),
            digest: Number(first.before.digest),
        },
        after: Reached {
            commit: last.commit,
            digest: Number(last.after().digest),
        },
    }
}

/// The object that stands for a log object whose commits are in a window.
pub(crate) fn encode_moved(name: &str, archive: Number, span: Span) -> Bytes {
    let header = Header {
        name: name.to_owned(),
        archive,
        contents: Contents::Moved(span),
    };
    object::encode(&header, &[])
}

/// Decodes a log object or a window, and checks everything that it says.
pub(crate) fn decode(
    name: &str,
    archive: Number,
    alignment: &Alignment,
    bytes: &Bytes,
) -> Result<Found> {
    let damage = |expected: String, found: String| Error::Damage {
        name: name.to_owned(),
        expected,
        found,
    };
    let (header, stored) = object::decode(name, Some(archive), bytes)?;
    let (span, fields) = match header.contents {
        Contents::Commits(fields) => (fields.span, Some(fields)),
        Contents::Moved(span) => (span, None),
        other => return Err(damage("commits".to_owned(), format!("{other:?}"))),
    };
    if window_of(alignment, span).is_none() {
        let (first, last) = (span.before.commit.next(), span.after.commit);
        return Err(damage(
            "an aligned window".to_owned(),
            format!("the commits {first} to {last}"),
        ));
    }
    let Some(fields) = fields else {
        return Ok(Found::Moved(span));
    };
    let before = (span.before.commit, past(span.before.digest));
    let commits = body::decode(name, &stored, fields.bytes, before)?;
    let after = commits.last().map(|last| Reached {
        commit: last.commit,
        digest: Number(last.after().digest),
    });
    if after != Some(span.after) {
        return Err(damage(format!("{:?}", span.after), format!("{after:?}")));
    }
    Ok(Found::Piece(Piece {
        name: name.to_owned(),
        span,
        writer: fields.writer,
        commits,
        bytes: fields.bytes,
        index: OnceLock::new(),
    }))
}

/// The window that has exactly these commits.
pub(crate) fn window_of(alignment: &Alignment, span: Span) -> Option<Window> {
    let (start, end) = (span.before.commit, span.after.commit);
    let window = (start < end).then(|| alignment.smallest_window(start.next(), end))??;
    (window.start == start && window.end == end).then_some(window)
}

impl Piece {
    /// The commit before the first one.
    pub(crate) fn start(&self) -> Commit {
        self.span.before.commit
    }

    /// The last commit.
    pub(crate) fn end(&self) -> Commit {
        self.span.after.commit
    }

    /// The digest of the history up to a commit of this piece, or up to the commit before it.
    pub(crate) fn digest_at(&self, commit: Commit) -> Option<Number> {
        let distance = commit.get().checked_sub(self.start().get())?;
        let next = usize::try_from(distance).ok()?;
        match self.commits.get(next) {
            Some(next) => Some(Number(next.before.digest)),
            None if commit == self.end() => Some(self.span.after.digest),
            None => None,
        }
    }

    fn operation(&self, place: Place) -> (&Operation, Commit) {
        let changes = &self.commits[place.0 as usize];
        (&changes.operations[place.1 as usize], changes.commit)
    }

    fn index(&self) -> &[Place] {
        self.index.get_or_init(|| {
            let mut places = Vec::new();
            for (commit, changes) in (0..).zip(&self.commits) {
                places.extend(
                    (0..)
                        .zip(&changes.operations)
                        .map(|(it, _)| Place(commit, it)),
                );
            }
            places.sort_by(|a, b| {
                let (left, right) = (self.operation(*a), self.operation(*b));
                let key = |it: &(&Operation, Commit)| it.1;
                (&left.0.keyspace, &left.0.key, key(&left)).cmp(&(
                    &right.0.keyspace,
                    &right.0.key,
                    key(&right),
                ))
            });
            places
        })
    }

    /// The places of the versions of the keys of a keyspace inside a range.
    fn places(&self, keyspace: &str, range: &KeyRange) -> &[Place] {
        let index = self.index();
        let is_before = |operation: &Operation| {
            let start = match &range.start {
                Bound::Unbounded => return operation.keyspace.as_str() < keyspace,
                Bound::Included(start) => operation.key < *start,
                Bound::Excluded(start) => operation.key <= *start,
            };
            operation.keyspace.as_str() < keyspace || (operation.keyspace == keyspace && start)
        };
        let is_inside = |operation: &Operation| {
            let end = match &range.end {
                Bound::Unbounded => true,
                Bound::Included(end) => operation.key <= *end,
                Bound::Excluded(end) => operation.key < *end,
            };
            operation.keyspace == keyspace && end
        };
        let from = index.partition_point(|place| is_before(self.operation(*place).0));
        let rest = &index[from..];
        &rest[..rest.partition_point(|place| is_inside(self.operation(*place).0))]
    }

    /// The versions of keys inside a range up to commit `at`: sorted by key, and the oldest version
    /// of a key first.
    pub(crate) fn versions<'a>(
        &'a self,
        keyspace: &str,
        range: &KeyRange,
        at: Commit,
    ) -> impl DoubleEndedIterator<Item = (&'a Operation, Commit)> + 'a {
        let versions = self.places(keyspace, range).iter();
        let versions = versions.map(|place| self.operation(*place));
        versions.filter(move |(_, commit)| *commit <= at || planted!(AtIgnored))
    }

    /// The commits of this piece after `from`, up to `until`.
    pub(crate) fn commits_in(&self, from: Commit, until: Commit) -> &[CommitChanges] {
        let place = |commit: Commit| {
            let place = commit.get().saturating_sub(self.start().get());
            usize::try_from(place)
                .unwrap_or(usize::MAX)
                .min(self.commits.len())
        };
        let range: Range<usize> = place(from)..place(until).max(place(from));
        &self.commits[range]
    }
}

impl Piece {
    /// The piece that these commits are.
    pub(crate) fn of(
        name: &str,
        span: Span,
        writer: Option<Number>,
        commits: Vec<CommitChanges>,
    ) -> Self {
        let bytes = commits
            .iter()
            .flat_map(|changes| &changes.operations)
            .map(|operation| {
                let value = operation.value.as_ref().map_or(0, Vec::len);
                (operation.keyspace.len() + operation.key.len() + value) as u64
            });
        Self {
            bytes: bytes.sum(),
            name: name.to_owned(),
            span,
            writer,
            commits,
            index: OnceLock::new(),
        }
    }

    /// What two planted bugs take a missing object for.
    pub(crate) fn without_commits(planned: &Planned) -> Self {
        let reached = |commit| Reached {
            commit,
            digest: Number(0),
        };
        let span = Span {
            before: reached(planned.window.start),
            after: reached(planned.window.end),
        };
        Self::of(&planned.name, span, None, Vec::new())
    }
}
