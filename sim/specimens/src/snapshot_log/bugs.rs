//! The bugs that can be planted. Each is a mistake that a real system has made.

use lithify_sim::planted::Planted;

use crate::parts::bugs as shared;

pub(super) const BUGS: &[Planted] = &[
    Planted::new(
        "acknowledged-before-sync",
        "M01",
        "a commit is acknowledged when its entry is written, and only the next commit syncs the entry, as Electric acknowledged transactions on a flush (#2974)",
    ),
    Planted::new(
        "segment-name-not-synced",
        "M03",
        "the directory is not synced after a segment is created, so a crash can lose a segment with acknowledged entries, as in ZooKeeper's logs (ALICE, OSDI 2014)",
    ),
    Planted::new(
        "name-synced-late",
        "M05",
        "entries are written to a new segment before its name is durable, so a crash can lose this segment and keep the next segment (found here, see tests/traces/segment-that-lost-its-name.sim)",
    ),
    Planted::new(
        "rotation-without-sync",
        "M04",
        "a segment is not synced before the next segment is created, so a crash can lose its end, as in Yugabyte (#3490) and raft-engine (#123)",
    ),
    Planted::new(
        "recycled-without-generation",
        "M05",
        "the file of a removed segment is used again and the checksum does not cover the generation, so old entries are accepted as new entries, as in RocksDB's recycled logs and Pebble's (#567)",
    ),
    shared::SALT_WITHOUT_FILE_NUMBER,
    shared::SALT_WITHOUT_IDENTITY,
    shared::FILE_NUMBER_NOT_FRESH,
    shared::NO_CHECKSUM,
    shared::LENGTH_BELIEVED,
    shared::DAMAGE_TAKEN_FOR_TORN_TAIL,
    shared::TORN_TAIL_FATAL,
    shared::BAD_RECORD_SKIPPED,
    shared::TORN_TAIL_LEFT,
    Planted::new(
        "batch-split",
        "M12",
        "a batch is written as two entries without a mark that both belong together, so a crash can leave a part of the batch, as before raft-engine's atomic groups (#290)",
    ),
    Planted::new(
        "log-removed-first",
        "M13",
        "the covered segments are removed before the snapshot is written, so a crash loses their entries, as LevelDB unlinked its old log (ALICE, OSDI 2014)",
    ),
    Planted::new(
        "replay-not-filtered",
        "M15",
        "replay applies entries that the snapshot already covers, as RocksDB 9.6.0 applied duplicates of its log",
    ),
    Planted::new(
        "sync-error-swallowed",
        "M16",
        "the error of a sync of the log is ignored, as PostgreSQL's retries did for twenty years (fsyncgate)",
    ),
    shared::RECOVERED_TAIL_NOT_REWRITTEN,
    Planted::new(
        "appends-after-failed-write",
        "M17",
        "the store accepts entries after a failed write or sync, as RocksDB did (#12448)",
    ),
    Planted::new(
        "commit-number-reused",
        "M21",
        "after a truncation the numbers start from the empty log and not from the snapshot, so numbers are used twice, as in Typhon (#712)",
    ),
    Planted::new(
        "temporary-file-reused",
        "M29",
        "a temporary file that a crash has left is overwritten and not truncated, so its old bytes stay behind the new bytes, as with Pebble's options files",
    ),
    Planted::new(
        "rename-before-sync",
        "M32",
        "the snapshot is renamed to its name before its bytes are durable, so a crash can leave the name without the bytes, as in LevelDB (issue 68)",
    ),
    Planted::new(
        "no-directory-sync",
        "M33",
        "the covered segments are removed while the name of the snapshot can still be lost, as with RocksDB's CURRENT file (#10573) and ClickHouse Keeper",
    ),
    Planted::new(
        "one-directory-sync-for-both",
        "M34",
        "one directory sync covers the name of the snapshot and the removals, so a crash can keep only the removals, as with Pebble's marker and its target (#5825)",
    ),
    Planted::new(
        "snapshot-overwritten-in-place",
        "M35",
        "the new snapshot is written over the old snapshot, so a crash can leave no intact snapshot, as bolt and early redb did with their roots",
    ),
    Planted::new(
        "one-snapshot-name",
        "M37e",
        "every snapshot has the same name and is renamed over the last snapshot, so a crash can lose both, as in nine vulnerable programs in ALICE (OSDI 2014)",
    ),
    Planted::new(
        "rename-error-removes-snapshot",
        "M37b",
        "if a rename reports an error, the store removes the new name, although the rename may have been done, as RocksDB 6.21.0 removed its manifest",
    ),
    Planted::new(
        "damaged-snapshot-means-empty",
        "M47",
        "if the only snapshot is damaged, the store starts empty with the entries that the log still holds, as RocksDB 8.7.0 took read errors for the end",
    ),
    Planted::new(
        "incomplete-snapshot-accepted",
        "M27",
        "a snapshot is loaded without comparing its checksum, the silent errors of ALICE (OSDI 2014)",
    ),
    Planted::new(
        "snapshot-offset-off-by-one",
        "M59",
        "the snapshot claims one entry more than its state contains, so replay skips that entry, as slatedb's replay bounds (f0b2ab64)",
    ),
    Planted::new(
        "recovery-grows-log",
        "M61",
        "every opening appends an entry to the log, as weaviate's recovery did (#1716)",
    ),
    Planted::new(
        "log-removed-by-recovery",
        "M62",
        "recovery removes the covered segments before the name of the snapshot is durable, as in Typhon (#715)",
    ),
    shared::RECOVERED_TAIL_NOT_SYNCED,
    Planted::new(
        "group-synced-apart",
        "O24",
        "the entries of a group are appended and synced one by one, so a group saves no sync",
    ),
    Planted::new(
        "snapshot-written-twice",
        "M61",
        "a snapshot is written twice at the same place before it is synced: correct, but with twice as many written bytes",
    ),
    Planted::new(
        "index-left-when-off",
        "M56",
        "an opening without indexes does not remove the indexes of an earlier opening, so these files stay for ever",
    ),
    Planted::new(
        "identity-removed-early",
        "M34",
        "an identity is removed while the removal of its segment can still be lost, so a segment can come back without an identity (found here on the first day of identities)",
    ),
];
