//! The bugs that can be planted, each a mistake that a real system has made or that the
//! published text invites.

use crate::planted::Planted;

const fn bug(name: &'static str, pattern: &'static str, story: &'static str) -> Planted {
    Planted {
        name,
        pattern,
        story,
    }
}

pub(super) const BUGS: &[Planted] = &[
    // The loop.
    bug(
        "acknowledged-before-sync",
        "M01",
        "a commit is acknowledged when it is written, and nothing but the next rewrite makes it durable, as Electric acknowledged transactions on a flush (#2974)",
    ),
    bug(
        "sync-error-swallowed",
        "M16",
        "a failed sync of the log is ignored, as PostgreSQL's retries did for twenty years (fsyncgate)",
    ),
    bug(
        "appends-after-failed-write",
        "M17",
        "the store goes on behind a group that failed, as RocksDB did (#12448)",
    ),
    bug(
        "delete-of-absent-key-dropped",
        "M24",
        "a deletion of a key that memory does not hold is not written, although its put is in the pending batch",
    ),
    // The pause.
    bug(
        "pending-batch-dropped",
        "S000",
        "the batch that is pending at the pause is forgotten",
    ),
    bug(
        "flush-left-to-snapshot",
        "S000",
        "the pending batch is not flushed: it is in memory and acknowledged, and the snapshot will hold it",
    ),
    bug(
        "snapshot-before-flush",
        "S000",
        "the state is copied before the pending batch is flushed, so the new log lacks it",
    ),
    bug(
        "puts-not-paused",
        "S000",
        "commits go into the old log and are acknowledged while the new one is written, as with deletions during bitcask's merge",
    ),
    // The swap.
    bug(
        "rename-before-sync",
        "M32",
        "the new log gets its name before its bytes are durable, as in LevelDB (issue 68)",
    ),
    bug(
        "no-directory-sync",
        "M33",
        "the old log goes while the new one's name may still be lost, as with RocksDB's CURRENT file (#10573); the published text forgets it",
    ),
    bug(
        "one-directory-sync-for-both",
        "M34",
        "one directory sync is to cover the new name and the removal, as Pebble's marker and its target (#5825)",
    ),
    bug(
        "old-log-removed-first",
        "M13",
        "the old log is removed before the new one has its name, as LevelDB unlinked its old log (ALICE, OSDI 2014)",
    ),
    bug(
        "one-log-name",
        "M37e",
        "the log has one name for ever and each new one is renamed over the last, as nine vulnerable programs in ALICE (OSDI 2014)",
    ),
    bug(
        "old-handle-after-swap",
        "M36",
        "after the swap commits go on into the old file, which has no name any more",
    ),
    bug(
        "rename-error-means-not-renamed",
        "M37b",
        "a rename that was done and reported an error is taken for none: the old log goes on, and the next opening takes the new one",
    ),
    bug(
        "temporary-file-reused",
        "M29",
        "a temporary log that a crash has left is written over and not cut, as Pebble's options files were",
    ),
    bug(
        "recycled-without-generation",
        "M05",
        "the old log becomes the next temporary one and its old entries pass for new ones, as RocksDB's recycled logs and Pebble's (#567) did",
    ),
    // What is rewritten.
    bug(
        "empty-value-dropped",
        "M26",
        "a rewrite takes an empty value for a deletion",
    ),
    bug(
        "commit-number-reused",
        "M21",
        "the new log counts its pairs for commits, so numbers begin again, as in Typhon (#712)",
    ),
    // The policy.
    bug(
        "dead-bytes-count-as-live",
        "S000",
        "live bytes grow with each put and never shrink, so the ratio stays near one",
    ),
    bug(
        "threshold-exclusive",
        "M59",
        "a ratio of exactly the threshold is not enough",
    ),
    bug(
        "min-interval-ignored",
        "S000",
        "a rewrite may follow the last one at once",
    ),
    bug(
        "max-interval-ignored",
        "S000",
        "a log whose ratio stays low is never rewritten",
    ),
    bug(
        "last-rewrite-noted-early",
        "S000",
        "the time of the last rewrite is set when one begins, so one that failed keeps the next away",
    ),
    // The way back.
    bug(
        "oldest-log-counts",
        "M46",
        "an opening that finds two logs takes the old one",
    ),
    bug(
        "log-removed-by-recovery",
        "M62",
        "recovery removes the old log before the name of the new one is durable, as in Typhon (#715)",
    ),
    bug(
        "incomplete-base-accepted",
        "M27",
        "a log counts although its base is not whole, the silent errors of ALICE (OSDI 2014)",
    ),
    bug(
        "no-checksum",
        "M07",
        "an entry counts when its length fits, as in LevelDB 1.15 and HSQLDB (ALICE, OSDI 2014)",
    ),
    bug(
        "damage-taken-for-torn-tail",
        "M08",
        "everything from the first unreadable entry on is cut, acknowledged or not, as most systems in the study of protocol-aware recovery did (FAST 2018)",
    ),
    bug(
        "torn-tail-fatal",
        "M09",
        "a half-written last entry stops the opening, as in LevelDB before 1.16 and ZooKeeper",
    ),
    bug(
        "bad-record-skipped",
        "M10",
        "replay goes on behind an unreadable entry, the hole that RocksDB defined in 2022",
    ),
    bug(
        "torn-tail-left",
        "M11",
        "a torn tail stays and new entries go behind it, out of reach, as in kuzu (#5852)",
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
