//! What a crash may leave, given what clients know and what went wrong.

use super::Enabled;
use crate::disk::Known;
use crate::judge::oracle::{Finding, Oracle};
use crate::system::Failure;

/// What a crash may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounds {
    /// What clients know.
    pub known: Known,
    /// The disk has broken its promises: acknowledged commits may be missing.
    pub excuses_loss: bool,
    /// Stored bytes were changed: the store may refuse to answer, but must not answer
    /// wrongly.
    pub is_damaged: bool,
    /// Stored bytes cannot be read: the store may report a disk error.
    pub is_unreadable: bool,
    /// An operation has failed, so the store may have repeated work. It may use more
    /// space than it promises.
    pub is_faulty: bool,
}

impl Bounds {
    /// Whether the store may refuse with this failure.
    #[must_use]
    pub fn excuses(&self, failure: &Failure) -> bool {
        match failure {
            Failure::Damage(_) => self.is_damaged,
            Failure::Disk(_) => self.is_unreadable,
            Failure::Other(_) => false,
        }
    }

    /// Checks whether a store may hold exactly the commits up to `head`.
    ///
    /// # Errors
    /// The finding.
    pub fn check_head(&self, head: u64, enabled: &Enabled) -> Result<(), Finding> {
        let Known {
            acknowledged,
            served,
            issued,
        } = self.known;
        if head < acknowledged && !self.excuses_loss {
            enabled.object(
                Oracle::Durability,
                format!("commit {acknowledged} was acknowledged, the newest commit is {head}"),
            )?;
        }
        if head < served && !self.excuses_loss {
            enabled.object(
                Oracle::Stability,
                format!("commit {served} was shown after an opening, now the newest is {head}"),
            )?;
        }
        if head > issued {
            enabled.object(
                Oracle::Phantom,
                format!("the newest commit is {head}, only {issued} were asked for"),
            )?;
        }
        Ok(())
    }
}
