//! `git log --raw` as a stream of commits.
//!
//! The format is that of `git log --first-parent -m --raw --no-abbrev --no-renames
//! --reverse --format='commit %H %ct %P'`:
//!
//! ```text
//! commit 8b4fe3425135e63d9fd76997832a9ffec32ca4b1 1537727414
//!
//! :000000 100644 0000000000000000000000000000000000000000 088ba6ba7d345b76aa2b8dc021dd25e1323189b3 A<tab>.gitignore
//! commit 15755f7b79721026ec4fb7b82cf5e1f8c252a11d 1537727630 8b4fe3425135e63d9fd76997832a9ffec32ca4b1
//! ```
//!
//! The parents (`%P`) may be missing. If they are present, the first parent must be the
//! previous commit in the log. So a log that is in reverse order or lacks commits is
//! refused immediately.
//!
//! A commit is a header and, unless the commit is empty, one empty line and its changes. A
//! commit is complete when the next header or the end of the stream has been read. So no
//! part of a commit is returned if the stream fails inside it. git prints no mark at the
//! end of a log. A log that was cut off exactly between two lines, after a header or a
//! change, looks complete, unless the reader itself reports the failure, as
//! [`GitOutput`](super::GitOutput) does.

use std::io::BufRead;

use lithify::WriteBatch;
use lithify::limits;

use super::lines::{LineError, Lines, excerpt};
use super::raw_change::{FileChange, is_object_id, parse_change};

/// The latest valid time in seconds; git has no later times. Larger numbers are written by
/// old versions of git for times before 1970.
const LATEST_SECONDS: u64 = i64::MAX as u64;

/// One commit of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogCommit {
    /// The commit's object id, in hexadecimal digits.
    pub id: String,
    /// The commit time in seconds since 1970. `None` if git does not know the time.
    pub time_seconds: Option<u64>,
    /// The changes relative to the first parent, in git's order.
    pub changes: Vec<FileChange>,
}

impl LogCommit {
    /// The commit as a batch in one keyspace, with paths as keys.
    #[must_use]
    pub fn batch(&self, keyspace: &str) -> WriteBatch {
        let mut batch = WriteBatch::new();
        for change in &self.changes {
            match &change.value {
                Some(value) => batch.put(keyspace, &change.path, value),
                None => batch.delete(keyspace, &change.path),
            }
        }
        batch
    }
}

/// An iterator over the commits of a log. It ends after an error.
#[derive(Debug)]
pub struct RawLog<R> {
    lines: Lines<R>,
    /// The commit of the last header, which is not complete yet.
    open: Option<LogCommit>,
}

impl<R: BufRead> RawLog<R> {
    /// A reader before the first commit.
    pub fn new(reader: R) -> Self {
        Self {
            lines: Lines::new(reader),
            open: None,
        }
    }

    /// Reads up to the next header, and returns the commit before this header.
    fn read_commit(&mut self) -> Result<Option<LogCommit>, LineError> {
        if self.lines.number() == 0 {
            if !self.lines.advance()? {
                return Err(self.lines.garbled("the log is empty"));
            }
            self.open = Some(self.header(None)?);
        }
        let Some(mut commit) = self.open.take() else {
            return Ok(None);
        };
        let mut more = self.lines.advance()?;
        if more && self.lines.line().is_empty() {
            more = self.read_changes(&mut commit)?;
        }
        if more {
            self.open = Some(self.header(Some(&commit.id))?);
        }
        Ok(Some(commit))
    }

    /// Reads the changes after an empty line. Returns true if a line follows them.
    fn read_changes(&mut self, commit: &mut LogCommit) -> Result<bool, LineError> {
        let mut length_bytes = 0;
        let mut more = self.lines.advance()?;
        while more && !self.lines.line().starts_with(b"commit ") {
            let change =
                parse_change(self.lines.line()).map_err(|what| self.lines.garbled(what))?;
            if change.path.len() > limits::KEY_BYTES {
                return Err(self.lines.garbled(format!(
                    "commit {} has a path of {} bytes, the longest key has {}: {}",
                    commit.id,
                    change.path.len(),
                    limits::KEY_BYTES,
                    excerpt(&change.path)
                )));
            }
            length_bytes += change.path.len() + change.value.as_ref().map_or(0, Vec::len);
            commit.changes.push(change);
            if commit.changes.len() > limits::BATCH_OPERATIONS || length_bytes > limits::BATCH_BYTES
            {
                return Err(self.lines.garbled(format!(
                    "commit {} has more than {} changes or {} bytes: it does not fit a batch",
                    commit.id,
                    limits::BATCH_OPERATIONS,
                    limits::BATCH_BYTES
                )));
            }
            more = self.lines.advance()?;
        }
        if commit.changes.is_empty() {
            return Err(self
                .lines
                .garbled("the empty line before this one must be followed by changes"));
        }
        Ok(more)
    }

    /// Parses the current line as a header.
    fn header(&self, previous: Option<&str>) -> Result<LogCommit, LineError> {
        let (header, parents) =
            parse_header(self.lines.line()).map_err(|what| self.lines.garbled(what))?;
        match previous {
            Some(previous) if previous == header.id => Err(self.lines.garbled(format!(
                "commit {previous} comes twice: was --first-parent forgotten?"
            ))),
            Some(previous) if previous.len() != header.id.len() => Err(self
                .lines
                .garbled("this object id has another length than the one of the commit before")),
            _ => match parents.map(|parents| parents.first().copied()) {
                Some(parent) if parent != previous => {
                    let words = |id: Option<&str>| id.map_or("no commit".to_owned(), str::to_owned);
                    Err(self.lines.garbled(format!(
                        "the first parent of commit {} is {}, but the log has {} before it: is \
                         --reverse or --first-parent missing, or was the log cut (-n, --since, a \
                         range)?",
                        header.id,
                        words(parent),
                        words(previous)
                    )))
                }
                _ => Ok(header),
            },
        }
    }
}

impl<R: BufRead> Iterator for RawLog<R> {
    type Item = Result<LogCommit, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_commit().transpose()
    }
}

/// Parses `commit ID SECONDS`. If the parents are present, they follow after one more
/// space, separated by spaces. git leaves the seconds empty if a commit has no valid date.
fn parse_header(line: &[u8]) -> Result<(LogCommit, Option<Vec<&str>>), String> {
    let malformed = || {
        format!(
            "expected \"commit\", an object id of 40 or 64 hexadecimal digits and a time, found {}",
            excerpt(line)
        )
    };
    let fields = line.strip_prefix(b"commit ").ok_or_else(malformed)?;
    let fields = str::from_utf8(fields).map_err(|_| malformed())?;
    let mut fields = fields.splitn(3, ' ');
    let (Some(id), Some(time)) = (fields.next(), fields.next()) else {
        return Err(malformed());
    };
    let parents: Option<Vec<&str>> = fields.next().map(|parents| match parents {
        "" => Vec::new(),
        _ => parents.split(' ').collect(),
    });
    let is_id = |id: &&str| is_object_id(id.as_bytes());
    let is_number = time.bytes().all(|byte| byte.is_ascii_digit());
    if !is_id(&id) || !is_number || !parents.iter().flatten().all(is_id) {
        return Err(malformed());
    }
    let header = LogCommit {
        id: id.to_owned(),
        time_seconds: time.parse().ok().filter(|time| *time <= LATEST_SECONDS),
        changes: Vec::new(),
    };
    Ok((header, parents))
}
