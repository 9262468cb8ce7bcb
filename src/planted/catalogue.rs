//! The list of planted bugs.

use super::Planted;

/// Defines the enumeration and its table from one list.
macro_rules! catalogue {
    ($($bug:ident $name:literal $pattern:literal $area:literal $oracle:literal $trigger:literal $story:literal)*) => {
        /// A planted bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $(#[doc = $story] $bug,)*
        }

        impl Bug {
            /// All bugs, ordered by area.
            pub const ALL: &'static [Self] = &[$(Self::$bug),*];

            /// The name of the bug on the command line and in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)*
                }
            }

            /// The facts about the bug.
            #[must_use]
            pub const fn about(self) -> Planted {
                match self {
                    $(Self::$bug => Planted {
                        pattern: $pattern,
                        story: $story,
                        area: $area,
                        oracle: $oracle,
                        trigger: $trigger,
                    },)*
                }
            }
        }
    };
}

catalogue! {
    AckBeforeSync "ack-before-sync" "M01" "wal"
        "durability" "crash"
        "A commit is acknowledged when its record is written, and only the next commit syncs the record, so a crash loses acknowledged commits (Electric #2974 and #2982; twelve of the vulnerabilities of ALICE, OSDI 2014)."

    GroupCommitUnsynced "group-commit-unsynced" "M64" "wal"
        "durability" "crash"
        "A batch that is committed alone is synced, but a group of several batches is not, so a crash loses the acknowledged commits of a group (Pebble d40d24140)."

    RotationUnsynced "rotation-unsynced" "M04" "wal"
        "opens" "crash with buffered commits"
        "The old WAL file is not synced before the next WAL file is created, so the new file can survive a crash without the end of the old file (Yugabyte #3490, raft-engine #123)."

    ReplaySkipsChecksum "replay-skips-checksum" "M07" "wal"
        "damage" "bit rot; crash with torn writes"
        "Replay accepts a record by its tag and length and does not compare its checksum, so a corrupt record is applied (LevelDB 1.15 and HSQLDB in ALICE)."

    ReplaySkipsBadRecord "replay-skips-bad-record" "M10" "wal"
        "prefix" "crash inside a group of commits"
        "Replay skips a corrupt record and continues with the next intact record, so a later commit survives without an earlier commit (RocksDB, lost buffered writes, 2022)."

    MissingCommitsSkipped "missing-commits-skipped" "M18" "wal"
        "prefix" "lying sync, stale read or bit rot of a sealed WAL file"
        "Replay does not check that a WAL file reaches the end that the header of the next WAL file states, and replaces missing commits by empty commits, so a loss stays undetected (RocksDB #10560, an undetected hole)."

    TornTailIsFatal "torn-tail-is-fatal" "M09" "wal"
        "opens" "crash with torn writes"
        "A torn last record, which a crash may leave, is reported as damage, so the store does not open after a crash (LevelDB 269fc6c, raft-engine 5c71a53)."

    TornTailSealed "torn-tail-sealed" "M11" "wal"
        "opens" "crash with torn writes, two openings"
        "Opening seals the newest WAL file at the length of the file and not at the end of its last valid record, so the torn tail becomes a part of the log and the next opening fails (kuzu #5852, raft-engine 7fae611)."

    MidLogDamageIsTorn "mid-log-damage-is-torn" "M08" "wal"
        "damage" "bit rot or stale read in the newest WAL file"
        "Replay does not search for marks behind a corrupt record, so replay cuts off durable commits like a torn tail (Pebble 9a86078d6; PAR, FAST 2018)."

    PartialBatchReplayed "partial-batch-replayed" "M06" "wal"
        "batch atomicity" "crash with torn writes, batches over several keyspaces"
        "Replay applies the keyspaces of a torn record that can still be decoded, so a part of a batch is visible (Pebble #540, a partial record returned)."

    SyncErrorSwallowed "sync-error-swallowed" "M16" "wal"
        "error honesty" "sync error"
        "The error of a sync is ignored, so a commit is acknowledged although the sync of its record has failed (LevelDB before 1.15, raft-engine #131)."

    SyncRetried "sync-retried" "M16" "wal"
        "durability" "sync error that drops pages and marks them clean, then crash"
        "A failed sync is tried again, and the second sync succeeds without writing anything, so a crash loses acknowledged commits (Rebello et al., ATC 2020)."

    WriteErrorNotPoisoned "write-error-not-poisoned" "M17" "wal"
        "exact state" "write error or sync error, then reopening"
        "The handle accepts commits after a failed write or sync. The failed commit is still staged and is written later, and the next commit gets the same number (RocksDB #12448)."

    ShortWriteIsComplete "short-write-is-complete" "E01" "wal"
        "durability" "short write"
        "A write that took only a part of the bytes is treated as complete, so the rest of a record is never written (E01 of the fault model; raft-engine e55641f)."

    InterruptedWriteIsDone "interrupted-write-is-done" "E02" "wal"
        "durability" "interrupted write"
        "A write that a signal interrupted and that wrote nothing is treated as complete, so a record is never written (E02 of the fault model)."

    FailedWriteRepeated "failed-write-repeated" "M17" "wal"
        "durability" "write error"
        "A failed append is repeated at the end of the file, behind the part that the failed append has written. Readers stop at that part, so acknowledged commits are lost (RocksDB #12448, writes after a failed write)."

    RedundantSync "redundant-sync" "O24" "wal"
        "counters" "none"
        "A file is synced although nothing was written since its last sync: correct, but with more syncs than predicted."

    GroupSyncedApart "group-synced-apart" "O24" "wal"
        "counters" "none; groups of batches"
        "The batches of a group are written and synced one by one: correct, but a group saves no sync."

    BufferedCommitsSynced "buffered-commits-synced" "O24" "wal"
        "counters" "none; buffered commits"
        "A buffered commit is synced although its durability does not require a sync: correct, but as slow as a synced commit."

    EveryGroupMarked "every-group-marked" "M61" "wal"
        "counters" "none"
        "Every group of commits ends with the mark that only a closed log needs: readers accept the mark, but the log is longer than the format says."

    RotatedEarly "rotated-early" "M61" "wal"
        "counters" "none"
        "A WAL file is rotated at half of the size that the option sets, so there are twice as many headers, file names and syncs."

    CloseErrorIgnored "close-error-ignored" "M16" "wal"
        "error honesty" "sync error at the end, with buffered commits"
        "Closing ignores the error of the last sync of the WAL and reports success, so buffered commits can be lost without an error (ATC 2020, ext4 with data=journal)."

    WalRemovedEarly "wal-removed-early" "M13" "wal"
        "opens" "crash"
        "WAL files are removed before the edit that makes them unnecessary is written, so after a crash the manifest needs missing WAL files (cqlite #1392, RocksDB 7.3.0)."

    PublishedBeforeDurable "published-before-durable" "M22" "sequencer"
        "stability" "write error or sync error"
        "A commit becomes visible although its write or sync has failed, and is gone after reopening (RocksDB 11.0.0, slatedb #1521)."

    EmptyCommitSkipped "empty-commit-skipped" "M21" "sequencer"
        "commit numbers" "none"
        "An empty batch takes no number, so two commits are answered with the same number (Typhon #712, numbers used twice)."

    GroupAnswersFirst "group-answers-first" "M21" "sequencer"
        "commit numbers" "none; groups of batches"
        "A group of batches is answered with the number of its first commit and not of its last commit, so the caller gets a wrong number (Typhon #712, numbers used twice)."

    BatchFirstWriteWins "batch-first-write-wins" "M43" "sequencer"
        "exact state" "none"
        "If a batch has several operations on one key, the first operation counts and not the last, so reads return the wrong value (LevelDB #320, the older of two shadows the newer)."

    BlockChecksumIgnored "block-checksum-ignored" "M27" "segment"
        "damage" "bit rot"
        "An uncompressed block is used without comparing its checksum, so reads return corrupt data (silent errors of ALICE, OSDI 2014)."

    BlockPlaceIgnored "block-place-ignored" "M63" "segment"
        "damage" "misdirected read or write inside a file"
        "An intact block is accepted at a wrong offset of its file, so a read returns the entries of another block (the reason why TigerBeetle keeps checksums outside of blocks)."

    RetriedBlockIsEmpty "retried-block-is-empty" "M47" "segment"
        "exact state" "transient read error"
        "A block whose read failed is read again. If the second read succeeds, the block is treated as empty and its bytes are not used, so entries are missing (RocksDB 8.7.0, a read error taken for the end of the input)."

    RereadBlockDropped "reread-block-dropped" "M63" "segment"
        "damage" "stale read"
        "A block of zeros is read again. If the second read returns an intact block, the block is still treated as empty, so entries are missing."

    SegmentWrittenTwice "segment-written-twice" "M61" "segment"
        "counters" "none"
        "Every append of a segment file is written twice at the same place: the file is correct, but costs twice as many written bytes (weaviate #1716)."

    ZeroBlockIsEmpty "zero-block-is-empty" "M27" "segment"
        "damage" "misdirected write; lying sync and a crash"
        "A block that has only zeros in two reads is treated as a block without entries and not as damage, so entries are missing without an error (silent errors of ALICE, OSDI 2014)."

    ShortFileAccepted "short-file-accepted" "M27" "segment"
        "damage" "lying sync and a crash"
        "A segment file that is shorter than the manifest says is accepted, and its segments are read as empty, so entries are missing without an error (RocksDB #6316; etcd in the study of LazyFS)."

    FilterSkipsTombstones "filter-skips-tombstones" "M41" "segment"
        "resurrected deletes" "none"
        "The filter of a segment file does not contain keys whose newest version is a deletion, so a get misses the deletion and finds an older value (Bitcask #82, fjall lsm-tree #125)."

    TableForgetsLast "table-forgets-last" "M30" "segment"
        "physical check" "none"
        "The table of contents of a segment file lacks the last segment. Reads do not use the table, so every read is still correct (redb fd82cedb, a part of the file that nothing had read)."

    KeysCountedPerBlock "keys-counted-per-block" "M50" "segment"
        "layout" "none; small blocks"
        "A key whose versions continue in the next block is counted again, so the layout depends on whether a segment is in memory or in a file (redb 0ef92969)."

    FullDiskIgnored "full-disk-ignored" "E04" "segment"
        "dangling" "one write that fails because the disk is full, then reopening"
        "The error of a full disk is ignored, so an incomplete segment file is published (E04 of the fault model; RocksDB #6316)."

    MergeOrderLost "merge-order-lost" "M43" "segment"
        "exact state" "none; three or more inputs"
        "When an input of a merge is exhausted, the order of the heap is not restored, so the output is not sorted (LevelDB #320)."

    OldestWins "oldest-wins" "M43" "segment"
        "exact state" "none"
        "A merge puts the versions of a key in order from oldest to newest, so a read finds the oldest version (LevelDB #320)."

    LowestManifestWins "lowest-manifest-wins" "M34" "manifest"
        "opens" "crash that leaves two manifests"
        "If several manifests are intact, the oldest manifest counts and not the newest, so opening uses an outdated state (Pebble #5825)."

    OldManifestRemovedEarly "old-manifest-removed-early" "M34" "manifest"
        "opens" "crash between the directory operations of a new manifest"
        "The old manifest is removed before the name of the new manifest is durable, and one directory sync covers both operations, so a crash can leave no manifest (Pebble 79b311b81)."

    EditSplit "edit-split" "M37d" "manifest"
        "exact state" "crash between two records"
        "An edit is written as two records: the first retires the inputs, the second adds the output. A crash between the two records loses the entries of the merge (badger 14dc96ae, RocksDB 8.1.0)."

    ErrorDeletesManifest "error-deletes-manifest" "M37" "manifest"
        "opens" "any error while a new manifest is written, which happens after reopening"
        "If a new manifest cannot be written, the cleanup removes the manifest in force, so the store cannot be opened again (RocksDB #6316)."

    EditSyncedLate "edit-synced-late" "M42" "manifest"
        "dangling" "crash after files were removed"
        "An edit counts as soon as it is written, and is synced together with the next edit, after its inputs were removed. A crash can leave a manifest that names removed files (LevelDB in ALICE, figure 4A)."

    ManifestKeepsOldWal "manifest-keeps-old-wal" "M14" "manifest"
        "opens" "none; reopening"
        "WAL files are removed, but the manifest still names the first of these files as needed, so the next opening fails (RocksDB 6.8.0 and 7.2.0)."

    SwitchMarkSynced "switch-mark-synced" "O24" "manifest"
        "counters" "none; a manifest that was replaced"
        "The mark behind the snapshot of a new manifest is synced, although a mark that is written is enough: correct, but with more syncs than predicted."

    EditsGetNewManifest "edits-get-new-manifest" "M61" "manifest"
        "counters" "none; a long manifest"
        "Before each edit a new manifest with the whole state is written, even if the old manifest is short, so the cost of an edit grows with the size of the store."

    FailedEditUndone "failed-edit-undone" "M37b" "manifest"
        "opens" "sync error that leaves pages dirty, then crash"
        "If the sync of an edit fails, the record of the edit is cut off and its segment file is removed, although the record may still become durable. Then the manifest names a missing file (RocksDB 6.21.0, an error although applied)."

    UnreadableManifestSkipped "unreadable-manifest-skipped" "M47" "manifest"
        "error honesty" "read error while opening"
        "A manifest that cannot be read is skipped as if it were not intact, so opening hides the read error (RocksDB 8.7.0, a read error taken for the end of the input)."

    InputsRemovedEarly "inputs-removed-early" "M42" "compactor"
        "dangling" "crash"
        "The input files of a merge are removed before the edit that publishes the output is written, so after a crash the manifest names removed files (LevelDB in ALICE, figure 4A; cassandra #573)."

    InputsRemovedByRange "inputs-removed-by-range" "M46" "compactor"
        "exact state" "none; several keyspaces, reopening"
        "An edit retires every segment of a lower level in the merged window, also the segments of other keyspaces, and not only the inputs of the merge, so other keyspaces lose entries (removeInputSegments of the original design)."

    FlushSkipsKeyspace "flush-skips-keyspace" "M55" "compactor"
        "batch atomicity" "none; several keyspaces, reopening"
        "A closing moves only the keyspaces that it merges to a file, but declares all commits flushed, so other keyspaces lose entries at the next opening (infino #549, slatedb #1657)."

    KeyspaceNamedEarly "keyspace-named-early" "M55" "compactor"
        "opens" "crash; several keyspaces"
        "The manifest names a keyspace before the first commit of the keyspace is in a file, so the name survives a crash that loses the commit (found in this engine by the laboratory)."

    FlushedTooFar "flushed-too-far" "M49" "compactor"
        "prefix" "none; reopening"
        "The manifest claims one commit more than the file holds, so replay skips that commit (slatedb f0b2ab64)."

    FlushedTooLittle "flushed-too-little" "M15" "compactor"
        "layout" "none; reopening"
        "The manifest claims one commit fewer than the file holds, so replay applies that commit again, or needs a WAL file that was removed (RocksDB 9.6.0, slatedb d024dacc)."

    RangeOverClaims "range-over-claims" "M38" "compactor"
        "windows" "none"
        "The last commit of a merged segment is set to the end of its window, and not to the last commit that wrote to its keyspace, so the segment claims commits without having their entries (persistCurrent of the original design)."

    ListingOverClaims "listing-over-claims" "M38" "compactor"
        "layout" "none; a keyspace that some commits do not write to"
        "The layout lists a segment with the first commit of its window, and not with the first commit that wrote to the segment; all other facts of the listing are correct (LevelDB's metadata that no read uses)."

    EmptyOutputDropped "empty-output-dropped" "R1" "compactor"
        "layout" "none; deletions with thinned history"
        "If a merge in memory has no output entries, its output is not installed and its inputs stay, so the layout is wrong (R1: `diff == nil` returned early)."

    TombstoneDropped "tombstone-dropped" "M41" "compactor"
        "resurrected deletes" "none; thinned history"
        "A merge drops deletions although an older segment may hold the key, so a deleted value comes back (Bitcask #82, badger #464, cqlite #505)."

    ArrivalsCounted "arrivals-counted" "M45" "compactor"
        "layout" "event repeated"
        "The watermark counts events and ignores their commit numbers, so a repeated event moves the watermark too far (the rejected design 002)."

    EarlyEventForgotten "early-event-forgotten" "R7" "compactor"
        "liveness" "event reordered or delayed, without settling"
        "An event that arrives before its predecessor is dropped, so the watermark stays behind (R7: `End <= CurSegment.End`)."

    LostEventsStayLost "lost-events-stay-lost" "R8" "compactor"
        "liveness" "event lost"
        "Settling does not ask the version for the commits whose events were lost, so the watermark stays behind (R8: a full channel dropped notifications)."

    ClosesOneEarly "closes-one-early" "M45" "compactor"
        "windows" "none"
        "A window closes when the commit before its right edge is known, so the merge can miss the last commit of the window (`<` for `<=`, the other way round)."

    ClosesOneLate "closes-one-late" "M45" "compactor"
        "liveness" "none"
        "A window closes one commit late, so settling omits the last closing (`<` for `<=`)."

    HighestLevelForgotten "highest-level-forgotten" "M45" "compactor"
        "layout" "none"
        "The level in `commit % divisor^level` is taken for the level of the inputs, so the highest window that ends at a commit is not closed (an inconsistency of the original documents)."

    DirectMergesHighest "direct-merges-highest" "M45" "compactor"
        "confluence" "none; direct cascade"
        "The direct cascade counts all segments in a window, also those that a merge at a lower level would have replaced, so it merges windows that the step cascade does not merge."

    DirectStepsAnyway "direct-steps-anyway" "M44" "compactor"
        "counters" "none; direct cascade"
        "The direct cascade merges level after level: the layout is the same, but more entries are written than predicted (RocksDB 6.11, inputs picked twice)."

    EverythingRewritten "everything-rewritten" "M61" "compactor"
        "counters" "none"
        "Each file job rewrites all segments, also the segments that are in files already, so the cost of a job grows with the size of the store (weaviate #1716)."

    HashOrderLeaks "hash-order-leaks" "M50" "compactor"
        "determinism" "none"
        "The order of segments in a file comes from a hash map with a random seed, so equal histories give different files (redb 0ef92969)."

    DamagedMergeForgotten "damaged-merge-forgotten" "M47" "compactor"
        "layout" "bit rot in a merge input"
        "A merge that meets damage is reported once and never tried again, so the layout lacks the merge (found in this engine, see tests/regressions.rs)."

    MergeReadErrorIsEnd "merge-read-error-is-end" "M47" "compactor"
        "exact state" "transient read error in a merge"
        "An input of a merge that cannot be read is treated as empty, so the output lacks entries (RocksDB 8.7.0)."

    DirectorySyncErrorIgnored "directory-sync-error-ignored" "M16" "compactor"
        "dangling" "sync error of the directory, then crash"
        "A segment file is published although the directory sync of its name has failed, so after a crash the manifest can name a missing file (LevelDB before 1.15; E06 of the fault model)."

    CreateRetried "create-retried" "M37b" "compactor"
        "orphans" "false error"
        "If a file cannot be created, the store creates a file with the next number. If the error was false, the first file stays until the next opening (RocksDB 6.21.0, an error although applied)."

    BaseDropped "base-dropped" "M48" "retention"
        "exact state" "none; thinned history"
        "Retention drops every version below the floor, also the version that a read at the floor needs, so keys lose their values (slatedb #939)."

    HeadWindowIgnoresCommit "head-window-ignores-commit" "R6" "retention"
        "time travel" "none; head window"
        "The head window compares the commit of the closing with its own length, and ignores the commit of the input, so inputs inside the head window are removed at once (R6)."

    SpillRetires "spill-retires" "M55" "retention"
        "confluence" "none; head window and a small memory budget"
        "Retention also runs when segments move to a file at a commit that closes no window, so the memory budget decides which inputs are kept."

    RetentionLooksBack "retention-looks-back" "M39" "retention"
        "confluence" "none; head window, closings out of order"
        "Retention is evaluated at the closing that is installed, although a later closing was installed before, so inputs are kept that should be removed (found in this engine by the laboratory)."

    RetentionOutrunsLog "retention-outruns-log" "M39" "retention"
        "confluence" "crash; buffered, head window, closings out of order"
        "A file is published without the inputs that a later closing has removed, before the log is synced up to that closing. A crash can lose the closing, and then the inputs are missing (found in this engine by the laboratory)."

    QuietClosingSkipped "quiet-closing-skipped" "M39" "retention"
        "confluence" "none; head window, reopening"
        "A closing without a merge is skipped together with its retention, so inputs stay that should be removed (processSegment of the original design returned early)."

    PinnedFileCut "pinned-file-cut" "M54" "retention"
        "snapshot stability" "none; a snapshot that is still read after a merge"
        "The file of a retired segment is truncated to length 0 and removed while a snapshot still reads the file, so reads of the snapshot fail (scylla #4051, wildcat #116)."

    WalNeverRemoved "wal-never-removed" "M56" "retention"
        "space" "none"
        "WAL files that the manifest no longer needs stay until the next opening, so the log takes too much space (sled 083ee409)."

    RemovalSynced "removal-synced" "O24" "retention"
        "counters" "none"
        "The directory is synced after each removal: correct, but unnecessary, because the next opening removes a file that a crash brings back."

    ObsoleteFileLeaked "obsolete-file-leaked" "M56" "retention"
        "orphans" "none"
        "Segment files that are no longer used stay until the next opening, so the store takes too much space (Pebble dd26bf0e8, LevelDB issue 66)."

    RemoveErrorIgnored "remove-error-ignored" "M56" "retention"
        "orphans" "metadata error: a removal fails"
        "A file whose removal failed is reported as removed and forgotten, so the file stays on the disk (redb 071f7620)."

    GapAccepted "gap-accepted" "M21" "replica"
        "confluence" "none; a replica that misses a commit"
        "A replica applies any later commit under the next number of the replica, so a lost message shifts the history of the replica."

    OtherPastAccepted "other-past-accepted" "M21" "replica"
        "confluence" "none; a primary with another history of the same length"
        "A replica compares the number of a commit and not the history before the commit, so the replica follows a primary with a different history."

    ReplicaMarkedLate "replica-marked-late" "M03" "replica"
        "errors" "crash right after a replica was made"
        "The name of the marker file of a replica is not durable before commits are applied, so after a crash the store can be a primary."

    PromotedBeforeSync "promoted-before-sync" "M03" "replica"
        "opens" "crash after a promotion"
        "A promoted store accepts commits before the removal of its role as a replica is durable, so after a crash the store is a replica again and refuses commits."

    FirstOpenRefused "first-open-refused" "M31" "recovery"
        "opens" "crash while the store is created"
        "A WAL file without a manifest, which an interrupted creation leaves, is taken for a broken store, so the creation cannot be repeated (uni-db #275, etcd 19 of LazyFS)."

    FileNumberReused "file-number-reused" "M28" "recovery"
        "commits after reopening" "none; reopening twice"
        "The next file number comes from the manifest alone and not also from the directory, so a number is used twice (Pebble 06feeaa2a, RocksDB 6.8.0)."

    HugeNumberIsOurs "huge-number-is-ours" "M28" "recovery"
        "foreign files" "foreign file with a huge number in its name"
        "A foreign file with a huge number in its name is taken for a file of the store, so no numbers are left for new files (found in this engine, see tests/regressions.rs)."

    SimilarNameIsOurs "similar-name-is-ours" "M29" "recovery"
        "opens" "foreign file whose name has too few digits"
        "A file name with too few digits is taken for a file of the store, so an opening looks for a file that is not there (Pebble 9656de4a3, a leftover adopted)."

    UnprovenWalServed "unproven-wal-served" "M22" "recovery"
        "stability" "process killed before a sync, then power failure"
        "Recovery serves commits that may exist only in the page cache and does not write them again, so a power failure takes back served commits (RocksDB 11.0.0, numbers going backwards)."

    TailLeftUnsynced "tail-left-unsynced" "M22" "recovery"
        "stability" "process killed before a sync, then power failure"
        "Recovery continues in the last WAL file and serves the last commits of that file at once, but only the next commit syncs these commits, so a power failure takes back served commits (RocksDB 7.4.0, the bugs that take a second crash)."

    NamedTwice "named-twice" "M15" "recovery"
        "none" "none; reopening"
        "Replay adds a keyspace again that the manifest has named already. The manifest of this engine names no keyspace too early, so there is no such keyspace and the bug has no effect (found in this engine, see tests/regressions.rs)."

    UnprovenManifestServed "unproven-manifest-served" "M37c" "recovery"
        "opens" "process killed before a sync, then power failure"
        "Recovery relies on a manifest record that may exist only in the page cache, and removes files that the record before it needs, so a power failure leaves a store without needed files (RocksDB 7.4.0)."

    UnprovenDropped "unproven-dropped" "M21" "recovery"
        "durability" "crash"
        "Recovery drops the last intact commits because no mark proves the durability of these commits, so acknowledged commits are lost (Typhon #712)."

    SweepBeforeProof "sweep-before-proof" "M62" "recovery"
        "opens" "process killed, then power failure in recovery"
        "Recovery removes old manifests and other files before the manifest in use is durable, so a power failure during recovery leaves no usable manifest (Typhon #715: the second crash loses everything)."

    OrphansNotSwept "orphans-not-swept" "M56" "recovery"
        "orphans" "crash while a segment file is written"
        "An opening does not remove segment files that the manifest does not name, so incomplete files of an earlier run stay for ever (Pebble dd26bf0e8, sled 083ee409)."

    RecoveryGrowsWal "recovery-grows-wal" "M61" "recovery"
        "space" "none; reopening"
        "Each opening adds a WAL file, even if no commit has to be written again, so the space grows with each opening (weaviate #1716, badger 509de73a)."

    ManifestAlwaysRewritten "manifest-always-rewritten" "M51" "recovery"
        "idempotent recovery" "none; reopening"
        "Each opening writes the manifest again, even if the manifest is proven durable, so a second opening still changes the disk (slatedb #2002)."

    RestartForgetsClosings "restart-forgets-closings" "R2" "recovery"
        "confluence" "none; reopening"
        "After an opening, the compactor assumes that every window up to the head is merged, but merges in memory are lost when a process ends, so these windows stay unmerged (R2, M52)."

    ListErrorIsEmpty "list-error-is-empty" "M47" "recovery"
        "durability" "metadata error: a listing fails"
        "A directory that cannot be listed is treated as missing, so a new store is created in the place of the old store (RocksDB 8.7.0)."

    UnreadableWalIsLeftover "unreadable-wal-is-leftover" "M47" "recovery"
        "durability" "transient read error while opening"
        "A WAL file that cannot be read is treated as the leftover of an interrupted creation and removed, so its commits are lost (RocksDB 8.7.0)."

    DamagedStoreRecreated "damaged-store-recreated" "M08" "recovery"
        "damage" "bit rot or lying sync of the only manifest"
        "If no manifest is intact, a new store is created although other files of the old store hold data, so all commits are lost (PAR, FAST 2018; found in this engine, see tests/regressions.rs)."

    ShortReadIsComplete "short-read-is-complete" "E12" "reading"
        "opens" "short read"
        "A read that returned only a part of the bytes is treated as complete, so the rest of the buffer is used as data (E12 of the fault model)."

    InterruptionIsEnd "interruption-is-end" "E12" "reading"
        "opens" "interrupted read"
        "A read that a signal interrupted is treated as the end of the file, so an intact file seems too short (raft-engine 5c71a53)."

    RangeReadErrorIsEnd "range-read-error-is-end" "M47" "reading"
        "error honesty" "read error or bit rot in a scan"
        "A scan that meets a read error ends without an error, so the caller takes a part of the range for the whole (RocksDB 8.7.0)."

    StickyReadIsMissing "sticky-read-is-missing" "M47" "reading"
        "error honesty" "sticky read error"
        "If the read of a key fails twice, the key is reported as missing, so the caller does not see the error (RocksDB 8.7.0)."

    AsOfSeesNext "as-of-sees-next" "M59" "reading"
        "time travel" "none"
        "A get as of a commit also sees the next commit. At the head there is no next commit, so only reads of older commits are wrong (seed 004, the snapshot's offset off by one)."

    BackwardMissesNewest "backward-misses-newest" "M59" "reading"
        "exact state" "none; scans from the end"
        "A scan from the end skips the writes of the commit of its snapshot, so the scan returns older values."

    NewestIsBehind "newest-is-behind" "M59" "reading"
        "exact state" "none"
        "If the newest commit has closed a window, a snapshot of the newest state is taken as of the commit before, so the newest commit is invisible (seed 004, an offset off by one)."

    FloorUnreadable "floor-unreadable" "M59" "reading"
        "time travel" "none; thinned history"
        "A read at the floor of a thinned segment, the oldest commit that the segment can show, is refused as thinned out (`<` for `<=`)."

    FilesByRange "files-by-range" "M29" "reading"
        "dangling" "none; a removed segment file between two others"
        "The list of needed files contains every number between the oldest and the newest segment file, so the list contains removed files (Pebble 9656de4a3, names taken for files)."

    NeighbourSlotRead "neighbour-slot-read" "M63" "reading"
        "exact state" "none; with a block cache"
        "The block cache looks for a block in the slot of the preceding block, so a read uses the entries of a wrong block."

    OlderVersionShadows "older-version-shadows" "M43" "reading"
        "exact state" "none; small blocks"
        "A search starts in the block that begins with the key, although newer versions of the key are at the end of the preceding block, so a get returns an older value (LevelDB #320, RocksDB 11.1.0)."

    NumberNotFresh "number-not-fresh" "M05" "identity"
        "durability" "stale bytes of an earlier file of the same name"
        "Each file draws the same fresh number, so the salt of checksums depends only on store, kind and file number. If a crash takes the name of a file, the bytes of that file are valid in the next file of that name (format version 1 of this engine)."

    UnprovenLogWins "unproven-log-wins" "M05" "identity"
        "durability" "stale bytes of a whole earlier file"
        "The newest WAL file with an intact header is taken for the end of the log, although no mark proves that its creation was completed. The file may be an earlier file of that name, and then its commits replace synced commits (found in this engine, see tests/traces)."

    UnprovenManifestWins "unproven-manifest-wins" "M05" "identity"
        "opens" "stale bytes of a whole earlier file"
        "The newest manifest with an intact first record is in force, although no mark proves that its creation was completed, so an earlier file of that name can replace the current manifest."

    ForeignManifestAccepted "foreign-manifest-accepted" "M63" "identity"
        "opens" "stale bytes of a whole file of another store"
        "A manifest of another store is accepted under a file name of this store, so opening uses the state of another store."

    ForeignLogAccepted "foreign-log-accepted" "M63" "identity"
        "opens" "stale bytes of a whole file of another store"
        "A WAL file of another store is accepted under a file name of this store, so opening uses a log of another store."

    IdentityUnsynced "identity-unsynced" "M04" "identity"
        "opens" "crash during creation, stale bytes of another store"
        "The identity file, which says which store a directory holds, is not durable before the first WAL file is created, so after a crash the file can name another store."

    CachedProofBelieved "cached-proof-believed" "M14" "identity"
        "stability" "a sync that fails in an opening"
        "Recovery continues the log behind a WAL file whose creation is proven only by a mark in the page cache. A crash can remove the mark, and then the file does not count (found in this engine by the laboratory on the day that files had to be proven)."

    CachedManifestBelieved "cached-manifest-believed" "M14" "identity"
        "opens" "a sync that fails in an opening"
        "Recovery relies on a manifest that is proven only by a mark in the page cache. A crash can remove the mark, and then an older manifest counts whose last edit was only in the page cache."

    SweptLast "swept-last" "M56" "recovery"
        "space" "a full device"
        "Opening removes unneeded files after its writes and not before. On a device that these files fill, the writes fail, so the store can never be opened again (found in this engine by trying it on a small device)."

    OnlyTheFirstIsTold "only-the-first-is-told" "R8" "threads"
        "liveness" "none; groups of commits"
        "The leader answers only the first ticket of its group, so the other owners sleep for ever."

    QueueLeftWithoutLeader "queue-left-without-leader" "R8" "threads"
        "liveness" "none; commits that arrive while a group is in progress"
        "A leader that is done gives up leadership although jobs are waiting, so these jobs wait until another job arrives."

    StandbyNotCalled "standby-not-called" "R8" "threads"
        "liveness" "none; commits whose owners do not wait"
        "Leadership goes to the standby thread, but its bell is not rung, so the thread does not wake up (a lost wake-up)."

    CalledWithoutABell "called-without-a-bell" "R8" "threads"
        "liveness" "none; commits that arrive while a group is in progress"
        "The next leader is named on its ticket, but its bell is not rung, so its thread does not wake up (a lost wake-up)."

    TwoLeaders "two-leaders" "M21" "threads"
        "commit numbers" "none; commits that arrive while a group is in progress"
        "Every owner that submits a job leads, even if another owner is leading, so two groups are in progress with the same commit numbers (Typhon #712, numbers used twice)."

    GroupTakenFromTheEnd "group-taken-from-the-end" "M21" "threads"
        "answers" "none; groups of commits"
        "A group is taken from the end of the queue and not from the front, so a later commit of a client overtakes an earlier commit of that client."

    AnswersSwapped "answers-swapped" "M21" "threads"
        "answers" "none; groups of commits"
        "The results of a group are given to the owners in reverse order, so owners get the results of other commits."

    RoomNotAnnounced "room-not-announced" "R8" "threads"
        "liveness" "none; room for few bytes"
        "A thread that waits for room in the queue is not woken when jobs are taken out, so the thread waits for ever."

    RoomNeverCountedBack "room-never-counted-back" "R8" "threads"
        "liveness" "none; room for few bytes"
        "Jobs that were taken from the queue still count as waiting, so back-pressure never ends."

    CloseDoesNotDrain "close-does-not-drain" "M22" "threads"
        "answers" "none; commits in progress while the store is closed"
        "Closing waits for the waiting jobs but not for the group in progress, so the group is written after the log was marked as closed and the directory was unlocked."

    StandbyLeavesEarly "standby-leaves-early" "R8" "threads"
        "liveness" "none; commits in progress while the store is closed"
        "The standby thread ends when the queue is closed, although jobs wait that only the standby thread can lead, so these jobs wait for ever."

    ClosedQueueTakesJobs "closed-queue-takes-jobs" "M22" "threads"
        "answers" "none; a commit after closing"
        "A closed queue accepts jobs, so a store that no longer locks its directory acknowledges a commit."

    FullInboxForgets "full-inbox-forgets" "R8" "threads"
        "liveness" "none; an inbox for few commits"
        "A full inbox drops a commit and does not tell the compactor to look at the version, so the compactor does not learn of the commit (R8: a full channel dropped notifications)."

    FullInboxWakesNobody "full-inbox-wakes-nobody" "R8" "threads"
        "liveness" "none; an inbox for few commits"
        "After an inbox has dropped a message, messages no longer wake the compactor, so the compactor does not look for the dropped commits."

    ClosedInboxWakesNobody "closed-inbox-wakes-nobody" "R8" "threads"
        "liveness" "none; reopening"
        "Closing does not wake the compactor, so closing waits for the thread of the compactor for ever."

    IdleMakesNoRoom "idle-makes-no-room" "R8" "threads"
        "liveness" "none; a small memory budget or backlog"
        "A leader waits for room although the compactor is idle and frees no more room, so back-pressure never ends."

    StoppedGateWakesNobody "stopped-gate-wakes-nobody" "R8" "threads"
        "liveness" "a disk error while a leader waits for room"
        "A compactor that stops does not wake the threads that wait at the gate, so these threads wait for ever."

    SettledBeforeTheLook "settled-before-the-look" "M45" "threads"
        "answers" "none"
        "A thread that waits for settling is released before the compactor has looked for work, so windows can still be unmerged."

    SleepsAfterEachStep "sleeps-after-each-step" "R8" "threads"
        "liveness" "none"
        "The compactor reports that it is idle and sleeps after each step, even if the step has found work, so the remaining work is not done."

    CompactorDiesUntold "compactor-dies-untold" "M47" "threads"
        "liveness" "a disk error while a leader or a settling waits"
        "A compactor that fails ends without telling the gate, so the threads that wait at the gate wait for ever."

    FailureHidesCommits "failure-hides-commits" "M22" "threads"
        "answers" "a disk error in the compactor while a commit is in progress"
        "A commit that is in progress when the compactor fails is acknowledged but not published, so reads do not see the commit (found in this engine by a test)."

    SyncAsksForNothing "sync-asks-for-nothing" "M03" "threads"
        "durability" "crash; buffered commits and explicit syncs"
        "A sync job in the queue does not sync the log, so a crash loses commits that the sync has promised."

    RefusalRefusesAll "refusal-refuses-all" "M47" "threads"
        "answers" "none; a commit that is refused"
        "If one commit of a group is refused, all commits of the group are refused."

    VisibleBeforeWritten "visible-before-written" "M22" "threads"
        "durability" "crash; a reader between numbering and writing"
        "A group becomes visible when it is numbered and not after it is written, so a reader sees commits that a crash takes back (RocksDB 11.0.0, slatedb #1521)."

    OneIsToldOfFailure "one-is-told-of-failure" "M47" "threads"
        "answers" "a write error or sync error of a group"
        "If a group fails, only the first owner gets the error, and the other owners get a success (Electric #2982 in another place)."

    RefusedTakesNumber "refused-takes-number" "M21" "threads"
        "commit numbers" "none; a commit that is refused"
        "A refused commit takes a number, so the commit numbers in the log have a gap."

    RefusedLeavesKeyspace "refused-leaves-keyspace" "M21" "threads"
        "answers" "none; a commit that is refused"
        "New keyspaces of a refused commit keep their numbers in the group, so later keyspaces get numbers that differ from the numbers in the version."

    DiffOneSided "diff-one-sided" "M59" "reading"
        "reads" "none; kept inputs below a thinned segment, a deletion"
        "A diff of two commits reads only the segments of the later commit. If the oldest of these segments has dropped a deletion, the diff lacks the deleted key (found in this engine)."

    DiffEndsSwapped "diff-ends-swapped" "M59" "reading"
        "reads" "none; the later commit first"
        "A diff from a later to an earlier commit is returned in the opposite direction, from the earlier to the later commit."

    WholeDropsDeletions "whole-drops-deletions" "M41" "compactor"
        "reads" "none; the last commits are kept, and the first of them deletes"
        "A merged segment that claims to hold all writes of each of its commits drops the deletions of the first commit, so the writes of that commit are incomplete (found in this engine)."

    DeletionOutlived "deletion-outlived" "M41" "compactor"
        "reads" "none; inputs of several levels, removed by level"
        "A merge drops a deletion although a kept input holds the deleted value for ever, so the history of the key ends with the deleted value (found in this engine)."

    ThinnedCalledExact "thinned-called-exact" "M59" "reading"
        "reads" "none; thinned history"
        "A stream of changes treats a thinned segment whose inputs were removed as a segment without writes up to its floor, so the stream lacks writes without an error."

    HistoryOfThinned "history-of-thinned" "M59" "reading"
        "reads" "none; thinned history"
        "The history of a key as of an unreadable commit is returned without an error, and lacks the newest version (found in this engine)."

    HistoryOfLiveOnly "history-of-live-only" "M59" "reading"
        "reads" "none; kept inputs below a thinned segment"
        "The history of a key is searched in live segments only and not in kept inputs, so versions are missing that reads can find."

    RemovedInputPassed "removed-input-passed" "M59" "reading"
        "time travel" "none; inputs of several levels, removed by level"
        "A read at a thinned commit skips a removed input and gives no error, so the read returns an older value."

    ReadableOneEarly "readable-one-early" "M59" "reading"
        "reads" "none; thinned history"
        "The last commit of an unreadable range is listed as readable (an offset off by one)."

    PrefixEndsEarly "prefix-ends-early" "M59" "reading"
        "reads" "none; a scan of a prefix"
        "The end of a prefix scan is the prefix itself, because the last byte is not incremented, so the scan returns nothing."

    BackwardEndIncluded "backward-end-included" "M59" "reading"
        "reads" "none; a scan from the end with an excluded end key"
        "A scan from the end starts at the end key of the range although this key is excluded, so the scan returns a key outside the range."

    BackwardSeesLater "backward-sees-later" "M59" "reading"
        "reads" "none; a scan from the end as of an earlier commit"
        "A scan from the end returns versions of commits after its snapshot if the key also has an older version."

    EndsMeetTwice "ends-meet-twice" "M59" "reading"
        "reads" "none; a scan from both ends"
        "A scan from both ends returns the key at which the two ends meet two times and not once."

    StreamRepeatsInputs "stream-repeats-inputs" "M59" "reading"
        "reads" "none; the last commits are kept, with inputs below"
        "A stream of changes takes all writes of a thinned segment, also those of commits that its inputs cover, so base versions are repeated at older commits."

    SweptNumberForgotten "swept-number-forgotten" "M05" "recovery"
        "durability" "stale bytes of a whole earlier file"
        "Opening removes the WAL file or manifest with the highest number and does not store the number, so the next opening gives the number to a file that can contain blocks of the removed file (found in this engine, twice)."

    OpenFilesMixedUp "open-files-mixed-up" "M63" "reading"
        "opens" "none; segment files"
        "The table of open files uses half of the file number as its key, so two files share an entry and blocks are read from a wrong file (the same mistake as a cache without identity)."

    KeyspacesByName "keyspaces-by-name" "M59" "reading"
        "reads" "none; keyspaces that were first used in another order"
        "The names of the keyspaces are listed in order of name and not in order of first use."

    VerifyBelievesBlocks "verify-believes-blocks" "M08" "verify"
        "physical" "none; a changed bit"
        "The check of a closed store does not compare the checksums of blocks, so the check misses a changed bit."

    VerifyBelievesRecords "verify-believes-records" "M08" "verify"
        "physical" "none; a changed bit"
        "The check of a closed store does not compare the checksums of log records, so the check misses a changed bit."

    VerifyBelievesFooters "verify-believes-footers" "M08" "verify"
        "physical" "none; a changed bit"
        "The check of a closed store does not compare the checksums of segment file footers, so the check misses a changed bit."

    VerifyBelievesIdentities "verify-believes-identities" "M08" "verify"
        "physical" "none; a changed bit"
        "The check of a closed store does not compare the checksum of the numbers in a preamble, so the check misses a changed bit."

    GetIsNewest "get-is-newest" "M59" "reading"
        "reads" "none; a key as of an earlier commit"
        "A get reads as of the newest commit and not as of the commit of the snapshot; scans are correct."

    StreamGoesOnLate "stream-goes-on-late" "M59" "reading"
        "reads" "none; a stream that goes on to a later snapshot"
        "A stream of changes that continues with a later snapshot skips the first new commit."

    DigestOfHalf "digest-of-half" "M59" "reading"
        "counters" "none"
        "The digest of a layout covers only the first half of the text of the layout, so different layouts can have equal digests."

    DifferenceOneSided "difference-one-sided" "M59" "reading"
        "counters" "none"
        "The difference of two layouts lists only lines of the first layout, so lines that only the second layout has are missing."

    LagOneHigh "lag-one-high" "M59" "compactor"
        "counters" "none"
        "The lag is one commit too high: the newest commit that the compactor knows is counted as unknown."

    SnapshotOneLate "snapshot-one-late" "M59" "reading"
        "time-travel" "none; an earlier commit"
        "A snapshot of an earlier commit shows the next commit (an offset off by one)."

    RunFilterLacksLast "run-filter-lacks-last" "M41" "segment"
        "exact state" "none; a run in memory with a filter"
        "The filter of a run in memory lacks the last entry of the run, so the last key of a large commit is not found (an offset off by one, beyond a size that small histories never have)."

    ReadAheadKeepsStart "read-ahead-keeps-start" "M63" "segment"
        "errors" "none; a segment longer than the chunk of a sequential reader"
        "A sequential reader that reads a second chunk of a file keeps the start offset of the first chunk, so blocks are taken from wrong offsets."

    AppendOverlaps "append-overlaps" "M61" "segment"
        "errors" "none; a file of more than one append"
        "Each append of a segment file after the first begins one byte too early and overwrites the end of the preceding append."

    EarlySyncSuffices "early-sync-suffices" "M22" "compactor"
        "dangling" "crash; a file that is synced while it is written"
        "A segment file that was synced while it was written is not synced after its last append, so a crash can lose the end of the file."

    LongIndexNamesLast "long-index-names-last" "M43" "segment"
        "exact state" "none; a long index"
        "In a long index a block is listed under its last key and not under its first key, so the other keys of the block are not found."

    StepLosesEntry "step-loses-entry" "M49" "compactor"
        "exact state" "none; a merge with more entries than a step reads"
        "A merge that continues after the end of a step skips one entry, so the output lacks that entry."

    StreamSkipsBetweenPasses "stream-skips-between-passes" "M59" "reading"
        "reads" "none; a stream of changes that is gathered in several passes"
        "A stream of changes that is gathered in several passes skips one commit between two passes."

    LeftOutCommitsLost "left-out-commits-lost" "M59" "reading"
        "reads" "none; commits too large to be gathered in one pass"
        "If a pass of a stream of changes reaches its limit of bytes, its last commits are left to the next pass. The next pass begins behind these commits, so the stream lacks these commits."

    FarTrailEndsEarly "far-trail-ends-early" "M59" "replica"
        "errors" "none; a history longer than the dense part of a trail"
        "The trail of a long history ends one commit early, so a replica receives the digest of the history before the last commit."

    FenceStartsLate "fence-starts-late" "M43" "segment"
        "exact state" "none; a run with more entries than the distance of two fences"
        "A search in a long run starts one fence too late, so keys between two fences are not found."

    LongKeyCut "long-key-cut" "M49" "segment"
        "exact state" "none; a key longer than 32 KiB"
        "The length of a key in memory is stored in 15 bits, so a key longer than 32 KiB loses its end."

    RawLengthCut "raw-length-cut" "M49" "segment"
        "errors" "none; a block longer than 64 KiB"
        "The raw length of a block is stored in 16 bits, so a block longer than 64 KiB cannot be read."

    EmptyKeyUnfiltered "empty-key-unfiltered" "M41" "segment"
        "exact state" "none; the empty key"
        "The filter of a segment file does not contain the empty key, so a get of the empty key finds nothing or an older value."

    EmptyValueThinned "empty-value-thinned" "M41" "compactor"
        "exact state" "none; an empty value, thinned history"
        "A merge treats an empty value as a deletion and drops the value if no older segment exists, so the key disappears."

    EmptyStreamedAsDeletion "empty-streamed-as-deletion" "M59" "reading"
        "reads" "none; an empty value"
        "A stream of changes returns an empty value as a deletion."

    SettledThoughStopped "settled-though-stopped" "M47" "threads"
        "error honesty" "a disk error in the compactor"
        "Waiting for settling returns a success although the compactor has stopped with an error."

    LostCommitsAreEmpty "lost-commits-are-empty" "M60" "damaged"
        "damaged-reads" "a damaged record of a log; later commits"
        "A reader of a damaged store treats lost commits as commits without writes, so later reads return wrong values without an error."

    LostNameIsEmpty "lost-name-is-empty" "M60" "damaged"
        "damaged-reads" "a damaged record of a log that names a keyspace"
        "A keyspace whose name may be in a lost commit is read as an empty keyspace, and the read is not refused."

    LossOfLogUnnamed "loss-of-log-unnamed" "M60" "damaged"
        "damaged-reads" "a damaged log"
        "Opening a damaged store does not report the losses in the log, so the caller does not know which reads will be refused and why."

    LossOfSegmentsUnnamed "loss-of-segments-unnamed" "M60" "damaged"
        "damaged-reads" "a damaged segment"
        "Opening a damaged store does not report damaged blocks of segments, so the caller learns of the damage only when a read fails."

    DamagedIdentityMended "damaged-identity-mended" "M60" "damaged"
        "damaged-reads" "a damaged identity file"
        "Opening a damaged store for reading writes the identity file again, although this opening must not write."

    ReadsPastTornTail "reads-past-torn-tail" "M60" "damaged"
        "damaged-reads" "a torn tail with intact records behind it"
        "Intact records behind a torn tail are read as if the tail were damage. Their commits were never acknowledged, and other commits may have the same numbers."

    LogEndsHistory "log-ends-history" "M60" "damaged"
        "damaged-reads" "a damaged manifest; buffered commits, power failure"
        "Without a manifest, the last commit of the log is reported as the newest commit, although segments can hold later commits (found in this engine)."

    EvictedFileIsGone "evicted-file-is-gone" "M63" "reading"
        "opens" "none; few open files"
        "If the table of open files is full, a segment file that is not in the table is reported as damaged and not opened again."

    IdentityReplacedInPlace "identity-replaced-in-place" "M35" "identity"
        "durability" "a damaged identity file; stale bytes of another store"
        "An identity file that is written again gets its name before its bytes are durable. A crash can leave the identity of another store under that name. Then no file of the store counts, and a torn log is taken for an interrupted creation (found in this engine by a campaign under all faults)."

    UnmergedLacksNewest "unmerged-lacks-newest" "M18" "compactor"
        "reads" "none"
        "A merge that is left to its first reader lacks the newest of its input runs, so reads miss entries."

    UnmergedTakenHalf "unmerged-taken-half" "M18" "compactor"
        "confluence" "none"
        "If an input of a merge is itself unmerged, the merge takes only the first two of all input runs, so the output lacks entries."

    UnmergedKeysSummed "unmerged-keys-summed" "M63" "compactor"
        "confluence" "none; a key written twice in a narrow window"
        "For an unmerged output the layout adds up the key counts of the inputs, so a key that several inputs have is counted several times."

    UnmergedInspiteOfThinning "unmerged-inspite-of-thinning" "M57" "compactor"
        "physical" "none; thinned history"
        "A merge that drops versions is left to its first reader as if it kept all versions, so the output holds too many versions."

    ClosingWakesNobody "closing-wakes-nobody" "R8" "threads"
        "liveness" "none; several clients"
        "A commit that closes a window does not wake the compactor, so the window stays unmerged."

    BudgetWakesNobody "budget-wakes-nobody" "R8" "threads"
        "liveness" "none; several clients"
        "A commit that exceeds the memory budget does not wake the compactor, so memory is not freed."

    BacklogWakesNobody "backlog-wakes-nobody" "R8" "threads"
        "liveness" "none; several clients, and a small backlog"
        "If the narrowest window is wider than the allowed backlog, commits do not wake the compactor, so a later commit waits for ever for the report that the compactor is idle (found in this engine by the property test of threads)."

    InputAcrossEdgeStays "input-across-edge-stays" "M57" "retention"
        "confluence" "none; a head window"
        "A closing skips the kept input that reaches across the edge of the last closing, so due inputs below that input stay."

    LastWriteForgotten "last-write-forgotten" "M57" "compactor"
        "state" "none; many writes"
        "When the list of recent writes is shortened, the newest write is removed too, so a closing ignores the keyspace of that write and the windows of that keyspace stay unmerged."

    FailedReadCached "failed-read-cached" "M47" "reading"
        "exact state" "a read error; with a block cache"
        "A block whose read failed is cached as an empty block, so the next reader finds no entries and gets no error."

    NextBlockForgotten "next-block-forgotten" "M43" "reading"
        "exact state" "none; small blocks"
        "A get searches one block only, although older versions of the key can continue in the next block, so the version is not found."

    BackDeletionPassed "back-deletion-passed" "M43" "reading"
        "exact state" "none; a key with several versions"
        "A scan from the end ignores deletions, so a deleted key comes back with its older value."

    CloseMarksEarly "close-marks-early" "M07" "wal"
        "damage" "damage after a closing"
        "Closing writes its mark before the sync of the commits, so the mark does not prove that the commits are durable (one of the sixty fresh bugs)."

    OpenLogNotCounted "open-log-not-counted" "M07" "wal"
        "counters" "none"
        "The current WAL file is not counted in the size of the log, so the log exceeds its budget (one of the sixty fresh bugs)."

    LiveBytesGrow "live-bytes-grow" "M61" "manifest"
        "counters" "none"
        "The bytes of removed segments are not subtracted from the live bytes of their file, so a file never becomes mostly dead (one of the sixty fresh bugs)."

    FloorFromLast "floor-from-last" "M57" "compactor"
        "layout" "none; the last commits are kept"
        "The floor is counted back from the last commit of a segment and not from the edge of its window, so the segment keeps too many versions (one of the sixty fresh bugs)."

    ClearsWhenIdle "clears-when-idle" "M57" "retention"
        "counters" "none"
        "Files that a file job has retired are removed only when the compactor has no other work, so the files take space for too long (one of the sixty fresh bugs)."

    MovedMemoryKept "moved-memory-kept" "M57" "compactor"
        "counters" "none"
        "The memory of segments that were moved to a file is still counted, so the memory count is too high (one of the sixty fresh bugs)."

    StreamStaysOver "stream-stays-over" "M59" "reading"
        "reads" "a read error in a stream of changes"
        "A stream of changes that has met an error and then continues with a later snapshot returns nothing (one of the sixty fresh bugs)."

    PrefixIsKey "prefix-is-key" "M43" "segment"
        "layout" "none; keys with the same first eight bytes"
        "In memory, two neighbouring keys with the same first eight bytes are counted as one key, so the key count is too low (one of the sixty fresh bugs)."

    FootprintOfBytes "footprint-of-bytes" "M43" "segment"
        "counters" "none"
        "The memory of a run is counted without its entries, so the memory count is too low (one of the sixty fresh bugs)."

    RefusedRecordsStay "refused-records-stay" "R8" "threads"
        "answers" "none; a refused group of batches"
        "If a batch of a call is refused, the records of the earlier batches of the call stay in the group, so a part of a refused call is committed (one of the sixty fresh bugs)."

    ClosedTakesHandedIn "closed-takes-handed-in" "R8" "threads"
        "liveness" "none; closing while commits are handed in"
        "A closed queue accepts jobs whose owners do not wait, so a job can stay in the queue for ever (one of the sixty fresh bugs)."

    FirstWakerKept "first-waker-kept" "R8" "threads"
        "liveness" "none; a commit that two tasks poll"
        "A pending commit keeps the waker of the first poll and not of the last poll, so a task that polls later is not woken (one of the sixty fresh bugs)."

    VerifySkipsFilter "verify-skips-filter" "M08" "verify"
        "physical" "none; a filter that lacks a key"
        "The check of a closed store does not look up the keys in the filter, so the check misses a filter that lacks a key (one of the sixty fresh bugs)."

    VerifyTakesGap "verify-takes-gap" "M08" "verify"
        "physical" "none; a log that lacks commits"
        "The check of a closed store accepts a WAL file that begins after a later commit than the last commit of the preceding file, so the check misses lost commits (one of the sixty fresh bugs)."

    VerifyBelievesTable "verify-believes-table" "M08" "verify"
        "physical" "none; a table that contradicts the manifest"
        "The check of a closed store does not compare the table of contents of a segment file with the manifest, so the check misses a contradiction (one of the sixty fresh bugs)."

    VerifySettledEarly "verify-settled-early" "M08" "verify"
        "physical" "none"
        "The check of a closed store expects that windows that end at the last flushed commit are merged, so the check reports a correct store as wrong (one of the sixty fresh bugs)."

    PredictEdgeKept "predict-edge-kept" "M08" "verify"
        "counters" "none; a head window"
        "The prediction keeps the input that ends exactly at the edge of the head window, but the engine removes this input (one of the sixty fresh bugs)."

    SmallestSkipsZero "smallest-skips-zero" "M08" "verify"
        "layout" "none"
        "The smallest window of one commit has level 1 and not level 0, so the window is too wide (one of the sixty fresh bugs)."

    LeveledRest "leveled-rest" "M08" "verify"
        "counters" "none"
        "The prediction of the leveled variant takes the remainder of a division by the next width and not by the ratio of the two widths, so the prediction is wrong (one of the sixty fresh bugs)."

    LastKnownBelieved "last-known-believed" "M21" "replica"
        "replica" "none; a primary with another history"
        "The last of the commits that a replica already has is not compared with the commit of the primary, so a difference stays undetected (one of the sixty fresh bugs)."

    PartedOneEarly "parted-one-early" "M21" "replica"
        "replica" "none; another history"
        "A comparison of two histories reports the last common commit as the first different commit (one of the sixty fresh bugs)."

    LossEndsEarly "loss-ends-early" "M60" "damaged"
        "damaged-reads" "a damaged block"
        "The reported loss of a block ends at the first key of the block and not at the first key of the next block, so the report lacks lost keys (one of the sixty fresh bugs)."

    TableLacksFew "table-lacks-few" "M21" "sequencer"
        "exact state" "none; nine keyspaces"
        "The hash table of keyspace names is created with the ninth name and lacks the first eight names, so these keyspaces are not found (one of the sixty fresh bugs)."

    VersionReadsOn "version-reads-on" "M60" "damaged"
        "damaged-reads" "a damaged block after the block with the last version of a key"
        "A get always continues in the next block, although the index shows that the next block begins with another key, so damage in that block refuses a read that does not need the block (found in this engine by the laboratory)."

    SyncWithoutGrowthSkipped "sync-without-growth-skipped" "M01" "wal"
        "durability" "crash"
        "A write into the reserved room of a WAL file does not change the length of the file and is acknowledged without a sync, so a crash loses acknowledged commits."

    SyncOfRoomSkipped "sync-of-room-skipped" "M01" "wal"
        "durability" "crash"
        "A write that extends a WAL file by new room is acknowledged without a sync, and only the next write is synced, so a crash loses an acknowledged commit."

    RecordBehindRoom "record-behind-room" "M18" "wal"
        "durability" "none; reopening"
        "Records are written at the end of the file, which is behind the reserved room, but replay stops where the room begins, so the records are lost."

    RoomStartsEarly "room-starts-early" "M07" "wal"
        "durability" "none; reopening"
        "The zeros of new room overwrite the last bytes of the record before, so replay finds no intact record and the commit is lost."

    RoomIsDamage "room-is-damage" "M09" "wal"
        "opens" "none; reopening a store that was not closed"
        "Zeros behind the last record are reported as damage, so a store that was not closed does not open."

    ZerosAreRecord "zeros-are-record" "M07" "wal"
        "opens" "none; reopening a store that was not closed"
        "Replay takes the zeros of the room for empty records: a tag of zero is accepted, and a header of zeros needs no checksum, so opening fails."

    RoomForBuffered "room-for-buffered" "M64" "wal"
        "counters" "none; buffered commits"
        "A buffered store also reserves room in its log, although no caller waits for a sync: correct, but with more written bytes than predicted."

    RoomWithEveryCommit "room-with-every-commit" "M64" "wal"
        "counters" "none"
        "Room is written again behind each commit: correct, but with more written bytes than predicted."

    RoomCountsAsFull "room-counts-as-full" "M64" "wal"
        "counters" "none"
        "A WAL file counts as full by the length of the file and not by the end of its records, so the file is rotated before its room is used."

    CutTakesRecords "cut-takes-records" "M04" "wal"
        "durability" "none; closing"
        "Closing cuts off as many bytes as zeros were written, although records have overwritten a part of the zeros, so records are lost."

    ReadUnrecorded "read-unrecorded" "M67" "transaction"
        "serializable" "none; transactions of several clients"
        "A get of a transaction is not recorded, so a later write to the key is not detected as a conflict."

    KeysUnchecked "keys-unchecked" "M67" "transaction"
        "serializable" "none; transactions of several clients"
        "The commit of a transaction checks the scanned ranges but not the keys of gets, so a conflict on a key is not detected."

    WalksUnchecked "walks-unchecked" "M67" "transaction"
        "serializable" "none; transactions that scan a range"
        "The commit of a transaction checks the keys of gets but not the scanned ranges, so a new key in a range (a phantom) is not detected."

    EndOfWalkForgotten "end-of-walk-forgotten" "M67" "transaction"
        "serializable" "none; a new key after the last key of a range"
        "A transaction that has scanned a range to its end records the range only up to the last key in the range, so a new key behind the last key is not detected as a conflict."

    DeletionIsNoWrite "deletion-is-no-write" "M67" "transaction"
        "serializable" "none; a key that was read is deleted"
        "Only a written value counts as a later write and a deletion does not, so the deletion of a key that was read is not detected as a conflict."

    DroppedDeletionPassed "dropped-deletion-passed" "M67" "transaction"
        "serializable" "none; a deletion that a merge drops while a transaction is open"
        "A merge of the oldest segment can drop a deletion that was committed after a transaction has read the key. The check ignores this case, so the conflict is not detected."

    GroupUnchecked "group-unchecked" "M67" "transaction"
        "serializable" "none; two transactions in one group"
        "A transaction is checked against the visible commits and not against the earlier commits of its own group, so a conflict inside a group is not detected."

    OwnWriteShowsTwice "own-write-shows-twice" "M67" "transaction"
        "serializable" "none; a transaction that writes and then scans"
        "If a transaction has written a key, its scan returns the key twice: with the value of the snapshot and with its own value."

    PartOfWalkForgotten "part-of-walk-forgotten" "M67" "transaction"
        "serializable" "none; a scan that stops before the end of its range"
        "A scan from the start that stops before the end of its range is not recorded, so a change in the scanned part is not detected as a conflict."

    SortedByPrefix "sorted-by-prefix" "M18" "segment"
        "exact state" "none; keys that differ only after the shared bytes and eight more bytes"
        "Runs that are sorted together are compared by eight bytes of each key and then by commit, so longer keys are in the wrong order."

    SortedOldestFirst "sorted-oldest-first" "M18" "segment"
        "exact state" "none; a key that is written twice in a window"
        "Runs that are sorted together have the oldest version of a key first, so a read finds an old version."

    SharedBytesOfNewest "shared-bytes-of-newest" "M18" "segment"
        "exact state" "none; a key whose first bytes differ from all keys of the newest run"
        "The number of bytes that all keys share is computed from the lowest key and the highest key of the newest run, and not of all runs, so bytes that distinguish keys are skipped."

    FoundLogGoneOn "found-log-gone-on" "M05" "recovery"
        "exact state" "stale bytes of the log itself; two power failures"
        "Opening continues in the last WAL file after a sync of that file, and creates no new WAL file. A commit that an earlier process has lost in this file can then be valid in the place of a later commit."

    BackupFileUnsynced "backup-file-unsynced" "M01" "backup"
        "opens" "crash after a backup"
        "A segment file in a backup gets its name before its bytes are synced, so a crash leaves a backup that names a file without its bytes."

    BackupManifestFirst "backup-manifest-first" "M15" "backup"
        "opens" "crash during a backup"
        "The manifest of a backup is written before the files that the manifest names are copied, so an interrupted backup is taken for a complete backup."

    BackupFileUnderItsName "backup-file-under-its-name" "M15" "backup"
        "opens" "crash during a backup, and another backup"
        "A segment file is copied under its final name and not under a temporary name, so a crash leaves an incomplete file where the next backup expects a complete file."

    BackupSweepsEarly "backup-sweeps-early" "M16" "backup"
        "opens" "crash during a second backup"
        "Files that only the preceding backup needs are removed before the new manifest is durable, so a crash leaves neither backup complete."

    BackupLogLacksLast "backup-log-lacks-last" "M21" "backup"
        "opens" "none; a backup while commits are in the log"
        "The last commit of the log is not copied, so the backup lacks a commit that was acknowledged before the backup began."

    BackupOfUnsynced "backup-of-unsynced" "M22" "backup"
        "opens" "power failure after a backup of buffered commits"
        "A backup copies commits that its store has not synced, so after a power failure the backup holds commits whose numbers the store gives to other commits."

    BackupTakesCommits "backup-takes-commits" "M62" "backup"
        "errors" "none; a backup is opened for writing"
        "A backup can be opened for writing, so commits to the backup are mixed with the next backup."

    BackupOfAnyStore "backup-of-any-store" "M62" "backup"
        "errors" "none; two stores back up into one directory"
        "A backup does not check which store the directory belongs to, so one directory can hold the files of two stores."

    RestoredIsTheSame "restored-is-the-same" "M62" "backup"
        "errors" "none; a restored store is backed up"
        "A restored store keeps the store number of its origin, so its backups overwrite the backups of the origin with other commits under the same numbers."

    RestoredUnmarked "restored-unmarked" "M15" "backup"
        "opens" "crash while a backup is restored"
        "No marker file says that a store is being restored, so an interrupted restore is opened as an empty store."

    BackupLogProvenEarly "backup-log-proven-early" "M15" "backup"
        "opens" "crash during a second backup, between its log and its manifest"
        "The log of a backup gets the mark that proves it before the manifest that names the log is durable, so after a crash the preceding backup has lost its log."

    SalvageLossUnnamed "salvage-loss-unnamed" "M62" "salvage"
        "salvage" "damage to a block of a segment"
        "Entries that are lost with blocks of a segment are not in the list of losses, so older versions in the new store are taken for the newest versions."

    SalvageWithoutTables "salvage-without-tables" "M62" "salvage"
        "salvage" "damage to the manifest"
        "If the manifest is damaged, only the log is salvaged and the tables of contents of segment files are not used, so the new store lacks the entries of segments."

    SalvageDropsUnnamed "salvage-drops-unnamed" "M62" "salvage"
        "salvage" "damage to the manifest, or to the commit that was the first to write to a keyspace"
        "A keyspace whose name is lost is not salvaged, so the new store lacks the intact entries of that keyspace."

    SalvageExactOneLate "salvage-exact-one-late" "M62" "salvage"
        "salvage" "damage to a record of the log, or to a block of a segment"
        "The first commit that has a loss is reported as exact, although only the commits before it are exact."

    DamageHidesTornTail "damage-hides-torn-tail" "M60" "damaged"
        "salvage" "a torn tail with intact records behind it, and damage to the record before it"
        "If the last record before a torn tail is damaged, records behind the tail are read as well, so a record that was never acknowledged counts as a commit."

    FirstFailureBelieved "first-failure-believed" "M61" "reading"
        "beside" "none; another process reads while the writer removes a file or writes a WAL file"
        "A reader beside the writer returns its first error and does not try again, so a change by the writer is reported as damage or as a missing file."

    FilesBesideNotKept "files-beside-not-kept" "M61" "reading"
        "beside" "none; another process reads while the compactor removes files"
        "A reader beside the writer opens a segment file at the first read of the file and not at the opening of the store, so the writer can remove the file before."

    NewestLogLeftOut "newest-log-left-out" "M61" "reading"
        "beside" "none; another process reads the last commits"
        "A reader beside the writer ignores the newest WAL file, so the reader misses acknowledged commits."

    LogBesideIsOptional "log-beside-is-optional" "M61" "reading"
        "beside" "none; another process reads while the writer removes a WAL file"
        "A reader beside the writer ignores an error of replay, for example a missing WAL file, so the reader misses acknowledged commits."

    NewestFileNamesStore "newest-file-names-store" "M60" "damaged"
        "damaged-reads" "damage to the identity; a file with bytes of another store"
        "Without an identity, the file with the highest number decides which store this is, even if other files contradict it. The file can be a leftover with bytes of another store."

    LastBatchDecides "last-batch-decides" "M64" "wal"
        "durability" "batches with different durability in one group, power failure"
        "If several batches are committed together, only the durability of the last batch decides whether the batches are synced, so a crash can lose a synced batch."

    LastJobDecides "last-job-decides" "M64" "threads"
        "durability" "clients with different durability in one group, power failure"
        "If several clients share a write, only the durability of the last commit decides whether the write is synced, so a crash can lose a synced commit."

    OptionsDecideRetention "options-decide-retention" "M39" "retention"
        "confluence" "a synced store with buffered batches, a head window, power failure"
        "Before a file without removed inputs is published, the log is synced only if the options of the store say buffered, and not if single batches were buffered, so a crash can lose a closing whose inputs are already removed."

    OlderListOfLogs "older-list-of-logs" "M61" "reading"
        "beside" "none; another process reads while inputs are removed by a later closing"
        "A reader beside the writer lists the log files before it reads the manifest. The manifest can omit inputs that a commit in a newer log has removed, so the reader shows an older commit without inputs that this commit needs."

    GroupCountsAsOne "group-counts-as-one" "M61" "wal"
        "counters" "none; groups of batches"
        "The histogram of groups counts one commit for each group, whatever number of commits the group has."

    BackupHasStoreNumber "backup-has-store-number" "M63" "backup"
        "opens" "crash while a manifest is written; blocks of a removed file of the backup"
        "A directory of backups has the number of its store, so after a crash a removed manifest of the backup can pass for the newest manifest of the store."

    EmptyReadRepeated "empty-read-repeated" "E12" "reading"
        "liveness" "a file that is too short"
        "A read of a whole range does not take a read of no bytes for the end of the file and repeats it, so the read of a file that is too short never ends."

    OwnItemNotWalked "own-item-not-walked" "M67" "transaction"
        "serializable" "none; a scan that ends with a write of its transaction"
        "If a scan returns a write of its own transaction, its position is not recorded, so a new key between the last key of the snapshot and that write is not detected as a conflict."

    LastItemLost "last-item-lost" "M21" "transaction"
        "serializable" "none; a scan from both ends"
        "If a transaction scans from both ends, the key that one end has fetched is not returned when the other end reaches it, so the scan lacks a key."

    FirstKeyDecides "first-key-decides" "M67" "transaction"
        "serializable" "none; transactions that get several keys"
        "The commit of a transaction checks only the first of the keys of gets, so a conflict on another key is not detected."

    OwnWritesPassTheEnd "own-writes-pass-the-end" "M21" "transaction"
        "serializable" "none; a transaction that writes and then scans a range"
        "A scan of a range returns the writes of its own transaction behind the end of the range, too."

    HeldRangeLosesReads "held-range-loses-reads" "M67" "transaction"
        "serializable" "none; a transaction that commits while its range is held"
        "If a range of a transaction still exists at its commit, the reads of the transaction are not checked, so no conflict is detected."

    ReadOnlyTakesNumber "read-only-takes-number" "M21" "transaction"
        "serializable" "none; transactions that write nothing"
        "A transaction without writes is committed like any other one: it can be refused, or takes a number."

    NobodyWaitsForRoom "nobody-waits-for-room" "M61" "threads"
        "errors" "none; a small backlog"
        "A group does not wait when the compactor is too far behind, so the backlog grows without a limit."

    BackNotCheckedInGroup "back-not-checked-in-group" "M67" "transaction"
        "serializable" "none; two transactions in one group"
        "If a transaction has scanned a range from both ends, only the front part is compared with the earlier commits of its own group."
}
