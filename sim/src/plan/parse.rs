//! Reading plans back. Errors name line and column.

use std::fmt;

use super::{Action, Crash, Expectation, Plan, Survivors, TRACE_VERSION};
use crate::history::{Batch, Key, Value, Write};
use crate::oracle::Oracle;
use crate::simfs::SkippedBarrier;
use crate::simfs::{Fault, FaultKind, Model};
use crate::system::{Settings, System};
use crate::systems::SYSTEMS;

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

/// What is wrong with a word: where it begins in its line, and what was expected.
type Complaint = (usize, String);

/// Reads a trace of one of the laboratory's own systems. Empty lines and what follows
/// `//` are ignored.
///
/// # Errors
/// The first line that is not understood.
pub fn parse(text: &str) -> Result<Plan, ParseError> {
    parse_of(SYSTEMS, text)
}

/// Reads a trace of one of these systems.
///
/// # Errors
/// As [`parse`].
pub fn parse_of(systems: &[&'static dyn System], text: &str) -> Result<Plan, ParseError> {
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
        reader
            .line(&words)
            .map_err(|(column, message)| ParseError {
                line: last,
                column: line[..column].chars().count() + 1,
                message,
            })?;
    }
    reader.finish().map_err(|message| ParseError {
        line: last.max(1),
        column: 1,
        message,
    })
}

/// A word and where it begins, in bytes.
type Word<'line> = (usize, &'line str);

fn words_of(line: &str) -> Vec<Word<'_>> {
    let start_of = |word: &str| word.as_ptr() as usize - line.as_ptr() as usize;
    line.split_whitespace()
        .map(|word| (start_of(word), word))
        .collect()
}

#[derive(Default)]
struct Reader {
    systems: Vec<&'static dyn System>,
    has_header: bool,
    has_begun: bool,
    system: Option<&'static dyn System>,
    model: Option<&'static Model>,
    seed: u64,
    bug: Option<String>,
    skipped: Vec<SkippedBarrier>,
    settings: Settings,
    actions: Vec<Action>,
    expectation: Option<Expectation>,
}

