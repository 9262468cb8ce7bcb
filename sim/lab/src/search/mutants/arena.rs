//! Where bugs are looked for, and in which order: cheap places first.

use crate::disk::{Budget, FaultKind};
use crate::run::workload::{Workload, mixed};

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
    /// Commits first and work afterwards, without faults.
    Burst,
    /// All but the first one and the two that have an arena of their own, without faults.
    Others,
    /// Long keys, large values and large commits, without faults: few, for each is long.
    Extremes,
    /// Blow upon blow, without faults.
    Storm,
    /// Each kind of fault.
    Faults,
    /// Each kind of fault that strikes syncs, in the smallest workload: only a crash shows
    /// what they leave.
    Syncs,
    /// Each kind of fault that changes bytes, where one block can be taken for another, and
    /// where there is so little that all of it is hit.
    Corruption,
}

/// A part of a round: which arenas, how many seeds, and how far crashes go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    arenas: Arenas,
    pub(super) seeds: u64,
    pub(super) most_images: u64,
    pub(super) recoveries_one_in: u64,
    pub(super) budget: Budget,
    /// See [`crate::search::crashes::Reach::only_last_life`].
    pub(super) only_last_life: bool,
    /// Of how many seeds each one is crashed, and then only when it has passed the place of
    /// the bug; 0 for crashing every seed.
    pub(super) out_of: u64,
}

/// Little more than all and nothing at each crash point.
const SPARSE: Budget = Budget {
    enumerate: 4,
    bound: 0,
    samples: 2,
};

/// Images as [`Budget::SMALL`] says, of as many crash points as the limit is enough for.
const fn stage(arenas: Arenas, seeds: u64, most_images: u64, recoveries_one_in: u64) -> Stage {
    Stage {
        arenas,
        seeds,
        most_images,
        recoveries_one_in,
        budget: Budget::SMALL,
        only_last_life: matches!(arenas, Arenas::Storm),
        out_of: 0,
    }
}

/// Every crash point, and few images of each, of those seeds that have passed the place of
/// the bug while they ran: running costs a tenth of crashing. Testers of mutants run only
/// what covers the mutant for the same reason (PIT). What recovery does wrong is found by
/// the other stages.
const fn sparse(arenas: Arenas, seeds: u64) -> Stage {
    Stage {
        budget: SPARSE,
        out_of: 12,
        ..stage(arenas, seeds, u64::MAX, 0)
    }
}

/// The same with every seed crashed: what a sync has failed to do is met by recovery.
const fn unguided(stage: Stage) -> Stage {
    Stage { out_of: 0, ..stage }
}

/// Cheap stages first: running without a crash costs a hundredth of crashing everywhere.
/// Few images of many histories come before the rarest things: settings that a bug needs
/// are as rare as orders of writes.
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

/// Seeds of a whole round.
pub(super) fn seeds_of(round: u64) -> u64 {
    STAGES.iter().map(|stage| stage.seeds_of(round)).sum()
}

impl Stage {
    /// Seeds of each arena in a round, passed ones or not.
    pub(super) fn seeds_of(self, round: u64) -> u64 {
        self.crashed_of(round) * self.out_of.max(1)
    }

    /// The most seeds of each arena in a round that are crashed, if any are.
    pub(super) fn crashed_of(self, round: u64) -> u64 {
        self.seeds * (round + 1)
    }

    /// The arenas in a round.
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
            // Small histories first, then the others in turn.
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
