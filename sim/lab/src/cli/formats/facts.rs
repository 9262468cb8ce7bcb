//! What all formats for continuous integration say, in one shape: of campaigns of the
//! laboratory, and of recorded programs.
//!
//! This file knows no format, and computes nothing but the lines of a finding.

/// The outcome of a command.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The command, as typed in a shell: `lithify sim`.
    pub command: String,
    /// What was tested: the name of a system, or a recorded program.
    pub subject: String,
    /// Everything that a finding can break.
    pub rules: Vec<Rule>,
    /// Numbers of the run by name, in the order in which they are told. A name is one word, or
    /// several with `_` between them.
    pub counts: Vec<(&'static str, u64)>,
    /// The parts of the run that are told one by one.
    pub parts: Vec<Part>,
    /// By signature, the most important first.
    pub findings: Vec<Finding>,
    /// The seconds that the run took, if one run has made these facts.
    pub seconds: Option<f64>,
    /// What the run has not done, if no finding explains it.
    pub shortfall: Option<Shortfall>,
}

/// A promise that a finding can break.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name, which never changes.
    pub id: &'static str,
    /// What it demands, in a sentence.
    pub about: &'static str,
}

/// A part of the run: what was done under one persistence model.
#[derive(Clone, Debug)]
pub struct Part {
    /// The persistence model, and what else tells the part from others.
    pub name: String,
    /// What was covered, in a sentence.
    pub covered: String,
    /// Whether anything was found in it.
    pub has_findings: bool,
}

/// The findings with one signature.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The id of the broken rule.
    pub rule: &'static str,
    /// The name of the part that the trace is from.
    pub part: String,
    /// What findings with one cause have in common.
    pub signature: String,
    /// What is wrong in the trace.
    pub message: String,
    /// What had to go wrong, a sentence each.
    pub why: Vec<String>,
    /// How often it was found, with its unit: `14 seeds`.
    pub count: String,
    /// The file from which it can be seen again.
    pub file: String,
    /// The command that shows it again.
    pub again: String,
    /// Why it is no failure, if somebody knows of it.
    pub excuse: Option<Excuse>,
}

/// Why a finding is no failure.
#[derive(Clone, Debug)]
pub struct Excuse {
    /// The last day on which it is none.
    pub until: String,
    /// The reason that somebody gave.
    pub reason: String,
}

/// What a run has not done.
#[derive(Clone, Debug)]
pub struct Shortfall {
    /// What is missing, and why.
    pub message: String,
    /// Whether it is a failure.
    pub is_failure: bool,
}

impl Facts {
    /// The name of the whole run.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.command, self.subject)
    }
}

/// How grave it is, in a word that all readers know.
fn level(is_failure: bool) -> &'static str {
    if is_failure { "error" } else { "warning" }
}

impl Shortfall {
    /// How grave it is.
    pub(super) fn level(&self) -> &'static str {
        level(self.is_failure)
    }
}

impl Finding {
    /// How grave it is.
    pub(super) fn level(&self) -> &'static str {
        level(self.excuse.is_none())
    }

    /// Everything that a reader needs, a line each. A message can have several lines itself.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.message.clone()];
        lines.extend(self.why.iter().cloned());
        let (count, part, file) = (&self.count, &self.part, &self.file);
        lines.push(format!("{count}, model {part}, in {file}"));
        lines.push(format!("to see it again: {}", self.again));
        lines.extend(self.excuse.as_ref().map(Excuse::sentence));
        lines
    }
}

impl Excuse {
    /// The excuse as a sentence.
    pub(super) fn sentence(&self) -> String {
        format!("known until {}: {}", self.until, self.reason)
    }
}
