//! Which barriers a store needs: each is taken out in turn, and the laboratory looks for
//! a crash that shows it.
//!
//! A barrier is told from others by its verb, the kind of its file and the two
//! operations before it, which is nearly its place in the store's code. One that has a
//! witness is needed under the model. One without is superfluous as far as the search
//! went: another barrier covers it, or nothing depends on it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::disk::{Model, SkippedBarrier, context, without_numbers};
use crate::judge::Enabled;
use crate::keyed::Seed;
use crate::planted::Planted;
use crate::run::execute::execute;
use crate::run::generate::{Recipe, generate};
use crate::run::workload::mixed;
use crate::search::mutants::{Mutant, Row, Search, hunt};
use crate::stop::Stop;
use crate::system::{Settings, System};

/// One barrier and what taking it out does.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The barrier.
    pub barrier: SkippedBarrier,
    /// How often it was executed in the survey.
    pub count: u64,
    /// What was found without it.
    pub row: Row,
}

/// The barriers of a system, with how often they were executed by some seeds. `watch` is
/// told how many plans were run, and whether to go on is its answer.
#[must_use]
pub fn survey(
    system: &'static dyn System,
    model: &'static Model,
    seeds: u64,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Vec<(SkippedBarrier, u64)> {
    let mut found: BTreeMap<(String, String, String), u64> = BTreeMap::new();
    let mut plans = 0;
    for workload in mixed() {
        let recipe = Recipe {
            system,
            model,
            workload,
            faults: Vec::new(),
            order: None,
            fixed: Settings::new(),
            skipped: Vec::new(),
        };
        for seed in 0..seeds {
            if !watch(plans) {
                break;
            }
            plans += 1;
            let plan = generate(&recipe, Seed(seed));
            let execution = execute(&plan, &Enabled::default(), false);
            for life in &execution.lives {
                let operations = life.log.operations();
                for (position, operation) in operations[..life.end].iter().enumerate() {
                    if operation.is_barrier() {
                        let text = without_numbers(&life.log.describe(operation).to_string());
                        let (verb, file) = text.split_once(' ').unwrap_or((&text, ""));
                        let key = (
                            verb.to_owned(),
                            file.trim_start_matches('/').to_owned(),
                            context(&life.log, position),
                        );
                        *found.entry(key).or_default() += 1;
                    }
                }
            }
        }
    }
    found
        .into_iter()
        .map(|((verb, file, after), count)| (SkippedBarrier { verb, file, after }, count))
        .collect()
}

/// Looks for a witness of one barrier.
#[must_use]
pub fn judge(
    system: &'static dyn System,
    model: &'static Model,
    barrier: &SkippedBarrier,
    count: u64,
    time: Duration,
    stop: &Stop,
) -> Verdict {
    let mutant = Mutant {
        about: Planted {
            name: "missing-barrier",
            pattern: "barrier economy",
            story: "a barrier is taken out",
            is_thought_equivalent: false,
        },
        skipped: Some(barrier.clone()),
    };
    let search = Search {
        time,
        stop: stop.clone(),
        ..Search::new(system, model, u64::MAX)
    };
    Verdict {
        barrier: barrier.clone(),
        count,
        row: hunt(&mutant, &search),
    }
}
