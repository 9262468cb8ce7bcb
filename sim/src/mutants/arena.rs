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
    /// The smallest one, without faults: settings are tried instead of histories.
    Tiny,
    /// All but the first one, without faults.
    Others,
    /// Each kind of fault.
    Faults,
    /// Each kind of fault that strikes syncs, in the smallest workload: only a crash shows
    /// what they leave.
    Syncs,
    /// Each kind of fault that changes bytes, where one block can be taken for another.
    Corruption,
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
pub(super) const STAGES: [Stage; 13] = [
    stage(Arenas::Small, 16, 0, 0),
    stage(Arenas::Others, 2, 0, 0),
    stage(Arenas::Faults, 8, 0, 0),
    stage(Arenas::Tiny, 40, 120, 16),
    stage(Arenas::Small, 6, 150, 4),
    stage(Arenas::Corruption, 16, 0, 0),
    stage(Arenas::Syncs, 12, 80, 0),
    stage(Arenas::Tiny, 24, 120, 2),
    stage(Arenas::Faults, 12, 0, 0),
    stage(Arenas::Others, 8, 24, 0),
    stage(Arenas::Small, 48, 0, 0),
    stage(Arenas::Others, 12, 0, 0),
    stage(Arenas::Faults, 2, 30, 0),
];

/// Seeds of a whole round.
pub(super) fn seeds_of(round: u64) -> u64 {
    STAGES.iter().map(|stage| stage.seeds_of(round)).sum()
}

impl Stage {
    /// Seeds of each arena in a round.
    pub(super) fn seeds_of(self, round: u64) -> u64 {
        self.seeds * (round + 1)
    }

    /// The arenas in a round.
    pub(super) fn arenas(self, round: u64) -> Vec<Arena> {
        let calm = |workload| Arena {
            workload,
            fault: None,
        };
        match self.arenas {
            Arenas::Small => vec![calm(&WORKLOADS[0])],
            Arenas::Tiny => vec![calm(named("tiny"))],
            Arenas::Others => WORKLOADS[1..].iter().map(calm).collect(),
            Arenas::Syncs => {
                let is_of_syncs = |kind: FaultKind| matches!(kind.class(), "sync-errors" | "lies");
                with_faults(named("tiny"), is_of_syncs)
            }
            Arenas::Corruption => with_faults(named("even"), FaultKind::corrupts),
            // Small histories first, then the others in turn.
            Arenas::Faults => {
                let count = WORKLOADS.len();
                let workload = &WORKLOADS[(count - round as usize % count) % count];
                with_faults(workload, |_| true)
            }
        }
    }
}

fn named(name: &str) -> &'static Workload {
    Workload::named(name).expect("the list has this workload")
}

fn with_faults(workload: &'static Workload, is_meant: impl Fn(FaultKind) -> bool) -> Vec<Arena> {
    let kinds = FaultKind::ALL.iter().filter(|kind| is_meant(**kind));
    let arenas = kinds.map(|&kind| Arena {
        workload,
        fault: Some(kind),
    });
    arenas.collect()
}
