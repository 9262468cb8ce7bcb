//! The bugs that can be planted. Each is a mistake that a real system has made, or that
//! the wording of the document invites.

use lithify_sim::planted::Planted;

use crate::parts::bugs as shared;

/// Bugs of the copy, the swap and the policy.
const OWN: &[Planted] = &[
    Planted::new(
        "deletes-not-carried-over",
        "D01",
        "the catch-up does not write deletions to the copy, so a key that is deleted after the copy comes back: the document carries over entries that were added, and a deletion adds no entry",
    ),
    Planted::new(
        "overwrites-not-carried-over",
        "D02",
        "the catch-up skips keys that are already in the copy, so a value that is replaced after the copy keeps its old content",
    ),
    Planted::new(
        "appended-during-copy-lost",
        "D03",
        "the swap has no catch-up, so commits after the snapshot of the index are lost",
    ),
    Planted::new(
        "tombstone-dropped-with-its-key",
        "M41",
        "the catch-up writes no tombstone for a key that is no longer in the index, so the copied value comes back at the next opening, as in Bitcask (#82)",
    ),
    Planted::new(
        "old-offsets-kept",
        "D05",
        "after the swap the index still has the offsets of the old file, so reads of the new file return wrong bytes",
    ),
    Planted::new(
        "old-handle-kept",
        "D06",
        "after the swap commits go into the old file, which has another name now, so the next opening does not find these commits",
    ),
    Planted::new(
        "reader-follows-the-name",
        "D07",
        "a reader opens the file by its name at each read, so the reader reads the new file at the offsets of the old file",
    ),
    Planted::new(
        "interrupted-swap-means-empty",
        "D08",
        "a crash between the two renames leaves no data.db, and the next opening creates an empty data.db and ignores the copy and the backup",
    ),
    Planted::new(
        "backup-taken-for-data",
        "D09",
        "an opening takes a temporary file for a sign of an interrupted swap and restores the backup of an earlier swap, so newer commits are lost",
    ),
    Planted::new(
        "copy-not-synced",
        "M32",
        "the copy is renamed to the name of the data before its bytes are durable, as in LevelDB (issue 68); the document names no sync",
    ),
    Planted::new(
        "caught-up-not-synced",
        "D11",
        "the copy is synced before the catch-up but not after the catch-up, so a crash can lose the bytes that the catch-up has written",
    ),
    Planted::new(
        "renamed-before-sync",
        "M32",
        "the copy is synced after the renames and not before, so a crash can leave the name of the data without its bytes",
    ),
    Planted::new(
        "no-directory-sync",
        "M33",
        "the directory is not synced, so commits go into the new file while its name can still be lost, as with RocksDB's CURRENT file (#10573)",
    ),
    Planted::new(
        "one-directory-sync-for-both-renames",
        "M34",
        "one directory sync after both renames replaces a sync after each rename, so a crash can keep only the second rename, as with Pebble's marker and its target (#5825)",
    ),
    Planted::new(
        "no-backup",
        "D12",
        "the old file is removed and not renamed to a backup, so at the rename of the copy no other file exists",
    ),
    Planted::new(
        "old-removed-before-swap-durable",
        "M13",
        "the backup is removed before the new names are durable, so a crash can leave neither file, as LevelDB unlinked its old log (ALICE, OSDI 2014)",
    ),
    Planted::new(
        "temporary-file-reused",
        "M29",
        "a temporary file that a crash has left is overwritten and not truncated, so its old bytes stay behind the new bytes, as with Pebble's options files",
    ),
    Planted::new(
        "commit-number-reused",
        "M21",
        "after a compaction the last commit number is set to the number of keys in the file, so commit numbers are used twice, as in Typhon (#712)",
    ),
    Planted::new(
        "chain-begins-again",
        "D13",
        "the chain of the new file begins at 0, so the new file does not say which history comes before",
    ),
    Planted::new(
        "overwritten-bytes-counted-as-live",
        "D14",
        "overwritten bytes are not counted as dead, so a store that only overwrites is never compacted",
    ),
    Planted::new(
        "deleted-bytes-counted-as-live",
        "D15",
        "the bytes of deleted keys are not counted as dead, so a store that mostly deletes is compacted too late",
    ),
    Planted::new(
        "minimum-size-ignored",
        "D16",
        "files below the minimum size are compacted too, so small files are compacted again and again",
    ),
    Planted::new(
        "empty-value-reads-as-none",
        "D21",
        "a key with an empty value is read as missing, as in a format where a length of zero means a deletion",
    ),
    Planted::new(
        "backup-marked-behind-torn-mark",
        "M11",
        "the mark of a backup is written behind the torn mark of an earlier attempt and does not replace the torn mark, so the backup grows with each attempt (found here, see tests/traces/backup-marked-twice.sim)",
    ),
    Planted::new(
        "opening-unannounced",
        "M05",
        "a process continues in the existing file without writing an opening entry, so a commit that an earlier process has lost can be valid in the place of a later commit (found here, see tests/traces/lost-tail-passes-in-the-same-file.sim)",
    ),
    Planted::new(
        "opening-number-repeated",
        "M05",
        "every process that continues in the existing file writes the same opening number, so a commit that an earlier process has lost can be valid in the place of a later commit",
    ),
    Planted::new(
        "replica-compacts",
        "D17",
        "a replica starts a compaction by its own decision",
    ),
    Planted::new(
        "replica-takes-writes",
        "D18",
        "a replica accepts writes from its own clients",
    ),
    Planted::new(
        "gap-accepted",
        "D19",
        "a replica accepts a commit although the commit before it is missing",
    ),
    Planted::new(
        "divergence-accepted",
        "D20",
        "a replica accepts a commit whose previous history differs from the history of the replica",
    ),
];

/// Bugs that every log can have.
const OF_LOGS: &[Planted] = &[
    Planted::new(
        "acknowledged-before-sync",
        "M01",
        "a commit is acknowledged and not synced, so a crash loses acknowledged commits",
    ),
    Planted::new(
        "incomplete-commit-applied",
        "M12",
        "recovery applies the records of a commit whose end is missing, as before raft-engine's atomic groups (#290)",
    ),
    Planted::new(
        "torn-tail-left",
        "M11",
        "an opening does not cut off a torn tail, so the tail stays behind the last commit, as in kuzu (#5852)",
    ),
    Planted::new(
        "sync-error-swallowed",
        "M16",
        "the error of a sync is ignored, as PostgreSQL's retries did for twenty years (fsyncgate)",
    ),
    Planted::new(
        "appends-after-failed-write",
        "M17",
        "the store accepts commits after a failed write or sync, as RocksDB did (#12448)",
    ),
    shared::RECOVERED_TAIL_NOT_SYNCED,
    shared::RECOVERED_TAIL_NOT_REWRITTEN,
];

/// Bugs of the shared parts.
const OF_PARTS: &[Planted] = &[
    Planted::new(
        "recycled-without-generation",
        "M05",
        "the checksum does not cover the generation of the file and the offset, so bytes of another file are accepted, as with RocksDB's recycled logs and Pebble's (#567)",
    ),
    shared::NO_CHECKSUM,
    shared::LENGTH_BELIEVED,
    shared::DAMAGE_TAKEN_FOR_TORN_TAIL,
    shared::BAD_RECORD_SKIPPED,
    shared::SALT_WITHOUT_FILE_NUMBER,
    shared::SALT_WITHOUT_IDENTITY,
    shared::FILE_NUMBER_NOT_FRESH,
];

pub(super) fn all() -> Vec<Planted> {
    [OWN, OF_LOGS, OF_PARTS].concat()
}
