//! The effect of each line on the store.
//!
//! The input of a replica is the complete output of its primary: commits, and answers
//! that the replica ignores. A refused commit must not go unnoticed in a pipe, so it is
//! remembered for the exit code.

use lithify_policies::git::quote::quote;
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;
use lithify_specimens::data_file::{Report, Role, Shared, Statistics, Write};

use super::change;
use super::words::{self, split};

/// The requests and their answers, for `help`.
pub(super) const REQUESTS: &str = "\
put KEY VALUE          ok COMMIT     VALUE is the rest of the line
del KEY                ok COMMIT     also when the key does not exist
get KEY                value VALUE   or none
stats                  ok, and counts as NAME=NUMBER
check                  ok            compacts the file if the rule says so
compact                ok            compacts the file
changes-since COMMIT   each later commit as JSON, then ok COMMIT
promote                ok COMMIT     makes a replica a primary
help                   these lines
An answer that begins with error says what was wrong.";

/// The state of one input.
pub(super) struct Session<'store> {
    store: &'store Shared,
    /// The commits that were refused, or that were missing.
    refused: u64,
    first_refused: Option<String>,
}

impl<'store> Session<'store> {
    pub(super) fn new(store: &'store Shared) -> Self {
        Self {
            store,
            refused: 0,
            first_refused: None,
        }
    }

    /// Answers a line: with one line, or for changes with several lines, which are
    /// written while they are read. Other output of a primary besides commits gets no
    /// answer.
    pub(super) fn answer(&mut self, line: &[u8], output: &mut Output) -> Outcome {
        let is_replica = || self.store.statistics().role == Role::Replica;
        let (word, _) = split(line);
        let is_from_primary = matches!(word, b"ok" | b"value" | b"none" | b"error") && is_replica();
        let outcome = match word {
            b"error" if is_from_primary => Err(format!(
                "the primary has answered: {}",
                String::from_utf8_lossy(line)
            )),
            _ if is_from_primary => return Ok(()),
            _ => perform(self.store, line, output)?,
        };
        let answer = outcome.unwrap_or_else(|error| {
            let error = in_one_line(&error);
            if is_from_primary || line.starts_with(b"{") {
                self.refuse(&error);
            }
            format!("error {error}").into_bytes()
        });
        output.line(&answer)
    }

    /// The answer to a line that was too long to be read; it may have been a commit.
    pub(super) fn refuse_line(&mut self, max_bytes: usize) -> Vec<u8> {
        let error = format!("the line is longer than {max_bytes} bytes");
        self.refuse(&error);
        format!("error {error}").into_bytes()
    }

    fn refuse(&mut self, error: &str) {
        self.refused += 1;
        self.first_refused.get_or_insert_with(|| error.to_owned());
    }

    /// The message at the end of the input, if commits were refused.
    pub(super) fn refusals(&self) -> Option<String> {
        let first = self.first_refused.as_ref()?;
        Some(format!(
            "{} lines of the stream of commits were refused, the first with: {first}",
            self.refused
        ))
    }
}

fn in_one_line(error: &str) -> String {
    let words: Vec<&str> = error.split(char::is_control).collect();
    words.join(" ")
}

/// Performs a request. Returns the last line of the answer, or the reason why nothing
/// was done. Fails if the output fails.
fn perform(store: &Shared, line: &[u8], output: &mut Output) -> Outcome<Result<Vec<u8>, String>> {
    match split(line) {
        (b"changes-since", Some(commit)) => changes(store, commit, output),
        _ => Ok(perform_one(store, line)),
    }
}

