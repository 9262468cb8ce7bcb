//! The signature of a finding: one line that is equal for findings with one cause.
//!
//! It names the oracle and what had to go wrong: the faults that struck, each with the
//! call of the store and the operation that it struck; if there are no faults, the
//! missing barriers; if there are none, the words of the oracle. Files are replaced by
//! their kinds. The plan is shrunk first, so that only the needed parts of it count.
//!
//! Invariant: a signature does not depend on the seed, on numbers, keys or values, or
//! on the speed of the machine. It is a grouping and no proof: two causes that break
//! the same promise at the same missing barrier have one signature.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::explain::{Flip, Pivot, missing_barriers};
use crate::finding::replay::{Found, replay};
use crate::finding::shrink::shrink_watched;
use crate::judge::oracle::{Finding, Oracle};
use crate::run::execute::Struck;
use crate::run::plan::Plan;
use crate::stop::Stop;

/// The largest number of runs to shrink a plan. It is a count, so that it is the same
/// on every machine.
const MAX_RUNS: u64 = 2000;

/// What is known about a finding after its plan was shrunk.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// The signature.
    pub signature: Signature,
    /// What had to go wrong in the shrunk plan, in sentences.
    pub why: Vec<String>,
    /// The shrunk plan.
    pub trace: Plan,
}

impl Diagnosis {
    /// Diagnoses a plan. O(runs of the plan), of which there are at most a few
    /// thousand.
    ///
    /// # Errors
    /// If the plan has no finding.
    pub fn of(plan: &Plan) -> Result<Self, String> {
        let mut watch = |_: &Plan, runs| runs < MAX_RUNS;
        let small = shrink_watched(plan, Stop::never(), &mut watch)?.plan;
        let shown = replay(&small, false)?;
        let finding = shown.finding.ok_or("the trace has no finding")?;
        let struck = shown.execution.map(|execution| execution.struck);
        let struck = struck.unwrap_or_default();
        if !struck.is_empty() {
            return Ok(Self::of_faults(&finding, struck, small));
        }
        let pivots = missing_barriers(&small, &Stop::never())?;
        let barriers: BTreeSet<String> = pivots.iter().filter_map(missing).collect();
        Ok(Self {
            signature: match barriers.is_empty() {
                false => Signature::joined(finding.oracle, barriers, " or "),
                true => Signature::of_words(&finding),
            },
            why: pivots.iter().map(ToString::to_string).collect(),
            trace: small,
        })
    }

    /// Diagnoses a finding of a campaign, even if its plan does not show the finding
    /// again.
    #[must_use]
    pub fn of_found(found: &Found) -> Self {
        Self::of(&found.plan).unwrap_or_else(|_| Self {
            signature: Signature::of_words(&found.finding),
            why: Vec::new(),
            trace: found.plan.clone(),
        })
    }

    fn of_faults(finding: &Finding, struck: Vec<Struck>, trace: Plan) -> Self {
        let places = struck.iter().map(|struck| kinds_of(&struck.place()));
        let signature = Signature::joined(finding.oracle, places.collect(), " and ");
        let finding = || finding.clone();
        let flips = struck.into_iter().map(|struck| Flip::Fault {
            struck,
            finding: finding(),
        });
        Self {
            signature,
            why: flips.map(|flip| flip.to_string()).collect(),
            trace,
        }
    }
}

/// What findings with one cause have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(String);

impl Signature {
    /// Parses a signature.
    ///
    /// # Errors
    /// One line, if the text is not a signature.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.split_once(": ").map_or(text, |(name, _)| name);
        if Oracle::named(name).is_none() {
            return Err(format!(
                "a signature begins with the name of an oracle and a colon, not with {name:?}"
            ));
        }
        let signature = Self(words(text));
        match signature.0.len() > name.len() + 2 {
            true => Ok(signature),
            false => Err(format!("nothing stands behind {name:?}")),
        }
    }

    /// The oracle and its words, for a finding whose cause is not known.
    fn of_words(finding: &Finding) -> Self {
        let line = finding.message.lines().next().unwrap_or_default();
        // The part after a colon has keys, values and paths.
        let head = line.split_once(": ").map_or(line, |(head, _)| head);
        let is_sentence = head.split_whitespace().count() > 1;
        let text = kinds_of(if is_sentence { head } else { line });
        Self(format!("{}: {text}", finding.oracle))
    }

    fn joined(oracle: Oracle, causes: BTreeSet<String>, word: &str) -> Self {
        let causes: Vec<String> = causes.into_iter().collect();
        Self(format!("{oracle}: {}", causes.join(word)))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A missing barrier, without numbers.
fn missing(pivot: &Pivot) -> Option<String> {
    match &pivot.flip {
        Flip::Barrier { barrier, before } => {
            Some(kinds_of(&format!("no {barrier} before {before}")))
        }
        _ => None,
    }
}

/// The text with single blanks between words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Replaces every word with a digit by `N`, and removes offsets in files and quoted
/// parts: `write wal-000001[16..80]` becomes `write wal-N`.
fn kinds_of(text: &str) -> String {
    let (mut kinds, mut word) = (String::new(), String::new());
    let (mut is_quoted, mut depth) = (false, 0u32);
    let end = |kinds: &mut String, word: &mut String| {
        let has_digit = word.contains(|letter: char| letter.is_ascii_digit());
        kinds.push_str(if has_digit { "N" } else { word });
        word.clear();
    };
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let is_hidden = is_quoted || depth > 0;
        match letter {
            '\\' if is_quoted => drop(letters.next()),
            '"' => is_quoted = !is_quoted,
            '[' if !is_quoted => depth += 1,
            ']' if !is_quoted => depth = depth.saturating_sub(1),
            _ if is_hidden => {}
            letter if letter.is_alphanumeric() => word.push(letter),
            letter => {
                end(&mut kinds, &mut word);
                kinds.push(letter);
            }
        }
    }
    end(&mut kinds, &mut word);
    words(&kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_seed_chooses() {
        for (text, kinds) in [
            ("write wal-000001[16..80]", "write wal-N"),
            (
                "no sync_data(segment-1f3a.tmp) before rename segment-1f3a.tmp segment-1f3a",
                "no sync_data(segment-N.tmp) before rename segment-N.tmp segment-N",
            ),
            ("a/3 should be \"x\\\" and is nothing", "a/N should be"),
            ("", ""),
        ] {
            assert_eq!(kinds_of(text), kinds, "{text}");
        }
    }

    #[test]
    fn the_words_of_an_oracle_end_where_values_begin() {
        let signature =
            |oracle, message: &str| Signature::of_words(&Finding::new(oracle, message)).to_string();
        assert_eq!(
            signature(Oracle::State, "a torn commit at commit 12: a/3 should be"),
            "state: a torn commit at commit N"
        );
        assert_eq!(
            signature(Oracle::Errors, "log: injected disk-full at 7\nmore"),
            "errors: log: injected disk-full at N"
        );
    }

    #[test]
    fn a_signature_can_be_read_back() {
        let text = "durability: no sync_dir(/) before commit N is acknowledged";
        assert_eq!(
            Signature::parse(text).map(|it| it.to_string()),
            Ok(text.to_owned())
        );
        let spaced = text.replace(' ', "  ");
        assert_eq!(Signature::parse(&spaced), Signature::parse(text));
        for bad in [
            "",
            "durability",
            "durability: ",
            "luck: none",
            "no sync_dir",
        ] {
            assert!(Signature::parse(bad).is_err(), "{bad}");
        }
    }
}
