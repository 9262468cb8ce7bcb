//! The end of a command: the exit codes, and the one line that explains each.
//!
//! Only this file maps errors to codes. Codes are an interface: scripts depend on them,
//! so a code never changes its meaning.

use std::io;
use std::process::ExitCode;

use crate::system::Failure as StoreFailure;

/// The result of every command.
pub type Outcome<T = ()> = Result<T, Failure>;

/// The exit codes other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A negative answer, a finding.
    Negative = 1,
    /// Invalid or contradictory arguments.
    Usage = 2,
    /// Bad input; in the laboratory, two runs of one plan differ.
    Input = 3,
    /// The store cannot be opened.
    Store = 4,
    /// Stored bytes differ from the bytes that were written.
    Damage = 5,
    /// Input or output failed.
    Io = 6,
    /// The time or a signal ended the command early.
    Unfinished = 7,
}

/// Why a command ends early.
#[derive(Debug)]
pub enum Failure {
    /// The reader of the output has stopped reading. This is not an error.
    OutputClosed,
    /// An exit code, and one line for standard error.
    Stop {
        /// The code.
        exit: Exit,
        /// The line.
        message: String,
    },
}

impl Exit {
    /// The code for the process.
    #[must_use]
    pub fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }

    /// A failure with this code. Control characters in the message (in git's messages,
    /// in paths) become spaces, so that it stays one line.
    pub fn because(self, message: impl ToString) -> Failure {
        let message = message.to_string();
        let words: Vec<&str> = message.split(char::is_control).collect();
        Failure::Stop {
            exit: self,
            message: words.join(" ").trim().to_owned(),
        }
    }
}

impl Exit {
    /// The code for a system of the laboratory that does not open. A refusal by the
    /// environment has another code than a failing disk, such as a full disk.
    pub fn of_opening(failure: &StoreFailure) -> Self {
        match failure {
            StoreFailure::Damage(_) => Self::Damage,
            StoreFailure::Disk(_) => Self::Io,
            StoreFailure::Other(_) => Self::Store,
        }
    }

    /// The code for a directory that cannot be created.
    pub fn of_directory(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Io,
            _ => Self::Store,
        }
    }
}

impl Failure {
    /// The same failure with words before its message.
    pub fn prefixed(self, words: &str) -> Self {
        match self {
            Self::Stop { exit, message } => exit.because(format!("{words}: {message}")),
            Self::OutputClosed => Self::OutputClosed,
        }
    }

    /// The same failure with words after its message.
    pub fn with_note(self, words: &str) -> Self {
        match self {
            Self::Stop { exit, message } => exit.because(format!("{message}; {words}")),
            Self::OutputClosed => Self::OutputClosed,
        }
    }

    /// A failure to write the output.
    pub fn of_output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Exit::Io.because(format!("cannot write the output: {error}")),
        }
    }
}

impl From<lithify::Error> for Failure {
    fn from(error: lithify::Error) -> Self {
        use lithify::Error;
        let exit = match &error {
            Error::Damage(_) => Exit::Damage,
            Error::UnsupportedFormat { .. }
            | Error::NotAStore { .. }
            | Error::Locked
            | Error::OptionsMismatch { .. }
            | Error::ReadOnly
            | Error::IsReplica
            | Error::IsBackup
            | Error::BackupRefused { .. } => Exit::Store,
            Error::InvalidOptions(_) => Exit::Usage,
            Error::Limit { .. }
            | Error::BeyondHead { .. }
            | Error::Thinned { .. }
            | Error::Gap { .. }
            | Error::Diverged { .. }
            | Error::Incomparable { .. }
            | Error::NotHeld { .. }
            | Error::UnknownKeyspace(_) => Exit::Input,
            // Failed operations, and later refusals because of a failed operation.
            _ => Exit::Io,
        };
        exit.because(error)
    }
}

/// Replaces the standard library's messages about numbers. No argument takes negative
/// numbers.
fn about_numbers(message: &str) -> String {
    message
        .replace(
            "invalid digit found in string",
            "it must be a whole number from 0",
        )
        .replace(
            "number too large to fit in target type",
            "the number is too large",
        )
        .replace(
            "cannot parse integer from empty string",
            "it must be a whole number from 0",
        )
}

/// The result of the argument parser: help, or one line about the error.
pub(super) fn from_parser(error: &clap::Error) -> Outcome {
    use clap::error::ErrorKind;
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        let mut output = super::output::Output::for_reading();
        let text = error.render();
        // The parser has already wrapped the help for this width.
        let text = match output.screen().has_colour() {
            true => text.ansi().to_string(),
            false => text.to_string(),
        };
        output.bytes(text.as_bytes())?;
        return output.finish();
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Err(Exit::Usage.because("a command is missing; --help lists them"));
    }
    // The parser writes a paragraph about the error, then tips and the usage.
    let text = error.render().to_string();
    let paragraph: Vec<&str> = text
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    let message = paragraph.join(" ");
    let message = about_numbers(message.strip_prefix("error: ").unwrap_or(&message));
    let message = match suggestion(error) {
        Some(suggestion) => format!("{message}; {suggestion}"),
        // A parser of names has already made a suggestion.
        None if message.ends_with('?') => message,
        None => format!("{message}; --help shows the usage"),
    };
    Err(Exit::Usage.because(message))
}

/// The parser's suggestion for an unknown word.
fn suggestion(error: &clap::Error) -> Option<String> {
    use clap::error::{ContextKind, ContextValue};
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let named = match kinds.into_iter().find_map(|kind| error.get(kind))? {
        ContextValue::String(name) => name.as_str(),
        // The last one is the nearest.
        ContextValue::Strings(names) => names.last()?,
        _ => return None,
    };
    Some(format!("did you mean {named:?}?"))
}
