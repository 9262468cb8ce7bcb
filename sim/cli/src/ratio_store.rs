//! `ratio-store`: a durable table whose log rewrites itself, with one request per line.
//!
//! The store is the system `wal-ratio` of the laboratory, unchanged, with a worker
//! thread and a real clock. If a client does not wait for each answer, its changes are
//! synced in groups. A `get` sees exactly the changes requested before it.
//!
//! No line ends the command: a line that is not understood or cannot be done is
//! answered with an error. The command ends at the end of its input, or when its
//! answers are no longer read. After a failure of the disk each change is answered with
//! an error, and the exit code reports the failure at the end.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Args;
use lithify::fs::OsFs;
use lithify_sim::cli::exit::{Exit, Failure, Outcome};
use lithify_sim::cli::output::Output;
use lithify_sim::system::Failure as StoreFailure;
use lithify_specimens::wal_ratio::{Operation, Options, Policy, SharedStore, Ticket};

use super::data_file::time::{positive_time, time};
use super::data_file::words;
use super::lines::{Line, next_line};
use super::person;

/// The requests and their answers, for `help`.
const REQUESTS: &str = "\
put KEY VALUE   ok COMMIT     VALUE is the rest of the line
del KEY         ok COMMIT     also when the key does not exist
get KEY         value VALUE   or none
stats           counts, as NAME=NUMBER
help            these lines
An answer that begins with error says what was wrong.";

const EXAMPLE: &str = "put city Berlin";

const EXAMPLES: &str = "\
Examples:
  printf 'put city Berlin\\nget city\\nstats\\n' | lithify ratio-store --dir table
  lithify ratio-store --dir table --check-every 10s --threshold 4

Each line is a request. The requests and their answers:
  put KEY VALUE   ok COMMIT     VALUE is the rest of the line
  del KEY         ok COMMIT     also when the key does not exist
  get KEY         value VALUE   or none
  stats           counts, as NAME=NUMBER, and why the last rewrite was abandoned
  help            the requests

A key with spaces, an empty value, and a value that begins with a double quote are written between \
double quotes in C style, as git writes paths. Answers use the same form if they contain control \
characters, quotes, backslashes or bytes from 0x80. Times are seconds, or have a unit: ms, s, m, h, \
d.

A change is durable when it is answered. An answer that begins with error says what was wrong. \
Every --check-every a check decides whether the log is rewritten: if its bytes are --threshold \
times the live bytes, or if the last rewrite is --max-interval ago and some bytes are dead; and if \
the last rewrite is --min-interval ago. The first check is at the start. During a rewrite changes \
wait; reads continue.";

/// The longest line in bytes; a longer line is answered with an error.
const MAX_LINE_BYTES: usize = 8 << 20;

/// The largest number of requests that are read, and of changes in progress, before the
/// first answer.
const MAX_UNANSWERED: usize = 1024;

/// The largest number of request bytes that are read before the first answer. One
/// longer request is read too.
const MAX_UNANSWERED_BYTES: usize = 16 << 20;

/// Answers requests about a durable table whose log rewrites itself, as lines
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RatioStore {
    /// The directory of the table, created if it is missing
    #[arg(long, value_name = "DIRECTORY")]
    dir: PathBuf,
    /// The time between two checks of the rule
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = positive_time)]
    check_every: Duration,
    /// Minimum time between two rewrites
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = time)]
    min_interval: Duration,
    /// The time after which the log is rewritten if it has dead bytes, or off
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = perhaps)]
    max_interval: Perhaps,
    /// The ratio of log bytes to live bytes at which the log is rewritten
    #[arg(long, value_name = "RATIO", default_value = "10", value_parser = ratio)]
    threshold: u64,
}

/// A duration, or `off`.
#[derive(Clone, Copy, Debug)]
struct Perhaps(Option<Duration>);

fn perhaps(text: &str) -> Result<Perhaps, String> {
    match text {
        "off" => Ok(Perhaps(None)),
        _ => time(text).map(|duration| Perhaps(Some(duration))),
    }
}

