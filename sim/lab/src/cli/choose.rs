//! Names on the command line, and the values that they name. Completions offer the
//! known names, and the error for an unknown name suggests the nearest one.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap::Command;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};

use super::Laboratory;
use super::exit::{Exit, Outcome};
use crate::disk::model::MODELS;
use crate::disk::{FaultKind, Model};
use crate::judge::oracle::Oracle;
use crate::keyed::Seed;
use crate::names::{nearest, unknown};
use crate::run::schedule::Order;
use crate::run::workload::Workload;
use crate::system::{Settings, System};

/// A parser of names that completions offer. Other texts may be valid too, such as a
/// list; the parser decides that.
#[derive(Clone)]
pub struct Offering<P> {
    parser: P,
    names: Vec<&'static str>,
}

/// A parser with the names that completions offer.
pub fn offering<P: TypedValueParser>(
    parser: P,
    names: impl IntoIterator<Item = &'static str>,
) -> Offering<P> {
    let names = names.into_iter().collect();
    Offering { parser, names }
}

impl<P: TypedValueParser> TypedValueParser for Offering<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        self.parser.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.names.iter().copied().map(PossibleValue::new)))
    }
}

/// Adds to the commands of the laboratory what only a program knows: its systems, and
/// their settings and planted bugs.
pub fn offer_systems(command: Command, systems: &[&'static dyn System]) -> Command {
    let names: Vec<&'static str> = systems.iter().map(|system| system.name()).collect();
    let settings = systems.iter().flat_map(|system| system.settings());
    let settings: BTreeSet<&'static str> = settings.map(|setting| setting.name).collect();
    let bugs = systems.iter().flat_map(|system| system.bugs());
    let bugs: BTreeSet<&'static str> = bugs.map(|bug| bug.name).collect();
    command.mut_subcommands(|command| {
        command.mut_args(|argument| {
            match argument.get_id().as_str() {
                "system" => {
                    argument.value_parser(offering(StringValueParser::new(), names.clone()))
                }
                "settings" => argument.value_parser(offering(setting, settings.clone())),
                "bug" => argument.value_parser(offering(StringValueParser::new(), bugs.clone())),
                _ => return argument,
            }
            .hide_possible_values(true)
        })
    })
}

/// The message for a system name that does not exist.
pub(super) fn no_system(name: &str, systems: &[&'static dyn System]) -> String {
    unknown("system", name, systems.iter().map(|system| system.name()))
}

/// One persistence model.
pub(super) fn model() -> impl TypedValueParser<Value = &'static Model> {
    offering(named_model, Model::names())
}

fn named_model(name: &str) -> Result<&'static Model, String> {
    Model::named(name).ok_or_else(|| unknown("persistence model", name, Model::names()))
}

/// One oracle.
pub(super) fn oracle() -> impl TypedValueParser<Value = Oracle> {
    let named =
        |name: &str| Oracle::named(name).ok_or_else(|| unknown("oracle", name, Oracle::names()));
    offering(named, Oracle::names())
}

/// One model, or all of them.
#[derive(Clone, Debug)]
pub struct ChosenModels(
    /// In the order in which they were named.
    pub Vec<&'static Model>,
);

/// A list of models, or `all`.
pub fn models() -> impl TypedValueParser<Value = ChosenModels> {
    offering(list_of_models, ["all"].into_iter().chain(Model::names()))
}

fn list_of_models(text: &str) -> Result<ChosenModels, String> {
    if text == "all" {
        return Ok(ChosenModels(MODELS.iter().collect()));
    }
    if has_group(text, &["all"]) {
        return Err(cannot_be_combined(text));
    }
    let models: Result<_, String> = text.split(',').map(named_model).collect();
    models.map(ChosenModels)
}

/// Whether one of these words is in a list.
fn has_group(list: &str, groups: &[&str]) -> bool {
    list.split(',').any(|name| groups.contains(&name))
}

fn cannot_be_combined(list: &str) -> String {
    format!("{list:?} combines a word for several with others: name one word, or list kinds")
}

