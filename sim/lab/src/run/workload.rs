//! The operations of clients, generated in advance as data.
//!
//! Each seed draws its own mix (swarm testing: Groce et al., ISSTA 2012): which kinds
//! of operations occur, how hot the hot keys are, how often keys are deleted, and how
//! many keyspaces exist. Each operation has its own stream of draws, so removing one
//! operation leaves the others unchanged. The only fact about the system that a
//! workload knows is which settings may differ from opening to opening.

mod extremes;

use self::extremes::Extremes;
use crate::history::{Batch, Key, Value, Write};
use crate::keyed::{Domain, Draws, Seed};
use crate::run::plan::Action;
use crate::system::Setting;

/// A named family of workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: &'static str,
    /// What it stresses, in a sentence.
    pub about: &'static str,
    /// The number of client operations.
    pub operations: u64,
    /// The largest number of keyspaces.
    pub keyspaces: u64,
    /// The largest number of keys in a keyspace.
    pub keys: u64,
    /// The largest number of writes in a batch.
    pub writes: u64,
    /// The length of the longest value in bytes.
    pub value_bytes: u64,
    /// Whether every value has that length.
    pub is_even: bool,
    /// The percentage of writes that delete; with `None` the seed draws it.
    pub deletes: Option<u64>,
    /// Whether there are only commits, with all background work after them.
    pub is_burst: bool,
    /// The percentage of seeds in which the process dies and the power fails several
    /// times in a row.
    pub storms: u64,
    /// Whether keys, values and commits go to the limits.
    pub is_extreme: bool,
    /// Recorded commits. If there are any, each seed replays a stretch of them instead
    /// of drawing commits.
    pub recorded: &'static [Batch],
}

/// The percentage of seeds with a storm in most workloads.
const SOME_STORMS: u64 = 10;

/// All workloads; the first is the default.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "small",
        about: "a dozen operations on a few keys: everything happens, and images can be enumerated",
        operations: 12,
        keyspaces: 2,
        keys: 4,
        writes: 3,
        value_bytes: 12,
        is_even: false,
        recorded: &[],
        deletes: None,
        is_burst: false,
        storms: SOME_STORMS,
        is_extreme: false,
    },
    Workload {
        name: "mixed",
        about: "forty operations, three keyspaces, some big batches",
        operations: 40,
        keyspaces: 3,
        keys: 12,
        writes: 6,
        value_bytes: 200,
        is_even: false,
        recorded: &[],
        deletes: None,
        is_burst: false,
        storms: SOME_STORMS,
        is_extreme: false,
    },
    Workload {
        name: "hot-key",
        about: "one key, written again and again",
        operations: 24,
        keyspaces: 1,
        keys: 1,
        writes: 1,
        value_bytes: 10,
        is_even: false,
        recorded: &[],
        deletes: Some(20),
        is_burst: false,
        storms: SOME_STORMS,
        is_extreme: false,
    },
    Workload {
        name: "delete-heavy",
        about: "most writes delete what others put",
        operations: 24,
        keyspaces: 2,
        keys: 3,
        writes: 3,
        value_bytes: 8,
        is_even: false,
        recorded: &[],
        deletes: Some(60),
        is_burst: false,
        storms: SOME_STORMS,
        is_extreme: false,
    },
    Workload {
        name: "big-batches",
        about: "batches of many sectors, so that they can be torn",
        operations: 10,
        keyspaces: 2,
        keys: 40,
        writes: 30,
        value_bytes: 60,
        is_even: false,
        recorded: &[],
        deletes: Some(5),
        is_burst: false,
        storms: SOME_STORMS,
        is_extreme: false,
    },
    Workload {
        name: "even",
        about: "values of one length, so that one block can be taken for another",
        operations: 14,
        keyspaces: 1,
        keys: 30,
        writes: 12,
        value_bytes: 20,
        is_even: true,
        recorded: &[],
        deletes: Some(0),
        is_burst: false,
        storms: SOME_STORMS,
        is_extreme: false,
    },
    Workload {
        name: "many-keyspaces",
        about: "small batches over up to ten keyspaces, some of which come up late",
        operations: 24,
        keyspaces: 10,
        keys: 2,
        writes: 2,
        value_bytes: 8,
        is_even: false,
        recorded: &[],
        deletes: Some(20),
        is_burst: false,
        storms: SOME_STORMS,
        is_extreme: false,
    },
    Workload {
        name: "burst",
        about: "some commits at once, and all the work on them afterwards",
        operations: 6,
        keyspaces: 2,
        keys: 3,
        writes: 2,
        value_bytes: 8,
        is_even: false,
        recorded: &[],
        deletes: None,
        is_burst: true,
        storms: SOME_STORMS,
        is_extreme: false,
    },
    Workload {
        name: "tiny",
        about: "four operations on two keys: every crash image of many choices of settings",
        operations: 4,
        keyspaces: 2,
        keys: 2,
        writes: 2,
        value_bytes: 8,
        is_even: false,
        recorded: &[],
        deletes: None,
        is_burst: false,
        storms: SOME_STORMS,
        is_extreme: false,
    },
    Workload {
        name: "storm",
        about: "commits of one length, and blow upon blow: what one crash took lies where the next one strikes",
        operations: 9,
        keyspaces: 1,
        keys: 2,
        writes: 1,
        value_bytes: 4,
        is_even: true,
        recorded: &[],
        deletes: Some(0),
        is_burst: false,
        storms: 100,
        is_extreme: false,
    },
    Workload {
        name: "extremes",
        about: "empty and longest keys, empty and huge values, prefixes, runs of 0xff, thousands of keys and keyspaces",
        operations: 9,
        keyspaces: 2,
        keys: 3,
        writes: 4,
        value_bytes: 0,
        is_even: false,
        recorded: &[],
        deletes: None,
        is_burst: false,
        storms: SOME_STORMS,
        is_extreme: true,
    },
];