fn ratio(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(ratio) if ratio >= 2 => Ok(ratio),
        _ => Err("it must be a whole number from 2".to_owned()),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl RatioStore {
    fn options(&self) -> Options {
        Options {
            policy: Policy {
                check_every: milliseconds(self.check_every),
                min_interval: milliseconds(self.min_interval),
                max_interval: self.max_interval.0.map(milliseconds),
                threshold: self.threshold,
            },
            ..Options::PUBLISHED
        }
    }
}

/// The bytes of the requests that were read and not answered. The reader waits until
/// enough bytes are free. One request always fits, whatever its length.
#[derive(Default)]
struct Room {
    taken: Mutex<usize>,
    is_freed: Condvar,
}

impl Room {
    fn taken(&self) -> MutexGuard<'_, usize> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bytes: usize) {
        let mut taken = self.taken();
        while *taken > 0 && *taken + bytes > MAX_UNANSWERED_BYTES {
            taken = self
                .is_freed
                .wait(taken)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *taken += bytes;
    }

    fn free(&self, bytes: usize) {
        let mut taken = self.taken();
        *taken = taken.saturating_sub(bytes);
        self.is_freed.notify_one();
    }
}

/// The request of a line.
enum Request {
    Change(Operation),
    Get(Vec<u8>),
    Stats,
    Help,
    Refused(String),
    /// The input cannot be read any more.
    Broken(Failure),
}

/// Runs the command.
pub(crate) fn run(arguments: &RatioStore) -> Outcome {
    let store = open(&arguments.dir, arguments.options())?;
    person::greet(
        "ratio-store keeps a durable table whose log rewrites itself",
        EXAMPLE,
    );
    let (requests, received) = sync_channel(MAX_UNANSWERED);
    let room = Room::default();
    // One thread reads ahead of the answers. It ends at the end of the input, or at the
    // first line after the answers have ended.
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| read(requests, &room));
        Answers::new(&store, &room).give(&received)
    });
    let closed = store
        .close()
        .map_err(|failure| failed(&arguments.dir, &failure));
    outcome.and(closed)
}

fn open(directory: &Path, options: Options) -> Outcome<SharedStore> {
    std::fs::create_dir_all(directory).map_err(|error| {
        let name = directory.display();
        Exit::of_directory(&error).because(format!("cannot create the directory {name}: {error}"))
    })?;
    SharedStore::open(Arc::new(OsFs::new(directory)), options).map_err(|failure| {
        Exit::of_opening(&failure).because(format!("{}: {failure}", directory.display()))
    })
}

fn failed(directory: &Path, failure: &StoreFailure) -> Failure {
    let exit = match failure {
        StoreFailure::Damage(_) => Exit::Damage,
        StoreFailure::Disk(_) | StoreFailure::Other(_) => Exit::Io,
    };
    exit.because(format!("{}: {failure}", directory.display()))
}

/// Reads the input and sends its requests, until the input or the receiver ends.
fn read(requests: SyncSender<(Request, usize)>, room: &Room) {
    let mut input = std::io::stdin().lock();
    loop {
        let mut bytes = 0;
        let request = match next_line(&mut input, MAX_LINE_BYTES) {
            Ok(None) => return,
            Ok(Some(Line::Whole(line))) => match line.strip_suffix(b"\n").unwrap_or(&line) {
                [] => continue,
                line => {
                    bytes = line.len();
                    understand(line)
                }
            },
            Ok(Some(Line::TooLong)) => {
                Request::Refused(format!("the line is longer than {MAX_LINE_BYTES} bytes"))
            }
            Err(failure) => Request::Broken(failure),
        };
        let is_last = matches!(request, Request::Broken(_));
        room.take(bytes);
        if requests.send((request, bytes)).is_err() || is_last {
            return;
        }
    }
}

fn understand(line: &[u8]) -> Request {
    request(line).unwrap_or_else(Request::Refused)
}