fn perform_one(store: &Shared, line: &[u8]) -> Result<Vec<u8>, String> {
    if line.starts_with(b"{") {
        let change = change::decode(line).map_err(|fault| format!("no commit: {fault}"))?;
        return done(store.replicate(&[change]).map_err(text)?);
    }
    let (word, rest) = split(line);
    let (key, rest) = match rest {
        Some(rest) => words::key(rest)?,
        None => (Vec::new(), None),
    };
    match (word, key.as_slice(), rest) {
        (b"put", [_, ..], Some(value)) => write(store, key, Some(words::value(value)?)),
        (b"del", [_, ..], None) => write(store, key, None),
        (b"get", [_, ..], None) => {
            let value = store.get(&key).map_err(text)?;
            let found = value.map(|value| [b"value ".as_slice(), &words::shown(&value)].concat());
            Ok(found.unwrap_or_else(|| b"none".to_vec()))
        }
        (b"stats", [], None) => Ok(statistics(&store.statistics()).into_bytes()),
        (b"check", [], None) => {
            let report = store.check().map_err(text)?;
            let decision = store.statistics().decision;
            let why = decision.map_or_else(String::new, |decision| decision.to_string());
            let skipped = || format!("ok nothing was done: {why}");
            Ok(report.map_or_else(skipped, shown).into_bytes())
        }
        (b"compact", [], None) => Ok(shown(store.compact().map_err(text)?).into_bytes()),
        (b"changes-since", _, None) => Err(NO_COMMIT.to_owned()),
        (b"promote", [], None) => {
            store.promote().map_err(text)?;
            done(store.statistics().head)
        }
        _ => Err(format!(
            "{} is none of: put KEY VALUE, del KEY, get KEY, stats, check, compact, changes-since COMMIT, promote, help",
            String::from_utf8_lossy(&quote(line))
        )),
    }
}

fn text(failure: lithify_sim::system::Failure) -> String {
    failure.to_string()
}

fn done(commit: u64) -> Result<Vec<u8>, String> {
    Ok(format!("ok {commit}").into_bytes())
}

fn write(store: &Shared, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    let write = Write { key, value };
    done(store.commit(&[vec![write]]).map_err(text)?)
}

const NO_COMMIT: &str = "changes-since needs the number of a commit";

/// Writes the commits one by one, because all of them may not fit into memory.
fn changes(store: &Shared, commit: &[u8], output: &mut Output) -> Outcome<Result<Vec<u8>, String>> {
    let number = str::from_utf8(commit).ok();
    let Some(mut commit) = number.and_then(|text| text.parse::<u64>().ok()) else {
        return Ok(Err(NO_COMMIT.to_owned()));
    };
    loop {
        let change = match store.changes_since(commit, 1) {
            Ok(changes) => changes.into_iter().next(),
            Err(failure) => return Ok(Err(text(failure))),
        };
        let Some(change) = change else {
            return Ok(done(commit));
        };
        commit = change.commit;
        output.line(&change::encode(&change))?;
    }
}

fn shown(report: Report) -> String {
    let Report {
        bytes_before,
        bytes_after,
        entries_copied,
        entries_caught_up,
        pause,
        duration,
    } = report;
    format!(
        "ok bytes_before={bytes_before} bytes_after={bytes_after} entries_copied={entries_copied} entries_caught_up={entries_caught_up} pause_us={} duration_us={}",
        pause.as_micros(),
        duration.as_micros()
    )
}

fn statistics(statistics: &Statistics) -> String {
    let role = match statistics.role {
        Role::Primary => "primary",
        Role::Replica => "replica",
    };
    let space = statistics.space;
    let last = statistics.last.map_or_else(String::new, |report| {
        format!(" last: {}", shown(report).trim_start_matches("ok "))
    });
    let failure = statistics.failure.as_ref();
    let failure = failure.map_or_else(String::new, |failure| format!(" failure: {failure}"));
    format!(
        "ok head={} base={} chain={:016x} keys={} live_bytes={} total_bytes={} dead_ratio={:.3} role={role} checks={} compactions={}{last}{failure}",
        statistics.head,
        statistics.base,
        statistics.chain,
        statistics.keys,
        space.live_bytes,
        space.total_bytes,
        space.dead_ratio(),
        statistics.checks,
        statistics.compactions
    )
}
