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
            /// All of them, by area.
            pub const ALL: &'static [Self] = &[$(Self::$bug),*];

            /// Its name on the command line and in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)*
                }
            }

            /// What there is to know about it.
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
        "A commit is acknowledged after its record was written; the sync comes with the next commit (Electric #2974 and #2982; twelve of the vulnerabilities of ALICE, OSDI 2014)."

    GroupCommitUnsynced "group-commit-unsynced" "M64" "wal"
        "durability" "crash"
        "Only a batch that is committed alone is synced, a group of batches is not: durability hangs on something that has nothing to do with it (Pebble d40d24140)."

    RotationUnsynced "rotation-unsynced" "M04" "wal"
        "opens" "crash with buffered commits"
        "A full WAL file is followed by a new one without being synced, so the new one can survive without the end of the old one (Yugabyte #3490, raft-engine #123)."

    ReplaySkipsChecksum "replay-skips-checksum" "M07" "wal"
        "damage" "bit rot; crash with torn writes"
        "Replay believes a record by its tag and length and does not compare its checksum (LevelDB 1.15 and HSQLDB in ALICE)."

    ReplaySkipsBadRecord "replay-skips-bad-record" "M10" "wal"
        "prefix" "crash inside a group of commits"
        "Replay passes over a bad record and goes on with the next intact one, so a later commit survives without an earlier one (RocksDB, lost buffered writes, 2022)."

    MissingCommitsSkipped "missing-commits-skipped" "M18" "wal"
        "prefix" "lying sync, stale read or bit rot of a sealed WAL file"
        "Replay believes no header about where the file before it ends, and fills missing commits with empty ones (RocksDB #10560, a hole that nobody detects)."

    TornTailIsFatal "torn-tail-is-fatal" "M09" "wal"
        "opens" "crash with torn writes"
        "A torn last record, which a crash may leave, is reported as damage (LevelDB 269fc6c, raft-engine 5c71a53)."

    TornTailSealed "torn-tail-sealed" "M11" "wal"
        "opens" "crash with torn writes, two openings"
        "The file before is sealed at its length and not behind its last valid record, so the torn tail becomes a part of the log (kuzu #5852, raft-engine 7fae611)."

    MidLogDamageIsTorn "mid-log-damage-is-torn" "M08" "wal"
        "damage" "bit rot or stale read in the newest WAL file"
        "Marks behind a bad record are not looked for, so damage to durable commits is cut away like a torn tail (Pebble 9a86078d6; PAR, FAST 2018)."

    PartialBatchReplayed "partial-batch-replayed" "M06" "wal"
        "batch atomicity" "crash with torn writes, batches over several keyspaces"
        "Replay salvages the keyspaces of a torn record that can still be decoded (Pebble #540, a partial record returned)."

    SyncErrorSwallowed "sync-error-swallowed" "M16" "wal"
        "error honesty" "sync error"
        "The outcome of a sync is ignored (LevelDB before 1.15, raft-engine #131)."

    SyncRetried "sync-retried" "M16" "wal"
        "durability" "sync error that drops pages and marks them clean, then crash"
        "A sync that failed is tried again, and the second one succeeds without having written anything (Rebello et al., ATC 2020)."

    WriteErrorNotPoisoned "write-error-not-poisoned" "M17" "wal"
        "exact state" "write error or sync error, then reopening"
        "After a failed write the handle goes on: the failed commit is still staged, and its number is given out again (RocksDB #12448)."

    ShortWriteIsComplete "short-write-is-complete" "E01" "wal"
        "durability" "short write"
        "A write that took some bytes is believed to have taken all (E01 of the fault model; raft-engine e55641f)."

    InterruptedWriteIsDone "interrupted-write-is-done" "E02" "wal"
        "durability" "interrupted write"
        "A write that a signal interrupted, and that wrote nothing, is believed to be done (E02 of the fault model)."

    FailedWriteRepeated "failed-write-repeated" "M17" "wal"
        "durability" "write error"
        "An append that failed is repeated behind the half of it that has reached the file, where no reader looks for it (RocksDB #12448, going on after a failed write)."

    RedundantSync "redundant-sync" "O24" "wal"
        "counters" "none"
        "A file is synced although nothing was written since the last sync: correct, and slower than predicted."

    GroupSyncedApart "group-synced-apart" "O24" "wal"
        "counters" "none; groups of batches"
        "The batches of a group are written and synced one by one: correct, and committing them together gains nothing."

    BufferedCommitsSynced "buffered-commits-synced" "O24" "wal"
        "counters" "none; buffered commits"
        "A commit that need not be durable is synced all the same: correct, and as slow as one that must be."

    EveryGroupMarked "every-group-marked" "M61" "wal"
        "counters" "none"
        "Every group of commits ends with the mark that only a closed log needs: readers accept it, and the log is longer than the format says."

    RotatedEarly "rotated-early" "M61" "wal"
        "counters" "none"
        "A WAL file ends when it is half as long as the option says, so there are twice as many headers, names and syncs."

    CloseErrorIgnored "close-error-ignored" "M16" "wal"
        "error honesty" "sync error at the end, with buffered commits"
        "Closing reports success although the sync that it promises has failed, so an error that arrives late is never heard of (ATC 2020, ext4 with data=journal)."

    WalRemovedEarly "wal-removed-early" "M13" "wal"
        "opens" "crash"
        "WAL files are removed before the edit that makes them superfluous is written (cqlite #1392, RocksDB 7.3.0)."

    PublishedBeforeDurable "published-before-durable" "M22" "sequencer"
        "stability" "write error or sync error"
        "A commit is visible before it is durable, and gone after reopening when the write fails (RocksDB 11.0.0, slatedb #1521)."

    EmptyCommitSkipped "empty-commit-skipped" "M21" "sequencer"
        "commit numbers" "none"
        "An empty batch takes no number, so two commits are answered with the same one (Typhon #712, numbers used twice)."

    GroupAnswersFirst "group-answers-first" "M21" "sequencer"
        "commit numbers" "none; groups of batches"
        "A group of batches is answered with the number of its first commit, and not of its last (Typhon #712, numbers used twice)."

    BatchFirstWriteWins "batch-first-write-wins" "M43" "sequencer"
        "exact state" "none"
        "Of several operations of a batch on one key the first one counts (LevelDB #320, the older of two shadows the newer)."

    BlockChecksumIgnored "block-checksum-ignored" "M27" "segment"
        "damage" "bit rot"
        "An uncompressed block is used without comparing its checksum (silent errors of ALICE, OSDI 2014)."

    BlockPlaceIgnored "block-place-ignored" "M63" "segment"
        "damage" "misdirected read or write inside a file"
        "An intact block is accepted at another place of its file (the reason why TigerBeetle keeps checksums outside of blocks)."

    RetriedBlockIsEmpty "retried-block-is-empty" "M47" "segment"
        "exact state" "transient read error"
        "A block that could not be read is read again, and only the outcome of the second attempt is used, not its bytes (RocksDB 8.7.0, a read error taken for the end of the input)."

    RereadBlockDropped "reread-block-dropped" "M63" "segment"
        "damage" "stale read"
        "A block that is all zeros is read again; when the second reading is sound, the answer is still made from the first one."

    SegmentWrittenTwice "segment-written-twice" "M61" "segment"
        "counters" "none"
        "Every append of a segment file is done twice, at the same place: the file is right and cost twice as much (weaviate #1716)."

    ZeroBlockIsEmpty "zero-block-is-empty" "M27" "segment"
        "damage" "misdirected write; lying sync and a crash"
        "A block that is all zeros when it is read again is taken for a hole that nobody has written to (silent errors of ALICE, OSDI 2014)."

    ShortFileAccepted "short-file-accepted" "M27" "segment"
        "damage" "lying sync and a crash"
        "A segment file that is shorter than the manifest says is read as far as it goes (RocksDB #6316; etcd in the study of LazyFS)."

    FilterSkipsTombstones "filter-skips-tombstones" "M41" "segment"
        "resurrected deletes" "none"
        "The filter of a segment file does not hold keys whose newest version is a deletion, so reading a single key finds the older value (Bitcask #82, fjall lsm-tree #125)."

    TableForgetsLast "table-forgets-last" "M30" "segment"
        "physical check" "none"
        "The table of contents of a segment file lacks its last segment; no read needs it (redb fd82cedb, a part of the file that nothing had read)."

    KeysCountedPerBlock "keys-counted-per-block" "M50" "segment"
        "layout" "none; small blocks"
        "A key whose versions continue in the next block is counted once more, so the layout depends on where the bytes live (redb 0ef92969)."

    FullDiskIgnored "full-disk-ignored" "E04" "segment"
        "dangling" "one write that meets a full disk, then reopening"
        "A segment file that did not fit on the disk is published half-written (E04 of the fault model; RocksDB #6316)."

    MergeOrderLost "merge-order-lost" "M43" "segment"
        "exact state" "none; three or more inputs"
        "When an input of a merge is exhausted, the heap is not put in order, so the output is not sorted (LevelDB #320)."

    OldestWins "oldest-wins" "M43" "segment"
        "exact state" "none"
        "Versions of a key are merged oldest first, so the oldest one is found first (LevelDB #320)."

    LowestManifestWins "lowest-manifest-wins" "M34" "manifest"
        "opens" "crash that leaves two manifests"
        "Of several intact manifests the oldest one is taken (Pebble #5825)."

    OldManifestRemovedEarly "old-manifest-removed-early" "M34" "manifest"
        "opens" "crash between names"
        "The old manifest is removed before the name of the new one is durable, and one directory sync serves both (Pebble 79b311b81)."

    EditSplit "edit-split" "M37d" "manifest"
        "exact state" "crash between two records"
        "An edit is written as two records: one retires the inputs, the next adds the output (badger 14dc96ae, RocksDB 8.1.0)."

    ErrorDeletesManifest "error-deletes-manifest" "M37" "manifest"
        "opens" "any error while a manifest is replaced, which happens after reopening"
        "When a new manifest cannot be written, the clean-up removes the one in force (RocksDB #6316)."

    EditSyncedLate "edit-synced-late" "M42" "manifest"
        "dangling" "crash after files were removed"
        "An edit counts once it was written and is synced with the next one, after its inputs were removed (LevelDB in ALICE, figure 4A)."

    ManifestKeepsOldWal "manifest-keeps-old-wal" "M14" "manifest"
        "opens" "none; reopening"
        "WAL files are removed, and the manifest still names the first of them as needed (RocksDB 6.8.0 and 7.2.0)."

    SwitchMarkSynced "switch-mark-synced" "O24" "manifest"
        "counters" "none; a manifest that was replaced"
        "The mark behind the snapshot of a new manifest is synced, although that it was written proves what it has to."

    EditsGetNewManifest "edits-get-new-manifest" "M61" "manifest"
        "counters" "none; a long manifest"
        "Each edit is preceded by a new manifest with the whole state, however short the old one is, so that publishing costs as much as the store is large."

    FailedEditUndone "failed-edit-undone" "M37b" "manifest"
        "opens" "sync error that leaves pages dirty, then crash"
        "When an edit cannot be synced, its record is cut off and its file removed, although the record may become durable after all (RocksDB 6.21.0, an error although applied)."

    UnreadableManifestSkipped "unreadable-manifest-skipped" "M47" "manifest"
        "error honesty" "read error while opening"
        "A manifest that cannot be read is treated as one that is not intact (RocksDB 8.7.0, a read error taken for the end of the input)."

    InputsRemovedEarly "inputs-removed-early" "M42" "compactor"
        "dangling" "crash"
        "The files of merge inputs are removed before the output is published (LevelDB in ALICE, figure 4A; cassandra #573)."

    InputsRemovedByRange "inputs-removed-by-range" "M46" "compactor"
        "exact state" "none; several keyspaces, reopening"
        "An edit retires every segment inside the merged window, also of other keyspaces, and not the inputs one by one (removeInputSegments of the original design)."

    FlushSkipsKeyspace "flush-skips-keyspace" "M55" "compactor"
        "batch atomicity" "none; several keyspaces, reopening"
        "A closing moves only the keyspaces that it merges to a file, and declares everything flushed (infino #549, slatedb #1657)."

    KeyspaceNamedEarly "keyspace-named-early" "M55" "compactor"
        "opens" "crash; several keyspaces"
        "The manifest names keyspaces whose first commit is not in files yet, and a crash can still lose that commit (found in this engine by the laboratory)."

    FlushedTooFar "flushed-too-far" "M49" "compactor"
        "prefix" "none; reopening"
        "The manifest claims one commit more than the file holds, so replay leaves it out (slatedb f0b2ab64)."

    FlushedTooLittle "flushed-too-little" "M15" "compactor"
        "layout" "none; reopening"
        "The manifest claims one commit fewer than the file holds, so replay applies it twice, or misses its WAL file (RocksDB 9.6.0, slatedb d024dacc)."

    RangeOverClaims "range-over-claims" "M38" "compactor"
        "windows" "none"
        "A merged segment claims commits up to the edge of its window, also those that did not write to its keyspace (persistCurrent of the original design)."

    ListingOverClaims "listing-over-claims" "M38" "compactor"
        "layout" "none; a keyspace that not every commit writes to"
        "The layout lists a segment with the first commit of its window, and not with the first one that wrote into it, though all else about the segment is right (LevelDB's metadata that no read looks at)."

    EmptyOutputDropped "empty-output-dropped" "R1" "compactor"
        "layout" "none; deletions with thinned history"
        "A merge in memory that leaves nothing is not installed, and its inputs stay (R1: `diff == nil` returned early)."

    TombstoneDropped "tombstone-dropped" "M41" "compactor"
        "resurrected deletes" "none; thinned history"
        "A merge drops deletions although an older segment may hold the key (Bitcask #82, badger #464, cqlite #505)."

    ArrivalsCounted "arrivals-counted" "M45" "compactor"
        "layout" "event repeated"
        "The watermark counts the events that arrive and does not look at their commits (the rejected design 002)."

    EarlyEventForgotten "early-event-forgotten" "R7" "compactor"
        "liveness" "event reordered or delayed, without settling"
        "An event that arrives before the one it follows is dropped, so the watermark stays behind (R7: `End <= CurSegment.End`)."

    LostEventsStayLost "lost-events-stay-lost" "R8" "compactor"
        "liveness" "event lost"
        "Settling does not ask the version what events failed to tell (R8: a full channel dropped notifications)."

    ClosesOneEarly "closes-one-early" "M45" "compactor"
        "windows" "none"
        "A window closes when the commit before its right edge is known (`<` for `<=`, the other way round)."

    ClosesOneLate "closes-one-late" "M45" "compactor"
        "liveness" "none"
        "A window closes one commit late, so settling stops one closing too early (`<` for `<=`)."

    HighestLevelForgotten "highest-level-forgotten" "M45" "compactor"
        "layout" "none"
        "The level in `commit % divisor^level` is taken for the input level, so the highest window that closes is left out (an inconsistency of the original documents)."

    DirectMergesHighest "direct-merges-highest" "M45" "compactor"
        "confluence" "none; direct cascade"
        "The direct cascade merges whatever is live in a window and does not count what lower levels would have left."

    DirectStepsAnyway "direct-steps-anyway" "M44" "compactor"
        "counters" "none; direct cascade"
        "The direct cascade merges level after level: the same layout, and more entries written than predicted (RocksDB 6.11, inputs picked twice)."

    EverythingRewritten "everything-rewritten" "M61" "compactor"
        "counters" "none"
        "Each file job writes all segments again, also those that lie in files already (weaviate #1716)."

    HashOrderLeaks "hash-order-leaks" "M50" "compactor"
        "determinism" "none"
        "The order of segments in a file comes from a hash map with a random seed (redb 0ef92969)."

    DamagedMergeForgotten "damaged-merge-forgotten" "M47" "compactor"
        "layout" "bit rot in a merge input"
        "A merge that has met damage is reported once and never tried again (found in this engine, see tests/regressions.rs)."

    MergeReadErrorIsEnd "merge-read-error-is-end" "M47" "compactor"
        "exact state" "transient read error in a merge"
        "An input of a merge that cannot be read is treated as empty (RocksDB 8.7.0)."

    DirectorySyncErrorIgnored "directory-sync-error-ignored" "M16" "compactor"
        "dangling" "sync error of the directory, then crash"
        "A segment file is published although syncing its name has failed (LevelDB before 1.15; E06 of the fault model)."

    CreateRetried "create-retried" "M37b" "compactor"
        "orphans" "false error"
        "A file that could not be created is created under the next number; when the error was false, the first one stays (RocksDB 6.21.0, an error although applied)."

    BaseDropped "base-dropped" "M48" "retention"
        "exact state" "none; thinned history"
        "Retention drops versions below the floor, also the newest one of a key (slatedb #939)."

    HeadWindowIgnoresCommit "head-window-ignores-commit" "R6" "retention"
        "time travel" "none; head window"
        "The head window compares the head with its own length and not with the input's commit, so kept inputs go at once (R6)."

    SpillRetires "spill-retires" "M55" "retention"
        "confluence" "none; head window and a small memory budget"
        "Moving segments to a file applies retention as of a commit where nothing closes, so memory decides what is kept."

    RetentionLooksBack "retention-looks-back" "M39" "retention"
        "confluence" "none; head window, closings out of order"
        "Retention is applied as of the closing that is installed, although a later one was installed before it (found in this engine by the laboratory)."

    RetentionOutrunsLog "retention-outruns-log" "M39" "retention"
        "confluence" "crash; buffered, head window, closings out of order"
        "A file is published without what a later closing has removed, although a crash can still lose the commits of that closing (found in this engine by the laboratory)."

    QuietClosingSkipped "quiet-closing-skipped" "M39" "retention"
        "confluence" "none; head window, reopening"
        "A closing that merges nothing is skipped with its retention (processSegment of the original design returned early)."

    PinnedFileCut "pinned-file-cut" "M54" "retention"
        "snapshot stability" "none; a reader that outlives a merge"
        "The file of a retired segment is cut to nothing and removed while a snapshot still reads it (scylla #4051, wildcat #116)."

    WalNeverRemoved "wal-never-removed" "M56" "retention"
        "space" "none"
        "WAL files that the manifest does not need any more stay until the next opening (sled 083ee409)."

    RemovalSynced "removal-synced" "O24" "retention"
        "counters" "none"
        "The directory is synced after each removal, although a file that comes back is swept by the next opening."

    ObsoleteFileLeaked "obsolete-file-leaked" "M56" "retention"
        "orphans" "none"
        "Segment files that nothing uses any more stay until the next opening (Pebble dd26bf0e8, LevelDB issue 66)."

    RemoveErrorIgnored "remove-error-ignored" "M56" "retention"
        "orphans" "metadata error: a removal fails"
        "A file that could not be removed is forgotten and reported as removed (redb 071f7620)."

    GapAccepted "gap-accepted" "M21" "replica"
        "confluence" "none; a replica that misses a commit"
        "A replica takes whatever commit comes next under its own next number, so a lost message shifts its history."

    OtherPastAccepted "other-past-accepted" "M21" "replica"
        "confluence" "none; a primary with another history of the same length"
        "A replica looks at the number of a commit and not at what came before it, so it goes on with a primary whose history has parted from its own."

    ReplicaMarkedLate "replica-marked-late" "M03" "replica"
        "errors" "crash right after a replica was made"
        "The name of the file that makes a store a replica is not durable before commits are applied."

    PromotedBeforeSync "promoted-before-sync" "M03" "replica"
        "opens" "crash after a promotion"
        "A promoted store takes commits before the end of its old role is durable, and refuses them after a crash."

    FirstOpenRefused "first-open-refused" "M31" "recovery"
        "opens" "crash while the store is created"
        "A WAL file without a manifest, which an interrupted creation leaves, is taken for a broken store (uni-db #275, etcd 19 of LazyFS)."

    FileNumberReused "file-number-reused" "M28" "recovery"
        "commits after reopening" "none; reopening twice"
        "The next file number comes from the manifest alone, and the directory is not looked at (Pebble 06feeaa2a, RocksDB 6.8.0)."

    HugeNumberIsOurs "huge-number-is-ours" "M28" "recovery"
        "foreign files" "stray file with one of our names and a huge number"
        "A foreign file with a gigantic number is taken for ours, and the numbering ends behind it (found in this engine, see tests/regressions.rs)."

    SimilarNameIsOurs "similar-name-is-ours" "M29" "recovery"
        "opens" "stray file with a name like ours"
        "A name with too few digits is taken for one of our files (Pebble 9656de4a3, a leftover adopted)."

    UnprovenWalServed "unproven-wal-served" "M22" "recovery"
        "stability" "process killed before a sync, then power failure"
        "Recovery serves commits that may exist only in the cache and does not write them again (RocksDB 11.0.0, numbers going backwards)."

    TailLeftUnsynced "tail-left-unsynced" "M22" "recovery"
        "stability" "process killed before a sync, then power failure"
        "Recovery goes on in the log that it has read and leaves the sync of its last commits to the next commit, though they are served at once (RocksDB 7.4.0, the bugs that take a second crash)."

    NamedTwice "named-twice" "M15" "recovery"
        "none" "none; reopening"
        "Replay names a keyspace again that the manifest knows already; since the manifest names none too early, there is no such keyspace (found in this engine, see tests/regressions.rs)."

    UnprovenManifestServed "unproven-manifest-served" "M37c" "recovery"
        "opens" "process killed before a sync, then power failure"
        "Recovery relies on a manifest record that may exist only in the cache, and removes what the record before it needs (RocksDB 7.4.0)."

    UnprovenDropped "unproven-dropped" "M21" "recovery"
        "durability" "crash"
        "Recovery drops the last intact commits because nothing proves that they are durable, though they may be acknowledged (Typhon #712)."

    SweepBeforeProof "sweep-before-proof" "M62" "recovery"
        "opens" "process killed, then power failure in recovery"
        "Recovery removes old manifests before the one it relies on was made durable (Typhon #715: the second crash loses everything)."

    OrphansNotSwept "orphans-not-swept" "M56" "recovery"
        "orphans" "crash while a segment file is written"
        "Half-written segment files of an earlier run are never removed (Pebble dd26bf0e8, sled 083ee409)."

    RecoveryGrowsWal "recovery-grows-wal" "M61" "recovery"
        "space" "none; reopening"
        "Each opening adds a WAL file, also when there is nothing to write again (weaviate #1716, badger 509de73a)."

    ManifestAlwaysRewritten "manifest-always-rewritten" "M51" "recovery"
        "idempotent recovery" "none; reopening"
        "Each opening writes the manifest again, also when it is proven durable (slatedb #2002)."

    RestartForgetsClosings "restart-forgets-closings" "R2" "recovery"
        "confluence" "none; reopening"
        "After opening, the compactor believes that every window up to the head is merged, also those that were merged only in memory (R2, M52)."

    ListErrorIsEmpty "list-error-is-empty" "M47" "recovery"
        "durability" "metadata error: a listing fails"
        "A directory that cannot be listed is treated as one that does not exist, and a new store begins (RocksDB 8.7.0)."

    UnreadableWalIsLeftover "unreadable-wal-is-leftover" "M47" "recovery"
        "durability" "transient read error while opening"
        "A WAL file that cannot be read is treated as the leftover of an interrupted creation, and removed (RocksDB 8.7.0)."

    DamagedStoreRecreated "damaged-store-recreated" "M08" "recovery"
        "damage" "bit rot or lying sync of the only manifest"
        "Without an intact manifest a new store takes the place of the old one, whatever else is there (PAR, FAST 2018; found in this engine, see tests/regressions.rs)."

    ShortReadIsComplete "short-read-is-complete" "E12" "reading"
        "opens" "short read"
        "A read that returned some bytes is believed to have returned all (E12 of the fault model)."

    InterruptionIsEnd "interruption-is-end" "E12" "reading"
        "opens" "interrupted read"
        "A read that a signal interrupted is taken for the end of the file (raft-engine 5c71a53)."

    RangeReadErrorIsEnd "range-read-error-is-end" "M47" "reading"
        "error honesty" "read error or bit rot in a scan"
        "A scan that cannot read on ends without an error (RocksDB 8.7.0)."

    StickyReadIsMissing "sticky-read-is-missing" "M47" "reading"
        "error honesty" "sticky read error"
        "A read of one key is tried twice, and what cannot be read twice is reported as missing (RocksDB 8.7.0)."

    AsOfSeesNext "as-of-sees-next" "M59" "reading"
        "time travel" "none"
        "Reading a key as of a commit sees the one after it; at the head there is none (seed 004, the snapshot's offset off by one)."

    BackwardMissesNewest "backward-misses-newest" "M59" "reading"
        "exact state" "none; scans from the end"
        "A scan from the end leaves out what the commit it reads at has written."

    NewestIsBehind "newest-is-behind" "M59" "reading"
        "exact state" "none"
        "When the newest commit has closed a window, the newest state is read as of the commit before it (seed 004, an offset off by one)."

    FloorUnreadable "floor-unreadable" "M59" "reading"
        "time travel" "none; thinned history"
        "The oldest commit that a thinned segment can still show is refused as thinned out (`<` for `<=`)."

    FilesByRange "files-by-range" "M29" "reading"
        "dangling" "none; a segment file that was removed between two others"
        "The list of needed files names every number between the oldest and the newest segment file, as a backup by ranges would (Pebble 9656de4a3, names taken for files)."

    NeighbourSlotRead "neighbour-slot-read" "M63" "reading"
        "exact state" "none; with a block cache"
        "A cached block is looked for in the slot of the block before it."

    OlderVersionShadows "older-version-shadows" "M43" "reading"
        "exact state" "none; small blocks"
        "A search starts in the block that begins with the key, though newer versions end the block before it (LevelDB #320, RocksDB 11.1.0)."

    NumberNotFresh "number-not-fresh" "M05" "identity"
        "durability" "stale bytes of an earlier file of the same name"
        "A file draws the same number as every other, so that checksums are salted with store, kind and number alone: bytes of a file whose name a crash took pass in the next file of that name (format version 1 of this engine)."

    UnprovenLogWins "unproven-log-wins" "M05" "identity"
        "durability" "stale bytes of a whole earlier file"
        "The newest log with an intact header is the end of the log, though nothing proves that its creation was ever finished; it may be an earlier file of that name, and then its commits replace the synced ones (found in this engine, see tests/traces)."

    UnprovenManifestWins "unproven-manifest-wins" "M05" "identity"
        "opens" "stale bytes of a whole earlier file"
        "The newest manifest with an intact first record is in force, though nothing proves that its creation was ever finished."

    ForeignManifestAccepted "foreign-manifest-accepted" "M63" "identity"
        "opens" "stale bytes of a whole file of another store"
        "A manifest of another store counts when it stands under a name of this one."

    ForeignLogAccepted "foreign-log-accepted" "M63" "identity"
        "opens" "stale bytes of a whole file of another store"
        "A log file of another store counts when it stands under a name of this one."

    IdentityUnsynced "identity-unsynced" "M04" "identity"
        "opens" "crash during creation, stale bytes of another store"
        "The file that says which store a directory holds is not durable before the first log is created."

    CachedProofBelieved "cached-proof-believed" "M14" "identity"
        "stability" "a sync that fails in an opening"
        "A log file whose beginning is proven only by a mark that a cache holds is built upon, so that a crash takes the mark, and with it the file (found in this engine by the laboratory on the day that files had to be proven)."

    CachedManifestBelieved "cached-manifest-believed" "M14" "identity"
        "opens" "a sync that fails in an opening"
        "A manifest that is proven only by a mark that a cache holds is relied on, so that a crash takes the mark, and the older manifest counts again, whose last edit only a cache had."

    SweptLast "swept-last" "M56" "recovery"
        "space" "a full device"
        "Opening removes what nothing needs when it has written all that it has to write: on a device that is full of it, the store can never be opened again (found in this engine by trying it on a small device)."

    OnlyTheFirstIsTold "only-the-first-is-told" "R8" "threads"
        "liveness" "none; groups of commits"
        "The leader answers the first ticket of its group and forgets the others, whose owners sleep for ever."

    QueueLeftWithoutLeader "queue-left-without-leader" "R8" "threads"
        "liveness" "none; commits that come while a group is under way"
        "A leader that is done gives leadership up although others wait, and nobody leads them before the next one comes."

    StandbyNotCalled "standby-not-called" "R8" "threads"
        "liveness" "none; commits that nobody waits for"
        "Leadership goes to the standby thread, and its bell is not rung: the wake-up is lost."

    CalledWithoutABell "called-without-a-bell" "R8" "threads"
        "liveness" "none; commits that come while a group is under way"
        "The next leader is named on its ticket and not woken: the wake-up is lost."

    TwoLeaders "two-leaders" "M21" "threads"
        "commit numbers" "none; commits that come while a group is under way"
        "Whoever submits leads, also while another leads: two groups are under way, with the same numbers (Typhon #712, numbers used twice)."

    GroupTakenFromTheEnd "group-taken-from-the-end" "M21" "threads"
        "answers" "none; groups of commits"
        "A group is taken from the end of the queue, so that commits of one client overtake each other."

    AnswersSwapped "answers-swapped" "M21" "threads"
        "answers" "none; groups of commits"
        "The owners in a group get the results of one another."

    RoomNotAnnounced "room-not-announced" "R8" "threads"
        "liveness" "none; room for few bytes"
        "Whoever waits for room in the queue is not woken when there is some."

    RoomNeverCountedBack "room-never-counted-back" "R8" "threads"
        "liveness" "none; room for few bytes"
        "What was taken from the queue still counts as waiting, so back-pressure never ends."

    CloseDoesNotDrain "close-does-not-drain" "M22" "threads"
        "answers" "none; commits under way while the store is closed"
        "Closing waits for what waits and not for the group that is under way: the log is marked as closed and the directory is free, and then the group is written."

    StandbyLeavesEarly "standby-leaves-early" "R8" "threads"
        "liveness" "none; commits under way while the store is closed"
        "The standby thread ends when the queue is closed, though commits wait that only it would lead."

    ClosedQueueTakesJobs "closed-queue-takes-jobs" "M22" "threads"
        "answers" "none; a commit after closing"
        "A queue that was closed takes jobs, so a commit is acknowledged by a store whose directory is free."

    FullInboxForgets "full-inbox-forgets" "R8" "threads"
        "liveness" "none; an inbox for few commits"
        "A full inbox drops a commit and does not tell the compactor to look for itself (R8: a full channel dropped notifications)."

    FullInboxWakesNobody "full-inbox-wakes-nobody" "R8" "threads"
        "liveness" "none; an inbox for few commits"
        "A compactor that has to look because its inbox was full is not woken."

    ClosedInboxWakesNobody "closed-inbox-wakes-nobody" "R8" "threads"
        "liveness" "none; reopening"
        "Closing does not wake the compactor, whose thread is then waited for for ever."

    IdleMakesNoRoom "idle-makes-no-room" "R8" "threads"
        "liveness" "none; little memory or backlog"
        "A leader waits for a compactor that is idle and makes no more room: back-pressure never ends."

    StoppedGateWakesNobody "stopped-gate-wakes-nobody" "R8" "threads"
        "liveness" "a disk that fails while a leader waits for room"
        "A compactor that has stopped wakes nobody at the gate."

    SettledBeforeTheLook "settled-before-the-look" "M45" "threads"
        "answers" "none"
        "Whoever waits until all is settled is let go before the compactor has looked."

    SleepsAfterEachStep "sleeps-after-each-step" "R8" "threads"
        "liveness" "none"
        "The compactor sleeps after a step that has found something to do, and reports that it is idle."

    CompactorDiesUntold "compactor-dies-untold" "M47" "threads"
        "liveness" "a disk that fails while a leader or settling waits"
        "A compactor that fails ends without telling the gate, so whoever waits there waits for ever."

    FailureHidesCommits "failure-hides-commits" "M22" "threads"
        "answers" "a disk that fails under the compactor while a commit is under way"
        "A commit under way when the compactor fails is acknowledged and not visible (found in this engine by a test)."

    SyncAsksForNothing "sync-asks-for-nothing" "M03" "threads"
        "durability" "crash; buffered commits and explicit syncs"
        "A sync that comes through the queue asks the log for nothing."

    RefusalRefusesAll "refusal-refuses-all" "M47" "threads"
        "answers" "none; a commit that is refused"
        "One refused commit refuses all that share its group."

    VisibleBeforeWritten "visible-before-written" "M22" "threads"
        "durability" "crash; a reader between numbering and writing"
        "A group is visible as soon as it is numbered, so a reader sees what a crash takes back (RocksDB 11.0.0, slatedb #1521)."

    OneIsToldOfFailure "one-is-told-of-failure" "M47" "threads"
        "answers" "a write or sync that fails under a group"
        "When a group fails the first of its owners is told, and the others that all is well (Electric #2982 in another place)."

    RefusedTakesNumber "refused-takes-number" "M21" "threads"
        "commit numbers" "none; a commit that is refused"
        "A refused commit takes a number, so the log has a hole."

    RefusedLeavesKeyspace "refused-leaves-keyspace" "M21" "threads"
        "answers" "none; a commit that is refused"
        "The keyspaces that a refused commit would have made stay numbered, and later ones get other numbers than the version gives them."

    DiffOneSided "diff-one-sided" "M59" "reading"
        "reads" "none; kept inputs beneath a thinned segment, a deletion"
        "The difference of two commits looks only at the segments that the later one is read from, and the oldest of them has dropped a deletion (seen here)."

    DiffEndsSwapped "diff-ends-swapped" "M59" "reading"
        "reads" "none; the later commit first"
        "A difference that is asked for backwards is told forwards."

    WholeDropsDeletions "whole-drops-deletions" "M41" "compactor"
        "reads" "none; the last commits are kept, and the first of them deletes"
        "A merged segment that claims to know exactly what each of its commits wrote has dropped the deletions of the first (seen here)."

    DeletionOutlived "deletion-outlived" "M41" "compactor"
        "reads" "none; inputs removed by level, of mixed levels"
        "A merge drops a deletion although an input with the deleted value stays for ever: the history of the key ends with it (seen here)."

    ThinnedCalledExact "thinned-called-exact" "M59" "reading"
        "reads" "none; thinned history"
        "A stream of changes takes a segment whose inputs are gone for one without writes at or below its floor."

    HistoryOfThinned "history-of-thinned" "M59" "reading"
        "reads" "none; thinned history"
        "The versions of a key as of a commit that cannot be read are listed without a word, and the newest is not among them (seen here)."

    HistoryOfLiveOnly "history-of-live-only" "M59" "reading"
        "reads" "none; kept inputs beneath a thinned segment"
        "The versions of a key are looked for in live segments only, although reads find them in kept inputs."

    RemovedInputPassed "removed-input-passed" "M59" "reading"
        "time travel" "none; inputs removed by level, of mixed levels"
        "A read at a thinned commit goes down to the inputs and passes over one that is gone."

    ReadableOneEarly "readable-one-early" "M59" "reading"
        "reads" "none; thinned history"
        "The last commit that cannot be read is listed as readable (an offset off by one)."

    PrefixEndsEarly "prefix-ends-early" "M59" "reading"
        "reads" "none; a prefix whose keys go on behind it"
        "A scan of a prefix ends with the prefix itself: the last byte of its end is not raised."

    BackwardEndIncluded "backward-end-included" "M59" "reading"
        "reads" "none; a scan from the end that begins without a key"
        "A scan from the end begins at the key that is excluded."

    BackwardSeesLater "backward-sees-later" "M59" "reading"
        "reads" "none; a scan from the end as of an earlier commit"
        "A scan from the end finds versions of commits after the one that it reads at, if the key has an older one."

    EndsMeetTwice "ends-meet-twice" "M59" "reading"
        "reads" "none; a scan from both ends"
        "The key at which the two ends of a scan meet is handed out twice."

    StreamRepeatsInputs "stream-repeats-inputs" "M59" "reading"
        "reads" "none; the last commits are kept, with inputs beneath"
        "A stream of changes takes all of a thinned segment beside its inputs, so that base values are told again at older commits."

    SweptNumberForgotten "swept-number-forgotten" "M05" "recovery"
        "durability" "stale bytes of a whole earlier file"
        "Opening removes the log or manifest with the highest number and forgets the number, so the next opening gives it to a file in which the blocks of the first one can stand (found in this engine, twice)."

    OpenFilesMixedUp "open-files-mixed-up" "M63" "reading"
        "opens" "none; segment files"
        "The table of open files finds a file under the number of its neighbour, so blocks are read from another file (the same mistake as a cache without identity)."

    KeyspacesByName "keyspaces-by-name" "M59" "reading"
        "reads" "none; keyspaces that were first used in another order"
        "The names of the keyspaces are listed by name and not in order of first use."

    VerifyBelievesBlocks "verify-believes-blocks" "M08" "verify"
        "physical" "none; a changed bit"
        "The check of a closed store reads blocks without comparing their checksums."

    VerifyBelievesRecords "verify-believes-records" "M08" "verify"
        "physical" "none; a changed bit"
        "The check of a closed store reads records of logs without comparing their checksums."

    VerifyBelievesFooters "verify-believes-footers" "M08" "verify"
        "physical" "none; a changed bit"
        "The check of a closed store reads footers of segments without comparing their checksums."

    VerifyBelievesIdentities "verify-believes-identities" "M08" "verify"
        "physical" "none; a changed bit"
        "The check of a closed store takes the numbers of a preamble without comparing their checksum."

    GetIsNewest "get-is-newest" "M59" "reading"
        "reads" "none; a key as of an earlier commit"
        "A key is looked up as of the newest commit, whichever commit the snapshot is of; scans are right."

    StreamGoesOnLate "stream-goes-on-late" "M59" "reading"
        "reads" "none; a stream that goes on to a later snapshot"
        "A stream of changes that goes on to a later snapshot leaves out the first commit that it had not seen."

    DigestOfHalf "digest-of-half" "M59" "reading"
        "counters" "none"
        "The digest of a layout covers the first half of its text only."

    DifferenceOneSided "difference-one-sided" "M59" "reading"
        "counters" "none"
        "The difference of two layouts names only what the first one has."

    LagOneHigh "lag-one-high" "M59" "compactor"
        "counters" "none"
        "The commits that the compactor does not know of are counted with the newest that it knows of."

    SnapshotOneLate "snapshot-one-late" "M59" "reading"
        "time-travel" "none; an earlier commit"
        "A snapshot of an earlier commit shows the commit behind it (an offset off by one)."

    RunFilterLacksLast "run-filter-lacks-last" "M41" "segment"
        "exact state" "none; a run in memory that has a filter"
        "The filter of a run in memory lacks its last entry, so the newest key of a large commit is not found (an offset off by one, beyond a size that small histories never have)."

    ReadAheadKeepsStart "read-ahead-keeps-start" "M63" "segment"
        "errors" "none; a segment longer than what is read ahead"
        "A sequential reader that fetches a second stretch of a file keeps the place of the first one, so blocks are cut out at wrong places."

    AppendOverlaps "append-overlaps" "M61" "segment"
        "errors" "none; a file of more than one append"
        "The second append of a segment file begins one byte early, so it overwrites the end of the first one."

    EarlySyncSuffices "early-sync-suffices" "M22" "compactor"
        "dangling" "crash; a file that is synced while it is written"
        "A file that was synced while it was written is not synced again at its end."

    LongIndexNamesLast "long-index-names-last" "M43" "segment"
        "exact state" "none; a long index"
        "Behind a long index, where blocks grow, a block is listed under its last key, so the keys before that are not found."

    StepLosesEntry "step-loses-entry" "M49" "compactor"
        "exact state" "none; a merge of more entries than one step reads"
        "A merge that is interrupted at the end of a step goes on behind the entry that it was to read next."

    StreamSkipsBetweenPasses "stream-skips-between-passes" "M59" "reading"
        "reads" "none; a stream of changes that is gathered in more than one pass"
        "A stream of changes skips one commit where one pass ends and the next begins."

    LeftOutCommitsLost "left-out-commits-lost" "M59" "reading"
        "reads" "none; commits too large to be gathered together"
        "Commits that are left to the next pass of a stream, because too many bytes came together, never come."

    FarTrailEndsEarly "far-trail-ends-early" "M59" "replica"
        "errors" "none; a history longer than the marks that stand close together"
        "The trail of a long history ends one commit early, so a replica is told what the history was before."

    FenceStartsLate "fence-starts-late" "M43" "segment"
        "exact state" "none; a run of more entries than lie between two fences"
        "A search in a long run begins at the fence behind the place, so keys between two fences are not found."

    LongKeyCut "long-key-cut" "M49" "segment"
        "exact state" "none; a key beyond 32 KiB"
        "The length of a key in memory is taken for a signed number, so a key beyond 32 KiB loses its end."

    RawLengthCut "raw-length-cut" "M49" "segment"
        "errors" "none; a block beyond 64 KiB"
        "The raw length of a block is written in 16 bits, so a block beyond 64 KiB cannot be read back."

    EmptyKeyUnfiltered "empty-key-unfiltered" "M41" "segment"
        "exact state" "none; the empty key"
        "The filter of a segment file does not hold the empty key, so reading it finds nothing, or an older value."

    EmptyValueThinned "empty-value-thinned" "M41" "compactor"
        "exact state" "none; an empty value, thinned history"
        "A merge takes an empty value for a deletion and drops it where nothing older is hidden, so that the key is gone."

    EmptyStreamedAsDeletion "empty-streamed-as-deletion" "M59" "reading"
        "reads" "none; an empty value"
        "A stream of changes tells an empty value as a deletion."

    SettledThoughStopped "settled-though-stopped" "M47" "threads"
        "error honesty" "a disk that fails under the compactor"
        "Whoever waits until all is settled is told that all is well when the compactor has stopped, whatever it has failed at."

    LostCommitsAreEmpty "lost-commits-are-empty" "M60" "damaged"
        "damaged-reads" "a damaged record of a log; later commits"
        "A reader of a damaged store goes on behind the damage as if the lost commits had written nothing."

    LostNameIsEmpty "lost-name-is-empty" "M60" "damaged"
        "damaged-reads" "a damaged record of a log; a keyspace that it named"
        "A keyspace that a lost commit was the first to name is read as an empty one."

    LossOfLogUnnamed "loss-of-log-unnamed" "M60" "damaged"
        "damaged-reads" "a damaged log"
        "A store that was opened in spite of damage refuses reads and does not say beforehand which and why."

    LossOfSegmentsUnnamed "loss-of-segments-unnamed" "M60" "damaged"
        "damaged-reads" "a damaged segment"
        "Damaged blocks of segments are found by whoever reads them, and not named beforehand."

    DamagedIdentityMended "damaged-identity-mended" "M60" "damaged"
        "damaged-reads" "a damaged identity file"
        "Opening a damaged store for reading writes to it."

    ReadsPastTornTail "reads-past-torn-tail" "M60" "damaged"
        "damaged-reads" "a torn tail with intact records behind it"
        "Whole records behind a torn tail are read as if the tail were damage: nobody was told of their commits, and others may have got the numbers."

    LogEndsHistory "log-ends-history" "M60" "damaged"
        "damaged-reads" "a damaged manifest; buffered commits, power that fails"
        "Without the manifest the last commit of the log is called the newest one, and later ones are in segments (seen here)."

    EvictedFileIsGone "evicted-file-is-gone" "M63" "reading"
        "opens" "none; few open files"
        "A segment file that was closed to make room is not opened again, and its segments are called damaged."

    IdentityReplacedInPlace "identity-replaced-in-place" "M35" "identity"
        "durability" "a damaged identity file; stale bytes of another store"
        "An identity file that is written again gets its name before its bytes are durable, so that a crash leaves another store's number there, none of the files counts, and a torn log passes for a creation (found in this engine by a campaign under all faults)."

    UnmergedLacksNewest "unmerged-lacks-newest" "M18" "compactor"
        "reads" "none"
        "A merge that is left to its first reader does not have the newest of its inputs."

    UnmergedTakenHalf "unmerged-taken-half" "M18" "compactor"
        "confluence" "none"
        "A merge takes in only the first two runs of an input that has not been merged."

    UnmergedKeysSummed "unmerged-keys-summed" "M63" "compactor"
        "confluence" "none; a key written twice in a narrow window"
        "The layout counts a key once for each input of a merge that nobody has needed yet."

    UnmergedInspiteOfThinning "unmerged-inspite-of-thinning" "M57" "compactor"
        "physical" "none; less than all of history"
        "A merge that drops versions is left to its first reader as if it kept all."

    ClosingWakesNobody "closing-wakes-nobody" "R8" "threads"
        "liveness" "none; several clients"
        "A commit that closes a window does not wake the compactor."

    BudgetWakesNobody "budget-wakes-nobody" "R8" "threads"
        "liveness" "none; several clients"
        "A commit for which memory is too small does not wake the compactor."

    BacklogWakesNobody "backlog-wakes-nobody" "R8" "threads"
        "liveness" "none; several clients, and a small backlog"
        "A commit that closes no window does not wake the compactor, and the next one waits for it to say that it is idle (found in this engine by the property test of threads)."

    InputAcrossEdgeStays "input-across-edge-stays" "M57" "retention"
        "confluence" "none; a head window"
        "Of the kept inputs that a closing looks at, the one that reaches across the edge of the last closing is left out, and what is due below it stays."

    LastWriteForgotten "last-write-forgotten" "M57" "compactor"
        "state" "none; many writes"
        "Of the writes that tell which keyspaces a closing concerns, the last one goes when earlier ones are forgotten, so the windows of its keyspace are not merged."

    FailedReadCached "failed-read-cached" "M47" "reading"
        "exact state" "a read error; with a block cache"
        "A block that could not be read leaves an empty one in its slot, which the next reader takes for the block."

    NextBlockForgotten "next-block-forgotten" "M43" "reading"
        "exact state" "none; small blocks"
        "A read of a key looks for its version in one block only, though older versions go on in the next one."

    BackDeletionPassed "back-deletion-passed" "M43" "reading"
        "exact state" "none; a key with several versions"
        "Backwards a deletion is passed over, so that the value of the version before it comes back."

    CloseMarksEarly "close-marks-early" "M07" "wal"
        "damage" "damage behind a closing"
        "Closing writes its mark before it syncs the commits, so the mark does not prove them (one of the sixty fresh bugs)."

    OpenLogNotCounted "open-log-not-counted" "M07" "wal"
        "counters" "none"
        "The log that is written to does not count to the budget of the log (one of the sixty fresh bugs)."

    LiveBytesGrow "live-bytes-grow" "M61" "manifest"
        "counters" "none"
        "The bytes of removed segments are not taken off the live bytes of their file, so no file is ever mostly dead (one of the sixty fresh bugs)."

    FloorFromLast "floor-from-last" "M57" "compactor"
        "layout" "none; the last commits are kept"
        "The floor counts back from the last commit of a segment and not from the edge of its window (one of the sixty fresh bugs)."

    ClearsWhenIdle "clears-when-idle" "M57" "retention"
        "counters" "none"
        "What a file job has retired goes when there is nothing else to do (one of the sixty fresh bugs)."

    MovedMemoryKept "moved-memory-kept" "M57" "compactor"
        "counters" "none"
        "Memory of segments that have moved to a file still counts (one of the sixty fresh bugs)."

    StreamStaysOver "stream-stays-over" "M59" "reading"
        "reads" "a read error under a stream of changes"
        "A stream that has met an error stays over when it is told to go on (one of the sixty fresh bugs)."

    PrefixIsKey "prefix-is-key" "M43" "segment"
        "layout" "none; keys that begin alike"
        "Two neighbouring keys with the same first eight bytes are counted as one in memory (one of the sixty fresh bugs)."

    FootprintOfBytes "footprint-of-bytes" "M43" "segment"
        "counters" "none"
        "The memory of a run is counted without its entries (one of the sixty fresh bugs)."

    RefusedRecordsStay "refused-records-stay" "R8" "threads"
        "answers" "none; a refused group of batches"
        "The batches before the refused one of a call stay in the group (one of the sixty fresh bugs)."

    ClosedTakesHandedIn "closed-takes-handed-in" "R8" "threads"
        "liveness" "none; closing while commits are handed in"
        "A closed queue takes jobs that nobody waits for (one of the sixty fresh bugs)."

    FirstWakerKept "first-waker-kept" "R8" "threads"
        "liveness" "none; a commit that two tasks poll"
        "The waker of the first poll is kept, whoever polls later (one of the sixty fresh bugs)."

    VerifySkipsFilter "verify-skips-filter" "M08" "verify"
        "physical" "none; a filter that lacks a key"
        "The check does not ask the filter for the keys (one of the sixty fresh bugs)."

    VerifyTakesGap "verify-takes-gap" "M08" "verify"
        "physical" "none; a log that lacks commits"
        "The check takes a log file that begins later than the one before it ends (one of the sixty fresh bugs)."

    VerifyBelievesTable "verify-believes-table" "M08" "verify"
        "physical" "none; a table that contradicts the manifest"
        "The check does not compare the table of a file with the manifest (one of the sixty fresh bugs)."

    VerifySettledEarly "verify-settled-early" "M08" "verify"
        "physical" "none"
        "The check expects windows that close at the last flushed commit to be merged (one of the sixty fresh bugs)."

    PredictEdgeKept "predict-edge-kept" "M08" "verify"
        "counters" "none; a head window"
        "The prediction keeps the input that ends at the edge of the head window (one of the sixty fresh bugs)."

    SmallestSkipsZero "smallest-skips-zero" "M08" "verify"
        "layout" "none"
        "The smallest window of one commit is one of level 1 (one of the sixty fresh bugs)."

    LeveledRest "leveled-rest" "M08" "verify"
        "counters" "none"
        "The prediction of the leveled variant takes the rest of the wrong division (one of the sixty fresh bugs)."

    LastKnownBelieved "last-known-believed" "M21" "replica"
        "replica" "none; a primary with another history"
        "Of the commits that a replica has already the last one is not compared (one of the sixty fresh bugs)."

    PartedOneEarly "parted-one-early" "M21" "replica"
        "replica" "none; another history"
        "Two histories are told to have parted at the last commit that they share (one of the sixty fresh bugs)."

    LossEndsEarly "loss-ends-early" "M60" "damaged"
        "damaged-reads" "a damaged block"
        "The loss of a block is told to end with its first key (one of the sixty fresh bugs)."

    TableLacksFew "table-lacks-few" "M21" "sequencer"
        "exact state" "none; nine keyspaces"
        "The table of names begins with the ninth name, and the first eight are not in it (one of the sixty fresh bugs)."

    VersionReadsOn "version-reads-on" "M60" "damaged"
        "damaged-reads" "a damaged block behind the last version of a key"
        "A read of a key goes on into the next block although the index says that it begins with another key, so damage there refuses a read that does not need it (found in this engine by the laboratory)."

    SyncWithoutGrowthSkipped "sync-without-growth-skipped" "M01" "wal"
        "durability" "crash"
        "A write into the room ahead of a log changes no length, so it is acknowledged without a sync."

    SyncOfRoomSkipped "sync-of-room-skipped" "M01" "wal"
        "durability" "crash"
        "The write that takes new room is not synced, because the next one is."

    RecordBehindRoom "record-behind-room" "M18" "wal"
        "durability" "none; reopening"
        "Records are written at the end of the file, which is the end of the room, and replay ends where the room begins."

    RoomStartsEarly "room-starts-early" "M07" "wal"
        "durability" "none; reopening"
        "The zeros of new room begin a few bytes before the record ends."

    RoomIsDamage "room-is-damage" "M09" "wal"
        "opens" "none; reopening a store that was not closed"
        "Zeros behind the last record are reported as damage."

    ZerosAreRecord "zeros-are-record" "M07" "wal"
        "opens" "none; reopening a store that was not closed"
        "Room passes for empty records: a tag of zero is not refused, and a header of zeros needs no checksum."

    RoomForBuffered "room-for-buffered" "M64" "wal"
        "counters" "none; buffered commits"
        "A log that nobody waits for with a sync pays for room, too."

    RoomWithEveryCommit "room-with-every-commit" "M64" "wal"
        "counters" "none"
        "Room is written again behind each commit."

    RoomCountsAsFull "room-counts-as-full" "M64" "wal"
        "counters" "none"
        "A log is called full by the length of its file, so its room is never used."

    CutTakesRecords "cut-takes-records" "M04" "wal"
        "durability" "none; closing"
        "Closing cuts off as many bytes as zeros were written, also where records have been written over them."

    ReadUnrecorded "read-unrecorded" "M67" "transaction"
        "serializable" "none; transactions of several clients"
        "A key that a transaction gets is not remembered, so nobody sees that it was written since."

    KeysUnchecked "keys-unchecked" "M67" "transaction"
        "serializable" "none; transactions of several clients"
        "When a transaction is committed, the ranges that it has walked are checked, and the keys that it got are not."

    WalksUnchecked "walks-unchecked" "M67" "transaction"
        "serializable" "none; transactions that walk a range"
        "When a transaction is committed, the keys that it got are checked, and the ranges that it has walked are not: a phantom."

    EndOfWalkForgotten "end-of-walk-forgotten" "M67" "transaction"
        "serializable" "none; a key behind the last one of a range"
        "A transaction that has walked a range to its end has read up to the last key that was there, so a key behind it is no conflict."

    DeletionIsNoWrite "deletion-is-no-write" "M67" "transaction"
        "serializable" "none; a key that was read is deleted"
        "Only a value counts as written since: a key that was read and then deleted is no conflict."

    DroppedDeletionPassed "dropped-deletion-passed" "M67" "transaction"
        "serializable" "none; a deletion that a merge drops while a transaction is open"
        "A deletion in the oldest segment that a merge has dropped is no conflict, although the key was read before it."

    GroupUnchecked "group-unchecked" "M67" "transaction"
        "serializable" "none; two transactions in one group"
        "A transaction is checked against what is visible, and not against the commits of its own group that come before it."

    OwnWriteShowsTwice "own-write-shows-twice" "M67" "transaction"
        "serializable" "none; a transaction that writes and then walks"
        "A transaction that walks a range meets what the snapshot has for a key that it has written itself, too."

    PartOfWalkForgotten "part-of-walk-forgotten" "M67" "transaction"
        "serializable" "none; a range that is not walked to its end"
        "Only a range that was walked to its end counts as read, so a change in the part that was walked is no conflict."

    SortedByPrefix "sorted-by-prefix" "M18" "segment"
        "exact state" "none; keys that agree in eight bytes behind what all keys share"
        "Runs that are sorted together are sorted by eight bytes of each key and then by commit, so longer keys come in a wrong order."

    SortedOldestFirst "sorted-oldest-first" "M18" "segment"
        "exact state" "none; a key that is written twice in a window"
        "Runs that are sorted together have the versions of a key oldest first, so a read finds an old one."

    SharedBytesOfNewest "shared-bytes-of-newest" "M18" "segment"
        "exact state" "none; a key that begins as no key of the newest run does"
        "How many bytes all keys share is taken from the lowest key and from the highest one of the newest run, so bytes that tell keys apart are passed over."

    FoundLogGoneOn "found-log-gone-on" "M05" "recovery"
        "exact state" "stale bytes of the log itself; two losses of power"
        "Opening goes on in the log that it has read, with all of it synced, so that a commit that an earlier process has lost there passes at the place of a later one."

    BackupFileUnsynced "backup-file-unsynced" "M01" "backup"
        "opens" "crash behind a backup"
        "A segment file gets its name in a backup before its bytes are synced, so a crash leaves a backup that names a file without them."

    BackupManifestFirst "backup-manifest-first" "M15" "backup"
        "opens" "crash in a backup"
        "The manifest of a backup is written before the files that it names are copied, so a backup that died half-way is taken for a whole one."

    BackupFileUnderItsName "backup-file-under-its-name" "M15" "backup"
        "opens" "crash in a backup, and another backup"
        "A segment file is copied under its own name, so the next backup finds a part of it there and cannot tell it from a whole one."

    BackupSweepsEarly "backup-sweeps-early" "M16" "backup"
        "opens" "crash in a second backup"
        "What only the backup before has named is removed before the new manifest is durable, so a crash leaves neither."

    BackupLogLacksLast "backup-log-lacks-last" "M21" "backup"
        "opens" "none; a backup while commits are in the log"
        "The last commit of the log is not copied, so the backup lacks a commit that was acknowledged before it began."

    BackupOfUnsynced "backup-of-unsynced" "M22" "backup"
        "opens" "power failure behind a backup of buffered commits"
        "A backup is made of commits that its store has not synced, so after a power failure it has commits that the store gives out anew."

    BackupTakesCommits "backup-takes-commits" "M62" "backup"
        "errors" "none; somebody opens a backup"
        "A backup can be opened for writing, so what is committed to it is mixed with the next backup."

    BackupOfAnyStore "backup-of-any-store" "M62" "backup"
        "errors" "none; two stores back up into one directory"
        "Nobody looks whose backups a directory holds, so the files of two stores come together in it."

    RestoredIsTheSame "restored-is-the-same" "M62" "backup"
        "errors" "none; a restored store is backed up"
        "A restored store keeps the number of the one that it was made of, so its backups go over those of the other, with other commits under the same numbers."

    RestoredUnmarked "restored-unmarked" "M15" "backup"
        "opens" "crash while a backup is restored"
        "Nothing says that a store is being restored, so what a crash leaves of it is opened as an empty store."

    BackupLogProvenEarly "backup-log-proven-early" "M15" "backup"
        "opens" "crash in a second backup, between its log and its manifest"
        "The log of a backup gets the mark that proves it before the manifest that names it is durable, so the backup before it has lost its log."

    SalvageLossUnnamed "salvage-loss-unnamed" "M62" "salvage"
        "salvage" "damage to a block of a segment"
        "What is lost with the blocks of a segment is left out of a new store and not named, so older versions pass for the newest ones."

    SalvageWithoutTables "salvage-without-tables" "M62" "salvage"
        "salvage" "damage to the manifest"
        "Without a manifest only the log is salvaged, although each segment file lists what it holds."

    SalvageDropsUnnamed "salvage-drops-unnamed" "M62" "salvage"
        "salvage" "damage to the manifest, or to the commit that was the first to write to a keyspace"
        "A keyspace whose name is lost is left out with everything in it, although its entries are whole."

    SalvageExactOneLate "salvage-exact-one-late" "M62" "salvage"
        "salvage" "damage to a record of the log, or to a block of a segment"
        "The first commit of which something is lost is called exact."

    DamageHidesTornTail "damage-hides-torn-tail" "M60" "damaged"
        "salvage" "a torn tail with intact records behind it, and damage to the record before it"
        "Damage to the last record before a torn tail hides the tail, so a record behind it, of which nobody was told, counts as a commit."

    FirstFailureBelieved "first-failure-believed" "M61" "reading"
        "beside" "none; another process reads while a file is removed or a log is written"
        "A reader beside the writer takes what the writer changes meanwhile for damage or for a missing file."

    FilesBesideNotKept "files-beside-not-kept" "M61" "reading"
        "beside" "none; another process reads while compaction removes files"
        "A reader beside the writer opens segment files when it needs them, and by then they are gone."

    NewestLogLeftOut "newest-log-left-out" "M61" "reading"
        "beside" "none; another process reads behind the last commit"
        "A reader beside the writer leaves out the newest log file, because the writer may not have finished it."

    LogBesideIsOptional "log-beside-is-optional" "M61" "reading"
        "beside" "none; another process reads while the log is retired"
        "A reader beside the writer that misses a log file shows what the segment files hold, although later commits were acknowledged."

    NewestFileNamesStore "newest-file-names-store" "M60" "damaged"
        "damaged-reads" "damage to the identity and to the manifest; a file with bytes of another store"
        "Without identity and manifest the newest file says which store this is, although it may be a leftover with bytes of another store."

    LastBatchDecides "last-batch-decides" "M64" "wal"
        "durability" "batches with a durability of their own in one group, power that fails"
        "Of batches that are committed together, the last one decides whether the group is synced."

    LastJobDecides "last-job-decides" "M64" "threads"
        "durability" "clients whose batches have a durability of their own in one group, power that fails"
        "Of clients whose commits share a write, the last one decides whether the write is synced."

    OptionsDecideRetention "options-decide-retention" "M39" "retention"
        "confluence" "a synced store with buffered batches, removal of inputs later, power that fails"
        "Before a file without removed inputs is published, the log is synced only if the options of the store are buffered, although batches were."
}