/// The workloads that are used in turn if none is chosen: all but `extremes`, of which
/// one seed takes as long as a hundred seeds of the others.
#[must_use]
pub fn mixed() -> &'static [Workload] {
    let (extremes, mixed) = WORKLOADS.split_last().expect("there are workloads");
    assert_eq!(extremes.name, "extremes", "it is the last of the list");
    mixed
}

impl Workload {
    /// The names of all workloads.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        WORKLOADS.iter().map(|workload| workload.name)
    }

    /// The workload with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        WORKLOADS.iter().find(|workload| workload.name == name)
    }

    /// The client's operations for a seed. The store allows these settings to change,
    /// and has at most this many keyspaces.
    #[must_use]
    pub fn operations(&self, seed: Seed, changeable: &[Setting], keyspaces: u16) -> Vec<Action> {
        let mix = Mix::draw(self, seed, keyspaces);
        let mut operations: Vec<Action> = (0..self.operations)
            .flat_map(|number| {
                let mut draws = seed.draws(Domain::Workload, number + 1);
                match mix.operation(number, &mut draws) {
                    Some(operation) => vec![operation],
                    None => changes(changeable, &mut draws),
                }
            })
            .collect();
        if !self.recorded.is_empty() {
            self.play(seed, &mut operations);
        }
        operations
    }

    /// A workload that replays recorded commits. It leaks them for the lifetime of the
    /// process.
    #[must_use]
    pub fn playing(commits: Vec<Batch>) -> &'static Self {
        Box::leak(Box::new(Self {
            name: "recorded",
            about: "stretches of commits that were recorded somewhere",
            operations: 40,
            recorded: Box::leak(commits.into_boxed_slice()),
            ..WORKLOADS[0]
        }))
    }

    /// Replaces the drawn commits with a stretch of the recorded commits.
    fn play(&self, seed: Seed, operations: &mut [Action]) {
        let length = self.recorded.len() as u64;
        let latest = length.saturating_sub(operations.len() as u64);
        let start = seed.draws(Domain::Batch, 0).between(0, latest) as usize;
        let mut commits = self.recorded[start..].iter().cloned();
        for operation in operations {
            if let Action::Commit(batches) = operation {
                *batches = commits.next().into_iter().collect();
            }
        }
    }
}

/// New values for one or two settings, and most often the opening that applies them. If
/// there is no opening here, the next opening applies them, even the one after a crash.
fn changes(changeable: &[Setting], draws: &mut Draws) -> Vec<Action> {
    if changeable.is_empty() {
        return Vec::new();
    }
    let mut operations: Vec<Action> = (0..draws.between(1, 2))
        .map(|_| {
            let setting = draws.pick(changeable);
            let value = draws.pick(setting.values);
            Action::Set(setting.name.to_owned(), (*value).to_owned())
        })
        .collect();
    match draws.below(10) {
        0..4 => operations.push(Action::Reopen),
        4..7 => operations.push(Action::Die),
        _ => {}
    }
    operations
}

