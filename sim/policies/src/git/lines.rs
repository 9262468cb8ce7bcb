//! Numbered lines of a stream. A line has a bounded length and must be complete.
//!
//! git ends every line with a newline. So a last line without a newline shows that the
//! text was cut off, and is refused. A cut exactly between two lines cannot be detected
//! here.

use std::fmt;
use std::io::{self, BufRead};

/// The length of the longest accepted line in bytes: a path of the longest key with
/// every byte quoted as four characters, and space for the fields before it.
pub const LINE_BYTES: usize = 4 * lithify::limits::KEY_BYTES + 512;

/// Why reading a text from git has stopped.
#[derive(Debug)]
pub enum LineError {
    /// The text is not what git prints.
    Garbled {
        /// The number of the line, from 1. If the text ends too early, the number after
        /// the last line.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// A commit contradicts the commits before it, or contains a path twice.
    Contradiction {
        /// The object id of the commit.
        commit: String,
        /// The path.
        path: Vec<u8>,
        /// What is wrong with it.
        what: String,
    },
    /// The stream failed.
    Read(io::Error),
}

impl fmt::Display for LineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Garbled { line, what } => write!(formatter, "line {line}: {what}"),
            Self::Contradiction { commit, path, what } => write!(
                formatter,
                "commit {commit} contradicts the log before it at path {}: {what}; is --reverse \
                 missing, was the log cut (-n, --since, a range), or does a tree hold a name \
                 twice or out of order, which only --repo can tell?",
                excerpt(path)
            ),
            Self::Read(error) => write!(formatter, "{error}"),
        }
    }
}

impl std::error::Error for LineError {}

/// A reader of lines that knows the number of the current line.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// A reader before the first line.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            number: 0,
        }
    }

    /// The number of the current line, from 1. 0 before the first line.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Reads the next line. Returns false at the end of the stream.
    ///
    /// # Errors
    /// If the stream fails, and for a line that is too long or has no newline.
    pub fn advance(&mut self) -> Result<bool, LineError> {
        self.line.clear();
        self.number += 1;
        let limit = LINE_BYTES as u64 + 1;
        let mut limited = io::Read::take(&mut self.reader, limit);
        let length = limited
            .read_until(b'\n', &mut self.line)
            .map_err(LineError::Read)?;
        if length == 0 {
            return Ok(false);
        }
        if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            return Ok(true);
        }
        Err(self.garbled(if length > LINE_BYTES {
            format!("the line is longer than {LINE_BYTES} bytes, the longest that git can need")
        } else {
            format!("the text ends after {length} bytes, in the middle of this line")
        }))
    }

    /// The current line, without its newline.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// An error about the current line.
    pub fn garbled(&self, what: impl Into<String>) -> LineError {
        LineError::Garbled {
            line: self.number,
            what: what.into(),
        }
    }
}

/// Bytes for an error message: quoted, and cut if they are long.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const SHOWN_BYTES: usize = 80;
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let dots = if shown.len() < bytes.len() { "..." } else { "" };
    format!("\"{}{dots}\"", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> (Vec<Vec<u8>>, Option<String>) {
        let mut lines = Lines::new(text);
        let mut read = Vec::new();
        loop {
            match lines.advance() {
                Ok(true) => read.push(lines.line().to_vec()),
                Ok(false) => return (read, None),
                Err(error) => return (read, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn a_line_without_its_newline_is_refused() {
        assert_eq!(read(b""), (vec![], None));
        assert_eq!(read(b"a\n\n"), (vec![b"a".to_vec(), vec![]], None));
        let (lines, error) = read(b"a\nbc");
        assert_eq!(lines, vec![b"a".to_vec()]);
        let expected = "line 2: the text ends after 2 bytes, in the middle of this line";
        assert_eq!(error.as_deref(), Some(expected));
    }

    #[test]
    fn a_line_of_the_longest_length_passes_and_a_longer_one_does_not() {
        let mut text = vec![b'x'; LINE_BYTES];
        text.push(b'\n');
        assert_eq!(read(&text).1, None);
        text.insert(0, b'x');
        assert!(read(&text).1.unwrap().contains("longer than"));
    }
}
