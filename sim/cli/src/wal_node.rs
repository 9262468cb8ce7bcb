//! `wal-node`: a log with snapshots, with a protocol of JSON messages, one per line.
//!
//! The protocol is that of Maelstrom: an envelope with `src`, `dest` and `body`, and
//! errors with Maelstrom's codes. The store is the system `snapshot-log` of the
//! laboratory, unchanged: the code that the simulated crashes have tested runs here on
//! the real disk. Reading order: this file (the loop), [`message`] (the envelope),
//! [`requests`] (what each message does), [`recover`] (the replay of given entries) and
//! [`benchmark`].
//!
//! No line ends the node: a line that is not understood or cannot be done is answered
//! with an error. The node ends at the end of its input, or when its answers are no
//! longer read.

mod benchmark;
mod message;
mod recover;
mod requests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use lithify::fs::OsFs;
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use lithify_specimens::snapshot_log::{Options, Schedule, Shared, SnapshotLog};

use super::data_file::time::positive_time;
use super::lines::{Line, next_line};
use super::person;
use requests::Node;

const EXAMPLE: &str = r#"{"src":"me","dest":"n1","body":{"type":"wal_append","payload":"hello"}}"#;

/// The messages, for `help`.
const MESSAGES: &str = r#"A message and its answer are one line of JSON each. For example:
{"src":"me","dest":"n1","body":{"type":"wal_append","payload":"hello"}}
Types, and the other fields of the body:
init                 node_id: a name for this node
wal_append           payload: a string
wal_read             offset: a number
wal_info
wal_segment_config   max_segment_bytes: a number
wal_segment_info
wal_recover          wal_entries: a list of entries
wal_snapshot
wal_compact          snapshot_at_offset: a number
fsync_benchmark      entries: a number; strategies: always, batch_10ms, none"#;

const EXAMPLES: &str = "\
Examples:
  lithify wal-node < messages.jsonl
  lithify wal-node --dir log
  lithify wal-node --dir log --snapshot-every 10000 --snapshot-interval 1h

Messages: init, wal_append, wal_read, wal_info, wal_segment_config, wal_segment_info, wal_recover, \
wal_snapshot, wal_compact, fsync_benchmark; the word help lists their fields. Entries, snapshots and \
offsets are those of the page design/wal-snapshot.md. An append is synced before the answer.

With --snapshot-every or --snapshot-interval a thread takes snapshots and removes the segments that \
a snapshot covers, as wal_snapshot and wal_compact do, between two messages. At the end of the \
input a snapshot is taken if --snapshot-every entries are newer than the newest snapshot.

Before init the node accepts messages for any name; after init, messages for its own name. If a \
message has no msg_id, its answer has no in_reply_to.

An error has the type error, a text and a code: 1 the message is for another node; 10 unknown type; \
11 no memory for the line; 12 malformed message or missing field; 13 the disk or the log failed; 20 \
no such entry; 22 compaction above the newest snapshot, or init with another name.";

/// The longest line in bytes; a longer line is answered with an error.
pub(super) const MAX_LINE_BYTES: usize = 32 << 20;

/// The length of a segment before `wal_segment_config` changes it.
const DEFAULT_SEGMENT_BYTES: u64 = 1 << 20;

/// Answers messages about a log with snapshots, as lines of JSON
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WalNode {
    /// The directory of the log, created if it is missing [default: a temporary directory,
    /// removed at the end]
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
    /// Take a snapshot and compact after this number of entries since the newest snapshot
    #[arg(long, value_name = "ENTRIES", value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_every: Option<u64>,
    /// Take a snapshot and compact after this time, if there are new entries
    #[arg(long, value_name = "TIME", value_parser = positive_time)]
    snapshot_interval: Option<Duration>,
}

/// Runs the command.
pub(crate) fn run(arguments: &WalNode) -> Outcome {
    // The directory is removed when this value is dropped, so it must outlive the node.
    let temporary = match &arguments.dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|error| {
            Exit::Io.because(format!("cannot create a temporary directory: {error}"))
        })?),
    };
    let directory = match (&arguments.dir, &temporary) {
        (Some(directory), _) => directory.as_path(),
        (None, temporary) => temporary.as_ref().expect("one of the two is there").path(),
    };
    let schedule = Schedule {
        every: arguments.snapshot_every,
        interval: arguments.snapshot_interval,
    };
    let mut node = open(directory, schedule)?;
    person::greet("wal-node keeps a log with snapshots", EXAMPLE);
    let mut input = std::io::stdin().lock();
    let mut output = Output::for_reading();
    while let Some(line) = next_line(&mut input, MAX_LINE_BYTES)? {
        let answer = match line {
            Line::Whole(bytes) if bytes.trim_ascii().is_empty() => continue,
            Line::Whole(bytes) if person::asks_for_help(&bytes) => {
                person::help(&mut output, MESSAGES)?;
                output.flush()?;
                continue;
            }
            Line::Whole(bytes) => node.answer(&bytes),
            Line::TooLong => node.refuse_line(MAX_LINE_BYTES),
        };
        output.line(&answer)?;
        output.flush()?;
    }
    output.finish()
}

fn open(directory: &Path, schedule: Schedule) -> Outcome<Node> {
    std::fs::create_dir_all(directory).map_err(|error| {
        let name = directory.display();
        Exit::of_directory(&error).because(format!("cannot create the directory {name}: {error}"))
    })?;
    let fs = OsFs::new(directory);
    let options = Options {
        segment_bytes: DEFAULT_SEGMENT_BYTES,
        syncs_appends: true,
        keeps_index: true,
    };
    let store = SnapshotLog::open(Arc::new(fs), &options);
    let shared = store.and_then(|store| Shared::new(store, schedule));
    let shared = shared.map_err(|failure| {
        Exit::of_opening(&failure).because(format!("{}: {failure}", directory.display()))
    })?;
    benchmark::sweep(directory);
    Ok(Node::new(shared, directory.to_owned()))
}

/// Parses a line as a request.
#[cfg(fuzzing)]
pub(super) fn take_line(line: &[u8]) {
    let _ = message::Request::parse(line);
}
