//! The bugs that can be planted. Each is a mistake that a real system has made, or that
//! the wording of the published text invites.

use lithify_sim::planted::Planted;

use crate::parts::bugs as shared;

pub(super) const BUGS: &[Planted] = &[
    // Bugs of the loop.
    Planted::new(
        "acknowledged-before-sync",
        "M01",
        "a commit is acknowledged when it is written, and nothing but the next rewrite makes it durable, as Electric acknowledged transactions on a flush (#2974)",
    ),
    Planted::new(
        "sync-error-swallowed",
        "M16",
        "a failed sync of the log is ignored, as PostgreSQL's retries did for twenty years (fsyncgate)",
    ),
    Planted::new(
        "appends-after-failed-write",
        "M17",
        "the store goes on behind a group that failed, as RocksDB did (#12448)",
    ),
    Planted::new(
        "delete-of-absent-key-dropped",
        "S000",
        "a deletion of a key that memory does not hold is not written, although its put is in the pending batch",
    ),
    Planted::new(
        "group-written-twice",
        "M61",
        "a group is written twice at the same place before it is synced: right, and twice as many bytes to the disk",
    ),
    // Bugs of the pause.
    Planted::new(
        "pending-batch-dropped",
        "S000",
        "the batch that is pending at the pause is forgotten",
    ),
    Planted::new(
        "flush-left-to-snapshot",
        "S000",
        "the pending batch is not flushed: it is in memory and acknowledged, and the snapshot will hold it",
    ),
    Planted::new(
        "snapshot-before-flush",
        "S000",
        "the state is copied before the pending batch is flushed, so the new log lacks it",
    ),
    Planted::new(
        "puts-not-paused",
        "S000",
        "commits go into the old log and are acknowledged while the new one is written, as with deletions during bitcask's merge",
    ),
    Planted::new(
        "every-piece-synced",
        "O24",
        "a rewrite syncs the pieces before each further one, and nothing depends on them before the last: right, and as slow as it has pieces",
    ),
    // Bugs of the swap.
    Planted::new(
        "rename-before-sync",
        "M32",
        "the new log gets its name before its bytes are durable, as in LevelDB (issue 68)",
    ),
    Planted::new(
        "no-directory-sync",
        "M33",
        "the old log goes while the new one's name may still be lost, as with RocksDB's CURRENT file (#10573); the published text forgets it",
    ),
    Planted::new(
        "one-directory-sync-for-both",
        "M34",
        "one directory sync is to cover the new name and the removal, as Pebble's marker and its target (#5825)",
    ),
    Planted::new(
        "old-log-removed-first",
        "M13",
        "the old log is removed before the new one has its name, as LevelDB unlinked its old log (ALICE, OSDI 2014)",
    ),
    Planted::new(
        "one-log-name",
        "M37e",
        "the log has one name for ever and each new one is renamed over the last, as nine vulnerable programs in ALICE (OSDI 2014)",
    ),
    Planted::new(
        "old-handle-after-swap",
        "S000",
        "after the swap commits go on into the old file, which has no name any more",
    ),
    Planted::new(
        "rename-error-means-not-renamed",
        "M37b",
        "a rename that was done and reported an error is taken for none: the old log goes on, and the next opening takes the new one",
    ),
    Planted::new(
        "temporary-file-reused",
        "M29",
        "a temporary log that a crash has left is written over and not cut, as Pebble's options files were",
    ),
    Planted::new(
        "recycled-without-generation",
        "M05",
        "the old log becomes the next temporary one and its old entries pass for new ones, as RocksDB's recycled logs and Pebble's (#567) did",
    ),
    Planted::new(
        "found-log-gone-on",
        "M05",
        "a process goes on in the log that it has found, so that a commit that an earlier one has lost passes at its place (found here, see tests/traces/lost-tail-passes-in-the-same-log.sim)",
    ),
    // Bugs of the rewritten content.
    Planted::new(
        "empty-value-dropped",
        "S000",
        "a rewrite takes an empty value for a deletion",
    ),
    Planted::new(
        "commit-number-reused",
        "M21",
        "the new log counts its pairs for commits, so numbers begin again, as in Typhon (#712)",
    ),
    // Bugs of the policy.
    Planted::new(
        "dead-bytes-count-as-live",
        "S000",
        "live bytes grow with each put and never shrink, so the ratio stays near one",
    ),
    Planted::new(
        "threshold-exclusive",
        "M59",
        "a ratio of exactly the threshold is not enough",
    ),
    Planted::new(
        "min-interval-ignored",
        "S000",
        "a rewrite may follow the last one at once",
    ),
    Planted::new(
        "max-interval-ignored",
        "S000",
        "a log whose ratio stays low is never rewritten",
    ),
    Planted::new(
        "last-rewrite-noted-early",
        "S000",
        "the time of the last rewrite is set when one begins, so one that failed keeps the next away",
    ),
    // Bugs of recovery.
    Planted::new(
        "oldest-log-counts",
        "M34",
        "an opening that finds two logs takes the old one",
    ),
    Planted::new(
        "log-removed-by-recovery",
        "M62",
        "recovery removes the old log before the name of the new one is durable, as in Typhon (#715)",
    ),
    Planted::new(
        "incomplete-base-accepted",
        "M27",
        "a log counts although its base is not whole, the silent errors of ALICE (OSDI 2014)",
    ),
    shared::NO_CHECKSUM,
    shared::LENGTH_BELIEVED,
    shared::DAMAGE_TAKEN_FOR_TORN_TAIL,
    shared::TORN_TAIL_FATAL,
    shared::BAD_RECORD_SKIPPED,
    shared::TORN_TAIL_LEFT,
    shared::RECOVERED_TAIL_NOT_SYNCED,
    shared::RECOVERED_TAIL_NOT_REWRITTEN,
    shared::SALT_WITHOUT_FILE_NUMBER,
    shared::SALT_WITHOUT_IDENTITY,
    shared::FILE_NUMBER_NOT_FRESH,
];
