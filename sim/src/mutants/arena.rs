//! Where bugs are looked for, and in which order: cheap places first.

use crate::simfs::FaultKind;
use crate::workload::{WORKLOADS, Workload};

/// A workload and at most one kind of fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arena {
    pub(super) workload: &'static Workload,
    pub(super) fault: Option<FaultKind>,
}

/// Which arenas.
#[derive(Clone, Copy, Debug)]
enum Arenas {
    /// The first workload, without faults.
    Small,
    /// The others, without faults.
    Others,
    /// Each kind of fault.
    Faults,
    /// Each kind of fault that strikes syncs: only a crash shows what they leave.
    Syncs,
}

/// A part of a round: which arenas, how many seeds, and how far crashes go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    arenas: Arenas,
    pub(super) seeds: u64,
    pub(super) most_images: u64,
    pub(super) recoveries_one_in: u64,
}

const fn stage(arenas: Arenas, seeds: u64, most_images: u64, recoveries_one_in: u64) -> Stage {
    Stage {
        arenas,
        seeds,
        most_images,
        recoveries_one_in,
    }
}

/// Cheap stages first: running without a crash costs a hundredth of crashing everywhere.
/// Few images of many histories come before the rarest things: settings that a bug needs
/// are as rare as orders of writes.
pub(super) const STAGES: [Stage; 11] = [
    stage(Arenas::Small, 16, 0, 0),
    stage(Arenas::Others, 3, 0, 0),
    stage(Arenas::Faults, 8, 0, 0),
    stage(Arenas::Small, 6, 150, 16),
    stage(Arenas::Faults, 24, 0, 0),
    stage(Arenas::Small, 8, 150, 4),
    stage(Arenas::Syncs, 4, 60, 0),
    stage(Arenas::Others, 12, 24, 0),
    stage(Arenas::Small, 64, 0, 0),
    stage(Arenas::Others, 24, 0, 0),
    stage(Arenas::Faults, 1, 50, 0),
];

impl Stage {
    /// The arenas in a round.
    pub(super) fn arenas(self, round: u64) -> Vec<Arena> {
        let calm = |workload| Arena {
            workload,
            fault: None,
        };
        match self.arenas {
            Arenas::Small => vec![calm(&WORKLOADS[0])],
            Arenas::Others => WORKLOADS[1..].iter().map(calm).collect(),
            Arenas::Syncs => {
                let is_of_syncs = |kind: FaultKind| matches!(kind.class(), "sync-errors" | "lies");
                with_faults(&WORKLOADS[0], is_of_syncs)
            }
            // Small histories first, then the others in turn.
            Arenas::Faults => {
                let count = WORKLOADS.len();
                let workload = &WORKLOADS[(count - round as usize % count) % count];
                with_faults(workload, |_| true)
            }
        }
    }
}

fn with_faults(workload: &'static Workload, is_meant: impl Fn(FaultKind) -> bool) -> Vec<Arena> {
    let kinds = FaultKind::ALL.iter().filter(|kind| is_meant(**kind));
    let arenas = kinds.map(|&kind| Arena {
        workload,
        fault: Some(kind),
    });
    arenas.collect()
}
