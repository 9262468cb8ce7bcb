//! `sim list`: all names.

use clap::Args;
use serde::Serialize;

use super::args::{Format, FormatArgument};
use super::exit::Outcome;
use super::output::Output;
use super::table::{Column, Table};
use super::{Laboratory, litmus};
use crate::disk::FaultKind;
use crate::disk::litmus::LITMUS;
use crate::disk::model::MODELS;
use crate::judge::oracle::Oracle;
use crate::run::workload::WORKLOADS;
use crate::system::System;

const EXAMPLES: &str = "\
Examples:
  lithify sim list
  lithify sim list --system wal-ratio    # its settings, tasks and planted bugs
  lithify sim list --litmus              # the models and what was published";

/// Lists the systems, workloads, faults, persistence models, litmus tests and oracles; or the
/// settings, tasks and planted bugs of one system
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct List {
    /// List what belongs to this system
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// List what a crash may leave on each file system: what was published, and what its model says
    #[arg(long, conflicts_with = "system")]
    litmus: bool,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Named {
    name: String,
    about: String,
}

/// Lists under their titles, in order.
type Lists = Vec<(&'static str, Vec<Named>)>;

fn named(name: impl ToString, about: impl ToString) -> Named {
    Named {
        name: name.to_string(),
        about: about.to_string(),
    }
}

/// Runs the command.
pub(super) fn run(arguments: &List, laboratory: Laboratory<'_>) -> Outcome {
    if arguments.litmus {
        return litmus::tell(arguments.format.format);
    }
    let lists = match &arguments.system {
        Some(name) => of_system(laboratory.system(Some(name))?),
        None => of_laboratory(laboratory.systems),
    };
    let mut output = Output::for_reading();
    if arguments.format.format == Format::Json {
        let object: serde_json::Map<String, serde_json::Value> = lists
            .iter()
            .map(|(title, list)| (title.replace(' ', "_"), serde_json::json!(list)))
            .collect();
        output.json(&object)?;
        return output.finish();
    }
    for (title, list) in &lists {
        output.line(title.as_bytes())?;
        let mut table = Table::new(&[Column::Text(""); 2]).indented(2);
        for Named { name, about } in list {
            table.row([name, about]);
        }
        output.table(&table)?;
    }
    output.finish()
}

fn of_laboratory(systems: &[&'static dyn System]) -> Lists {
    let systems = systems.iter();
    let workloads = WORKLOADS.iter();
    let faults = FaultKind::ALL.iter();
    let models = MODELS.iter();
    let oracles = Oracle::ALL.iter();
    vec![
        (
            "systems",
            systems
                .map(|system| named(system.name(), system.about()))
                .collect(),
        ),
        (
            "workloads",
            workloads
                .map(|workload| named(workload.name, workload.about))
                .collect(),
        ),
        (
            "faults",
            faults
                .map(|kind| named(kind.name(), format!("{} ({})", kind.about(), kind.class())))
                .collect(),
        ),
        (
            "models",
            models
                .map(|model| named(model.name, format!("{} [{}]", model.about, model.source)))
                .collect(),
        ),
        (
            "litmus tests",
            LITMUS
                .iter()
                .map(|litmus| named(litmus.name, litmus.question))
                .collect(),
        ),
        (
            "oracles",
            oracles
                .map(|oracle| named(oracle.name(), oracle.about()))
                .collect(),
        ),
        ("orders", orders()),
    ]
}

fn orders() -> Vec<Named> {
    vec![
        named("fifo", "background tasks as they come up, then the client"),
        named("uniform", "any of them, each with the same chance"),
        named(
            "priorities",
            "each has a priority, and three times the highest loses its (PCT)",
        ),
        named(
            "starve:TASK",
            "tasks whose names begin so wait until nothing else is left",
        ),
    ]
}

fn of_system(system: &dyn System) -> Lists {
    let settings = system.settings().iter().map(|setting| {
        let values = setting.values.join(", ");
        let when = if setting.may_change {
            "at each opening"
        } else {
            "for good"
        };
        let about = format!("{}; chosen {when} from {values}", setting.about);
        named(setting.name, about)
    });
    let tasks = system.task_kinds().iter();
    let bugs = system.bugs();
    let bugs = bugs.iter().map(|bug| named(bug.name, bug.story));
    vec![
        ("system", vec![named(system.name(), system.about())]),
        ("settings", settings.collect()),
        (
            "tasks",
            tasks
                .map(|kind| named(kind, "a kind of background task"))
                .collect(),
        ),
        ("planted bugs", bugs.collect()),
    ]
}
