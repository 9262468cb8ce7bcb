//! The bugs that can be planted. Each is a mistake that a real system has made, or that
//! the wording of the published text invites.

use lithify_sim::planted::Planted;

use crate::parts::bugs as shared;

pub(super) const BUGS: &[Planted] = &[
    // Bugs of the loop.
    Planted::new(
        "acknowledged-before-sync",
        "M01",
        "a commit is acknowledged when its entry is written, and only the next rewrite makes the commit durable, as Electric acknowledged transactions on a flush (#2974)",
    ),
    Planted::new(
        "sync-error-swallowed",
        "M16",
        "the error of a sync of the log is ignored, as PostgreSQL's retries did for twenty years (fsyncgate)",
    ),
    Planted::new(
        "appends-after-failed-write",
        "M17",
        "the store accepts commits after a group has failed, as RocksDB did (#12448)",
    ),
    Planted::new(
        "delete-of-absent-key-dropped",
        "S000",
        "a deletion of a key that is not in memory is not written, although the pending batch puts the key, so the key stays",
    ),
    Planted::new(
        "group-written-twice",
        "M61",
        "a group is written twice at the same place before it is synced: correct, but with twice as many written bytes",
    ),
    // Bugs of the pause.
    Planted::new(
        "pending-batch-dropped",
        "S000",
        "the batch that is pending at the pause is dropped, so its commits are never written",
    ),
    Planted::new(
        "flush-left-to-snapshot",
        "S000",
        "the pending batch is acknowledged without a write to the old log, so a crash before the new log counts loses the batch",
    ),
    Planted::new(
        "snapshot-before-flush",
        "S000",
        "the state is copied before the pending batch is flushed, so the new log lacks the batch",
    ),
    Planted::new(
        "puts-not-paused",
        "S000",
        "commits are acknowledged and written to the old log while the new log is written, so the new log can lack these commits, as with deletions during bitcask's merge",
    ),
    Planted::new(
        "every-piece-synced",
        "O24",
        "a rewrite syncs after every piece, although one sync after the last piece is enough: correct, but with one sync for each piece",
    ),
    // Bugs of the swap.
    Planted::new(
        "rename-before-sync",
        "M32",
        "the new log is renamed to its name before its bytes are durable, so a crash can leave the name without the bytes, as in LevelDB (issue 68)",
    ),
    Planted::new(
        "no-directory-sync",
        "M33",
        "the old log is removed while the name of the new log can still be lost, as with RocksDB's CURRENT file (#10573); the published text forgets the directory sync",
    ),
    Planted::new(
        "one-directory-sync-for-both",
        "M34",
        "one directory sync covers the new name and the removal, so a crash can keep only the removal, as with Pebble's marker and its target (#5825)",
    ),
    Planted::new(
        "old-log-removed-first",
        "M13",
        "the old log is removed before the new log has its name, so a crash can leave no log, as LevelDB unlinked its old log (ALICE, OSDI 2014)",
    ),
    Planted::new(
        "one-log-name",
        "M37e",
        "every log has the same name and each new log is renamed over the last log, so a crash can lose both, as in nine vulnerable programs in ALICE (OSDI 2014)",
    ),
    Planted::new(
        "old-handle-after-swap",
        "S000",
        "after the swap commits go into the old file, which has no name any more, so the next opening does not find these commits",
    ),
    Planted::new(
        "rename-error-means-not-renamed",
        "M37b",
        "if a rename reports an error, the store continues with the old log, although the rename may have been done, and the next opening uses the new log",
    ),
    Planted::new(
        "temporary-file-reused",
        "M29",
        "a temporary log that a crash has left is overwritten and not truncated, so its old bytes stay behind the new bytes, as with Pebble's options files",
    ),
    Planted::new(
        "recycled-without-generation",
        "M05",
        "the old log becomes the next temporary log and the checksum does not cover the generation, so old entries are accepted as new entries, as in RocksDB's recycled logs and Pebble's (#567)",
    ),
    Planted::new(
        "found-log-gone-on",
        "M05",
        "a process continues in the existing log and does not begin a new log, so a commit that an earlier process has lost can be valid in the place of a later commit (found here, see tests/traces/lost-tail-passes-in-the-same-log.sim)",
    ),
    // Bugs of the rewritten content.
    Planted::new(
        "empty-value-dropped",
        "S000",
        "a rewrite treats an empty value as a deletion, so the key is lost",
    ),
    Planted::new(
        "commit-number-reused",
        "M21",
        "the new log stores the number of its pairs as the number of commits, so commit numbers are used twice, as in Typhon (#712)",
    ),
    // Bugs of the policy.
    Planted::new(
        "dead-bytes-count-as-live",
        "S000",
        "live bytes grow with each put and never shrink, so the ratio stays near one and the log is not rewritten",
    ),
    Planted::new(
        "threshold-exclusive",
        "M59",
        "a ratio that is equal to the threshold does not start a rewrite",
    ),
    Planted::new(
        "min-interval-ignored",
        "S000",
        "a rewrite can follow the last rewrite before the minimum interval has passed",
    ),
    Planted::new(
        "max-interval-ignored",
        "S000",
        "the maximum interval does not start a rewrite, so a log with a low ratio is never rewritten",
    ),
    Planted::new(
        "last-rewrite-noted-early",
        "S000",
        "the time of the last rewrite is set at the start of a rewrite and not at its end, so a failed rewrite delays the next rewrite",
    ),
    // Bugs of recovery.
    Planted::new(
        "oldest-log-counts",
        "M34",
        "an opening that finds two logs uses the old log, so commits in the new log are lost",
    ),
    Planted::new(
        "log-removed-by-recovery",
        "M62",
        "recovery removes the old log before the name of the new log is durable, as in Typhon (#715)",
    ),
    Planted::new(
        "incomplete-base-accepted",
        "M27",
        "a log is accepted although its base is incomplete, the silent errors of ALICE (OSDI 2014)",
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
