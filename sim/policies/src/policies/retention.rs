//! The strategies that remove the inputs of merges: those of the engine, and one strategy
//! as it was once written, with its mistake.

use std::str::FromStr;

use lithify::RemoveInputs;

use super::segment::Segment;

/// A strategy that removes the inputs of merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remove {
    /// A strategy of the engine.
    Rule(RemoveInputs),
    /// A head window that compares with the newest commit and not with the input's commit.
    /// As soon as there are more than `keep` commits, it removes all inputs, even those
    /// inside the window.
    HeadWindowAsWritten {
        /// The number of commits that should be kept.
        keep: u64,
    },
}

impl Remove {
    /// Whether an input stays. `at` is the watermark.
    #[must_use]
    pub fn keeps(self, at: u64, input: &Segment) -> bool {
        let is_inside = |keep: u64| input.last.saturating_add(keep) > at;
        match self {
            Self::HeadWindowAsWritten { keep } => at <= keep,
            Self::Rule(RemoveInputs::Never) => true,
            Self::Rule(RemoveInputs::Always) => false,
            Self::Rule(RemoveInputs::UpToLevel(highest)) => input.level > highest,
            Self::Rule(RemoveInputs::HeadWindow { keep }) => is_inside(keep),
            Self::Rule(RemoveInputs::HeadWindowUpToLevel { keep, level }) => {
                input.level > level || is_inside(keep)
            }
        }
    }
}

/// The text forms of [`Remove`].
pub const REMOVE_FORMS: &str = "never, always, up-to-level/LEVEL, head-window/COMMITS, \
     head-window-up-to-level/COMMITS/LEVEL or head-window-as-written/COMMITS";

impl FromStr for Remove {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("{text:?} is no strategy; there are {REMOVE_FORMS}");
        let number = |word: &str| word.parse::<u64>().map_err(|_| refused());
        let level = |word: &str| word.parse::<u8>().map_err(|_| refused());
        let words: Vec<&str> = text.split('/').collect();
        let rule = match words[..] {
            ["never"] => RemoveInputs::Never,
            ["always"] => RemoveInputs::Always,
            ["up-to-level", highest] => RemoveInputs::UpToLevel(level(highest)?),
            ["head-window", keep] => RemoveInputs::HeadWindow {
                keep: number(keep)?,
            },
            ["head-window-up-to-level", keep, highest] => RemoveInputs::HeadWindowUpToLevel {
                keep: number(keep)?,
                level: level(highest)?,
            },
            ["head-window-as-written", keep] => {
                return Ok(Self::HeadWindowAsWritten {
                    keep: number(keep)?,
                });
            }
            _ => return Err(refused()),
        };
        Ok(Self::Rule(rule))
    }
}
