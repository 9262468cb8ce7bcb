//! Arguments that decide which segments exist: fixed when a store is created.

use clap::Args;
use lithify::{Alignment, History, Level, Placement, RemoveInputs};

/// What a new store is created with. An existing store must have been created with what
/// is given; what is not given is taken from it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Placement (fixed when the store is created)")]
pub(crate) struct PlacementArguments {
    /// Windows of a level are this many times as wide as those below: one number from 2,
    /// or a list of radices such as 30,10,12,24 [default: 4]
    #[arg(long, value_name = "D", value_parser = alignment)]
    pub(crate) divisor: Option<Alignment>,
    /// The highest level that merges reach
    #[arg(long, value_name = "LEVEL")]
    pub(crate) max_level: Option<Level>,
    /// Closed windows with fewer segments are left alone, at least 2 [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) min_inputs: Option<u32>,
    /// Versions that merged segments keep: all, last:COMMITS or newest [default: all]
    #[arg(long, value_name = "RULE", value_parser = history)]
    pub(crate) history: Option<History>,
    /// When the inputs of merges go: never, always, up-to-level:LEVEL, head-window:COMMITS
    /// or head-window-up-to-level:COMMITS,LEVEL [default: always]
    #[arg(long, value_name = "RULE", value_parser = remove_inputs)]
    pub(crate) remove_inputs: Option<RemoveInputs>,
}

impl PlacementArguments {
    /// True when nothing was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.divisor.is_none()
            && self.max_level.is_none()
            && self.min_inputs.is_none()
            && self.history.is_none()
            && self.remove_inputs.is_none()
    }

    /// `base` with what was given.
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

/// `all`, `last:N` or `newest`.
pub(crate) fn history(text: &str) -> Result<History, String> {
    match (text, text.split_once(':')) {
        ("all", _) => Ok(History::All),
        ("newest", _) => Ok(History::Newest),
        (_, Some(("last", commits))) => Ok(History::Last(number(commits)?)),
        _ => Err("expected all, last:COMMITS or newest".to_owned()),
    }
}

/// The strategies of [`RemoveInputs`].
pub(crate) fn remove_inputs(text: &str) -> Result<RemoveInputs, String> {
    match (text, text.split_once(':')) {
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
        _ => Err(
            "expected never, always, up-to-level:LEVEL, head-window:COMMITS or \
             head-window-up-to-level:COMMITS,LEVEL"
                .to_owned(),
        ),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is no number in range"))
}