/// One workload, the workloads in turn, or the history at a path.
#[derive(Clone, Debug)]
pub(super) enum ChosenWorkload {
    Each,
    One(&'static Workload),
    Recorded(String),
}

pub(super) fn workload() -> impl TypedValueParser<Value = ChosenWorkload> {
    let others = ["each", "git:"].into_iter();
    offering(chosen_workload, others.chain(Workload::names()))
}

fn chosen_workload(text: &str) -> Result<ChosenWorkload, String> {
    if text == "each" {
        return Ok(ChosenWorkload::Each);
    }
    if let Some(path) = text.strip_prefix("git:") {
        return Ok(ChosenWorkload::Recorded(path.to_owned()));
    }
    let names = Workload::names().chain(["each", "git:PATH"]);
    Workload::named(text)
        .map(ChosenWorkload::One)
        .ok_or_else(|| unknown("workload", text, names))
}

impl ChosenWorkload {
    /// The text that names it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Each => "each".to_owned(),
            Self::One(workload) => workload.name.to_owned(),
            Self::Recorded(path) => format!("git:{path}"),
        }
    }

    /// The workload; `None` for the workloads in turn.
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
    /// None in even seeds, all in odd seeds.
    Swarm,
    Kinds(Vec<FaultKind>),
}

impl ChosenFaults {
    /// The text that names them.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Swarm => "swarm".to_owned(),
            Self::Kinds(kinds) if kinds.is_empty() => "none".to_owned(),
            Self::Kinds(kinds) => {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                names.join(",")
            }
        }
    }
}

/// The words for several kinds of faults.
const FAULT_GROUPS: [&str; 3] = ["none", "all", "swarm"];

pub(super) fn faults() -> impl TypedValueParser<Value = ChosenFaults> {
    offering(
        list_of_faults,
        FAULT_GROUPS.into_iter().chain(FaultKind::names()),
    )
}

fn list_of_faults(text: &str) -> Result<ChosenFaults, String> {
    let named = |name: &str| {
        let names = FaultKind::names().chain(FAULT_GROUPS);
        FaultKind::named(name).ok_or_else(|| unknown("fault", name, names))
    };
    match text {
        "swarm" => Ok(ChosenFaults::Swarm),
        "none" => Ok(ChosenFaults::Kinds(Vec::new())),
        "all" => Ok(ChosenFaults::Kinds(FaultKind::ALL.to_vec())),
        _ if has_group(text, &FAULT_GROUPS) => Err(cannot_be_combined(text)),
        _ => {
            let kinds: Result<_, String> = text.split(',').map(named).collect();
            kinds.map(ChosenFaults::Kinds)
        }
    }
}

/// A seed: a number, or a git hash, of which the first 16 digits are used.
pub(super) fn seed(text: &str) -> Result<Seed, String> {
    if let Ok(number) = text.parse() {
        return Ok(Seed(number));
    }
    let is_hexadecimal = text.chars().all(|digit| digit.is_ascii_hexdigit());
    // Decimal digits alone are a number, unless they have the length of a whole hash.
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

/// Fails if a system has no background tasks of this kind.
pub(super) fn check_task(system: &dyn System, kind: &str) -> Outcome {
    let kinds = system.task_kinds();
    if kinds.iter().any(|known| kind.starts_with(known)) {
        return Ok(());
    }
    let message = unknown("task of this system", kind, kinds.iter().copied());
    Err(Exit::Usage.because(message))
}

/// The order in which tasks and callbacks take turns.
pub(super) fn order() -> impl TypedValueParser<Value = Order> {
    offering(chosen_order, ORDERS)
}

const ORDERS: [&str; 4] = ["fifo", "uniform", "priorities", "starve:"];

fn chosen_order(text: &str) -> Result<Order, String> {
    match (text, text.strip_prefix("starve:")) {
        ("fifo", _) => Ok(Order::Fifo),
        ("uniform", _) => Ok(Order::Uniform),
        ("priorities", _) => Ok(Order::Priorities { changes: 3 }),
        (_, Some(kind)) => Ok(Order::Starve(kind.to_owned())),
        _ => Err(unknown("order", text, ORDERS.into_iter())),
    }
}

/// The text that names an order.
pub(super) fn order_text(order: &Order) -> String {
    match order {
        Order::Fifo => "fifo".to_owned(),
        Order::Uniform => "uniform".to_owned(),
        Order::Priorities { .. } => "priorities".to_owned(),
        Order::Starve(kind) => format!("starve:{kind}"),
    }
}

/// The planted bug with this name, if a name is given.
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
        false => {
            let what = format!("the system {} has no planted bug {name:?}", system.name());
            match nearest(name, bugs.iter().map(|bug| bug.name)) {
                Some(near) => format!("{what}; did you mean {near:?}?"),
                // There are too many bugs for one line.
                None => format!("{what}; sim list --system {} lists them", system.name()),
            }
        }
    };
    Err(Exit::Usage.because(message))
}

/// The message for a system without planted bugs in this program.
pub(super) fn without_bugs(system: &dyn System) -> String {
    format!(
        "no bugs can be planted in {}; those of the engine are in a build with --features planted-bugs",
        system.name()
    )
}
