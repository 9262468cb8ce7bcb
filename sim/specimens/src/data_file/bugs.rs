//! The bugs that can be planted. Each is a mistake that a real system has made, or that
//! the wording of the document invites.

use lithify_sim::planted::Planted;

use crate::parts::bugs as shared;

/// Bugs of the copy, the swap and the policy.
const OWN: &[Planted] = &[
    Planted::new(
        "deletes-not-carried-over",
        "D01",
        "a key that is deleted after it was copied comes back: the document copies entries that were added, and a deletion adds none",
    ),
    Planted::new(
        "overwrites-not-carried-over",
        "D02",
        "a value that is replaced after it was copied stays, because its key is in the copy already",
    ),
    Planted::new(
        "appended-during-copy-lost",
        "D03",
        "the swap forgets what was committed since the snapshot of the index",
    ),
    Planted::new(
        "tombstone-dropped-with-its-key",
        "M41",
        "a tombstone whose key is gone is not carried over, and the copied value behind it comes back at the next opening, as in Bitcask (#82)",
    ),
    Planted::new(
        "old-offsets-kept",
        "D05",
        "the index keeps the places of the old file after the swap",
    ),
    Planted::new(
        "old-handle-kept",
        "D06",
        "after the swap commits go on into the old file, which has another name now",
    ),
    Planted::new(
        "reader-follows-the-name",
        "D07",
        "a reader opens the file by its name when it reads, and finds the new file at the places of the old",
    ),
    Planted::new(
        "interrupted-swap-means-empty",
        "D08",
        "a crash between the two renames leaves no data.db, and the next opening creates an empty one",
    ),
    Planted::new(
        "backup-taken-for-data",
        "D09",
        "a temporary file is taken for the sign of an interrupted swap, and the backup of an earlier one put back",
    ),
    Planted::new(
        "copy-not-synced",
        "M32",
        "the copy gets the name of the data before its bytes are durable, as in LevelDB (issue 68); the document names no sync",
    ),
    Planted::new(
        "caught-up-not-synced",
        "D11",
        "the copy is synced before the swap and what the swap adds is not",
    ),
    Planted::new(
        "renamed-before-sync",
        "M32",
        "the copy is synced after the renames",
    ),
    Planted::new(
        "no-directory-sync",
        "M33",
        "commits go into the new file while its name may still be lost, as with RocksDB's CURRENT file (#10573)",
    ),
    Planted::new(
        "one-directory-sync-for-both-renames",
        "M34",
        "one directory sync is to cover both renames, as Pebble's marker and its target (#5825)",
    ),
    Planted::new(
        "no-backup",
        "D12",
        "the old file is removed and not renamed, so that the copy is the only one when it is renamed",
    ),
    Planted::new(
        "old-removed-before-swap-durable",
        "M13",
        "the backup is removed when the names are not durable yet, as LevelDB unlinked its old log (ALICE, OSDI 2014)",
    ),
    Planted::new(
        "temporary-file-reused",
        "M29",
        "a temporary file that a crash has left is written over and not cut, as Pebble's options files were",
    ),
    Planted::new(
        "commit-number-reused",
        "M21",
        "after a compaction commits are numbered by what the file holds, as in Typhon (#712)",
    ),
    Planted::new(
        "chain-begins-again",
        "D13",
        "the new file does not say which history it continues",
    ),
    Planted::new(
        "overwritten-bytes-counted-as-live",
        "D14",
        "the dead ratio knows deletions only, so that a store of overwrites is never compacted",
    ),
    Planted::new(
        "deleted-bytes-counted-as-live",
        "D15",
        "the dead ratio knows overwrites only",
    ),
    Planted::new(
        "minimum-size-ignored",
        "D16",
        "files below the minimum size are compacted again and again",
    ),
    Planted::new(
        "empty-value-reads-as-none",
        "D21",
        "a key with an empty value is read as if it were not there, as where a length of zero stands for a deletion",
    ),
    Planted::new(
        "backup-marked-behind-torn-mark",
        "M11",
        "the mark of a backup goes behind what a crash has left of an earlier one, so that the backup grows with each (found here, see tests/traces/backup-marked-twice.sim)",
    ),
    Planted::new(
        "opening-unannounced",
        "M05",
        "a process goes on in the file that it has found and nothing says so, so that a commit that an earlier one has lost passes at its place (found here, see tests/traces/lost-tail-passes-in-the-same-file.sim)",
    ),
    Planted::new(
        "opening-number-repeated",
        "M05",
        "every process that goes on in the file has the same number, so that a commit that an earlier one has lost passes at its place",
    ),
    Planted::new(
        "replica-compacts",
        "D17",
        "a replica decides on a compaction of its own",
    ),
    Planted::new(
        "replica-takes-writes",
        "D18",
        "a replica takes writes of its own clients",
    ),
    Planted::new(
        "gap-accepted",
        "D19",
        "a replica takes a commit although the one before it is missing",
    ),
    Planted::new(
        "divergence-accepted",
        "D20",
        "a replica takes a commit that follows another history",
    ),
];

/// Bugs that every log can have.
const OF_LOGS: &[Planted] = &[
    Planted::new(
        "acknowledged-before-sync",
        "M01",
        "a commit is acknowledged and nothing makes it durable",
    ),
    Planted::new(
        "incomplete-commit-applied",
        "M12",
        "recovery applies the records of a commit whose end is missing, as before raft-engine's atomic groups (#290)",
    ),
    Planted::new(
        "torn-tail-left",
        "M11",
        "a torn tail stays behind the last commit, as in kuzu (#5852)",
    ),
    Planted::new(
        "sync-error-swallowed",
        "M16",
        "a failed sync is ignored, as PostgreSQL's retries did for twenty years (fsyncgate)",
    ),
    Planted::new(
        "appends-after-failed-write",
        "M17",
        "the store goes on after a failed write or sync, as RocksDB did (#12448)",
    ),
    shared::RECOVERED_TAIL_NOT_SYNCED,
    shared::RECOVERED_TAIL_NOT_REWRITTEN,
];

/// Bugs of the shared parts.
const OF_PARTS: &[Planted] = &[
    Planted::new(
        "recycled-without-generation",
        "M05",
        "the checksum does not cover generation and place, so that bytes of another file pass, as with RocksDB's recycled logs and Pebble's (#567)",
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
