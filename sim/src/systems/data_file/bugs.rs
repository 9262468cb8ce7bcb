//! The bugs that can be planted, each a mistake that a real system has made or that the
//! document invites.

use crate::planted::Planted;

const fn bug(name: &'static str, pattern: &'static str, story: &'static str) -> Planted {
    Planted {
        name,
        pattern,
        story,
    }
}

/// Of the copy, the swap and the policy.
const OWN: &[Planted] = &[
    bug(
        "deletes-not-carried-over",
        "D01",
        "a key that is deleted after it was copied comes back: the document copies entries that were added, and a deletion adds none",
    ),
    bug(
        "overwrites-not-carried-over",
        "D02",
        "a value that is replaced after it was copied stays, because its key is in the copy already",
    ),
    bug(
        "appended-during-copy-lost",
        "D03",
        "the swap forgets what was committed since the snapshot of the index",
    ),
    bug(
        "tombstone-dropped-with-its-key",
        "M41",
        "a tombstone whose key is gone is not carried over, and the copied value behind it comes back at the next opening, as in Bitcask (#82)",
    ),
    bug(
        "old-offsets-kept",
        "D05",
        "the index keeps the places of the old file after the swap",
    ),
    bug(
        "old-handle-kept",
        "D06",
        "after the swap commits go on into the old file, which has another name now",
    ),
    bug(
        "reader-follows-the-name",
        "D07",
        "a reader opens the file by its name when it reads, and finds the new file at the places of the old",
    ),
    bug(
        "interrupted-swap-means-empty",
        "D08",
        "a crash between the two renames leaves no data.db, and the next opening creates an empty one",
    ),
    bug(
        "backup-taken-for-data",
        "D09",
        "a temporary file is taken for the sign of an interrupted swap, and the backup of an earlier one put back",
    ),
    bug(
        "copy-not-synced",
        "M32",
        "the copy gets the name of the data before its bytes are durable, as in LevelDB (issue 68); the document names no sync",
    ),
    bug(
        "caught-up-not-synced",
        "D11",
        "the copy is synced before the swap and what the swap adds is not",
    ),
    bug(
        "renamed-before-sync",
        "M32",
        "the copy is synced after the renames",
    ),
    bug(
        "no-directory-sync",
        "M33",
        "commits go into the new file while its name may still be lost, as with RocksDB's CURRENT file (#10573)",
    ),
    bug(
        "one-directory-sync-for-both-renames",
        "M34",
        "one directory sync is to cover both renames, as Pebble's marker and its target (#5825)",
    ),
    bug(
        "no-backup",
        "D12",
        "the old file is removed and not renamed, so that the copy is the only one when it is renamed",
    ),
    bug(
        "old-removed-before-swap-durable",
        "M13",
        "the backup is removed when the names are not durable yet, as LevelDB unlinked its old log (ALICE, OSDI 2014)",
    ),
    bug(
        "temporary-file-reused",
        "M29",
        "a temporary file that a crash has left is written over and not cut, as Pebble's options files were",
    ),
    bug(
        "commit-number-reused",
        "M21",
        "after a compaction commits are numbered by what the file holds, as in Typhon (#712)",
    ),
    bug(
        "chain-begins-again",
        "D13",
        "the new file does not say which history it continues",
    ),
    bug(
        "overwritten-bytes-counted-as-live",
        "D14",
        "the dead ratio knows deletions only, so that a store of overwrites is never compacted",
    ),
    bug(
        "deleted-bytes-counted-as-live",
        "D15",
        "the dead ratio knows overwrites only",
    ),
    bug(
        "minimum-size-ignored",
        "D16",
        "files below the minimum size are compacted again and again",
    ),
    bug(
        "replica-compacts",
        "D17",
        "a replica decides on a compaction of its own",
    ),
    bug(
        "replica-takes-writes",
        "D18",
        "a replica takes writes of its own clients",
    ),
    bug(
        "gap-accepted",
        "D19",
        "a replica takes a commit although the one before it is missing",
    ),
    bug(
        "divergence-accepted",
        "D20",
        "a replica takes a commit that follows another history",
    ),
];

/// Of the log that a data file is.
const OF_LOGS: &[Planted] = &[
    bug(
        "acknowledged-before-sync",
        "M01",
        "a commit is acknowledged and nothing makes it durable",
    ),
    bug(
        "incomplete-commit-applied",
        "M12",
        "recovery applies the records of a commit whose end is missing, as before raft-engine's atomic groups (#290)",
    ),
    bug(
        "torn-tail-left",
        "M11",
        "a torn tail stays behind the last commit, as in kuzu (#5852)",
    ),
    bug(
        "sync-error-swallowed",
        "M16",
        "a failed sync is ignored, as PostgreSQL's retries did for twenty years (fsyncgate)",
    ),
    bug(
        "appends-after-failed-write",
        "M17",
        "the store goes on after a failed write or sync, as RocksDB did (#12448)",
    ),
    bug(
        "recovered-tail-not-synced",
        "O16",
        "commits that a killed process left in the page cache are served and not made durable, the second-crash bugs of RocksDB 7.4.0",
    ),
    bug(
        "recovered-tail-not-rewritten",
        "M16",
        "after a failed sync the next process syncs the pages that were marked clean, which does nothing (Rebello et al., ATC 2020)",
    ),
];

/// Of the entries that it is built from.
const OF_PARTS: &[Planted] = &[
    bug(
        "recycled-without-generation",
        "M05",
        "the checksum does not cover generation and place, so that bytes of another file pass, as with RocksDB's recycled logs and Pebble's (#567)",
    ),
    bug(
        "no-checksum",
        "M07",
        "an entry counts when its length fits, as in LevelDB 1.15 and HSQLDB (ALICE, OSDI 2014)",
    ),
    bug(
        "damage-taken-for-torn-tail",
        "M08",
        "everything from the first unreadable entry on is cut, acknowledged or not (protocol-aware recovery, FAST 2018)",
    ),
    bug(
        "bad-record-skipped",
        "M10",
        "recovery goes on behind an unreadable entry, the hole that RocksDB defined in 2022",
    ),
];

/// Every bug.
pub(super) fn all() -> Vec<Planted> {
    [OWN, OF_LOGS, OF_PARTS].concat()
}
