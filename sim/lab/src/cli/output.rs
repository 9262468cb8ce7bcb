//! Buffered standard output. It tolerates a reader that stops reading.
//!
//! On a terminal no line is wider than the terminal, and JSON is printed on several
//! lines. In a pipe every line stays as it was written.

use std::io::{BufWriter, StdoutLock, Write};

use serde::Serialize;

use super::exit::{Exit, Failure, Outcome};
use super::table::Table;
use super::terminal::Screen;

/// The output of a command.
pub struct Output {
    writer: BufWriter<StdoutLock<'static>>,
    screen: Screen,
    /// Whether a command that writes to a store must finish even if its output is not
    /// read.
    goes_on_unread: bool,
    is_unread: bool,
}

impl Output {
    /// For a command whose purpose is its output: it ends when the reader stops
    /// reading.
    pub fn for_reading() -> Self {
        Self::new(false)
    }

    /// For a command that writes to a store: it continues without output when the
    /// reader stops reading.
    pub fn for_writing() -> Self {
        Self::new(true)
    }

    fn new(goes_on_unread: bool) -> Self {
        Self {
            screen: Screen::of_output(),
            writer: BufWriter::with_capacity(64 * 1024, std::io::stdout().lock()),
            goes_on_unread,
            is_unread: false,
        }
    }

    fn attempt(
        &mut self,
        write: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> std::io::Result<()>,
    ) -> Outcome {
        if self.is_unread {
            return Ok(());
        }
        let failure = match write(&mut self.writer) {
            Ok(()) => return Ok(()),
            Err(error) => Failure::of_output(&error),
        };
        if matches!(failure, Failure::OutputClosed) && self.goes_on_unread {
            self.is_unread = true;
            return Ok(());
        }
        Err(failure)
    }

    /// The device of the output.
    #[must_use]
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// For this and all other calls: if the output is closed or cannot be written.
    pub fn bytes(&mut self, lines: &[u8]) -> Outcome {
        if !self.screen.is_terminal() {
            return self.attempt(|writer| writer.write_all(lines));
        }
        let text = String::from_utf8_lossy(lines);
        for line in text.split_inclusive('\n') {
            let (line, end) = match line.strip_suffix('\n') {
                Some(line) => (line, "\n"),
                None => (line, ""),
            };
            let folded = self.screen.fold(line) + end;
            self.attempt(|writer| writer.write_all(folded.as_bytes()))?;
        }
        Ok(())
    }

    /// Writes a line.
    pub fn line(&mut self, bytes: &[u8]) -> Outcome {
        self.bytes(&[bytes, b"\n"].concat())
    }

    /// Writes the fields of one line, separated by tabs.
    pub fn fields(&mut self, fields: &[&[u8]]) -> Outcome {
        self.line(&fields.join(&b'\t'))
    }

    /// Writes a table.
    pub fn table(&mut self, table: &Table) -> Outcome {
        let text = table.on(self.screen);
        self.attempt(|writer| writer.write_all(text.as_bytes()))
    }

    /// Writes a value as JSON: one line, or several lines on a terminal.
    pub fn json(&mut self, value: &impl Serialize) -> Outcome {
        let text = match self.screen.is_terminal() {
            true => serde_json::to_vec_pretty(value),
            false => serde_json::to_vec(value),
        };
        let text = text.map_err(|error| Exit::Io.because(error))?;
        // A string that is wider than a terminal is not folded, because that would
        // change the value.
        self.attempt(|writer| {
            writer.write_all(&text)?;
            writer.write_all(b"\n")
        })
    }

    /// Writes the buffer to the output.
    pub fn flush(&mut self) -> Outcome {
        self.attempt(Write::flush)
    }

    /// The last call: writes the buffer.
    pub fn finish(mut self) -> Outcome {
        self.flush()
    }
}
