//! The bugs that can be planted. Each is a mistake that a real system has made.

use lithify_sim::planted::Planted;

use crate::parts::bugs as shared;

pub(super) const BUGS: &[Planted] = &[
    Planted::new(
        "acknowledged-before-sync",
        "M01",
        "a commit is acknowledged and synced only by the next one, as Electric acknowledged transactions on a flush (#2974)",
    ),
    Planted::new(
        "segment-name-not-synced",
        "M03",
        "a new segment's name is never made durable, as in ZooKeeper's logs (ALICE, OSDI 2014)",
    ),
    Planted::new(
        "name-synced-late",
        "M05",
        "entries go into a new segment before its name is durable, and the name is lost while the next segment keeps its own (found here, see tests/traces/segment-that-lost-its-name.sim)",
    ),
    Planted::new(
        "rotation-without-sync",
        "M04",
        "a segment is left for the next one before its bytes are durable, as in Yugabyte (#3490) and raft-engine (#123)",
    ),
    Planted::new(
        "recycled-without-generation",
        "M05",
        "a removed segment's file is used again and its old entries pass for new ones, as RocksDB's recycled logs and Pebble's (#567) did",
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
        "a batch is two entries and nothing says that they belong together, as before raft-engine's atomic groups (#290)",
    ),
    Planted::new(
        "log-removed-first",
        "M13",
        "the log is cut before the snapshot is written, as LevelDB unlinked its old log (ALICE, OSDI 2014)",
    ),
    Planted::new(
        "replay-not-filtered",
        "M15",
        "replay applies entries that the snapshot holds already, as RocksDB 9.6.0 applied duplicates of its log",
    ),
    Planted::new(
        "sync-error-swallowed",
        "M16",
        "a failed sync of the log is ignored, as PostgreSQL's retries did for twenty years (fsyncgate)",
    ),
    shared::RECOVERED_TAIL_NOT_REWRITTEN,
    Planted::new(
        "appends-after-failed-write",
        "M17",
        "the store goes on behind a half-written entry, as RocksDB did (#12448)",
    ),
    Planted::new(
        "commit-number-reused",
        "M21",
        "after a truncation the numbers begin again with what the empty log holds, as in Typhon (#712)",
    ),
    Planted::new(
        "temporary-file-reused",
        "M29",
        "a temporary file that a crash has left is written over and not cut, as Pebble's options files were",
    ),
    Planted::new(
        "rename-before-sync",
        "M32",
        "the snapshot gets its name before its bytes are durable, as in LevelDB (issue 68)",
    ),
    Planted::new(
        "no-directory-sync",
        "M33",
        "the log is cut while the snapshot's name may still be lost, as with RocksDB's CURRENT file (#10573) and ClickHouse Keeper",
    ),
    Planted::new(
        "one-directory-sync-for-both",
        "M34",
        "one directory sync is to cover the snapshot's name and the removals, as Pebble's marker and its target (#5825)",
    ),
    Planted::new(
        "snapshot-overwritten-in-place",
        "M35",
        "the new snapshot is written over the old one, as bolt and early redb did with their roots",
    ),
    Planted::new(
        "one-snapshot-name",
        "M37e",
        "the snapshot has one name for ever and each is renamed over the last, as nine vulnerable programs in ALICE (OSDI 2014)",
    ),
    Planted::new(
        "rename-error-removes-snapshot",
        "M37b",
        "a rename that was done and reported an error makes the store remove what it has renamed, as RocksDB 6.21.0 its manifest",
    ),
    Planted::new(
        "damaged-snapshot-means-empty",
        "M47",
        "when the only snapshot cannot be read, the store begins again with what the log still holds, as RocksDB 8.7.0 took read errors for the end",
    ),
    Planted::new(
        "incomplete-snapshot-accepted",
        "M27",
        "a snapshot is loaded without a look at its checksum, the silent errors of ALICE (OSDI 2014)",
    ),
    Planted::new(
        "snapshot-offset-off-by-one",
        "M59",
        "the snapshot says that it covers one entry more than it does, as slatedb's replay bounds (f0b2ab64)",
    ),
    Planted::new(
        "recovery-grows-log",
        "M61",
        "every opening adds to the log, as weaviate's recovery did (#1716)",
    ),
    Planted::new(
        "log-removed-by-recovery",
        "M62",
        "recovery cuts the log before the snapshot that it has just found is durable, as in Typhon (#715)",
    ),
    shared::RECOVERED_TAIL_NOT_SYNCED,
    Planted::new(
        "group-synced-apart",
        "O24",
        "the entries of a group are appended and synced one by one, so committing them together gains nothing",
    ),
    Planted::new(
        "snapshot-written-twice",
        "M61",
        "a snapshot is written twice at the same place before it is synced: right, and twice as many bytes to the disk",
    ),
    Planted::new(
        "index-left-when-off",
        "M56",
        "an opening without indexes leaves those of an earlier one with them, and nothing removes them any more",
    ),
    Planted::new(
        "identity-removed-early",
        "M34",
        "an identity goes while the removal of its segment may still be lost, and the bytes that come back belong to nobody (found here on the first day of identities)",
    ),
];
