//! What may be found after a crash, given what clients know and what went wrong.

use super::Enabled;
use crate::disk::Known;
use crate::judge::oracle::{Finding, Oracle};
use crate::system::Failure;

/// What may be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounds {
    /// What clients know.
    pub known: Known,
    /// The disk has broken its promises: acknowledged commits may be missing.
    pub excuses_loss: bool,
    /// Stored bytes were changed: the store may refuse, and must not answer wrongly.
    pub is_damaged: bool,
    /// Stored bytes cannot be read: the store may say that the disk fails.
    pub is_unreadable: bool,
    /// Something has failed, so that work may have been begun again: what is left may
    /// take more space than a store promises.
    pub is_faulty: bool,
}

impl Bounds {
    /// Whether a store may refuse to go on like this.
    #[must_use]
    pub fn excuses(&self, failure: &Failure) -> bool {
        match failure {
            Failure::Damage(_) => self.is_damaged,
            Failure::Disk(_) => self.is_unreadable,
            Failure::Other(_) => false,
        }
    }

    /// Whether a store may hold the commits up to `head`.
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
