//! In which order background tasks, callbacks and the client take turns.
//!
//! One thread; a turn is one named task. Priorities with a bounded number of change
//! points find every bug that needs few ordering constraints with a known probability
//! (PCT: Burckhardt et al., ASPLOS 2010). Starving one kind of task attacks what relies
//! on callbacks coming soon, or in order.

use crate::keyed::{Domain, Seed};

/// How turns are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// All background tasks in the order in which they came up, then the client.
    Fifo,
    /// Any of them, each with the same chance.
    Uniform,
    /// The client and every task have a priority; at this many turns the highest one loses
    /// its.
    Priorities {
        /// How many change points.
        changes: u64,
    },
    /// Tasks whose names begin with this wait until nothing else is left.
    Starve(String),
}

impl Order {
    /// What a seed draws, for a system whose tasks have these kinds.
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

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The client's.
    Client,
    /// This background task's.
    Task(String),
}

/// Gives turns. Decisions are keyed by the number of the turn and the name of the task.
#[derive(Clone, Debug)]
pub struct Scheduler {
    seed: Seed,
    order: Order,
    turn: u64,
    changes: Vec<u64>,
    /// Names that have lost their priority, latest last.
    demoted: Vec<String>,
}

const CLIENT: &str = "client";
/// The turns among which change points are drawn.
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

    /// The next turn, when these tasks could run.
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

    /// Higher goes first; demoted names come below all others, latest last.
    fn priority(&self, name: &str) -> (bool, i64, u64) {
        let digest = xxhash_rust::xxh3::xxh3_64_with_seed(name.as_bytes(), self.seed.0);
        match self.demoted.iter().position(|demoted| demoted == name) {
            None => (true, 0, digest),
            Some(position) => (false, -(position as i64), digest),
        }
    }
}
