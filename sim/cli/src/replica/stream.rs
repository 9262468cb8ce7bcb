//! The stream of changes: lines of JSON, a header and then a line for each commit.
//!
//! The header has the placement, the commits between which the stream runs, and the
//! digests of the history before it. Digests are hexadecimal, because JSON parsers lose
//! digits of large numbers.
//!
//! Every line ends with a digest of the stream so far: of the contents of the header
//! and of every commit up to this line. So a changed line is detected at that line,
//! before its commit is applied, and the digest of the last line covers the whole
//! stream. The digest covers the contents and not the text: the stream may be written
//! again with other spaces. It detects accidents, not forgeries.

use crate::lines::parse;
use crate::operations::{Operation, OperationLine};
use crate::store::DEFAULT_KEYSPACE;
use lithify::read::{CommitChanges, Operation as Change, Past, Trail};
use lithify::{Commit, Placement, Store};
use lithify_sim::cli::exit::{Exit, Outcome};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// The version of the stream.
const STREAM_VERSION: u32 = 3;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// The version of the stream.
    changes: u32,
    pub(super) placement: Placement,
    /// The stream begins after this commit ...
    pub(super) since: u64,
    /// ... and ends with this commit.
    pub(super) head: u64,
    past: PastLine,
    /// The digest of the fields above.
    digest: String,
}

/// The digest of a stream up to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamDigest(u128);

impl StreamDigest {
    /// The digest with one more commit. `after` is the history including this commit.
    pub(super) fn with(self, commit: Commit, after: Past) -> Self {
        let parts = [self.0, u128::from(commit.get()), after.digest];
        Self(xxh3_128(parts.map(u128::to_le_bytes).as_flattened()))
    }

    fn digits(self) -> String {
        format!("{:032x}", self.0)
    }
}

/// A [`Trail`] in JSON.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PastLine {
    base: u64,
    marks: Vec<(u64, String)>,
}

impl Header {
    pub(super) fn new(store: &Store, since: u64, trail: &Trail) -> Self {
        let marks = trail.marks.iter();
        let mut header = Self {
            changes: STREAM_VERSION,
            placement: store.placement().clone(),
            since,
            head: store.head().get(),
            past: PastLine {
                base: trail.base.get(),
                marks: marks
                    .map(|(commit, digest)| (commit.get(), format!("{digest:032x}")))
                    .collect(),
            },
            digest: String::new(),
        };
        header.digest = header.contents().digits();
        header
    }

    /// The digest of the contents of the header.
    pub(super) fn contents(&self) -> StreamDigest {
        let fields = (
            self.changes,
            &self.placement,
            self.since,
            self.head,
            &self.past,
        );
        let text = serde_json::to_vec(&fields).expect("numbers and strings are JSON");
        StreamDigest(xxh3_128(&text))
    }

    /// Reads a header, checks that it is consistent, and returns it with its trail.
    pub(super) fn read(line: &[u8]) -> Outcome<(Self, Trail)> {
        let input = |what: String| Exit::Input.because(what);
        // A header of another version may have other fields.
        let version = parse::<Version>(line, "a header of changes").map_err(input)?;
        if version.changes != STREAM_VERSION {
            return Err(input(format!(
                "the stream has version {}, this program reads version {STREAM_VERSION}: both \
                 ends of the pipe must be of the same version",
                version.changes
            )));
        }
        let header: Self = parse(line, "a header of changes").map_err(input)?;
        check_digest("the header", header.contents(), &header.digest)?;
        if header.since > header.head {
            return Err(input(format!(
                "the stream begins after commit {} and ends with commit {}",
                header.since, header.head
            )));
        }
        let trail = header.trail().ok_or_else(|| {
            input(format!(
                "the digests in the header are not those of a history up to commit {}",
                header.since
            ))
        })?;
        Ok((header, trail))
    }

    fn trail(&self) -> Option<Trail> {
        let PastLine { base, marks } = &self.past;
        let commits = marks.iter().map(|(commit, _)| *commit);
        let runs_up = std::iter::once(*base).chain(commits).is_sorted();
        let end = marks.last().map_or(0, |(commit, _)| *commit);
        if !runs_up || end != self.since {
            return None;
        }
        let marks: Option<Vec<_>> = marks
            .iter()
            .map(|(commit, digest)| Some((Commit::new(*commit), digest_of(digest)?)))
            .collect();
        Some(Trail {
            base: Commit::new(*base),
            marks: marks?,
        })
    }
}

/// The part of a header that is the same in every version.
#[derive(Deserialize)]
struct Version {
    changes: u32,
}

fn digest_of(digits: &str) -> Option<u128> {
    let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_digest = digits.len() == 32 && is_hexadecimal;
    u128::from_str_radix(digits, 16).ok().filter(|_| is_digest)
}

/// Compares the computed digest with the digest in the line.
fn check_digest(what: &str, found: StreamDigest, sent: &str) -> Outcome {
    if digest_of(sent) == Some(found.0) {
        return Ok(());
    }
    Err(Exit::Input.because(format!(
        "{what} is not what was sent: its digest is {}, the line says {sent:?}: the stream was \
         changed on its way",
        found.digits()
    )))
}

/// A commit to be written.
#[derive(Serialize)]
pub(super) struct CommitLine<'a> {
    commit: u64,
    operations: Vec<OperationLine<'a>>,
    digest: String,
}

impl<'a> CommitLine<'a> {
    /// The line, with the digest of the stream up to it.
    pub(super) fn new(changes: &'a CommitChanges, digest: StreamDigest) -> Self {
        Self {
            commit: changes.commit.get(),
            operations: changes.operations.iter().map(OperationLine::from).collect(),
            digest: digest.digits(),
        }
    }
}

/// A commit that was read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommitInput {
    commit: u64,
    operations: Vec<Operation>,
    digest: String,
}

impl CommitInput {
    /// Compares the computed digest of the stream up to this line with the digest in
    /// the line.
    pub(super) fn check(&self, found: StreamDigest) -> Outcome {
        check_digest(&format!("commit {}", self.commit), found, &self.digest)
    }

    /// The commit, with the history that the stream had before it.
    pub(super) fn to_changes(&self, before: Past) -> CommitChanges {
        let operations = self.operations.iter().map(|operation| {
            let (keyspace, key, value) = operation.parts(DEFAULT_KEYSPACE);
            Change {
                keyspace: keyspace.to_owned(),
                key: key.to_vec(),
                value: value.map(<[u8]>::to_vec),
            }
        });
        CommitChanges {
            commit: Commit::new(self.commit),
            before,
            operations: operations.collect(),
        }
    }
}

/// Parses a line as a header, and as a commit.
#[cfg(fuzzing)]
pub(super) fn take_line(line: &[u8]) {
    let _ = Header::read(line);
    if let Ok(commit) = parse::<CommitInput>(line, "a commit") {
        let _ = commit.check(StreamDigest(0));
        commit.to_changes(Past::default());
    }
}
