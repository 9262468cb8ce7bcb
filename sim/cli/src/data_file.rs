//! `data-file`: an append-only data file that compacts itself in the background, driven
//! by lines of text.
//!
//! The store is the system `data-file` of the laboratory: the code that the simulated
//! crashes have tested runs here on the real disk, with a thread and a clock. Reading
//! order: this file (arguments and the loop), [`requests`] (what each line does) and
//! [`change`] (commits as JSON).
//!
//! No line ends the command: a line that is not understood or cannot be done is
//! answered with an error.

mod change;
mod requests;
pub(super) mod time;
pub(super) mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use lithify::fs::OsFs;
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use lithify_specimens::data_file::{Options, Policy, Role, Share, Shared};

use super::lines::{Line, next_line};
use super::person;
use super::wal_node::MAX_LINE_BYTES;
use requests::Session;
use time::positive_time;

const EXAMPLE: &str = "put stone granite";

const EXAMPLES: &str = "\
Examples:
  printf 'put stone granite\\nget stone\\nstats\\n' | lithify data-file --dir D
  echo 'changes-since 0' | lithify data-file --dir D |
      lithify data-file --dir R --replica

Each line is a request: put KEY VALUE, del KEY, get KEY, stats, check, compact, changes-since \
COMMIT, promote, help, or a commit as JSON, which only a replica accepts. A value is the rest of its \
line. Each request is answered with one line, which begins with ok, value, none or error; but \
changes-since is answered with a line of JSON for each commit and then ok, and help with several \
lines. A write is synced before the answer.

A replica stays a replica until promote: its directory says so, and it is not opened without \
--replica. A replica ignores the answers that its primary prints (ok and others). It answers with \
error a commit that it refuses, and an error that its primary prints; the exit code at the end of \
the input is then 3.

A key with spaces, an empty value, and a value that begins with a double quote are written between \
double quotes in C style, as git writes paths. Answers use the same form if they contain control \
characters, quotes, backslashes or bytes from 0x80.

Sizes are bytes, or have a unit: KB, MB, GB (powers of 1024). Times are seconds, or have a unit: \
ms, s, m, h, d.";

/// Answers requests about a data file that compacts itself, as lines
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DataFile {
    /// The directory of the store, created if it is missing
    #[arg(long, value_name = "DIRECTORY")]
    dir: PathBuf,
    /// The time between two checks (COMPACTION_INTERVAL)
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = positive_time)]
    interval: Duration,
    /// Minimum share of dead space for a compaction, from 0 to 1 (COMPACTION_THRESHOLD)
    #[arg(long, value_name = "SHARE", default_value = "0.3", value_parser = Share::parse)]
    threshold: Share,
    /// Minimum size of a file for a compaction (COMPACTION_MIN_FILE_SIZE)
    #[arg(long, value_name = "SIZE", default_value = "10MB", value_parser = size)]
    minimum_size: u64,
    /// Compact only on request (COMPACTION_ENABLED=False)
    #[arg(long)]
    disabled: bool,
    /// Accept commits from a primary, and no writes. A store with commits must be a replica
    /// already
    #[arg(long)]
    replica: bool,
    /// As --replica, and make a primary a replica, such as a copy of the files of a primary
    #[arg(long, conflicts_with = "replica")]
    make_replica: bool,
}

/// A number followed by one of these units.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn size(text: &str) -> Result<u64, String> {
    let units = [("", 1), ("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30)];
    scaled(text, &units).ok_or_else(|| format!("{text:?} is no size such as 4096, 10MB or 1GB"))
}

impl DataFile {
    fn options(&self) -> Options {
        Options {
            policy: Policy {
                enabled: !self.disabled,
                interval: self.interval,
                threshold: self.threshold,
                minimum_size_bytes: self.minimum_size,
            },
            role: match self.replica || self.make_replica {
                true => Role::Replica,
                false => Role::Primary,
            },
            may_demote: self.make_replica,
            ..Options::default()
        }
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &DataFile) -> Outcome {
    let name = arguments.dir.display();
    std::fs::create_dir_all(&arguments.dir).map_err(|error| {
        Exit::of_directory(&error).because(format!("cannot create the directory {name}: {error}"))
    })?;
    let fs = Arc::new(OsFs::new(&arguments.dir));
    let store = Shared::open(fs, &arguments.options())
        .map_err(|failure| Exit::of_opening(&failure).because(format!("{name}: {failure}")))?;
    person::greet("data-file keeps a data file that compacts itself", EXAMPLE);
    let mut input = std::io::stdin().lock();
    let mut output = Output::for_reading();
    let mut session = Session::new(&store);
    while let Some(line) = next_line(&mut input, MAX_LINE_BYTES)? {
        match line {
            Line::Whole(bytes) if bytes.trim_ascii().is_empty() => {}
            Line::Whole(bytes) if person::asks_for_help(&bytes) => {
                person::help(&mut output, requests::REQUESTS)?;
            }
            Line::Whole(bytes) => {
                session.answer(bytes.strip_suffix(b"\n").unwrap_or(&bytes), &mut output)?;
            }
            Line::TooLong => output.line(&session.refuse_line(MAX_LINE_BYTES))?,
        }
        output.flush()?;
    }
    let closed = store.close();
    closed.map_err(|failure| Exit::Io.because(format!("{name}: {failure}")))?;
    output.finish()?;
    match session.refusals() {
        None => Ok(()),
        Some(message) => Err(Exit::Input.because(format!("{name}: {message}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("10MB"), Ok(10 << 20));
        assert_eq!(size("0"), Ok(0));
        for text in ["", "MB", "-1", "1.5MB", "10 MB", "99999999999GB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}

/// Parses a line as a commit of a data file.
#[cfg(fuzzing)]
pub(super) fn take_line(line: &[u8]) {
    let _ = change::decode(line);
}
