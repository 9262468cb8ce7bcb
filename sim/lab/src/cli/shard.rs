//! One part of a campaign: shard 3 of 64 runs every 64th seed, from the third seed on.
//!
//! Invariant: each seed of the campaign belongs to exactly one shard.
//!
//! The numbers come from the command line, or from the environment variables with which a job
//! scheduler tells the tasks of one job apart. This file does not start tasks.

use std::fmt;
use std::str::FromStr;

/// The number of a shard, from 1 on, and the number of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    pub(super) number: u64,
    pub(super) of: u64,
}

/// The shard that the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChosenShard {
    Numbered(Shard),
    /// The scheduler names the shard, and the number of shards unless it is given here.
    OfScheduler(Option<u64>),
}

/// The variables of one scheduler.
struct Scheduler {
    name: &'static str,
    /// The number of the task.
    number: &'static str,
    /// The number of the first task: the value of a variable, or a constant.
    first: First,
    /// The number of tasks.
    count: Option<&'static str>,
}

enum First {
    Is(u64),
    Variable(&'static str),
}

const SCHEDULERS: [Scheduler; 6] = [
    Scheduler {
        name: "Slurm",
        number: "SLURM_ARRAY_TASK_ID",
        first: First::Variable("SLURM_ARRAY_TASK_MIN"),
        count: Some("SLURM_ARRAY_TASK_COUNT"),
    },
    Scheduler {
        name: "AWS Batch",
        number: "AWS_BATCH_JOB_ARRAY_INDEX",
        first: First::Is(0),
        count: Some("AWS_BATCH_JOB_ARRAY_SIZE"),
    },
    Scheduler {
        name: "Kubernetes",
        number: "JOB_COMPLETION_INDEX",
        first: First::Is(0),
        count: None,
    },
    Scheduler {
        name: "Buildkite",
        number: "BUILDKITE_PARALLEL_JOB",
        first: First::Is(0),
        count: Some("BUILDKITE_PARALLEL_JOB_COUNT"),
    },
    Scheduler {
        name: "CircleCI",
        number: "CIRCLE_NODE_INDEX",
        first: First::Is(0),
        count: Some("CIRCLE_NODE_TOTAL"),
    },
    Scheduler {
        name: "GitLab",
        number: "CI_NODE_INDEX",
        first: First::Is(1),
        count: Some("CI_NODE_TOTAL"),
    },
];

impl Shard {
    /// A campaign in one part.
    pub(super) const WHOLE: Self = Self { number: 1, of: 1 };

    /// # Errors
    /// One line, when there is no such shard.
    fn new(number: u64, of: u64) -> Result<Self, String> {
        match (1..=of).contains(&number) {
            true => Ok(Self { number, of }),
            false => Err(format!(
                "there is no shard {number} of {of}: shards are counted from 1"
            )),
        }
    }

    /// The offset of the shard's first seed from the first seed of the campaign.
    pub(super) fn offset(self) -> u64 {
        self.number - 1
    }

    /// The number of the shard's seeds, of a campaign of this many seeds.
    pub(super) fn seeds(self, all: u64) -> u64 {
        all / self.of + u64::from(self.offset() < all % self.of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.of)
    }
}

impl FromStr for ChosenShard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no_shard = || format!("{text:?} is not K/N, auto, or auto/N");
        let number = |digits: &str| {
            let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
            let parsed = digits.parse().ok().filter(|_| is_number);
            parsed.ok_or_else(no_shard)
        };
        match text.split_once('/') {
            None if text == "auto" => Ok(Self::OfScheduler(None)),
            Some(("auto", of)) => match number(of)? {
                0 => Err("there are no shards in 0".to_owned()),
                of => Ok(Self::OfScheduler(Some(of))),
            },
            Some((shard, of)) => Shard::new(number(shard)?, number(of)?).map(Self::Numbered),
            None => Err(no_shard()),
        }
    }
}

