//! Lines from standard input or from a file.
//!
//! The memory for a line is bounded. If memory is missing, the error names the line;
//! without this check the program would abort when an allocation fails.

use std::io::{BufRead, BufReader, Read};

use lithify::limits;
use lithify_sim::cli::exit::{Exit, Outcome};
use serde::de::DeserializeOwned;

/// The longest line in bytes: the largest batch, with every byte escaped.
const LINE_BYTES: usize = 8 * limits::BATCH_BYTES;

/// The bytes that are read ahead; also about the largest group of lines.
const AHEAD_BYTES: usize = 1 << 20;

/// A shorter line is parsed without a check of the memory.
const SMALL_BYTES: usize = 64 << 10;

/// The bytes that a value in a line may need after parsing. Doubled, because a list
/// grows by doubling.
const VALUE_BYTES: usize = 2 * 72;

/// An input, line by line.
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    /// The last line that was read, without its end.
    pub(crate) line: Vec<u8>,
    /// The number of this line, from 1.
    pub(crate) number: u64,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(AHEAD_BYTES, input),
            line: Vec::new(),
            number: 0,
        }
    }

    /// Reads the next line; false at the end.
    pub(crate) fn read(&mut self) -> Outcome<bool> {
        self.number += 1;
        // The buffer of a long line must not be kept for ever.
        if self.line.capacity() > AHEAD_BYTES {
            self.line = Vec::new();
        }
        let read = read_line(&mut self.input, &mut self.line, LINE_BYTES);
        read.map_err(|failure| failure.prefixed(&format!("line {}", self.number)))
    }

    /// Whether the next line can be read without waiting.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.input.buffer().contains(&b'\n')
    }
}

/// Reads a line of at most `most` bytes without its end; false at the end of the input.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>, most: usize) -> Outcome<bool> {
    line.clear();
    let is_line = match read_to_end(input, line, most)? {
        End::TooLong => {
            return Err(Exit::Input.because(format!("the line is longer than {most} bytes")));
        }
        End::OfLine => true,
        End::OfInput => !line.is_empty(),
    };
    let checked = has_room(line).map_err(|text| Exit::Io.because(text));
    checked.map(|()| is_line)
}

/// Why reading a line has ended.
enum End {
    OfLine,
    OfInput,
    /// The rest of the line was not read.
    TooLong,
}

/// Appends the bytes up to the end of the line, at most `most` of them. Memory that cannot be
/// had is an error and does not end the process.
fn read_to_end(input: &mut impl BufRead, line: &mut Vec<u8>, most: usize) -> Outcome<End> {
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Exit::Io.because(format!("cannot read the input: {error}")));
            }
        };
        if buffer.is_empty() {
            return Ok(End::OfInput);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        if line.len() + part.len() > most {
            return Ok(End::TooLong);
        }
        reserve(line, part.len())?;
        line.extend_from_slice(part);
        let taken = part.len() + usize::from(end.is_some());
        input.consume(taken);
        if end.is_some() {
            return Ok(End::OfLine);
        }
    }
}

/// Reserves this number of bytes, or fails.
fn reserve(bytes: &mut Vec<u8>, more: usize) -> Outcome {
    let needed = bytes.len().saturating_add(more);
    let reserved = bytes.try_reserve(more);
    reserved.map_err(|_| Exit::Io.because(no_room(needed)))
}

fn no_room(bytes: usize) -> String {
    format!("out of memory: the line needs {bytes} bytes at once; nothing of it was written")
}

/// Whether there is enough memory to parse a line of JSON.
pub(crate) fn has_room(line: &[u8]) -> Result<(), String> {
    if line.len() < SMALL_BYTES {
        return Ok(());
    }
    let begins_value = |byte: &&u8| matches!(byte, b',' | b'[' | b'{' | b':');
    let values = line.iter().filter(begins_value).count();
    // Parsing copies strings, and the log copies them again.
    let bytes = 2 * line.len() + VALUE_BYTES * values;
    let reserved = Vec::<u8>::new().try_reserve_exact(bytes);
    reserved.map_err(|_| no_room(bytes))
}

/// One line of input.
pub(crate) enum Line {
    /// The line with its end, if it has one.
    Whole(Vec<u8>),
    TooLong,
}

/// The next line; `None` at the end of the input. The content of a line of more than
/// `most` bytes is dropped.
pub(crate) fn next_line(input: &mut impl BufRead, most: usize) -> Outcome<Option<Line>> {
    let mut bytes = Vec::new();
    match read_to_end(input, &mut bytes, most)? {
        End::OfInput if bytes.is_empty() => return Ok(None),
        End::OfInput => {}
        End::OfLine => bytes.push(b'\n'),
        End::TooLong => {
            drop(bytes);
            let skipped = input.skip_until(b'\n');
            skipped.map_err(|error| Exit::Io.because(format!("cannot read the input: {error}")))?;
            return Ok(Some(Line::TooLong));
        }
    }
    Ok(Some(Line::Whole(bytes)))
}

/// Parses a line, or describes the error with its column.
pub(crate) fn parse<T: DeserializeOwned>(line: &[u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        let reason = error.to_string();
        // The parser counts lines itself; to it, every line is line 1.
        let reason = reason
            .rsplit_once(" at line ")
            .map_or(&*reason, |(reason, _)| reason);
        format!("not {what}: {reason} at column {}", error.column())
    })
}

#[cfg(test)]
mod tests {
    use lithify_sim::cli::exit::Failure;

    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_refused_before_more_of_it_is_kept() {
        let input = [b"short\n".to_vec(), vec![b'x'; 100]].concat();
        let mut input = BufReader::with_capacity(16, &input[..]);
        let mut line = Vec::new();
        assert!(read_line(&mut input, &mut line, 32).unwrap());
        assert_eq!(line, b"short");
        let Err(Failure::Stop { exit, message }) = read_line(&mut input, &mut line, 32) else {
            panic!("a line of 100 bytes was taken");
        };
        assert_eq!(
            (exit, &*message),
            (Exit::Input, "the line is longer than 32 bytes")
        );
        assert!(line.len() <= 32);
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        let Err(Failure::Stop { exit, message }) = reserve(&mut Vec::new(), isize::MAX as usize)
        else {
            panic!("nobody has so much memory");
        };
        assert_eq!(exit, Exit::Io);
        assert!(message.starts_with("out of memory: "), "{message}");
    }

    #[test]
    fn an_empty_line_is_a_line_and_the_last_needs_no_end() {
        let mut lines = Lines::new(&b"\na"[..]);
        assert!(lines.read().unwrap());
        assert!(lines.line.is_empty());
        assert!(lines.read().unwrap());
        assert_eq!((lines.line.as_slice(), lines.number), (&b"a"[..], 2));
        assert!(!lines.read().unwrap());
    }
}
