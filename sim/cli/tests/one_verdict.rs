//! A law of the laboratory: the replay of a trace finds what the campaign found, with
//! the same oracle and the same message.
//!
//! The findings are those of planted bugs in every system, under every kind of fault
//! and under the most different models. A trace that does not replay is a bug of the
//! laboratory: a user could neither inspect the finding nor shrink it.

use lithify_cli::systems::SYSTEMS;
use lithify_sim::disk::{FaultKind, Model};
use lithify_sim::run::generate::Recipe;
use lithify_sim::run::workload::WORKLOADS;
use lithify_sim::search::campaign::{Campaign, Ledger};
use lithify_sim::search::crashes::Reach;
use lithify_sim::stop::Stop;
use lithify_sim::system::System;
use rayon::prelude::*;

/// Executes seeds with planted bugs, each bug in turn, until there are this many findings, and replays
/// each.
fn replay_findings(count: usize, first_seed: u64) {
    let bugs: Vec<_> = (SYSTEMS.iter())
        .flat_map(|system| system.bugs().into_iter().map(|bug| (*system, bug.name)))
        .collect();
    let (mut found, mut seeds) = (0, first_seed..);
    let mut wrong = Vec::new();
    while found < count {
        let turn: Vec<_> = bugs.iter().zip(seeds.by_ref()).collect();
        let replays = turn.par_iter();
        let replays =
            replays.filter_map(|((system, bug), seed)| replay_finding(*system, bug, *seed));
        let replays: Vec<Result<(), String>> = replays.collect();
        found += replays.len();
        wrong.extend(replays.into_iter().filter_map(Result::err));
    }
    assert!(
        wrong.is_empty(),
        "{} of {found} findings do not replay:\n{}",
        wrong.len(),
        wrong.join("\n"),
    );
}

/// Executes one seed with a planted bug, and replays its finding. The error is a text about a replay
/// that disagrees. `None` without a finding.
fn replay_finding(
    system: &'static dyn System,
    bug: &'static str,
    seed: u64,
) -> Option<Result<(), String>> {
    let models = ["posix-min", "paranoid", "ext4-ordered", "lying-disk"];
    let model = models[(seed % 4) as usize];
    let campaign = Campaign {
        recipe: Recipe {
            workload: &WORKLOADS[(seed % WORKLOADS.len() as u64) as usize],
            faults: FaultKind::ALL.to_vec(),
            ..Recipe::new(system)
        },
        models: vec![Model::named(model).expect("a model has this name")],
        reach: Reach {
            max_images: 300,
            ..Reach::SMALL
        },
        bug: Some(bug),
        stop: Stop::never(),
        ..Campaign::new(system)
    };
    let finding = campaign.seed(seed, &mut Ledger::default())?;
    Some(finding.disagreement().map_or(Ok(()), |disagreement| {
        Err(format!(
            "{}, bug {bug}, seed {seed}: the campaign finds {}, and {disagreement}; its trace:\n{}",
            system.name(),
            finding.finding,
            finding.plan,
        ))
    }))
}

#[test]
fn findings_of_planted_bugs_replay() {
    replay_findings(120, 1);
}

#[test]
#[ignore = "minutes: the nightly run has it"]
fn ten_thousand_findings_of_planted_bugs_replay() {
    replay_findings(10_000, 1_000_000);
}
