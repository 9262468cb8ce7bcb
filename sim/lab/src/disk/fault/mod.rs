//! The faults that can happen while a process runs: one fault is one line of a plan.
//!
//! A fault names a kind, the beginning of a file name, and which matching operation it
//! strikes. It strikes once, unless it stays until the disk is healed. A bad sector and
//! a full device stay in any case. Each kind defines its effect on the disk, and not
//! only the error that it returns.

mod kinds;

use super::skipped::without_numbers;

pub(super) use kinds::Class;
pub use kinds::{FaultKind, Harm};

/// One planned fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// The beginning of the names of the files that it strikes. Empty: all files.
    pub file: String,
    /// Which matching operation it strikes, counted from 1 since the fault was armed.
    pub at: u32,
    /// Whether it strikes every matching operation from then on, until the disk is
    /// healed.
    pub stays: bool,
}

/// An operation that a fault could have struck.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    class: Class,
    path: String,
}

impl Target {
    /// Whether a fault of this kind in files whose names begin with `file` would strike it.
    #[must_use]
    pub fn is_of(&self, kind: FaultKind, file: &str) -> bool {
        kind.strikes(self.class) && self.path.starts_with(file)
    }

    /// The name of the file or directory.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same operation on any file of the same kind: the name is cut before the
    /// first digit.
    #[must_use]
    pub fn without_number(&self) -> Self {
        Self {
            class: self.class,
            path: without_numbers(&self.path),
        }
    }
}

/// A fault and its state.
#[derive(Clone, Debug)]
pub(super) struct Armed {
    pub(super) fault: Fault,
    seen: u32,
    pub(super) fired: bool,
}

/// The faults of a run.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
    /// The number of armed faults that have not fired. At zero, no operation is
    /// matched.
    waiting: usize,
    fired: Vec<FaultKind>,
    /// The operations that could have been struck, if a caller asked to record them.
    targets: Option<Vec<Target>>,
}

impl Faults {
    pub(super) fn arm(&mut self, fault: Fault) {
        self.armed.push(Armed {
            fault,
            seen: 0,
            fired: false,
        });
        self.waiting += 1;
    }

    pub(super) fn disarm(&mut self) {
        self.armed.clear();
        self.waiting = 0;
    }

    /// Records from now on the operations that could be struck. Returns those recorded
    /// before.
    pub(super) fn take_targets(&mut self) -> Vec<Target> {
        self.targets.replace(Vec::new()).unwrap_or_default()
    }

    /// The fault that strikes an operation on `path`, if any.
    pub(super) fn strike(&mut self, class: Class, path: &str) -> Option<FaultKind> {
        if let Some(targets) = &mut self.targets {
            let path = path.to_owned();
            targets.push(Target { class, path });
        }
        if self.waiting == 0 {
            return None;
        }
        let mut struck = None;
        for armed in &mut self.armed {
            let is_meant = !armed.fired
                && armed.fault.kind.strikes(class)
                && path.starts_with(&armed.fault.file);
            if is_meant {
                armed.seen += 1;
                if armed.seen >= armed.fault.at && struck.is_none() {
                    if !armed.fault.stays {
                        armed.fired = true;
                        self.waiting -= 1;
                    }
                    self.fired.push(armed.fault.kind);
                    struck = Some(armed.fault.kind);
                }
            }
        }
        struck
    }

    /// The faults that have not fired yet.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Fault> {
        let waiting = self.armed.iter().filter(|armed| !armed.fired);
        waiting.map(|armed| &armed.fault)
    }

    /// Whether [`Faults::strike`] need not be called for operations.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting == 0 && self.targets.is_none()
    }

    pub(super) fn fired(&self) -> &[FaultKind] {
        &self.fired
    }
}
