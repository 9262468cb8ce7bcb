//! `sim list`: everything that has a name.

use clap::Args;
use lithify_sim::oracle::Oracle;
use lithify_sim::simfs::FaultKind;
use lithify_sim::simfs::model::MODELS;
use lithify_sim::systems::SYSTEMS;
use lithify_sim::workload::WORKLOADS;
use serde::Serialize;

use super::super::args::{Format, FormatArgument};
use super::super::exit::Outcome;
use super::super::output::Output;

/// Lists systems, workloads, faults, persistence models and oracles
#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Named {
    name: String,
    about: String,
}

#[derive(Serialize)]
struct Everything {
    systems: Vec<Named>,
    workloads: Vec<Named>,
    faults: Vec<Named>,
    models: Vec<Named>,
    oracles: Vec<Named>,
}

fn named(name: impl ToString, about: impl ToString) -> Named {
    Named {
        name: name.to_string(),
        about: about.to_string(),
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &List) -> Outcome {
    let everything = Everything {
        systems: SYSTEMS
            .iter()
            .map(|system| named(system.name(), system.about()))
            .collect(),
        workloads: WORKLOADS
            .iter()
            .map(|workload| named(workload.name, workload.about))
            .collect(),
        faults: FaultKind::ALL
            .iter()
            .map(|kind| named(kind.name(), kind.about()))
            .collect(),
        models: MODELS
            .iter()
            .map(|model| named(model.name, format!("{} [{}]", model.about, model.source)))
            .collect(),
        oracles: Oracle::ALL
            .iter()
            .map(|oracle| named(oracle.name(), oracle.about()))
            .collect(),
    };
    let mut output = Output::for_reading();
    if arguments.format.format == Format::Json {
        output.json(&everything)?;
        return output.finish();
    }
    for (title, list) in [
        ("systems", &everything.systems),
        ("workloads", &everything.workloads),
        ("faults", &everything.faults),
        ("persistence models", &everything.models),
        ("oracles", &everything.oracles),
    ] {
        output.line(title.as_bytes())?;
        for item in list {
            output.line(format!("  {:<20} {}", item.name, item.about).as_bytes())?;
        }
    }
    output.finish()
}
