//! `sim bisect`: finds the commit of a repository that brought a finding in.
//!
//! git chooses the commits that are tried (`git bisect`), so the search takes as many builds as
//! the number of commits has binary digits. Each commit is built in a working tree of its own, and
//! the program that comes out of it replays the trace.
//!
//! Invariants: the user's working tree and a `git bisect` that the user has begun stay as they
//! are. A commit is bad if its replay finds what the bad end finds; both ends are tried first. A
//! commit that cannot answer is passed over, and named.
//!
//! This file does not call git and does not start programs: see `revisions` and `builds`.

mod builds;
mod revisions;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use self::builds::{Builds, Verdict};
use self::revisions::{Answer, Next, Repository, WorkingTree};
use super::args::{Format, FormatArgument};
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::progress::Progress;
use super::{Laboratory, trace_file, workers};
use crate::stop::Stop;

const EXAMPLES: &str = "\
Examples:
  lithify sim bisect finding.sim --good v0.1.0
  lithify sim bisect finding.sim --good HEAD~50 --bad HEAD~3 --repo ../lithify
  lithify sim bisect finding.sim --good main --build 'make lab' --program build/lab

Exit codes:
  0  one commit brought the finding in
  1  it is one of several commits, because some of them cannot be tried
  2  usage: no repository, no such commit, an end that does not answer as it should
  7  ended by Ctrl-C";

/// Finds the commit that brought a finding in, by builds of a repository
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bisect {
    /// The trace of the finding
    trace: PathBuf,
    /// A commit without the finding
    #[arg(long, value_name = "REVISION")]
    good: String,
    /// A later commit with the finding
    #[arg(long, value_name = "REVISION", default_value = "HEAD")]
    bad: String,
    /// The repository
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    repo: PathBuf,
    /// The shell command that builds a commit, in the root of its working tree
    #[arg(
        long,
        value_name = "COMMAND",
        default_value = "cargo build --release --locked"
    )]
    build: String,
    /// The program that the build makes, seen from the root of the working tree [default:
    /// target/release/NAME, with the name of this program]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Where built programs are kept for later searches [default: target/bisect in the repository]
    #[arg(long, value_name = "DIRECTORY")]
    cache: Option<PathBuf>,
    /// Maximum number of seconds for one replay; a commit that needs more is passed over
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..))]
    time: u64,
    #[command(flatten)]
    format: FormatArgument,
}

/// A commit that was tried.
#[derive(Serialize)]
struct Tried {
    commit: String,
    subject: String,
    #[serde(flatten)]
    verdict: Verdict,
}

#[derive(Serialize)]
struct Line {
    trace: String,
    oracle: String,
    /// The commit, unless several are left.
    first_bad: Option<String>,
    /// What is left when commits had to be passed over.
    candidates: Vec<String>,
    tried: Vec<Tried>,
}

/// Runs the command.
pub(super) fn run(arguments: &Bisect, laboratory: Laboratory<'_>) -> Outcome {
    // The trace is read here, so that a mistake in it does not cost two builds.
    trace_file::read(laboratory, &arguments.trace)?;
    let repository = Repository::find(&arguments.repo)?;
    let (good, bad) = (
        repository.commit(&arguments.good)?,
        repository.commit(&arguments.bad)?,
    );
    repository.check_order(&good, &bad)?;
    let cache = arguments.cache.clone();
    let cache = cache.unwrap_or_else(|| repository.root().join("target/bisect"));
    let mut words = laboratory.command.split_whitespace();
    let name = words.next().unwrap_or_default();
    let stop = workers::stop_on_interrupt();
    let tree = repository.working_tree(&cache, &bad)?;
    let builds = Builds {
        build: arguments.build.clone(),
        program: match &arguments.program {
            Some(program) => program.clone(),
            None => PathBuf::from("target/release").join(name),
        },
        cache,
        words: words.map(str::to_owned).collect(),
        trace: trace_file::absolute(&arguments.trace)?,
        time: Duration::from_secs(arguments.time),
    };
    let mut search = Search {
        tree,
        builds,
        stop,
        progress: Progress::endless("commits", arguments.format.format),
        tried: Vec::new(),
    };
    let (oracle, end) = search.run(&good, &bad)?;
    let Search {
        progress, tried, ..
    } = search;
    drop(progress);
    report(arguments, oracle, end, tried)
}

