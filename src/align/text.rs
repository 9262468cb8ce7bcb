//! The text forms of an alignment and a cascade, and the errors of parsing them.
//!
//! Invariant: a printed value parses back to an equal value. The grammar of an alignment is `none`,
//! `D`, `DxLEVELS`, or `R0,R1,..`.

use std::fmt;
use std::str::FromStr;

use super::{Alignment, Level};

/// The lowest divisor or radix that makes a window wider than its children.
const LOWEST_RADIX: u64 = 2;

/// The way in which the merges of one commit that closes several levels are performed.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Cascade {
    /// Merge level by level: the output of each level is an input of the next.
    #[default]
    Step,
    /// Merge once, directly into the highest level. Same layout, fewer writes.
    Direct,
}

/// A cascade name that is neither `step` nor `direct`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownCascade {
    /// The name as given.
    pub name: String,
}

/// Why a placement rule was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AlignmentError {
    /// A uniform divisor of 0 or 1.
    DivisorTooSmall {
        /// The divisor as given.
        divisor: u64,
    },
    /// An empty list of radices.
    NoRadices,
    /// A radix of 0 or 1 in a list.
    RadixTooSmall {
        /// The radix as given.
        radix: u64,
        /// Its place in the list, from 1.
        position: usize,
    },
    /// The product of the radices exceeds `u64::MAX`.
    TooWide {
        /// The radix that made the product too large.
        radix: u64,
        /// Its place in the list, from 1.
        position: usize,
        /// The product of the radices before it.
        width: u64,
    },
    /// A text that is no whole number.
    NotANumber {
        /// The text as given.
        text: String,
    },
}

impl fmt::Display for AlignmentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DivisorTooSmall { divisor } => {
                write!(
                    formatter,
                    "divisor {divisor} is too small: the lowest allowed is {LOWEST_RADIX}"
                )
            }
            Self::NoRadices => {
                write!(
                    formatter,
                    "the list of radices is empty: it needs at least 1 radix, each {LOWEST_RADIX} or more"
                )
            }
            Self::RadixTooSmall { radix, position } => write!(
                formatter,
                "radix {radix} (number {position} in the list) is too small: the lowest allowed is {LOWEST_RADIX}"
            ),
            Self::TooWide {
                radix,
                position,
                width,
            } => write!(
                formatter,
                "radix {radix} (number {position} in the list) makes windows of {width} * {radix} commits: the widest allowed is {}",
                u64::MAX
            ),
            Self::NotANumber { text } => write!(
                formatter,
                "\"{text}\" is not a divisor: expected a whole number from {LOWEST_RADIX} to {}, such as \"4\", \"4x3\" (3 levels of 4), \"30,10,12,24\" or \"none\"",
                u64::MAX
            ),
        }
    }
}

impl std::error::Error for AlignmentError {}

impl fmt::Display for Alignment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let radices: Vec<u64> = self.radices().collect();
        let Some(&first) = radices.first() else {
            return formatter.write_str("none");
        };
        if radices.iter().all(|&radix| radix == first) {
            let for_ever = self.widths[radices.len()].checked_mul(first).is_none();
            return if for_ever {
                write!(formatter, "{first}")
            } else {
                write!(formatter, "{first}x{}", radices.len())
            };
        }
        let words: Vec<String> = radices.iter().map(u64::to_string).collect();
        formatter.write_str(&words.join(","))
    }
}

impl FromStr for Alignment {
    type Err = AlignmentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text == "none" {
            return Ok(Self { widths: vec![1] });
        }
        if let Some((divisor, levels)) = text.split_once('x') {
            let levels: Level = levels.trim().parse().map_err(|_| not_a_number(text))?;
            return Ok(Self::uniform(number(divisor)?)?.with_max_level(levels));
        }
        if text.contains(',') {
            let radices = text
                .split(',')
                .map(number)
                .collect::<Result<Vec<u64>, _>>()?;
            return Self::mixed(&radices);
        }
        Self::uniform(number(text)?)
    }
}

fn number(word: &str) -> Result<u64, AlignmentError> {
    word.trim().parse().map_err(|_| not_a_number(word))
}

fn not_a_number(text: &str) -> AlignmentError {
    AlignmentError::NotANumber {
        text: text.to_owned(),
    }
}

impl serde::Serialize for Alignment {
    /// As its text form, which parses back.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Alignment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Cascade {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Step => "step",
            Self::Direct => "direct",
        })
    }
}

impl FromStr for Cascade {
    type Err = UnknownCascade;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "step" => Ok(Self::Step),
            "direct" => Ok(Self::Direct),
            _ => Err(UnknownCascade {
                name: name.to_owned(),
            }),
        }
    }
}

impl fmt::Display for UnknownCascade {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "unknown cascade \"{}\": expected \"step\" or \"direct\"",
            self.name
        )
    }
}

impl std::error::Error for UnknownCascade {}
