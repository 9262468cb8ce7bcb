//! Why something of this package ends before its end: one line, and whose matter it is.

/// Whose matter a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// Arguments that cannot be meant.
    Usage,
    /// What was handed in: a recording, a program that cannot be recorded, a checker.
    Input,
    /// The machine: a full disk, no permission, no `strace`.
    Io,
    /// Nobody's: the time was over, or the user has ended it.
    Unfinished,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whose matter it is.
    pub matter: Matter,
    /// The line.
    pub message: String,
}

impl Failure {
    /// Arguments that cannot be meant.
    #[must_use]
    pub fn usage(message: String) -> Self {
        let matter = Matter::Usage;
        Self { matter, message }
    }

    /// Something that was handed in.
    #[must_use]
    pub fn input(message: String) -> Self {
        let matter = Matter::Input;
        Self { matter, message }
    }

    /// It was ended before it was over.
    #[must_use]
    pub fn unfinished(message: String) -> Self {
        let matter = Matter::Unfinished;
        Self { matter, message }
    }

    /// The machine.
    #[must_use]
    pub fn io(message: String) -> Self {
        let matter = Matter::Io;
        Self { matter, message }
    }
}
