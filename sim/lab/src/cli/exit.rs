//! How a command ends: the exit codes, and the one line that explains each.
//!
//! This is the only place that maps errors to codes. Codes are an interface: scripts
//! depend on them, so a number never changes its meaning.

use std::io;
use std::process::ExitCode;

use crate::system::Failure as StoreFailure;

/// What every command returns.
pub type Outcome<T = ()> = Result<T, Failure>;

/// The exit codes other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A negative answer, a finding.
    Negative = 1,
    /// Arguments that cannot be meant.
    Usage = 2,
    /// Bad input; in the laboratory, one plan that did two different things.
    Input = 3,
    /// The store cannot be opened.
    Store = 4,
    /// Stored bytes are not what was written.
    Damage = 5,
    /// Input or output failed.
    Io = 6,
    /// Time or a signal came before the end.
    Unfinished = 7,
}

/// Why a command stops before its end.
#[derive(Debug)]
pub enum Failure {
    /// Nobody reads the output any more: no failure of ours.
    OutputClosed,
    /// With an exit code, and one line for standard error.
    Stop {
        /// The code.
        exit: Exit,
        /// The line.
        message: String,
    },
}

impl Exit {
    /// For the process.
    #[must_use]
    pub fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }

    /// A failure with this code. Whatever breaks the line (git's messages, paths) becomes
    /// a space.
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
    /// Why a system of the laboratory does not open. What the environment does not allow
    /// is told apart from a disk that fails, such as a full one.
    pub fn of_opening(failure: &StoreFailure) -> Self {
        match failure {
            StoreFailure::Damage(_) => Self::Damage,
            StoreFailure::Disk(_) => Self::Io,
            StoreFailure::Other(_) => Self::Store,
        }
    }

    /// Why a directory cannot be created.
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

    /// The same failure with words behind its message.
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
            // Failed operations, and what follows from one.
            _ => Exit::Io,
        };
        exit.because(error)
    }
}

/// The words of the standard library about numbers, in ours: there are no negative ones
/// among the arguments.
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

/// What the argument parser has to say: help, or one line about what is wrong.
pub(super) fn from_parser(error: &clap::Error) -> Outcome {
    use clap::error::ErrorKind;
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        let mut output = super::output::Output::for_reading();
        let text = error.render();
        // The parser has set the help for this width.
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
        // A parser of names has suggested one already.
        None if message.ends_with('?') => message,
        None => format!("{message}; --help shows the usage"),
    };
    Err(Exit::Usage.because(message))
}

/// What the parser takes a word for that it does not know.
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