impl ChosenShard {
    /// The shard, by the environment of this process where the command line leaves it open.
    ///
    /// # Errors
    /// One line that names the variable.
    #[expect(
        clippy::disallowed_methods,
        reason = "a scheduler tells a process by the environment which task it is"
    )]
    pub(super) fn resolve(self) -> Result<Shard, String> {
        self.resolve_by(|name| std::env::var(name).ok())
    }

    fn resolve_by(self, variable: impl Fn(&str) -> Option<String>) -> Result<Shard, String> {
        let given = match self {
            Self::Numbered(shard) => return Ok(shard),
            Self::OfScheduler(given) => given,
        };
        let number = |name: &str| match variable(name).map(|text| (text.parse(), text)) {
            None => Ok(None),
            Some((Ok(number), _)) => Ok(Some(number)),
            Some((Err(_), text)) => Err(format!("{name} is {text:?}, and not a number")),
        };
        for scheduler in SCHEDULERS {
            let Some(task) = number(scheduler.number)? else {
                continue;
            };
            let first = match scheduler.first {
                First::Is(first) => first,
                First::Variable(name) => number(name)?.unwrap_or(0),
            };
            let counted: Option<u64> = match scheduler.count {
                Some(name) => number(name)?,
                None => None,
            };
            let Some(of) = given.or(counted) else {
                return Err(format!(
                    "{} does not tell how many shards there are: --shard auto/N does",
                    scheduler.name
                ));
            };
            let shard = task.checked_sub(first).and_then(|task| task.checked_add(1));
            return shard
                .ok_or_else(|| format!("the first task is {first}"))
                .and_then(|shard| Shard::new(shard, of))
                .map_err(|error| format!("{} is {task}: {error}", scheduler.number));
        }
        let names: Vec<&str> = SCHEDULERS
            .iter()
            .map(|scheduler| scheduler.number)
            .collect();
        Err(format!("--shard auto: none of {} is set", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, environment: &[(&str, &str)]) -> Result<String, String> {
        let lookup = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let chosen: ChosenShard = text.parse()?;
        chosen.resolve_by(lookup).map(|shard| shard.to_string())
    }

    #[test]
    fn every_seed_belongs_to_one_shard() {
        for (all, of) in [(0, 1), (1, 1), (1, 3), (64, 64), (65, 64), (100, 7), (5, 9)] {
            let shards = (1..=of).map(|number| Shard::new(number, of).unwrap());
            let seeds = shards.flat_map(|shard| {
                (0..shard.seeds(all)).map(move |turn| shard.offset() + turn * of)
            });
            let mut seeds: Vec<u64> = seeds.collect();
            seeds.sort_unstable();
            assert_eq!(
                seeds,
                (0..all).collect::<Vec<_>>(),
                "{all} seeds, {of} shards"
            );
        }
    }

    #[test]
    fn schedulers_name_shards() {
        for (environment, shard) in [
            (
                &[
                    ("SLURM_ARRAY_TASK_ID", "12"),
                    ("SLURM_ARRAY_TASK_MIN", "10"),
                    ("SLURM_ARRAY_TASK_COUNT", "8"),
                ][..],
                "3/8",
            ),
            (
                &[
                    ("AWS_BATCH_JOB_ARRAY_INDEX", "0"),
                    ("AWS_BATCH_JOB_ARRAY_SIZE", "4"),
                ],
                "1/4",
            ),
            (
                &[
                    ("BUILDKITE_PARALLEL_JOB", "3"),
                    ("BUILDKITE_PARALLEL_JOB_COUNT", "4"),
                ],
                "4/4",
            ),
            (
                &[("CIRCLE_NODE_INDEX", "1"), ("CIRCLE_NODE_TOTAL", "2")],
                "2/2",
            ),
            (&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "5")], "1/5"),
        ] {
            assert_eq!(resolved("auto", environment).unwrap(), shard);
        }
        let pod = [("JOB_COMPLETION_INDEX", "63")];
        assert_eq!(resolved("auto/64", &pod).unwrap(), "64/64");
        assert_eq!(
            resolved("3/64", &pod).unwrap(),
            "3/64",
            "the command line decides"
        );
    }

    #[test]
    fn what_names_no_shard_is_refused() {
        for (text, environment, message) in [
            (
                "0/4",
                &[][..],
                "there is no shard 0 of 4: shards are counted from 1",
            ),
            ("5/4", &[], "there is no shard 5 of 4"),
            ("1/0", &[], "there is no shard 1 of 0"),
            ("auto/0", &[], "there are no shards in 0"),
            ("3", &[], "\"3\" is not K/N, auto, or auto/N"),
            ("+1/4", &[], "is not K/N"),
            ("auto", &[], "none of SLURM_ARRAY_TASK_ID, "),
            (
                "auto",
                &[("JOB_COMPLETION_INDEX", "0")],
                "Kubernetes does not tell how many shards",
            ),
            (
                "auto/4",
                &[("JOB_COMPLETION_INDEX", "4")],
                "JOB_COMPLETION_INDEX is 4: there is no shard 5 of 4",
            ),
            (
                "auto/4",
                &[("CI_NODE_INDEX", "0")],
                "CI_NODE_INDEX is 0: the first task is 1",
            ),
            (
                "auto/4",
                &[("CI_NODE_INDEX", "one")],
                "CI_NODE_INDEX is \"one\", and not a number",
            ),
        ] {
            let refusal = resolved(text, environment).expect_err(text);
            assert!(refusal.contains(message), "{text}: {refusal}");
        }
    }
}
