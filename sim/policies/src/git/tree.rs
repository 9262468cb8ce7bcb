//! Listings in the format of `git ls-tree -r`, written from a store and read from files.
//!
//! A *trees file* contains the listings of several commits. Each listing begins with a
//! line `tree NUMBER ID`, where NUMBER is the position of the commit in its history, from
//! 1. A line of a listing begins with a mode, so it cannot be confused with such a line.

use std::borrow::Cow;
use std::io::{self, BufRead, Write};

use super::lines::{LineError, Lines, excerpt};
use super::quote::{quote, unquote};
use super::raw_change::is_object_id;

/// Writes one line of a listing: the value, a tab, and the quoted path. If a path has
/// several values, they are separated by newlines, and each gets a line.
///
/// # Errors
/// Errors of `writer`.
pub fn write_line(writer: &mut impl Write, path: &[u8], value: &[u8]) -> io::Result<()> {
    let path = quote(path);
    for value in value.split(|byte| *byte == b'\n') {
        writer.write_all(value)?;
        writer.write_all(b"\t")?;
        writer.write_all(&path)?;
        writer.write_all(b"\n")?;
    }
    Ok(())
}

/// Sorts the lines of a listing by path. Lines of one path keep their order. The output of
/// git is already sorted, except for trees that are out of order.
#[must_use]
pub fn sorted(listing: Vec<u8>) -> Vec<u8> {
    let lines = listing.split_inclusive(|byte| *byte == b'\n');
    let mut lines: Vec<_> = lines.map(|line| (path_of(line), line)).collect();
    if lines.is_sorted_by_key(|(path, _)| path) {
        return listing;
    }
    lines.sort_by(|one, next| one.0.cmp(&next.0));
    let lines: Vec<&[u8]> = lines.into_iter().map(|(_, line)| line).collect();
    lines.concat()
}

/// The path of a line, or the line itself if it has no path.
fn path_of(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let tab = line.iter().position(|byte| *byte == b'\t');
    let path = tab.and_then(|tab| unquote(&line[tab + 1..]).ok());
    path.unwrap_or(Cow::Borrowed(line))
}

/// The listing of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The position of the commit in its history, from 1.
    pub number: u64,
    /// The object id of the commit.
    pub id: String,
    /// The listing, byte for byte.
    pub listing: Vec<u8>,
}

/// An iterator over the listings of a trees file. Memory: one listing. It ends after an
/// error.
#[derive(Debug)]
pub struct Trees<R> {
    lines: Lines<R>,
    open: Option<Tree>,
}

impl<R: BufRead> Trees<R> {
    /// A reader before the first listing.
    pub fn new(reader: R) -> Self {
        Self {
            lines: Lines::new(reader),
            open: None,
        }
    }

    fn read_tree(&mut self) -> Result<Option<Tree>, LineError> {
        if self.lines.number() == 0 {
            if !self.lines.advance()? {
                return Err(self.lines.garbled("the file of trees is empty"));
            }
            self.open = Some(self.header()?);
        }
        let Some(mut tree) = self.open.take() else {
            return Ok(None);
        };
        while self.lines.advance()? {
            if self.lines.line().starts_with(b"tree ") {
                self.open = Some(self.header()?);
                break;
            }
            tree.listing.extend_from_slice(self.lines.line());
            tree.listing.push(b'\n');
        }
        Ok(Some(tree))
    }

    /// Parses the current line as a header.
    fn header(&self) -> Result<Tree, LineError> {
        let line = self.lines.line();
        parse_header(line).ok_or_else(|| {
            self.lines.garbled(format!(
                "expected \"tree\", a commit number from 1 and an object id, found {}",
                excerpt(line)
            ))
        })
    }
}

fn parse_header(line: &[u8]) -> Option<Tree> {
    let line = str::from_utf8(line.strip_prefix(b"tree ")?).ok()?;
    let (number, id) = line.split_once(' ')?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    is_object_id(id.as_bytes()).then(|| Tree {
        number,
        id: id.to_owned(),
        listing: Vec::new(),
    })
}

impl<R: BufRead> Iterator for Trees<R> {
    type Item = Result<Tree, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_tree().transpose()
    }
}
