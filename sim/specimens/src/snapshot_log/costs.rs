//! The bytes and syncs that the disk must have counted, by kind of file, for a store
//! without crashes and faults.
//!
//! - Bytes of entries and indexes follow from the history.
//! - The names of the snapshot files tell after which commits a snapshot was taken,
//!   because the schedule of the task decides that. The state after that commit gives the
//!   length.
//! - If commits are acknowledged when they are durable, each call is one sync. If not, a
//!   segment is synced when it ends, and the number of these syncs is not known in
//!   advance.
//! - The directory is synced once at opening, once for each snapshot, and once for each
//!   later segment: before the segment ends, or before a commit in it is durable. This
//!   holds for both kinds of durability.

use lithify_sim::disk::usage::Totals;
use lithify_sim::history::{Batch, History};
use lithify_sim::system::{Account, Call, Equality};

use super::names::{self, Name};
use super::settings::Chosen;

/// The length and the checksum before each payload.
const ENTRY_HEADER_BYTES: u64 = 4 + 4;
/// A record of an index: a position and a checksum.
const INDEX_RECORD_BYTES: u64 = 4 + 4;

/// Compares the costs of a store without crashes and faults with the expected costs.
/// `owes_name` tells that the name of the newest segment is allowed to be not yet
/// durable.
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
        // The sync at opening makes the name of the first segment durable.
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

/// The totals of segments, of indexes and of snapshots.
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

/// The length of a commit in the log. A commit is one entry: a kind, and for each write
/// the keyspace, the key, a byte 0 or 1, and the value. Lengths take four bytes.
fn entry_bytes(batch: &Batch) -> u64 {
    let writes = batch.writes.iter().map(|write| {
        let key_bytes = write.key.keyspace_name().len() + write.key.bytes().len();
        let value_bytes = write.value.map_or(0, |value| 4 + u64::from(value.length));
        4 + 4 + 1 + key_bytes as u64 + value_bytes
    });
    ENTRY_HEADER_BYTES + 1 + writes.sum::<u64>()
}

/// The bytes of all snapshots in the account. The name of a snapshot gives the commit,
/// and the state after that commit gives the length.
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
