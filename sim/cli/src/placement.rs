//! Arguments that decide which segments exist. They are fixed when a store is created.

use clap::Args;
use clap::builder::TypedValueParser;
use lithify::{Alignment, History, Level, Placement, RemoveInputs};
use lithify_sim::cli::offering;
use lithify_sim::names::unknown;

/// What a new store is created with. An existing store must have been created with what
/// is given; what is not given is taken from it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Placement (fixed when the store is created)")]
pub(crate) struct PlacementArguments {
    /// A window contains this number of windows of the level below: one number, at least 2,
    /// or a list with a number for each level, such as 30,10,12,24 [default: 4]
    #[arg(long, value_name = "D", value_parser = alignment)]
    pub(crate) divisor: Option<Alignment>,
    /// The highest level of merged segments
    #[arg(long, value_name = "LEVEL")]
    pub(crate) max_level: Option<Level>,
    /// Minimum number of segments in a closed window for a merge, at least 2 [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) min_inputs: Option<u32>,
    /// Versions that merged segments keep: all, last:COMMITS or newest [default: all]
    #[arg(long, value_name = "RULE", hide_possible_values = true, value_parser = history())]
    pub(crate) history: Option<History>,
    /// When the inputs of merges are removed: never, always, up-to-level:LEVEL, head-window:COMMITS
    /// or head-window-up-to-level:COMMITS,LEVEL [default: always]
    #[arg(long, value_name = "RULE", hide_possible_values = true, value_parser = remove_inputs())]
    pub(crate) remove_inputs: Option<RemoveInputs>,
}

impl PlacementArguments {
    /// Whether no argument was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.divisor.is_none()
            && self.max_level.is_none()
            && self.min_inputs.is_none()
            && self.history.is_none()
            && self.remove_inputs.is_none()
    }

    /// `base`, changed by the given arguments.
    pub(crate) fn over(&self, base: Placement) -> Placement {
        let mut alignment = self.divisor.clone().unwrap_or(base.alignment);
        if let Some(level) = self.max_level {
            alignment = alignment.with_max_level(level);
        }
        Placement {
            alignment,
            min_inputs: self.min_inputs.unwrap_or(base.min_inputs),
            history: self.history.unwrap_or(base.history),
            remove_inputs: self.remove_inputs.unwrap_or(base.remove_inputs),
        }
    }
}

/// A divisor or a list of radices.
pub(crate) fn alignment(text: &str) -> Result<Alignment, String> {
    text.parse()
        .map_err(|error: lithify::align::AlignmentError| error.to_string())
}

/// The forms of [`History`].
const HISTORIES: [&str; 3] = ["all", "last:COMMITS", "newest"];

/// `all`, `last:N` or `newest`.
pub(crate) fn history() -> impl TypedValueParser<Value = History> {
    let history = |text: &str| match (text, text.split_once(':')) {
        ("all", _) => Ok(History::All),
        ("newest", _) => Ok(History::Newest),
        (_, Some(("last", commits))) => Ok(History::Last(number(commits)?)),
        _ => Err(unknown("rule", text, HISTORIES.into_iter())),
    };
    offering(history, HISTORIES.map(name))
}

/// The forms of [`RemoveInputs`].
const REMOVE_INPUTS: [&str; 5] = [
    "never",
    "always",
    "up-to-level:LEVEL",
    "head-window:COMMITS",
    "head-window-up-to-level:COMMITS,LEVEL",
];

/// The strategies of [`RemoveInputs`].
pub(crate) fn remove_inputs() -> impl TypedValueParser<Value = RemoveInputs> {
    let remove_inputs = |text: &str| match (text, text.split_once(':')) {
        ("never", _) => Ok(RemoveInputs::Never),
        ("always", _) => Ok(RemoveInputs::Always),
        (_, Some(("up-to-level", level))) => Ok(RemoveInputs::UpToLevel(number(level)?)),
        (_, Some(("head-window", keep))) => Ok(RemoveInputs::HeadWindow {
            keep: number(keep)?,
        }),
        (_, Some(("head-window-up-to-level", both))) => {
            let (keep, level) = both
                .split_once(',')
                .ok_or("head-window-up-to-level needs COMMITS,LEVEL")?;
            Ok(RemoveInputs::HeadWindowUpToLevel {
                keep: number(keep)?,
                level: number(level)?,
            })
        }
        _ => Err(unknown("rule", text, REMOVE_INPUTS.into_iter())),
    };
    offering(remove_inputs, REMOVE_INPUTS.map(name))
}

/// The text of a rule, in the form of the argument.
pub(crate) fn shown_history(history: History) -> String {
    match history {
        History::All => "all".to_owned(),
        History::Newest => "newest".to_owned(),
        History::Last(commits) => format!("last:{commits}"),
    }
}

/// The text of a rule, in the form of the argument.
pub(crate) fn shown_remove_inputs(rule: RemoveInputs) -> String {
    match rule {
        RemoveInputs::Never => "never".to_owned(),
        RemoveInputs::Always => "always".to_owned(),
        RemoveInputs::UpToLevel(level) => format!("up-to-level:{level}"),
        RemoveInputs::HeadWindow { keep } => format!("head-window:{keep}"),
        RemoveInputs::HeadWindowUpToLevel { keep, level } => {
            format!("head-window-up-to-level:{keep},{level}")
        }
    }
}

/// The text that a completion offers for a form: the part before its first number.
fn name(form: &'static str) -> &'static str {
    let end = form.find(|letter: char| letter.is_ascii_uppercase());
    &form[..end.unwrap_or(form.len())]
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is no number in range"))
}
