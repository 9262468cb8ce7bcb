//! The order in which background tasks, callbacks and the client take turns.
//!
//! There is one thread, and a turn is one named task. Priorities with a bounded number
//! of change points find every bug that needs few ordering constraints with a known
//! probability (PCT: Burckhardt et al., ASPLOS 2010). Starving one kind of task tests
//! code that expects callbacks to come soon, or in order.

use crate::keyed::{Domain, Seed};

/// The policy that chooses the next turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// All background tasks in the order of arrival, then the client.
    Fifo,
    /// Any task or the client, with equal probability.
    Uniform,
    /// The client and every task have a priority. At this many turns, the highest one
    /// loses its priority.
    Priorities {
        /// The number of change points.
        changes: u64,
    },
    /// Tasks whose names begin with this wait until no other task is left.
    Starve(String),
}

impl Order {
    /// The policy that a seed draws, for a system with these kinds of tasks.
    #[must_use]
    pub fn draw(seed: Seed, kinds: &[&str]) -> Self {
        let mut draws = seed.draws(Domain::Schedule, 0);
        match draws.below(10) {
            0..3 => Self::Fifo,
            3..6 => Self::Uniform,
            6..8 => Self::Priorities {
                changes: draws.between(1, 4),
            },
            _ if kinds.is_empty() => Self::Uniform,
            _ => Self::Starve((*draws.pick(kinds)).to_owned()),
        }
    }
}

/// Who takes the turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The client.
    Client,
    /// This background task.
    Task(String),
}

/// Chooses turns. Decisions depend on the number of the turn and the name of the task.
#[derive(Clone, Debug)]
pub struct Scheduler {
    seed: Seed,
    order: Order,
    turn: u64,
    changes: Vec<u64>,
    /// Names that have lost their priority, the latest last.
    demoted: Vec<String>,
}

const CLIENT: &str = "client";
/// The number of turns among which change points are drawn.
const TURNS: u64 = 60;

impl Scheduler {
    /// A scheduler.
    #[must_use]
    pub fn new(seed: Seed, order: Order) -> Self {
        let mut draws = seed.draws(Domain::Schedule, 1);
        let changes = match order {
            Order::Priorities { changes } => (0..changes).map(|_| draws.below(TURNS)).collect(),
            _ => Vec::new(),
        };
        Self {
            seed,
            order,
            turn: 0,
            changes,
            demoted: Vec::new(),
        }
    }

    /// The next turn, if these tasks are ready.
    pub fn next(&mut self, tasks: &[String]) -> Turn {
        self.turn += 1;
        let Some(first) = tasks.first() else {
            return Turn::Client;
        };
        match &self.order {
            Order::Fifo => Turn::Task(first.clone()),
            Order::Uniform => {
                let mut draws = self.seed.draws(Domain::Schedule, 1000 + self.turn);
                match draws.below(tasks.len() as u64 + 1) {
                    0 => Turn::Client,
                    index => Turn::Task(tasks[index as usize - 1].clone()),
                }
            }
            Order::Starve(kind) => {
                let free = tasks.iter().find(|task| !task.starts_with(kind.as_str()));
                free.map_or(Turn::Client, |task| Turn::Task(task.clone()))
            }
            Order::Priorities { .. } => self.by_priority(tasks),
        }
    }

    fn by_priority(&mut self, tasks: &[String]) -> Turn {
        let names = tasks.iter().map(String::as_str).chain([CLIENT]);
        let best = names
            .max_by_key(|name| self.priority(name))
            .expect("the client is always there")
            .to_owned();
        if self.changes.contains(&self.turn) {
            self.demoted.retain(|name| *name != best);
            self.demoted.push(best.clone());
        }
        if best == CLIENT {
            Turn::Client
        } else {
            Turn::Task(best)
        }
    }

    /// The highest priority goes first. Demoted names come after all others, the latest
    /// last.
    fn priority(&self, name: &str) -> (bool, i64, u64) {
        let digest = xxhash_rust::xxh3::xxh3_64_with_seed(name.as_bytes(), self.seed.0);
        match self.demoted.iter().position(|demoted| demoted == name) {
            None => (true, 0, digest),
            Some(position) => (false, -(position as i64), digest),
        }
    }
}
