//! Which barriers a store needs: each barrier is removed in turn, and the laboratory
//! looks for a crash that shows the effect.
//!
//! A barrier is identified by its verb, the kind of its file and the two operations
//! before it; that is nearly its place in the store's code. A barrier with a witness is
//! needed under the model. A barrier without a witness is superfluous as far as the
//! search went: another barrier covers it, or nothing depends on it.

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

/// One barrier, and the effect of removing it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The barrier.
    pub barrier: SkippedBarrier,
    /// The number of times that it was executed in the survey.
    pub count: u64,
    /// What was found without it.
    pub row: Row,
}

/// The barriers of a system, with the number of times that some seeds executed them.
/// `watch` gets the number of plans that were run, and returns whether to continue.
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
            for epoch in &execution.epochs {
                let operations = epoch.log.operations();
                for (position, operation) in operations[..epoch.end].iter().enumerate() {
                    if operation.is_barrier() {
                        let text = without_numbers(&epoch.log.describe(operation).to_string());
                        let (verb, file) = text.split_once(' ').unwrap_or((&text, ""));
                        let key = (
                            verb.to_owned(),
                            file.trim_start_matches('/').to_owned(),
                            context(&epoch.log, position),
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

/// Looks for a crash that shows that one barrier is needed.
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
