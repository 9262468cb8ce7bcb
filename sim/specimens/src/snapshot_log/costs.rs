//! What the disk must have seen of a store to which nothing happened: bytes and syncs, by
//! kind of file.
//!
//! The bytes of entries and of their index follow from the history. A snapshot is taken
//! when the task has its turn, so which commits have one is read from the names of the
//! files; how long each is follows from the state after that commit. When nothing waits
//! for durability, a segment is synced when it happens to end, and how often that is
//! cannot be said in advance; when commits are durable as they return, each call is one
//! sync. Names have one law for both: one sync at opening, one for each snapshot, and one
//! for each later segment before it ends or before a commit in it is durable.

use lithify_sim::disk::usage::Totals;
use lithify_sim::history::{Batch, History};
use lithify_sim::system::{Account, Call, Equality};

use super::names::{self, Name};
use super::settings::Chosen;

/// Length and checksum, in front of each payload.
const ENTRY_HEADER_BYTES: u64 = 4 + 4;
/// A record of an index: a position and a checksum.
const INDEX_RECORD_BYTES: u64 = 4 + 4;

/// What a calm store has cost, next to what it must have cost. `owes_name` is whether the
/// name of the newest segment need not be durable yet.
pub(super) fn equalities(chosen: &Chosen, account: &Account<'_>, owes_name: bool) -> Vec<Equality> {
    let (segments, indexes, snapshots) = totals(account);
    let commits = account.history.len() as u64;
    let indexed = u64::from(chosen.options.keeps_index) * commits;
    let synced_names = segments.made - u64::from(owes_name);
    let mut equalities = vec![
        Equality::new(
            "bytes written to segments",
            segments.written_bytes,
            account.history.iter().map(entry_bytes).sum(),
        ),
        Equality::new(
            "bytes written to indexes",
            indexes.written_bytes,
            indexed * INDEX_RECORD_BYTES,
        ),
        Equality::of_syncs("syncs of indexes", indexes.syncs, 0),
        Equality::new(
            "bytes written to snapshots",
            snapshots.written_bytes,
            snapshots_bytes(chosen, account),
        ),
        Equality::of_syncs("syncs of snapshots", snapshots.syncs, snapshots.made),
        // The first segment's name is durable with the one at opening.
        Equality::of_syncs(
            "syncs of the directory",
            account.disk.directory_syncs,
            synced_names + snapshots.made,
        ),
    ];
    if chosen.options.syncs_appends {
        let is_group = |call: &&Call| matches!(call, Call::Commit(1..));
        let groups = account.calls.iter().filter(is_group);
        equalities.push(Equality::of_syncs(
            "syncs of segments",
            segments.syncs,
            groups.count() as u64,
        ));
    }
    equalities
}

/// Segments, indexes and snapshots.
fn totals(account: &Account<'_>) -> (Totals, Totals, Totals) {
    let total = |is_meant: fn(&Name) -> bool| {
        let is_named = |name: &str| names::parse(name).is_some_and(|name| is_meant(&name));
        account.disk.total(is_named)
    };
    (
        total(|name| matches!(name, Name::Segment(_))),
        total(|name| matches!(name, Name::Index(_))),
        total(|name| matches!(name, Name::Snapshot(_) | Name::Temporary)),
    )
}

/// A commit is one entry: a kind, and keyspace, key, 0 or 1 and the value of each write,
/// with lengths of four bytes.
fn entry_bytes(batch: &Batch) -> u64 {
    let writes = batch.writes.iter().map(|write| {
        let key_bytes = write.key.keyspace_name().len() + write.key.bytes().len();
        let value_bytes = write.value.map_or(0, |value| 4 + u64::from(value.length));
        4 + 4 + 1 + key_bytes as u64 + value_bytes
    });
    ENTRY_HEADER_BYTES + 1 + writes.sum::<u64>()
}

/// The snapshots that there are names of, each with the state after its commits.
fn snapshots_bytes(chosen: &Chosen, account: &Account<'_>) -> u64 {
    let mut history = History::default();
    for batch in account.history {
        history.push(batch.clone());
    }
    let names = account.disk.files.iter().map(|file| &file.name);
    let bytes = names.map(|name| match names::parse(name) {
        Some(Name::Snapshot(commit)) if commit <= history.head() => {
            chosen.snapshot_bytes(commit, history.state(commit)) as u64
        }
        _ => 0,
    });
    bytes.sum()
}
