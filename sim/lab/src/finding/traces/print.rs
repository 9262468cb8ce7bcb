//! Plans as text, with one line for each part that can be removed.

use std::fmt;

use super::{TRACE_VERSION, stretch};
use crate::history::Batch;
use crate::run::plan::{Action, Crash, Expectation, Plan, Survivors};

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "lithify-sim {TRACE_VERSION}")?;
        writeln!(formatter, "system {}", self.system.name())?;
        writeln!(formatter, "model {}", self.model.name)?;
        writeln!(formatter, "seed {}", self.seed)?;
        if let Some(bug) = &self.bug {
            writeln!(formatter, "bug {bug}")?;
        }
        for skip in &self.skipped {
            let [verb, file, after] =
                [&skip.verb, &skip.file, &skip.after].map(|text| or_any(text));
            writeln!(formatter, "skip {verb} {file} {after}")?;
        }
        for (name, value) in &self.settings {
            writeln!(formatter, "set {name} {value}")?;
        }
        writeln!(formatter, "begin")?;
        for action in &self.actions {
            writeln!(formatter, "{action}")?;
        }
        match self.expectation {
            Expectation::Pass => writeln!(formatter, "expect pass"),
            Expectation::Violation(oracle) => writeln!(formatter, "expect {oracle}"),
        }
    }
}

/// The empty text means any. A line of words needs a word for it, which is `*`.
fn or_any(text: &str) -> &str {
    if text.is_empty() { "*" } else { text }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(batches) => {
                formatter.write_str("commit")?;
                for (index, batch) in batches.iter().enumerate() {
                    if index > 0 {
                        formatter.write_str(" |")?;
                    }
                    write!(formatter, "{batch}")?;
                }
                Ok(())
            }
            Self::Sync => formatter.write_str("sync"),
            Self::Run(task) => write!(formatter, "run {task}"),
            Self::Lose(task) => write!(formatter, "lose {task}"),
            Self::Settle => formatter.write_str("settle"),
            Self::Reopen => formatter.write_str("reopen"),
            Self::Die => formatter.write_str("die"),
            Self::DieBefore((operation, count)) => {
                write!(formatter, "die before {operation} #{count}")
            }
            Self::Read(commit) => write!(formatter, "read {commit}"),
            Self::Pin(commit) => write!(formatter, "pin {commit}"),
            Self::Release => formatter.write_str("release"),
            Self::Set(name, value) => write!(formatter, "set {name} {value}"),
            Self::Fault(fault) => {
                let file = or_any(&fault.file);
                let stays = if fault.stays { " stays" } else { "" };
                write!(formatter, "fault {} {file} {}{stays}", fault.kind, fault.at)
            }
            Self::Heal => formatter.write_str("heal"),
            Self::Crash(crash) => write!(formatter, "{crash}"),
        }
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        stretch::print(self, formatter)
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("crash")?;
        if let Some((operation, count)) = &self.before {
            write!(formatter, " before {operation} #{count}")?;
        }
        let (verb, labels) = match &self.survivors {
            Survivors::AllBut(labels) => ("lose", labels),
            Survivors::Only(labels) => ("keep", labels),
        };
        if verb == "keep" || !labels.is_empty() {
            write!(formatter, " {verb}")?;
        }
        for label in labels {
            write!(formatter, " {label}")?;
        }
        if self.fill != "zero" {
            write!(formatter, " fill {}", self.fill)?;
        }
        Ok(())
    }
}
