//! When the inputs of merges go: the strategies of the engine, and one as it was once
//! written, with its mistake.

use std::str::FromStr;

use lithify::RemoveInputs;

use super::segment::Segment;

/// A strategy for the inputs of merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remove {
    /// As the engine does it.
    Rule(RemoveInputs),
    /// A head window that looks at the newest commit only and not at the input's: as soon
    /// as there are more than `keep` commits, it removes everything, inside the window too.
    HeadWindowAsWritten {
        /// How many commits should be kept.
        keep: u64,
    },
}

impl Remove {
    /// Whether an input stays, now that every commit up to `at` is known.
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

/// What [`Remove`] is written as.
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