/// The parameters that one seed draws for a workload.
struct Mix {
    keyspaces: u64,
    keys: u64,
    writes: u64,
    value_bytes: u64,
    is_even: bool,
    delete_percent: u64,
    empty_percent: u64,
    group_percent: u64,
    extremes: Option<Extremes>,
    /// Whether keys have a common prefix that is longer than the part that is compared
    /// as a number.
    has_long_keys: bool,
    /// The weights of the kinds of operations. The weight of commits is never 0.
    weights: [u64; 9],
}

impl Mix {
    fn draw(workload: &Workload, seed: Seed, keyspaces: u16) -> Self {
        let mut draws = seed.draws(Domain::Workload, 0);
        // Half of the kinds do not occur in a given seed. This finds bugs that need the
        // absence of an operation.
        let mut weight = |most: u64| {
            let drawn = draws.between(1, most);
            let occurs = draws.percent(50) && !workload.is_burst;
            if occurs { drawn } else { 0 }
        };
        let weights = [
            40,
            weight(10),
            weight(6),
            weight(6),
            weight(6),
            weight(8),
            weight(8),
            weight(6),
            weight(4),
        ];
        Self {
            keyspaces: draws
                .between(1, workload.keyspaces)
                .min(u64::from(keyspaces)),
            keys: draws.between(1, workload.keys),
            writes: draws.between(1, workload.writes),
            value_bytes: workload.value_bytes,
            is_even: workload.is_even,
            delete_percent: workload
                .deletes
                .unwrap_or_else(|| *draws.pick(&[0, 20, 50])),
            empty_percent: *draws.pick(&[0, 0, 15]),
            group_percent: *draws.pick(&[0, 25, 60]),
            extremes: workload
                .is_extreme
                .then(|| Extremes::draw(keyspaces, &mut draws)),
            // Keys of different lengths would make blocks uneven.
            has_long_keys: draws.percent(10) && !workload.is_even,
            weights,
        }
    }

    /// An operation, or `None` for a change of settings.
    fn operation(&self, number: u64, draws: &mut Draws) -> Option<Action> {
        Some(match draws.weighted(&self.weights) {
            1 => Action::Settle,
            2 => Action::Reopen,
            3 => Action::Die,
            4 => Action::Sync,
            5 => Action::Read(draws.below(number + 2)),
            6 => Action::Pin(draws.below(number + 2)),
            7 => Action::Release,
            8 => return None,
            _ => Action::Commit(self.group(number, draws)),
        })
    }

    fn group(&self, number: u64, draws: &mut Draws) -> Vec<Batch> {
        let batches = if draws.percent(self.group_percent) {
            draws.between(2, 3)
        } else {
            1
        };
        (0..batches)
            .map(|batch| self.batch(number as u32 * 1000 + batch as u32 * 100, draws))
            .collect()
    }

    fn batch(&self, tag: u32, draws: &mut Draws) -> Batch {
        if draws.percent(self.empty_percent) {
            return Batch::default();
        }
        if let Some(extremes) = self.extremes {
            return extremes.batch(tag, draws);
        }
        let writes = draws.between(1, self.writes);
        let write = |index: u64, draws: &mut Draws| {
            // Squaring the draw makes low keys hot.
            let key = draws.below(self.keys);
            let key = if draws.percent(50) {
                key * key / self.keys
            } else {
                key
            };
            let is_deletion = draws.percent(self.delete_percent);
            let value = Value {
                length: match draws.below(self.value_bytes + 1) as u32 {
                    _ if self.is_even => self.value_bytes as u32,
                    length => length,
                },
                tag: tag + index as u32,
            };
            Write {
                key: Key {
                    keyspace: draws.below(self.keyspaces) as u16,
                    key: match self.has_long_keys {
                        true => Key::prefix(8 + key as u16),
                        false => key as u32,
                    },
                },
                value: (!is_deletion).then_some(value),
            }
        };
        Batch {
            writes: (0..writes).map(|index| write(index, draws)).collect(),
        }
    }
}
