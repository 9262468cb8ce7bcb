//! Standard output, buffered, that survives a reader who goes away.

use std::io::{BufWriter, StdoutLock, Write};

use serde::Serialize;

use super::exit::{Exit, Failure, Outcome};

/// The output of a command.
pub struct Output {
    writer: BufWriter<StdoutLock<'static>>,
    /// A command that writes to a store finishes its work even when nobody reads on.
    goes_on_unread: bool,
    is_unread: bool,
}

impl Output {
    /// For a command whose output is its purpose: it ends when nobody reads on.
    pub fn for_reading() -> Self {
        Self::new(false)
    }

    /// For a command that writes to a store: its output is dropped when nobody reads it.
    pub fn for_writing() -> Self {
        Self::new(true)
    }

    fn new(goes_on_unread: bool) -> Self {
        Self {
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

    /// Writes bytes.
    ///
    /// # Errors
    /// As every call here: when the output is closed, or cannot be written.
    pub fn bytes(&mut self, bytes: &[u8]) -> Outcome {
        self.attempt(|writer| writer.write_all(bytes))
    }

    /// Writes a line.
    pub fn line(&mut self, bytes: &[u8]) -> Outcome {
        self.bytes(bytes)?;
        self.bytes(b"\n")
    }

    /// Fields of one line, separated by tabs.
    pub fn fields(&mut self, fields: &[&[u8]]) -> Outcome {
        self.line(&fields.join(&b'\t'))
    }

    /// One line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> Outcome {
        let text = serde_json::to_vec(value).map_err(|error| Exit::Io.because(error))?;
        self.line(&text)
    }

    /// Hands over what was written so far.
    pub fn flush(&mut self) -> Outcome {
        self.attempt(Write::flush)
    }

    /// The last call: nothing is left in the buffer.
    pub fn finish(mut self) -> Outcome {
        self.flush()
    }
}
