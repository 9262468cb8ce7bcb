//! The numbers that the rule predicts from the history alone: bytes, entries, and allowed
//! compactions. This code reads no file and no index.

use lithify_sim::history::{Batch, History, State};
use lithify_sim::system::{Equality, Failure};

use super::header::HEADER_BYTES;
use super::policy::{Policy, Role, Space};
use super::record::{END_BYTES, MARK_BYTES, OPENING_BYTES, Write, entry_bytes};
use super::store::{Options, Report};
use crate::parts::machine::{put, take};

/// Converts a key of the laboratory to a key of the store.
pub(super) fn key(keyspace: &str, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, keyspace.as_bytes());
    bytes.extend(key);
    bytes
}

/// Converts a key of the store back to a key of the laboratory.
pub(super) fn split(mut key: &[u8]) -> Result<(String, Vec<u8>), Failure> {
    let damage = |fault: String| Failure::Damage(format!("a key of the laboratory: {fault}"));
    let keyspace = take(&mut key).map_err(damage)?.to_vec();
    let keyspace = String::from_utf8(keyspace).map_err(|fault| damage(fault.to_string()))?;
    Ok((keyspace, key.to_vec()))
}

/// Converts a batch of the laboratory to a batch of the store.
pub(super) fn writes(batch: &Batch) -> Vec<Write> {
    let writes = batch.writes.iter().map(|write| Write {
        key: key(write.key.keyspace_name(), &write.key.bytes()),
        value: write.value.map(|value| value.bytes()),
    });
    writes.collect()
}

/// The bytes of these commits in a data file.
fn commits_bytes(batches: &[Batch]) -> u64 {
    let bytes = |batch: &Batch| -> u64 {
        let writes = batch.writes.iter().map(|write| {
            let value_bytes = write.value.map(|value| value.length as usize);
            entry_bytes(
                key(write.key.keyspace_name(), &write.key.bytes()).len(),
                value_bytes,
            )
        });
        writes.sum::<u64>() + END_BYTES
    };
    batches.iter().map(bytes).sum()
}

/// The length of a data file that holds this state and no dead bytes.
fn live_bytes(state: &State) -> u64 {
    let bytes = state
        .iter()
        .map(|((keyspace, text), value)| entry_bytes(key(keyspace, text).len(), Some(value.len())));
    HEADER_BYTES + bytes.sum::<u64>()
}

/// The largest length of a data file that the rule does not compact.
fn max_bytes(policy: &Policy, live_bytes: u64) -> Option<u64> {
    let by_threshold = policy.threshold.max_bytes(live_bytes)?;
    Some(by_threshold.max(policy.minimum_size_bytes.saturating_sub(1)))
}

/// Whether the rule can lead to a compaction at all.
fn compacts(options: &Options) -> bool {
    options.policy.enabled && options.role == Role::Primary
}

/// The largest length of the data file of a settled store that was never compacted. Each
/// commit may be the first of an incarnation that has appended an opening, and one more
/// incarnation may have appended an opening without a commit.
fn max_written(batches: &[Batch]) -> u64 {
    HEADER_BYTES + commits_bytes(batches) + OPENING_BYTES * (batches.len() as u64 + 1)
}

/// The largest length of the data file of a settled store: the limit of the rule, but not more
/// than all bytes ever written.
pub(super) fn data_limit(options: &Options, batches: &[Batch], state: &State) -> Option<u64> {
    let written = max_written(batches);
    match compacts(options) {
        true => Some(max_bytes(&options.policy, live_bytes(state))?.min(written)),
        false => Some(written),
    }
}

/// The largest size of a settled store: its data and a backup. The backup is as long as the
/// data file was when it was replaced, so at most as long as all bytes ever written.
pub(super) fn space_limit(options: &Options, batches: &[Batch], state: &State) -> Option<u64> {
    let backup = max_written(batches) + MARK_BYTES;
    Some(data_limit(options, batches, state)? + backup)
}

/// A compaction that the laboratory has observed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    /// The newest commit when the compaction began.
    pub(super) base: u64,
    /// The newest commit at the swap.
    pub(super) head: u64,
    pub(super) report: Report,
}

/// The counters of a store that was created on an empty disk and ran without crashes.
pub(super) struct Counted<'run> {
    pub(super) options: &'run Options,
    pub(super) space: Space,
    pub(super) base: u64,
    pub(super) keys: usize,
    pub(super) compactions: &'run [Done],
}

/// Compares each counter with the value that follows from the history.
pub(super) fn equalities(counted: &Counted<'_>, batches: &[Batch]) -> Vec<Equality> {
    let mut history = History::default();
    batches.iter().for_each(|batch| history.push(batch.clone()));
    let head = history.head();
    let between = |from: u64, to: u64| &batches[from as usize..to as usize];
    let file_bytes =
        |base: u64, head: u64| live_bytes(history.state(base)) + commits_bytes(between(base, head));
    let live = live_bytes(history.state(head));
    let mut sums = Report::default();
    let (mut expected, mut asked_for, mut file_base) = (Report::default(), 0, 0);
    for done in counted.compactions {
        let (base, head) = (done.base, done.head);
        let writes = between(base, head).iter().map(|batch| batch.writes.len());
        expected.entries_copied += history.state(base).len() as u64;
        expected.entries_caught_up += writes.sum::<usize>() as u64;
        expected.bytes_before += file_bytes(file_base, head);
        expected.bytes_after += file_bytes(base, head);
        sums.entries_copied += done.report.entries_copied;
        sums.entries_caught_up += done.report.entries_caught_up;
        sums.bytes_before += done.report.bytes_before;
        sums.bytes_after += done.report.bytes_after;
        let (live, total) = (live_bytes(history.state(base)), file_bytes(file_base, base));
        let law = max_bytes(&counted.options.policy, live);
        asked_for += u64::from(compacts(counted.options) && law.is_some_and(|most| total > most));
        file_base = base;
    }
    let law = compacts(counted.options).then(|| max_bytes(&counted.options.policy, live));
    let most = law.flatten().unwrap_or(u64::MAX);
    vec![
        Equality::new(
            "bytes of the data file",
            counted.space.total_bytes,
            file_bytes(counted.base, head),
        ),
        Equality::new("live bytes", counted.space.live_bytes, live),
        Equality::new(
            "keys",
            counted.keys as u64,
            history.state(head).len() as u64,
        ),
        Equality::new(
            "bytes beyond the law",
            counted.space.total_bytes.saturating_sub(most),
            0,
        ),
        Equality::new("compactions", counted.compactions.len() as u64, asked_for),
        Equality::new(
            "values copied",
            sums.entries_copied,
            expected.entries_copied,
        ),
        Equality::new(
            "records caught up",
            sums.entries_caught_up,
            expected.entries_caught_up,
        ),
        Equality::new(
            "bytes before compactions",
            sums.bytes_before,
            expected.bytes_before,
        ),
        Equality::new(
            "bytes after compactions",
            sums.bytes_after,
            expected.bytes_after,
        ),
    ]
}
