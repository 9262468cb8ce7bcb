//! What earlier trouble excuses: which commits may be lost, which calls may be refused,
//! and when two histories are possible.
//!
//! The answers depend only on the model, the harm of the faults that struck before a
//! moment, and whether the only witness of some bytes was destroyed. A running store,
//! the crashes of its execution, a replay and an enumeration all use this module, so
//! that they judge alike. A fault that strikes after the moment of a crash excuses
//! nothing.

use super::Bounds;
use crate::disk::{FaultKind, Harm, Known, Model};
use crate::system::Failure;

/// The trouble up to a moment.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    model: &'static Model,
    /// The faults that have struck since the disk was empty.
    fired: Vec<FaultKind>,
}

impl Trouble {
    pub(crate) fn new(model: &'static Model, fired: Vec<FaultKind>) -> Self {
        Self { model, fired }
    }

    /// Adds a fault that strikes.
    pub(crate) fn strike(&mut self, kind: FaultKind) {
        self.fired.push(kind);
    }

    /// The faults that have struck.
    pub(crate) fn into_fired(self) -> Vec<FaultKind> {
        self.fired
    }

    fn any(&self, is_meant: impl Fn(Harm) -> bool) -> bool {
        self.fired.iter().any(|kind| is_meant(kind.harm()))
    }

    /// Whether a store may have noticed any trouble.
    pub(crate) fn is_faulty(&self) -> bool {
        self.any(|harm| !harm.is_benign())
    }

    /// What a crash may leave of the commits that clients know. `lost_witness`: whether
    /// a bit has flipped in bytes for which neither a copy nor a later record proves
    /// that they were ever durable. Only then does a flipped bit excuse a loss.
    pub(crate) fn bounds(&self, lost_witness: bool, known: Known) -> Bounds {
        let excuses = |harm: Harm| match harm {
            Harm::WrongOnDevice => lost_witness,
            harm => harm.excuses_loss(),
        };
        let excuses_loss = !self.model.honest || self.any(excuses);
        Bounds {
            known,
            excuses_loss,
            is_damaged: excuses_loss || self.any(Harm::corrupts),
            is_unreadable: self.any(|harm| harm == Harm::Unreadable),
            is_faulty: self.is_faulty(),
        }
    }

    /// Whether a running store may answer with this failure. An error of the disk needs
    /// a fault that is not benign. A report of damage needs a fault that can damage.
    pub(crate) fn excuses(&self, failure: &Failure, bounds: impl Fn() -> Bounds) -> bool {
        match failure {
            Failure::Damage(_) => bounds().is_damaged,
            Failure::Disk(_) => self.is_faulty(),
            Failure::Other(_) => false,
        }
    }

    /// Whether the next opening may find commits that this opening did not find. This
    /// is possible if a read returned other bytes than the stored ones, or if a write
    /// damaged the bytes in the page cache and a crash may undo the damage. Such
    /// commits are in doubt until another commit with their number is acknowledged.
    pub(crate) fn may_hide_commits(&self) -> bool {
        self.any(|harm| matches!(harm, Harm::WrongRead | Harm::WrongInCache | Harm::Lie))
    }

    /// The number of reads that returned other bytes than the stored ones.
    pub(crate) fn wrong_reads(&self) -> usize {
        let harms = self.fired.iter().map(|kind| kind.harm());
        harms.filter(|harm| *harm == Harm::WrongRead).count()
    }

    /// Whether replaced commits may come back for good. A wrong read has hidden those
    /// commits, and other commits got their numbers. Then stored bytes were damaged, or
    /// another wrong read hid the newer commits too and an opening removed them. If
    /// that destroyed the newer commits, the disk holds only the replaced commits, and
    /// they are intact. Two faults on the two copies of one commit leave nothing to
    /// judge by. `wrong_reads`: the number of wrong reads when the commits were
    /// replaced.
    pub(crate) fn may_bring_back(&self, wrong_reads: usize) -> bool {
        let damages = |harm| matches!(harm, Harm::WrongInCache | Harm::WrongOnDevice);
        wrong_reads < self.wrong_reads() || self.any(damages)
    }

    /// Whether commits that were lost to damage may come back in whole files. A lying
    /// disk may keep the files that an opening has removed, and may lose the files that
    /// replaced them.
    pub(crate) fn may_restore_files(&self) -> bool {
        self.has_lies() && self.any(Harm::corrupts)
    }

    /// Whether syncs may have lied. Then an acknowledgement ends no doubt, because it
    /// makes nothing durable: the disk may bring back removed files and lose their
    /// replacements.
    pub(crate) fn has_lies(&self) -> bool {
        !self.model.honest || self.any(|harm| harm == Harm::Lie)
    }
}