/// A search that is under way.
struct Search {
    tree: WorkingTree,
    builds: Builds,
    stop: Stop,
    progress: Progress,
    tried: Vec<Tried>,
}

impl Search {
    /// Returns the oracle of the finding, and the commits that are left.
    fn run(&mut self, good: &str, bad: &str) -> Outcome<(String, Vec<String>)> {
        let oracle = match self.verdict_at(bad)? {
            Verdict::Finds(oracle) => oracle,
            other => return Err(self.end_differs("bad", bad, &other)),
        };
        match self.verdict_at(good)? {
            Verdict::Passes => {}
            other => return Err(self.end_differs("good", good, &other)),
        }
        let mut next = self.tree.begin(good, bad)?;
        loop {
            let commit = match next {
                Next::Try(commit) => commit,
                Next::Found(left) => return Ok((oracle, left)),
            };
            let answer = match self.verdict(&commit)? {
                Verdict::Finds(found) if found == oracle => Answer::Bad,
                Verdict::Passes => Answer::Good,
                Verdict::Finds(_) | Verdict::Unknown(_) => Answer::Skip,
            };
            next = self.tree.answer(answer)?;
        }
    }

    fn verdict_at(&mut self, commit: &str) -> Outcome<Verdict> {
        self.tree.check_out(commit)?;
        self.verdict(commit)
    }

    /// The verdict of the commit that is checked out.
    fn verdict(&mut self, commit: &str) -> Outcome<Verdict> {
        let subject = self.tree.subject(commit)?;
        self.progress.say(&format!("building {}", short(commit)));
        let verdict = self.builds.verdict(self.tree.path(), commit)?;
        // Ctrl-C ends the build, too: then its failure says nothing about the commit.
        if self.stop.is_due() {
            let message = format!("ended early, after {} commits", self.tried.len());
            return Err(Exit::Unfinished.because(message));
        }
        self.progress.advance();
        self.tried.push(Tried {
            commit: commit.to_owned(),
            subject,
            verdict: verdict.clone(),
        });
        Ok(verdict)
    }

    fn end_differs(&self, end: &str, commit: &str, verdict: &Verdict) -> super::exit::Failure {
        let should = match end {
            "bad" => "show the finding",
            _ => "pass",
        };
        Exit::Usage.because(format!(
            "the {end} end {} should {should}, and it {verdict}: there is nothing to search",
            short(commit)
        ))
    }
}

/// The first digits of a commit's hash.
fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

fn report(arguments: &Bisect, oracle: String, left: Vec<String>, tried: Vec<Tried>) -> Outcome {
    let mut output = Output::for_writing();
    let found = match left.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    let subject = |commit: &str| {
        let known = tried.iter().find(|one| one.commit == commit);
        known.map_or("", |one| one.subject.as_str()).to_owned()
    };
    match arguments.format.format {
        Format::Text => {
            for one in &tried {
                let (commit, verdict) = (short(&one.commit), &one.verdict);
                output.line(format!("{commit} {verdict}: {}", one.subject).as_bytes())?;
            }
            let end = match &found {
                Some(commit) => format!("{commit} brought {oracle} in: {}", subject(commit)),
                None => format!("one of these brought {oracle} in: {}", left.join(" ")),
            };
            output.line(end.as_bytes())?;
        }
        Format::Json => output.json(&Line {
            trace: arguments.trace.display().to_string(),
            oracle,
            first_bad: found.clone(),
            candidates: if found.is_some() {
                Vec::new()
            } else {
                left.clone()
            },
            tried,
        })?,
    }
    output.finish()?;
    match found {
        Some(_) => Ok(()),
        None => Err(Exit::Negative.because(format!(
            "{} commits are left, because some cannot be tried",
            left.len()
        ))),
    }
}
