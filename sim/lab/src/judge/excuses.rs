//! What the things that went wrong excuse: what may be lost, what may be refused, and when two
//! histories are possible.
//!
//! All of it follows from the model, the harm of the faults that had struck up to a moment,
//! and whether the only witness of something was destroyed. A running store, the crashes of
//! its execution, a replay and an enumeration ask here, so that they judge alike. A fault
//! that strikes behind the moment of a crash excuses nothing.

use super::Bounds;
use crate::disk::{FaultKind, Harm, Known, Model};
use crate::system::Failure;

/// What had gone wrong up to a moment.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    model: &'static Model,
    /// The faults that had struck, since the disk was empty.
    fired: Vec<FaultKind>,
}

impl Trouble {
    pub(crate) fn new(model: &'static Model, fired: Vec<FaultKind>) -> Self {
        Self { model, fired }
    }

    /// Another fault strikes.
    pub(crate) fn strike(&mut self, kind: FaultKind) {
        self.fired.push(kind);
    }

    /// The faults that had struck.
    pub(crate) fn into_fired(self) -> Vec<FaultKind> {
        self.fired
    }

    fn any(&self, is_meant: impl Fn(Harm) -> bool) -> bool {
        self.fired.iter().any(|kind| is_meant(kind.harm()))
    }

    /// Whether a store may have seen anything of it.
    pub(crate) fn is_faulty(&self) -> bool {
        self.any(|harm| !harm.is_benign())
    }

    /// What may be left of what clients know. `lost_witness`: whether bytes have rotted of
    /// which neither a copy nor a later record says that they were ever durable. A flipped bit
    /// excuses a loss only then.
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

    /// Whether a running store may answer with this failure: an error of the disk needs any
    /// fault that is not benign, a claim of damage one that can damage.
    pub(crate) fn excuses(&self, failure: &Failure, bounds: impl Fn() -> Bounds) -> bool {
        match failure {
            Failure::Damage(_) => bounds().is_damaged,
            Failure::Disk(_) => self.is_faulty(),
            Failure::Other(_) => false,
        }
    }

    /// Whether commits that an opening did not find may be found by the next one: a read
    /// returned something else than what is stored, or a write damaged them in the page cache
    /// and a crash may take the damage back. Then they are in doubt until another commit with
    /// their number is acknowledged.
    pub(crate) fn may_hide_commits(&self) -> bool {
        self.any(|harm| matches!(harm, Harm::WrongRead | Harm::WrongInCache | Harm::Lie))
    }

    /// How many reads had returned something else than what is stored.
    pub(crate) fn wrong_reads(&self) -> usize {
        let harms = self.fired.iter().map(|kind| kind.harm());
        harms.filter(|harm| *harm == Harm::WrongRead).count()
    }

    /// Whether commits that were overtaken when there had been this many wrong reads may come
    /// back for good: a wrong read has hidden them, others got their numbers, and then stored
    /// bytes were damaged, or another wrong read has hidden those, too, so that an opening has
    /// swept them. Where that has hit the later ones, the earlier ones are all that the disk
    /// has to say, and they are whole. Two faults on the two copies of one thing leave nothing
    /// to judge by.
    pub(crate) fn may_bring_back(&self, wrong_reads: usize) -> bool {
        let damages = |harm| matches!(harm, Harm::WrongInCache | Harm::WrongOnDevice);
        wrong_reads < self.wrong_reads() || self.any(damages)
    }

    /// Whether commits that damage has taken may come back in whole files: a disk that lies keeps
    /// the files that an opening has given up, and may lose those that took their place.
    pub(crate) fn may_restore_files(&self) -> bool {
        self.has_lies() && self.any(Harm::corrupts)
    }

    /// Whether syncs may have lied. Then no acknowledgement ends a doubt, for nothing is
    /// durable by it: the disk may bring back what was given up and lose what took its place.
    pub(crate) fn has_lies(&self) -> bool {
        !self.model.honest || self.any(|harm| harm == Harm::Lie)
    }
}
