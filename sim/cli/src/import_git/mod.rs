//! `import-git`: imports a git history into a store. Every git commit becomes one
//! commit.
//!
//! The log is parsed while it is read. Commits are gathered into groups, and a group is
//! acknowledged as a whole, with one sync. An import into a store with commits
//! continues it: the stored commits are first compared with the log. So the same
//! command can run again after an interruption, or after the repository has grown.
//!
//! If the log turns out to be garbled, the commits before that place are kept.

mod progress;
mod resume;
mod summary;

use std::io::BufRead;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use lithify::{Commit, Store, WriteBatch};
use lithify_policies::forecast::Forecast;
use lithify_policies::git::{CheckedLog, LineError, LogCommit, RawLog, Repository};
use lithify_sim::cli::args::Format;
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;

use super::bytes::shown;
use super::git_log::{of_git, of_log};
use super::placement::PlacementArguments;
use super::store::{KeyspaceArgument, StoreArgument};
use super::tuning::TuningArguments;
use progress::Progress;
use resume::{REWRITTEN, Stored};
use summary::Summary;

/// A group that has reached this number of bytes is committed before it is full.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  lithify import-git --store target/demo      # the repository of this directory
  lithify import-git --repo ../redb --store S --divisor 8 --cascade direct
  git log --first-parent -m --raw --no-abbrev --no-renames --reverse \\
      --format='commit %H %ct %P' | lithify import-git - --store S

Keys are paths. Values are what `git ls-tree` prints before the tab. The number of a commit is its \
place in the first-parent history, from 1; an empty commit has a number too. Run the command again \
to continue an interrupted import, or to add the new commits of the repository.

If a tree has one path twice, the key has both values, with a newline between them. If the log does \
not describe the tree of a commit (such a tree, or a tree that is out of order), the tree itself is \
read.

Use --repo where you can. A log on standard input has no mark at its end: a log that is cut off \
between two lines looks complete, and settings such as diff.ignoreSubmodules or log.showRoot change \
what git logs. With --repo the exit code of git is checked, and these settings have no effect. A \
log is refused if it contradicts itself and, with %P, if a commit is missing; %P is optional.";

/// Imports the history of a git repository
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportGit {
    #[command(flatten)]
    store: StoreArgument,
    /// The git repository [default: the repository of the working directory]
    #[arg(long, value_name = "PATH")]
    repo: Option<PathBuf>,
    /// Read the output of `git log --raw` from standard input, instead of --repo
    #[arg(value_name = "-", value_parser = ["-"], conflicts_with = "repo")]
    input: Option<String>,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    /// Number of commits that are acknowledged together, with one sync
    #[arg(long, value_name = "N", default_value = "256",
          value_parser = clap::value_parser!(u64).range(1..=65_536))]
    group: u64,
    /// Print the number of each commit when the commit is acknowledged
    #[arg(long)]
    acknowledge: bool,
    /// After the last commit, merge until no merge is due (the default)
    #[arg(long, overrides_with = "no_settle")]
    settle: bool,
    /// Do not merge after the last commit
    #[arg(long)]
    no_settle: bool,
    /// The form of the summary
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    placement: PlacementArguments,
    #[command(flatten)]
    tuning: TuningArguments,
}

impl ImportGit {
    /// The repository, unless the log comes from standard input.
    fn repository(&self) -> Option<PathBuf> {
        let here = || PathBuf::from(".");
        let repository = || self.repo.clone().unwrap_or_else(here);
        self.input.is_none().then(repository)
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &ImportGit) -> Outcome {
    if arguments.input.is_some() {
        let log = RawLog::new(std::io::stdin().lock());
        return import(arguments, CheckedLog::alone(log), None, &[]);
    }
    let repository = Repository::open(arguments.repo.as_deref()).map_err(of_git)?;
    let commits = repository.count().map_err(of_git)?;
    let notes = repository.notes().map_err(of_git)?;
    let log = repository.log().map_err(of_git)?;
    import(arguments, log, Some(commits), &notes)
}

fn import<R: BufRead>(
    arguments: &ImportGit,
    mut log: CheckedLog<RawLog<R>>,
    commits: Option<u64>,
    notes: &[&str],
) -> Outcome {
    let started = Instant::now();
    // A log that fails at once must not leave an empty store behind.
    let first = log.next().transpose().map_err(of_log)?;
    let store = arguments
        .store
        .open_or_create(&arguments.placement, &arguments.tuning)?;
    let mut import = Import::new(arguments, store, commits);
    let outcome = import.take_all(first.map(Ok).into_iter().chain(&mut log));
    import.progress.clear();
    if let Err(failure) = outcome {
        let head = import.store.head();
        // The first failure is reported; a failure of closing would add nothing to it.
        let _ = import.store.close();
        return Err(failure.with_note(&format!("the store has the commits up to {head}")));
    }
    let mut notes: Vec<String> = notes.iter().copied().map(str::to_owned).collect();
    notes.extend(log.corrected().map(|corrected| {
        format!(
            "trees that hold a name twice or out of order were read one by one: {} of them, the \
             first at commit {} ({}) for path {}",
            corrected.commits,
            corrected.number,
            corrected.id,
            shown(&corrected.path)
        )
    }));
    import.finish(started, notes)
}

/// An import in progress.
struct Import<'a> {
    arguments: &'a ImportGit,
    store: Store,
    /// The newest commit when the import began.
    resumed_after: Commit,
    forecast: Forecast,
    group: Vec<WriteBatch>,
    group_bytes: usize,
    operations: u64,
    output: Output,
    progress: Progress,
}

