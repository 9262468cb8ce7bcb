//! The places where bugs are searched, and their order: cheap places first.

use crate::disk::{Budget, FaultKind};
use crate::run::workload::{Workload, mixed};

/// A workload and at most one kind of fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arena {
    pub(super) workload: &'static Workload,
    pub(super) fault: Option<FaultKind>,
}

/// A set of arenas.
#[derive(Clone, Copy, Debug)]
enum Arenas {
    /// The first workload, without faults.
    Small,
    /// The smallest workload, without faults: it tries settings instead of histories.
    Tiny,
    /// The workload with all commits first and all work afterwards, without faults.
    Burst,
    /// All workloads except the first one and those with an arena of their own, without
    /// faults.
    Others,
    /// Long keys, large values and large commits, without faults: few seeds, because
    /// each is slow.
    Extremes,
    /// Several crashes in a row, without faults.
    Storm,
    /// Each kind of fault.
    Faults,
    /// Each kind of fault that strikes syncs, in the smallest workload: only a crash
    /// shows the effect of such a fault.
    Syncs,
    /// Each kind of fault that changes bytes: in a workload where one block can be
    /// taken for another, and in one that is so small that all of its data is struck.
    Corruption,
}

/// A part of a round: the arenas, the number of seeds, and how far crashes go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    arenas: Arenas,
    pub(super) seeds: u64,
    pub(super) max_images: u64,
    pub(super) recoveries_one_in: u64,
    pub(super) budget: Budget,
    /// See [`crate::search::crashes::Reach::only_last_epoch`].
    pub(super) only_last_epoch: bool,
    /// At most one of this many seeds is crashed, and only a seed that has executed the
    /// code of the bug. 0: every seed is crashed.
    pub(super) out_of: u64,
}

/// Few images at each crash point: little more than those that keep all changes or
/// none.
const SPARSE: Budget = Budget {
    enumerate: 4,
    bound: 0,
    samples: 2,
};

/// A stage with the images of [`Budget::SMALL`], at as many crash points as the limit
/// of images allows.
const fn stage(arenas: Arenas, seeds: u64, max_images: u64, recoveries_one_in: u64) -> Stage {
    Stage {
        arenas,
        seeds,
        max_images,
        recoveries_one_in,
        budget: Budget::SMALL,
        only_last_epoch: matches!(arenas, Arenas::Storm),
        out_of: 0,
    }
}

/// A stage with every crash point and few images of each, for those seeds that executed
/// the code of the bug: running a seed costs a tenth of crashing it. Mutation testers
/// run only the tests that cover the mutant for the same reason (PIT). Bugs in recovery
/// are found by the other stages.
const fn sparse(arenas: Arenas, seeds: u64) -> Stage {
    Stage {
        budget: SPARSE,
        out_of: 12,
        ..stage(arenas, seeds, u64::MAX, 0)
    }
}

/// The same stage, but every seed is crashed: the effect of a missing sync shows in
/// recovery.
const fn unguided(stage: Stage) -> Stage {
    Stage { out_of: 0, ..stage }
}

/// Cheap stages first: running without a crash costs a hundredth of crashing
/// everywhere. Few images of many histories come before many images of few histories,
/// because the settings that a bug needs are as rare as the order of writes that it
/// needs.
pub(super) const STAGES: [Stage; 18] = [
    stage(Arenas::Small, 16, 0, 0),
    stage(Arenas::Others, 2, 0, 0),
    stage(Arenas::Faults, 8, 0, 0),
    sparse(Arenas::Tiny, 40),
    sparse(Arenas::Burst, 40),
    stage(Arenas::Tiny, 30, 120, 16),
    stage(Arenas::Small, 6, 150, 4),
    stage(Arenas::Extremes, 2, 0, 0),
    stage(Arenas::Corruption, 64, 0, 0),
    unguided(sparse(Arenas::Syncs, 24)),
    sparse(Arenas::Small, 30),
    stage(Arenas::Tiny, 20, 120, 2),
    stage(Arenas::Storm, 150, 120, 0),
    stage(Arenas::Faults, 12, 0, 0),
    stage(Arenas::Others, 8, 24, 0),
    stage(Arenas::Small, 48, 0, 0),
    stage(Arenas::Others, 12, 0, 0),
    stage(Arenas::Faults, 2, 30, 0),
];

/// The number of seeds of a whole round.
pub(super) fn seeds_of(round: u64) -> u64 {
    STAGES.iter().map(|stage| stage.seeds_of(round)).sum()
}

impl Stage {
    /// The number of seeds of each arena in a round, crashed or not.
    pub(super) fn seeds_of(self, round: u64) -> u64 {
        self.crashed_of(round) * self.out_of.max(1)
    }

    /// The largest number of seeds of each arena in a round that are crashed.
    pub(super) fn crashed_of(self, round: u64) -> u64 {
        self.seeds * (round + 1)
    }

    /// The arenas of a round.
    pub(super) fn arenas(self, round: u64) -> Vec<Arena> {
        let calm = |workload| Arena {
            workload,
            fault: None,
        };
        match self.arenas {
            Arenas::Small => vec![calm(ordinary()[0])],
            Arenas::Tiny => vec![calm(named("tiny"))],
            Arenas::Burst => vec![calm(named("burst"))],
            Arenas::Storm => vec![calm(named("storm"))],
            Arenas::Others => ordinary()[1..].iter().copied().map(calm).collect(),
            Arenas::Extremes => vec![calm(named("extremes"))],
            Arenas::Syncs => {
                let is_of_syncs = |kind: FaultKind| matches!(kind.class(), "sync-errors" | "lies");
                with_faults(named("tiny"), is_of_syncs)
            }
            Arenas::Corruption => ["even", "tiny"]
                .into_iter()
                .flat_map(|name| with_faults(named(name), |kind| kind.harm().corrupts()))
                .collect(),
            // The small histories in the first round, then the others in turn.
            Arenas::Faults => {
                let workloads = ordinary();
                let count = workloads.len();
                let workload = workloads[(count - round as usize % count) % count];
                with_faults(workload, |_| true)
            }
        }
    }
}

/// The workloads that have no arena of their own.
fn ordinary() -> Vec<&'static Workload> {
    mixed().iter().filter(|it| it.name != "storm").collect()
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
