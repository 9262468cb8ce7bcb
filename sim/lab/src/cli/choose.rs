//! Names on the command line, and what they name. Unknown ones list those that exist.

use super::Laboratory;
use super::exit::{Exit, Outcome};
use crate::disk::model::MODELS;
use crate::disk::{FaultKind, Model};
use crate::keyed::Seed;
use crate::run::schedule::Order;
use crate::run::workload::{WORKLOADS, Workload};
use crate::system::{Settings, System};

pub(super) fn unknown<'name>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'name str>,
) -> String {
    let known: Vec<&str> = known.collect();
    format!(
        "no {what} is called {name:?}; there are {}",
        known.join(", ")
    )
}

pub(super) fn model(name: &str) -> Result<&'static Model, String> {
    let names = MODELS.iter().map(|model| model.name);
    Model::named(name).ok_or_else(|| unknown("persistence model", name, names))
}

/// One model, or all of them.
#[derive(Clone, Debug)]
pub(super) struct ChosenModels(pub(super) Vec<&'static Model>);

pub(super) fn models(text: &str) -> Result<ChosenModels, String> {
    if text == "all" {
        return Ok(ChosenModels(MODELS.iter().collect()));
    }
    if has_group(text, &["all"]) {
        return Err(cannot_be_combined(text));
    }
    let models: Result<_, String> = text.split(',').map(model).collect();
    models.map(ChosenModels)
}

/// Whether one of these words stands in a list.
fn has_group(list: &str, groups: &[&str]) -> bool {
    list.split(',').any(|name| groups.contains(&name))
}

fn cannot_be_combined(list: &str) -> String {
    format!("{list:?} combines a word for several with others: name one word, or list kinds")
}

/// One workload, another one for each seed, or the history at a path.
#[derive(Clone, Debug)]
pub(super) enum ChosenWorkload {
    Each,
    One(&'static Workload),
    Recorded(String),
}

pub(super) fn workload(text: &str) -> Result<ChosenWorkload, String> {
    if text == "each" {
        return Ok(ChosenWorkload::Each);
    }
    if let Some(path) = text.strip_prefix("git:") {
        return Ok(ChosenWorkload::Recorded(path.to_owned()));
    }
    let names = WORKLOADS
        .iter()
        .map(|workload| workload.name)
        .chain(["each"]);
    Workload::named(text)
        .map(ChosenWorkload::One)
        .ok_or_else(|| unknown("workload", text, names))
}

impl ChosenWorkload {
    /// The workload, unless it is another one for each seed.
    pub(super) fn read(&self, laboratory: Laboratory<'_>) -> Outcome<Option<&'static Workload>> {
        match self {
            Self::Each => Ok(None),
            Self::One(workload) => Ok(Some(workload)),
            Self::Recorded(path) => match laboratory.recorded {
                None => Err("this program reads no git histories".to_owned()),
                Some(read) => read(path),
            }
            .map(|commits| Some(Workload::playing(commits)))
            .map_err(|message| Exit::Usage.because(message)),
        }
    }
}

/// The faults that a seed may draw from.
#[derive(Clone, Debug)]
pub(super) enum ChosenFaults {
    /// None in even seeds, all in odd ones.
    Swarm,
    Kinds(Vec<FaultKind>),
}

pub(super) fn faults(text: &str) -> Result<ChosenFaults, String> {
    let named = |name: &str| {
        let names = FaultKind::ALL.iter().map(|kind| kind.name());
        let names = names.chain(["none", "all", "swarm"]);
        FaultKind::named(name).ok_or_else(|| unknown("fault", name, names))
    };
    match text {
        "swarm" => Ok(ChosenFaults::Swarm),
        "none" => Ok(ChosenFaults::Kinds(Vec::new())),
        "all" => Ok(ChosenFaults::Kinds(FaultKind::ALL.to_vec())),
        _ if has_group(text, &["none", "all", "swarm"]) => Err(cannot_be_combined(text)),
        _ => {
            let kinds: Result<_, String> = text.split(',').map(named).collect();
            kinds.map(ChosenFaults::Kinds)
        }
    }
}

/// A seed: a number, or a git hash, of which the first 16 digits count.
pub(super) fn seed(text: &str) -> Result<Seed, String> {
    if let Ok(number) = text.parse() {
        return Ok(Seed(number));
    }
    let is_hexadecimal = text.chars().all(|digit| digit.is_ascii_hexdigit());
    // Decimal digits alone are a number, unless there are as many as in a whole hash.
    let is_decimal = text.chars().all(|digit| digit.is_ascii_digit());
    let is_whole = matches!(text.len(), 40 | 64);
    let is_hash = is_hexadecimal && (7..=64).contains(&text.len()) && (is_whole || !is_decimal);
    if !is_hash {
        return Err(format!(
            "{text:?} is neither a number below 2^64 nor a git hash"
        ));
    }
    u64::from_str_radix(&text[..text.len().min(16)], 16)
        .map(Seed)
        .map_err(|error| error.to_string())
}

/// A setting: `name=value`.
pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not name=value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Settings by name, each of which may be given once.
pub(super) fn settings(given: &[(String, String)]) -> Outcome<Settings> {
    let mut settings = Settings::new();
    for (name, value) in given {
        if settings.insert(name.clone(), value.clone()).is_some() {
            let message = format!("the setting {name} is given twice");
            return Err(Exit::Usage.because(message));
        }
    }
    Ok(settings)
}

/// Fails when a system has no background tasks of this kind.
pub(super) fn check_task(system: &dyn System, kind: &str) -> Outcome {
    let kinds = system.task_kinds();
    if kinds.iter().any(|known| kind.starts_with(known)) {
        return Ok(());
    }
    let message = unknown("task of this system", kind, kinds.iter().copied());
    Err(Exit::Usage.because(message))
}

/// In which order tasks and callbacks take turns.
pub(super) fn order(text: &str) -> Result<Order, String> {
    match (text, text.strip_prefix("starve:")) {
        ("fifo", _) => Ok(Order::Fifo),
        ("uniform", _) => Ok(Order::Uniform),
        ("priorities", _) => Ok(Order::Priorities { changes: 3 }),
        (_, Some(kind)) => Ok(Order::Starve(kind.to_owned())),
        _ => Err(format!(
            "no order is called {text:?}; there are fifo, uniform, priorities, starve:TASK"
        )),
    }
}

/// A planted bug of a system by name, if one was asked for.
pub(super) fn bug(system: &dyn System, name: Option<&str>) -> Outcome<Option<&'static str>> {
    let Some(name) = name else {
        return Ok(None);
    };
    let bugs = system.bugs();
    if let Some(bug) = bugs.iter().find(|bug| bug.name == name) {
        return Ok(Some(bug.name));
    }
    let message = match bugs.is_empty() {
        true => without_bugs(system),
        false => format!(
            "no planted bug of {0} is called {name:?}; sim list --system {0} lists them",
            system.name()
        ),
    };
    Err(Exit::Usage.because(message))
}

/// What to say of a system that has no planted bugs in this program.
pub(super) fn without_bugs(system: &dyn System) -> String {
    format!(
        "no bugs can be planted in {}; those of the engine are in a build with --features planted-bugs",
        system.name()
    )
}