impl Reader {
    fn line(&mut self, words: &[Word<'_>]) -> Result<(), Complaint> {
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
            return self.body(words);
        }
        match keyword {
            "begin" => self.has_begun = true,
            "system" => {
                let (at, name) = word(words, 1, "the name of a system")?;
                let system = self.systems.iter().find(|system| system.name() == name);
                let unknown = || (at, format!("no system is called {name:?}"));
                self.system = Some(*system.ok_or_else(unknown)?);
            }
            "model" => {
                let (at, name) = word(words, 1, "the name of a persistence model")?;
                let model = Model::named(name);
                self.model = Some(
                    model
                        .ok_or_else(|| (at, format!("no persistence model is called {name:?}")))?,
                );
            }
            "seed" => self.seed = number(words, 1, "a seed")?,
            "bug" => self.bug = Some(word(words, 1, "the name of a planted bug")?.1.to_owned()),
            "skip" => self.skipped.push(SkippedBarrier {
                verb: any(word(words, 1, "sync, sync_data, sync_dir or *")?.1),
                file: any(word(words, 2, "the beginning of a file's name, or *")?.1),
                after: any(word(words, 3, "the operations before, or *")?.1),
            }),
            "set" => {
                let (name, value) = setting(words)?;
                self.settings.insert(name, value);
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
        Ok(())
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
        Ok(())
    }

    fn body(&mut self, words: &[Word<'_>]) -> Result<(), Complaint> {
        if words[0].1 == "expect" {
            let (at, name) = word(words, 1, "\"pass\" or the name of an oracle")?;
            self.expectation = Some(match name {
                "pass" => Expectation::Pass,
                _ => Expectation::Violation(
                    Oracle::named(name)
                        .ok_or_else(|| (at, format!("no oracle is called {name:?}")))?,
                ),
            });
            return Ok(());
        }
        self.actions.push(action(words)?);
        Ok(())
    }

    fn finish(self) -> Result<Plan, String> {
        if !self.has_header {
            return Err("the trace is empty".to_owned());
        }
        if !self.has_begun {
            return Err("the trace ends before \"begin\"".to_owned());
        }
        let system = self.system.ok_or("the trace names no system")?;
        // Values are checked here too, so that a typing error has the file's name.
        system.configure(&self.settings)?;
        Ok(Plan {
            system,
            model: self.model.unwrap_or(Model::DEFAULT),
            seed: self.seed,
            bug: self.bug,
            skipped: self.skipped,
            settings: self.settings,
            actions: self.actions,
            expectation: self.expectation.unwrap_or(Expectation::Pass),
        })
    }
}

fn action(words: &[Word<'_>]) -> Result<Action, Complaint> {
    let (column, keyword) = words[0];
    let action = match keyword {
        "commit" => return Ok(Action::Commit(batches(&words[1..])?)),
        "crash" => return Ok(Action::Crash(crash(&words[1..])?)),
        "sync" => Action::Sync,
        "settle" => Action::Settle,
        "reopen" => Action::Reopen,
        "die" => Action::Die,
        "release" => Action::Release,
        "heal" => Action::Heal,
        "run" => Action::Run(word(words, 1, "the name of a task")?.1.to_owned()),
        "lose" => Action::Lose(word(words, 1, "the name of a callback")?.1.to_owned()),
        "read" => Action::Read(number(words, 1, "a commit")?),
        "pin" => Action::Pin(number(words, 1, "a commit")?),
        "set" => {
            let (name, value) = setting(words)?;
            Action::Set(name, value)
        }
        "fault" => {
            let (at, name) = word(words, 1, "the name of a fault")?;
            let kind = FaultKind::named(name)
                .ok_or_else(|| (at, format!("no fault is called {name:?}")))?;
            Action::Fault(Fault {
                kind,
                file: any(word(words, 2, "the beginning of a file's name, or *")?.1),
                at: number(words, 3, "which matching operation, from 1")?,
            })
        }
        _ => return Err((column, format!("{keyword:?} is not an action"))),
    };
    let used = match &action {
        Action::Set(..) => 3,
        Action::Fault(_) => 4,
        Action::Run(_) | Action::Lose(_) | Action::Read(_) | Action::Pin(_) => 2,
        _ => 1,
    };
    match words.get(used) {
        Some((at, extra)) => Err((*at, format!("{extra:?} is more than {keyword} takes"))),
        None => Ok(action),
    }
}

fn batches(words: &[Word<'_>]) -> Result<Vec<Batch>, Complaint> {
    let mut batches = vec![Batch::default()];
    for &(at, text) in words {
        if text == "|" {
            batches.push(Batch::default());
        } else {
            let write = write(text).ok_or_else(|| {
                (
                    at,
                    format!(
                        "{text:?} is not a write: expected keyspace/key=length.tag or keyspace/key-"
                    ),
                )
            })?;
            batches.last_mut().expect("there is one").writes.push(write);
        }
    }
    Ok(batches)
}

fn write(text: &str) -> Option<Write> {
    let (keyspace, rest) = text.split_once('/')?;
    let keyspace = (0..8).find(|&number| {
        Key {
            keyspace: number,
            key: 0,
        }
        .keyspace_name()
            == keyspace
    })?;
    let (key, value) = match rest.split_once('=') {
        Some((key, value)) => {
            let (length, tag) = value.split_once('.')?;
            let value = Value {
                length: length.parse().ok()?,
                tag: tag.parse().ok()?,
            };
            // Longer values would only make a typing error expensive.
            (
                key,
                Some(value).filter(|value| value.length <= 1 << 24)?.into(),
            )
        }
        None => (rest.strip_suffix('-')?, None),
    };
    Some(Write {
        key: Key {
            keyspace,
            key: key.parse().ok()?,
        },
        value,
    })
}

fn crash(words: &[Word<'_>]) -> Result<Crash, Complaint> {
    let mut rest = words;
    let mut before = None;
    if let Some(((_, "before"), tail)) = rest.split_first() {
        let end = tail
            .iter()
            .position(|(_, word)| word.starts_with('#'))
            .ok_or_else(|| {
                (
                    words[0].0,
                    "\"before\" needs an operation and its #number".to_owned(),
                )
            })?;
        let text: Vec<&str> = tail[..end].iter().map(|(_, word)| *word).collect();
        let (at, count) = tail[end];
        let count = count[1..]
            .parse()
            .map_err(|_| (at, format!("{count:?} is not a number from #1")))?;
        before = Some((text.join(" "), count));
        rest = &tail[end + 1..];
    }
    let mut fill = "zero".to_owned();
    if let Some(position) = rest.iter().position(|(_, word)| *word == "fill") {
        let (at, name) = word(rest, position + 1, "zero, garbage or stale")?;
        if !["zero", "garbage", "stale"].contains(&name) {
            return Err((at, format!("no fill is called {name:?}")));
        }
        fill = name.to_owned();
        rest = &rest[..position];
    }
    let survivors = match rest.split_first() {
        None => Survivors::AllBut(Vec::new()),
        Some(((_, verb @ ("lose" | "keep")), labels)) => {
            let labels = labels
                .iter()
                .map(|(_, label)| (*label).to_owned())
                .collect();
            if *verb == "lose" {
                Survivors::AllBut(labels)
            } else {
                Survivors::Only(labels)
            }
        }
        Some(((at, other), _)) => {
            return Err((*at, format!("{other:?} is not lose, keep or fill")));
        }
    };
    Ok(Crash {
        before,
        survivors,
        fill,
    })
}

fn setting(words: &[Word<'_>]) -> Result<(String, String), Complaint> {
    let name = word(words, 1, "the name of a setting")?.1.to_owned();
    Ok((name, word(words, 2, "a value")?.1.to_owned()))
}

fn any(text: &str) -> String {
    if text == "*" {
        String::new()
    } else {
        text.to_owned()
    }
}

fn word<'line>(words: &[Word<'line>], index: usize, what: &str) -> Result<Word<'line>, Complaint> {
    words.get(index).copied().ok_or_else(|| {
        let end = words.last().map_or(0, |(at, word)| at + word.len());
        (end, format!("the line ends where {what} should stand"))
    })
}

fn number<T: std::str::FromStr>(
    words: &[Word<'_>],
    index: usize,
    what: &str,
) -> Result<T, Complaint> {
    let (at, text) = word(words, index, what)?;
    text.parse()
        .map_err(|_| (at, format!("{text:?} is not {what}")))
}
