//! `import`: commits the output of `export`.
//!
//! Lines are gathered into a commit until there are `--group` of them or their bytes
//! reach a limit, so memory does not grow with the input. The same lines with the same
//! group give the same commits, however slowly they come. A refused line ends the
//! command: the lines before it are committed first, and the message states their
//! number.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use lithify::{Store, WriteBatch, limits};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Failure, Outcome};
use lithify_sim::cli::output::Output;
use serde::{Deserialize, Serialize};

use super::bytes::BytesInput;
use super::lines::{Lines, parse};
use super::placement::PlacementArguments;
use super::store::{DEFAULT_KEYSPACE, StoreArgument};
use super::tuning::TuningArguments;

/// Lines are committed before there are `--group` of them if they reach this number of
/// bytes.
const COMMIT_BYTES: usize = 4 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  lithify import --store T state.jsonl
  lithify export --store S | lithify import --store T
  echo '{\"key\":\"a\",\"value\":{\"hex\":\"00ff\"}}' | lithify import --store T --keyspace other

Every line sets one key: {\"keyspace\":\"k\",\"key\":\"a\",\"value\":\"1\"}, as `export` and, without the
keyspace, `scan --format json` print them. Keys that the store has and the input has not stay.
Up to --group lines, and about four megabytes, become one commit, and each commit is acknowledged
before the next one is gathered.

A line that is refused ends the command with 3; the lines before it are committed, and the message
says how many they are. Importing the same lines again leads to the same state. A pipe that was
cut between two lines looks whole: let the shell tell (set -o pipefail).

What `changes` prints is for `follow`: it keeps the numbers of the commits.";

/// Commits what `export` has printed
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    #[command(flatten)]
    store: StoreArgument,
    /// The lines [default: standard input]
    #[arg(value_name = "FILE|-")]
    input: Option<PathBuf>,
    /// The keyspace of lines that name none
    #[arg(long, value_name = "NAME", default_value = DEFAULT_KEYSPACE)]
    keyspace: String,
    /// How many lines become one commit, with one sync, at most
    #[arg(long, value_name = "N", default_value = "1024",
          value_parser = clap::value_parser!(u64).range(1..=65_536))]
    group: u64,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    placement: PlacementArguments,
    #[command(flatten)]
    tuning: TuningArguments,
}

/// A line that was read.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "expected {\"key\":KEY,\"value\":VALUE}, with or without \"keyspace\":NAME"
)]
struct StateLine {
    keyspace: Option<String>,
    key: BytesInput,
    value: BytesInput,
}

/// Reads the next line; `None` at the end of the input.
fn read(lines: &mut Lines<impl Read>) -> Outcome<Option<StateLine>> {
    if !lines.read()? {
        return Ok(None);
    }
    let line = StateLine::of(&lines.line);
    let number = lines.number;
    line.map(Some)
        .map_err(|what| Exit::Input.because(format!("line {number}: {what}")))
}

impl StateLine {
    /// Parses a line, and refuses what no commit could hold, so that the refusal names
    /// one line and not a whole commit.
    fn of(line: &[u8]) -> Result<Self, String> {
        let line: Self = parse(line, "a key with its value").map_err(|what| {
            let is_of_changes = line.starts_with(b"{\"changes\":");
            let hint = match is_of_changes {
                true => "; this is the stream of `changes`: use `follow`",
                false => "",
            };
            format!("{what}{hint}")
        })?;
        let name = line.keyspace.as_deref().unwrap_or_default();
        for (what, given, limit) in [
            ("keyspace name", name.len(), limits::KEYSPACE_NAME_BYTES),
            ("key", line.key.bytes().len(), limits::KEY_BYTES),
            ("value", line.value.bytes().len(), limits::VALUE_BYTES),
        ] {
            if given > limit {
                return Err(format!(
                    "the {what} has {given} bytes, the limit is {limit}"
                ));
            }
        }
        Ok(line)
    }
}

/// Parses a line as a line of a state.
#[cfg(fuzzing)]
pub(super) fn take_line(line: &[u8]) {
    let _ = StateLine::of(line);
}

/// The counts of what was committed.
#[derive(Clone, Copy, Serialize)]
struct Summary {
    lines: u64,
    commits: u64,
    /// The newest commit of the store.
    head: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lines,
            commits,
            head,
        } = self;
        write!(
            formatter,
            "{lines} lines in {commits} commits; the newest commit is {head}"
        )
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Import) -> Outcome {
    match arguments
        .input
        .as_deref()
        .filter(|it| it.as_os_str() != "-")
    {
        None => take(arguments, Lines::new(std::io::stdin().lock())),
        Some(path) => {
            let shown = path.display();
            let file = File::open(path)
                .map_err(|error| Exit::Io.because(format!("cannot open {shown}: {error}")))?;
            take(arguments, Lines::new(file))
        }
    }
}

fn take(arguments: &Import, mut lines: Lines<impl Read>) -> Outcome {
    // Input that is refused at once must not leave an empty store behind.
    let first = read(&mut lines)?;
    let store = arguments
        .store
        .open_or_create(&arguments.placement, &arguments.tuning)?;
    let mut import = Importing {
        store,
        batch: WriteBatch::new(),
        gathered: 0,
        lines: 0,
        commits: 0,
    };
    let outcome = import.take_all(first, &mut lines, arguments);
    let summary = import.summary();
    let outcome = outcome.and_then(|()| Ok(import.store.close()?));
    outcome.map_err(|failure| failure.with_note(&format!("committed before: {summary}")))?;
    let mut output = Output::for_writing();
    match arguments.format.format {
        Format::Text => output.line(format!("imported {summary}").as_bytes())?,
        Format::Json => output.json(&summary)?,
    }
    output.finish()
}

/// An import in progress.
struct Importing {
    store: Store,
    /// The lines that were read and not committed, and their number.
    batch: WriteBatch,
    gathered: u64,
    /// The counts of what was committed.
    lines: u64,
    commits: u64,
}

impl Importing {
    /// Takes all lines. The lines before a refused line are committed.
    fn take_all(
        &mut self,
        first: Option<StateLine>,
        lines: &mut Lines<impl Read>,
        arguments: &Import,
    ) -> Outcome {
        let mut next = first;
        while let Some(line) = next {
            let keyspace = line.keyspace.as_deref().unwrap_or(&arguments.keyspace);
            self.batch
                .put(keyspace, line.key.bytes(), line.value.bytes());
            self.gathered += 1;
            if self.gathered >= arguments.group || self.batch.bytes() >= COMMIT_BYTES {
                self.commit()?;
            }
            next = match read(lines) {
                Ok(line) => line,
                Err(refused) => {
                    self.commit()?;
                    return Err(refused);
                }
            };
        }
        self.commit()
    }

    /// Commits the gathered lines. When this call returns, they are acknowledged.
    fn commit(&mut self) -> Outcome {
        if self.gathered == 0 {
            return Ok(());
        }
        let (first, last) = (self.lines + 1, self.lines + self.gathered);
        let committed = self.store.commit(&self.batch);
        committed.map_err(|error| {
            Failure::from(error).prefixed(&format!("lines {first} to {last} of the input"))
        })?;
        self.batch.clear();
        self.lines = last;
        self.gathered = 0;
        self.commits += 1;
        Ok(())
    }

    fn summary(&self) -> Summary {
        Summary {
            lines: self.lines,
            commits: self.commits,
            head: self.store.head().get(),
        }
    }
}
