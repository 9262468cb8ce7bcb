//! The bytes of an object: a line with a checksum, a header of one line in JSON, and a body.
//!
//! ```text
//! lithify archive 1 <checksum>
//! {"name":"log/..","archive":"<identity>","contents":{"commits":{..}}}
//! <the commits, one a line in JSON, compressed with zstd>
//! ```
//!
//! The checksum covers the name of the object and every byte after the first line. So bytes that were
//! changed, cut off, or written under another name are refused, and the header names the archive, so
//! an object of another archive is refused too. The checksum detects accidents; it does not withstand
//! an adversary.
//!
//! This file knows nothing about requests, and does not read the body.

use bytes::Bytes;
use lithify::{Commit, Placement};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use crate::error::{Error, Result};
use crate::number::Number;

/// The version of the format.
pub(crate) const VERSION: u32 = 1;
/// The beginning of every object.
const MAGIC: &str = "lithify archive ";
/// The most bytes of a first line.
const FIRST_LINE_BYTES: usize = 80;

/// The second line of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// The name under which the object was written.
    pub(crate) name: String,
    /// The identity of the archive.
    pub(crate) archive: Number,
    pub(crate) contents: Contents,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Contents {
    /// What the archive is.
    Archive(Fixed),
    /// A commit up to which every window is written.
    Head(Reached),
    /// Commits, which are in the body.
    Commits(Commits),
    /// A log object whose commits are in a window, and no longer here.
    Moved(Span),
}

/// What is fixed when an archive is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixed {
    pub(crate) placement: Placement,
}

/// A commit, and the digest of the history up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reached {
    #[serde(with = "crate::number::commit")]
    pub(crate) commit: Commit,
    pub(crate) digest: Number,
}

/// A range of commits: the commits after `before`, up to `after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    pub(crate) before: Reached,
    pub(crate) after: Reached,
}

/// The commits of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Commits {
    pub(crate) span: Span,
    /// The writer of a log object. A window is the same whoever writes it.
    pub(crate) writer: Option<Number>,
    /// The length of the body before compression.
    pub(crate) bytes: u64,
}

/// The bytes of an object.
pub(crate) fn encode(header: &Header, body: &[u8]) -> Bytes {
    let line = serde_json::to_string(header).expect("a header has no map and no float");
    let sum = checksum(&header.name, line.as_bytes(), body);
    let mut bytes = format!("{MAGIC}{VERSION} {sum}\n{line}\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes.into()
}

/// The header and the body of the object `name`, and their checks.
///
/// # Errors
/// [`Error::Damage`], [`Error::Version`], [`Error::Renamed`], and [`Error::Foreign`] when the object is
/// not of this archive.
pub(crate) fn decode(
    name: &str,
    archive: Option<Number>,
    bytes: &Bytes,
) -> Result<(Header, Bytes)> {
    let damage = |expected: &str, found: String| Error::Damage {
        name: name.to_owned(),
        expected: expected.to_owned(),
        found,
    };
    let (stated, rest) = first_line(name, bytes)?;
    let end = rest.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| damage("a header of one line", format!("{} bytes", rest.len())))?;
    let (line, body) = (&rest[..end], rest.slice(end + 1..));
    let header: Option<Header> = serde_json::from_slice(line).ok();
    let computed = checksum(name, line, &body);
    if computed != stated && !planted!(ChecksumUnchecked) {
        if let Some(header) = header.filter(|it| checksum(&it.name, line, &body) == stated) {
            return Err(Error::Renamed {
                name: name.to_owned(),
                written_as: header.name,
            });
        }
        return Err(damage(&format!("checksum {computed}"), stated.to_string()));
    }
    let header = header.ok_or_else(|| damage("a header", String::from_utf8_lossy(line).into()))?;
    if header.name != name && !planted!(NameUnchecked) {
        return Err(Error::Renamed {
            name: name.to_owned(),
            written_as: header.name,
        });
    }
    match archive {
        Some(archive) if header.archive != archive && !planted!(ForeignAccepted) => {
            Err(Error::Foreign {
                name: name.to_owned(),
                archive: archive.to_string(),
                found: header.archive.to_string(),
            })
        }
        _ => Ok((header, body)),
    }
}

/// The checksum in the first line, and the bytes after the line.
fn first_line(name: &str, bytes: &Bytes) -> Result<(Number, Bytes)> {
    let damage = |found: String| Error::Damage {
        name: name.to_owned(),
        expected: format!("{MAGIC:?} and a checksum"),
        found,
    };
    let start = &bytes[..bytes.len().min(FIRST_LINE_BYTES)];
    let end = start.iter().position(|byte| *byte == b'\n');
    let line = end.and_then(|end| std::str::from_utf8(&start[..end]).ok());
    let fields = line.and_then(|line| line.strip_prefix(MAGIC)?.split_once(' '));
    let Some((version, sum)) = fields else {
        return Err(damage(format!("{:?}", String::from_utf8_lossy(start))));
    };
    match version.parse() {
        Ok(VERSION) => {}
        Ok(found) => {
            return Err(Error::Version {
                name: name.to_owned(),
                found,
                supported: VERSION,
            });
        }
        Err(_) => return Err(damage(format!("version {version:?}"))),
    }
    let sum = sum.parse().map_err(damage)?;
    Ok((sum, bytes.slice(end.expect("there is a line") + 1..)))
}

fn checksum(name: &str, line: &[u8], body: &[u8]) -> Number {
    let mut hasher = Xxh3Default::new();
    if !planted!(NameUnchecked) {
        hasher.update(name.as_bytes());
    }
    for part in [b"\n", line, b"\n", body] {
        hasher.update(part);
    }
    Number(hasher.digest128())
}
