//! Plans as text, for saving and replaying findings.
//!
//! Every printed plan reads back as the same plan. Errors name the line and the column.

mod action;
mod print;
mod stretch;
mod words;

use std::fmt;

use crate::disk::{Model, SkippedBarrier};
use crate::judge::oracle::Oracle;
use crate::names::unknown;
use crate::run::plan::{Action, Expectation, Plan};
use crate::system::{Setting, Settings, System};
use action::action;
use words::{Complaint, Word, any, ends_after, number, setting, word, words_of};

/// The version of the trace format.
pub const TRACE_VERSION: u32 = 1;

/// Why a text is not a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "line {}, column {}: {}",
            self.line, self.column, self.message
        )
    }
}

impl std::error::Error for ParseError {}

/// Reads a trace of one of these systems. Empty lines and comments after `//` are
/// ignored.
///
/// # Errors
/// The first line that cannot be read.
pub fn parse(systems: &[&'static dyn System], text: &str) -> Result<Plan, ParseError> {
    let mut reader = Reader {
        systems: systems.to_vec(),
        ..Reader::default()
    };
    let mut last = 0;
    for (index, line) in text.lines().enumerate() {
        last = index + 1;
        let content = line.split("//").next().unwrap_or_default();
        let words = words_of(content);
        if words.is_empty() {
            continue;
        }
        let place = |at: usize| (last, line[..at].chars().count() + 1);
        reader
            .line(&words, &place)
            .map_err(|(at, message)| ParseError::new(place(at), message))?;
    }
    reader.finish((last.max(1), 1))
}

/// A line and a column, both from 1.
type Place = (usize, usize);

impl ParseError {
    fn new((line, column): Place, message: impl Into<String>) -> Self {
        Self {
            line,
            column,
            message: message.into(),
        }
    }
}

#[derive(Default)]
struct Reader {
    systems: Vec<&'static dyn System>,
    has_header: bool,
    has_begun: bool,
    system: Option<&'static dyn System>,
    model: Option<&'static Model>,
    seed: Option<u64>,
    bug: Option<(String, Place)>,
    skipped: Vec<SkippedBarrier>,
    settings: Settings,
    /// The place of each setting.
    set_at: Vec<(String, Place)>,
    actions: Vec<Action>,
    /// The index of each change of a setting among the actions, and its place.
    changed_at: Vec<(usize, Place)>,
    expectation: Option<Expectation>,
}

impl Reader {
    fn line(
        &mut self,
        words: &[Word<'_>],
        place: &dyn Fn(usize) -> Place,
    ) -> Result<(), Complaint> {
        let (column, keyword) = words[0];
        if !self.has_header {
            return self.header(words);
        }
        if self.expectation.is_some() {
            return Err((
                column,
                format!("{keyword:?} after the expectation, which is the last line"),
            ));
        }
        if self.has_begun {
            return self.body(words, place);
        }
        let is_repeated = match keyword {
            "system" => self.system.is_some(),
            "model" => self.model.is_some(),
            "seed" => self.seed.is_some(),
            "bug" => self.bug.is_some(),
            _ => false,
        };
        if is_repeated {
            return Err((column, format!("a second {keyword}")));
        }
        match keyword {
            "begin" => self.has_begun = true,
            "system" => {
                let (at, name) = word(words, 1, "the name of a system")?;
                let system = self.systems.iter().find(|system| system.name() == name);
                let names = self.systems.iter().map(|system| system.name());
                let refused = || (at, unknown("system", name, names));
                self.system = Some(*system.ok_or_else(refused)?);
            }
            "model" => {
                let (at, name) = word(words, 1, "the name of a persistence model")?;
                let refused = || (at, unknown("persistence model", name, Model::names()));
                self.model = Some(Model::named(name).ok_or_else(refused)?);
            }
            "seed" => self.seed = Some(number(words, 1, "a seed")?),
            "bug" => {
                let (at, name) = word(words, 1, "the name of a planted bug")?;
                self.bug = Some((name.to_owned(), place(at)));
            }
            "skip" => self.skipped.push(SkippedBarrier {
                verb: any(word(words, 1, "sync, sync_data, sync_dir or *")?.1),
                file: any(word(words, 2, "the beginning of a file's name, or *")?.1),
                after: any(word(words, 3, "the operations before, or *")?.1),
            }),
            "set" => {
                let (name, value) = setting(words)?;
                self.set_at.push((name.clone(), place(words[1].0)));
                if self.settings.insert(name, value).is_some() {
                    return Err((words[1].0, format!("{:?} is set twice", words[1].1)));
                }
            }
            _ => {
                return Err((
                    column,
                    format!(
                        "{keyword:?} before \"begin\": expected system, model, seed, bug, skip, set or begin"
                    ),
                ));
            }
        }
        let used = match keyword {
            "begin" => 1,
            "skip" => 4,
            "set" => 3,
            _ => 2,
        };
        ends_after(words, used)
    }

    fn header(&mut self, words: &[Word<'_>]) -> Result<(), Complaint> {
        if words[0].1 != "lithify-sim" {
            return Err((
                words[0].0,
                "a trace begins with \"lithify-sim\" and its version".to_owned(),
            ));
        }
        let version: u32 = number(words, 1, "the version of the format")?;
        if version != TRACE_VERSION {
            return Err((
                words[1].0,
                format!(
                    "the trace has format version {version}, this program reads version {TRACE_VERSION}"
                ),
            ));
        }
        self.has_header = true;
        ends_after(words, 2)
    }

    fn body(
        &mut self,
        words: &[Word<'_>],
        place: &dyn Fn(usize) -> Place,
    ) -> Result<(), Complaint> {
        if words[0].1 == "expect" {
            let (at, name) = word(words, 1, "\"pass\" or the name of an oracle")?;
            self.expectation = Some(match name {
                "pass" => Expectation::Pass,
                _ => Expectation::Violation(
                    Oracle::named(name)
                        .ok_or_else(|| (at, unknown("oracle", name, Oracle::names())))?,
                ),
            });
            return ends_after(words, 2);
        }
        let action = action(words)?;
        if matches!(action, Action::Set(..)) {
            self.changed_at
                .push((self.actions.len(), place(words[1].0)));
        }
        self.actions.push(action);
        Ok(())
    }

    fn finish(self, end: Place) -> Result<Plan, ParseError> {
        let missing = |message| ParseError::new(end, message);
        if !self.has_header {
            return Err(missing("the trace is empty"));
        }
        if !self.has_begun {
            return Err(missing("the trace ends before \"begin\""));
        }
        let system = self
            .system
            .ok_or_else(|| missing("the trace names no system"))?;
        self.check_settings(system, end)?;
        self.check_changes(system)?;
        let bugs = system.bugs();
        if let Some((name, place)) = &self.bug
            && !bugs.is_empty()
            && !bugs.iter().any(|bug| bug.name == name)
        {
            let message = format!("the system {} has no planted bug {name:?}", system.name());
            return Err(ParseError::new(*place, message));
        }
        Ok(Plan {
            system,
            model: self.model.unwrap_or(Model::DEFAULT),
            seed: self.seed.unwrap_or_default(),
            bug: self.bug.map(|(name, _)| name),
            skipped: self.skipped,
            settings: self.settings,
            actions: self.actions,
            expectation: self.expectation.unwrap_or(Expectation::Pass),
        })
    }
}

impl Reader {
    /// Settings may depend on one another, so all of them are tried together first. If
    /// that fails, the error is placed at the first setting that fails alone.
    fn check_settings(&self, system: &dyn System, end: Place) -> Result<(), ParseError> {
        let Err(together) = system.configure(&self.settings) else {
            return Ok(());
        };
        for (name, place) in &self.set_at {
            let alone = Settings::from([(name.clone(), self.settings[name].clone())]);
            if let Err(message) = system.configure(&alone) {
                return Err(ParseError::new(*place, message));
            }
        }
        let place = self.set_at.last().map_or(end, |(_, place)| *place);
        Err(ParseError::new(place, together))
    }

    /// Checks the changes of settings, in order.
    fn check_changes(&self, system: &dyn System) -> Result<(), ParseError> {
        let mut settings = self.settings.clone();
        for (index, place) in &self.changed_at {
            if let Action::Set(name, value) = &self.actions[*index] {
                let is_kept =
                    |setting: &Setting| setting.name == name.as_str() && !setting.may_change;
                if system.settings().iter().any(is_kept) {
                    let message = format!(
                        "the setting {name} cannot change: a store keeps it from its creation on"
                    );
                    return Err(ParseError::new(*place, message));
                }
                settings.insert(name.clone(), value.clone());
            }
            if let Err(message) = system.configure(&settings) {
                return Err(ParseError::new(*place, message));
            }
        }
        Ok(())
    }
}