fn request(line: &[u8]) -> Result<Request, String> {
    let (verb, rest) = words::split(line);
    let (key, rest) = match rest {
        Some(rest) => words::key(rest)?,
        None => (Vec::new(), None),
    };
    match (verb, key.as_slice(), rest) {
        (b"put", [_, ..], Some(value)) => {
            Ok(Request::Change(Operation::Put(key, words::value(value)?)))
        }
        (b"del", [_, ..], None) => Ok(Request::Change(Operation::Delete(key))),
        (b"get", [_, ..], None) => Ok(Request::Get(key)),
        (b"stats", [], None) => Ok(Request::Stats),
        (b"help", [], None) => Ok(Request::Help),
        _ => Err("a request is put KEY VALUE, del KEY, get KEY, stats or help".to_owned()),
    }
}

/// Answers in the order of the lines. Changes are sent to the worker as they come, and
/// are answered together. Any other request waits until the changes before it are
/// answered. The changes after it are sent only then.
struct Answers<'run> {
    store: &'run SharedStore,
    room: &'run Room,
    output: Output,
    /// The changes in progress, and the bytes of each.
    under_way: VecDeque<(Ticket, usize)>,
}

impl Drop for Answers<'_> {
    /// No more answers follow: a reader that waits for room must notice that.
    fn drop(&mut self) {
        self.room.free(usize::MAX);
    }
}

impl<'run> Answers<'run> {
    fn new(store: &'run SharedStore, room: &'run Room) -> Self {
        Self {
            store,
            room,
            output: Output::for_reading(),
            under_way: VecDeque::new(),
        }
    }

    fn give(mut self, requests: &Receiver<(Request, usize)>) -> Outcome {
        loop {
            // Takes the requests that are available. Answers everything before it waits
            // for more.
            let received = match requests.try_recv() {
                Ok(received) => Some(received),
                Err(_) => {
                    self.finish_changes()?;
                    self.output.flush()?;
                    requests.recv().ok()
                }
            };
            let (request, bytes) =
                received.map_or((None, 0), |(request, bytes)| (Some(request), bytes));
            if !matches!(request, Some(Request::Change(_))) {
                self.finish_changes()?;
            }
            match request {
                None => return self.output.flush(),
                Some(Request::Change(operation)) => {
                    let ticket = self.store.submit(vec![operation]);
                    self.under_way.push_back((ticket, bytes));
                    if self.under_way.len() >= MAX_UNANSWERED {
                        self.finish_changes()?;
                    }
                    continue;
                }
                Some(Request::Get(key)) => match self.store.get(&key) {
                    Some(value) => self
                        .output
                        .line(&[b"value ".as_slice(), &words::shown(&value)].concat())?,
                    None => self.output.line(b"none")?,
                },
                Some(Request::Stats) => self.output.line(stats(self.store).as_bytes())?,
                Some(Request::Help) => person::help(&mut self.output, REQUESTS)?,
                Some(Request::Refused(text)) => {
                    self.output.line(format!("error {text}").as_bytes())?;
                }
                Some(Request::Broken(failure)) => return Err(failure),
            }
            self.room.free(bytes);
        }
    }

    fn finish_changes(&mut self) -> Outcome {
        while let Some((ticket, bytes)) = self.under_way.pop_front() {
            let outcome = match ticket.answer() {
                Some(outcome) => outcome,
                None => {
                    // Reports durable changes before it waits for the others.
                    self.output.flush()?;
                    ticket.wait()
                }
            };
            let text = match outcome {
                Ok(commit) => format!("ok {commit}"),
                Err(failure) => format!("error {failure}"),
            };
            self.output.line(text.as_bytes())?;
            self.room.free(bytes);
        }
        Ok(())
    }
}

fn stats(store: &SharedStore) -> String {
    let status = store.status();
    let (commits, keys, live_bytes) =
        store.read(|table| (table.commits(), table.pairs().len(), table.live_bytes()));
    let counters = status.counters;
    let trouble = status
        .trouble
        .map_or_else(String::new, |why| format!(" trouble: {why}"));
    format!(
        "commits={commits} keys={keys} live_bytes={live_bytes} log_bytes={} ratio={:.2} groups={} rewrites={} given_up={} commit_bytes={} base_bytes={}{trouble}",
        status.log_bytes,
        status.log_bytes as f64 / live_bytes as f64,
        counters.groups,
        counters.rewrites,
        counters.given_up,
        counters.commit_bytes,
        counters.base_bytes,
    )
}