impl<'a> Import<'a> {
    fn new(arguments: &'a ImportGit, store: Store, commits: Option<u64>) -> Self {
        let placement = store.placement();
        Self {
            arguments,
            resumed_after: store.head(),
            forecast: Forecast::new(
                placement.alignment.clone(),
                arguments.tuning.cascade,
                placement.min_inputs,
            ),
            store,
            group: Vec::new(),
            group_bytes: 0,
            operations: 0,
            output: Output::for_writing(),
            progress: Progress::new(commits),
        }
    }

    fn keyspace(&self) -> &'a str {
        &self.arguments.keyspace.keyspace
    }

    /// Takes the whole log. If the log fails, the open group is committed. If the store
    /// fails, it is not.
    fn take_all(&mut self, mut log: impl Iterator<Item = Result<LogCommit, LineError>>) -> Outcome {
        self.skip_stored(&mut log)?;
        for commit in log {
            match commit {
                Ok(commit) => self.take(&commit)?,
                Err(error) => {
                    self.commit_group()?;
                    return Err(of_log(error));
                }
            }
        }
        self.commit_group()
    }

    /// Compares the commits that the store already has with the log.
    fn skip_stored(
        &mut self,
        log: &mut impl Iterator<Item = Result<LogCommit, LineError>>,
    ) -> Outcome {
        if self.resumed_after == Commit::ZERO {
            return Ok(());
        }
        let mut stored = Stored::new(&self.store, self.keyspace())?;
        for number in 1..=self.resumed_after.get() {
            let Some(commit) = log.next().transpose().map_err(of_log)? else {
                return Err(Exit::Input.because(format!(
                    "the log ends after commit {}: it is not the history that was imported; \
                     {REWRITTEN}",
                    number - 1
                )));
            };
            stored.compare(Commit::new(number), &commit)?;
            self.note(&commit.batch(self.keyspace()));
            self.progress.advance(1);
        }
        stored.finish()
    }

    fn take(&mut self, commit: &LogCommit) -> Outcome {
        let batch = commit.batch(self.keyspace());
        self.note(&batch);
        self.group_bytes += batch.bytes();
        self.group.push(batch);
        if self.group.len() as u64 >= self.arguments.group || self.group_bytes >= GROUP_BYTES {
            self.commit_group()?;
        }
        Ok(())
    }

    fn note(&mut self, batch: &WriteBatch) {
        self.operations += batch.len() as u64;
        self.forecast.add(batch.len() as u64);
    }

    /// Commits the group. When this call returns, the group is acknowledged.
    fn commit_group(&mut self) -> Outcome {
        if self.group.is_empty() {
            return Ok(());
        }
        let before = self.store.head().get();
        let head = self.store.commit_group(&self.group)?.get();
        self.group.clear();
        self.group_bytes = 0;
        if self.arguments.acknowledge {
            for number in before + 1..=head {
                self.output.line(number.to_string().as_bytes())?;
            }
            self.output.flush()?;
        }
        self.progress.advance(head - before);
        Ok(())
    }

    fn finish(mut self, started: Instant, notes: Vec<String>) -> Outcome {
        if !self.arguments.no_settle {
            let progress = Progress::waiting("settling");
            self.store.settle()?;
            progress.clear();
        }
        let mut summary = Summary::of(&self, notes)?;
        self.store.close()?;
        summary.measure(&self.arguments.store.path, started)?;
        match self.arguments.format {
            Format::Text => summary.write(&mut self.output)?,
            Format::Json => self.output.json(&summary)?,
        }
        self.output.finish()
    }
}
