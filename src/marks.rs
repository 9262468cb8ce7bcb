//! Coverage marks: situations of the engine that the workloads of the laboratory must reach. A mark
//! that no run reaches shows a situation that the workloads do not test.
//!
//! Invariants: a coverage mark changes no behaviour, and without the feature `planted-bugs` the
//! macro `mark!` expands to nothing. Counts are kept per thread, so every worker of the laboratory
//! counts its own runs.
//!
//! A coverage mark is not a mark of a log, which proves that records are durable (see `log`).
//!
//! This file only names the coverage marks. The place of each mark is the macro call `mark!(Name)`.

/// Counts that the thread has reached this place.
#[cfg(feature = "planted-bugs")]
macro_rules! mark {
    ($mark:ident) => {
        $crate::marks::reach($crate::marks::Mark::$mark)
    };
}

/// Does nothing in a normal build.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! mark {
    ($mark:ident) => {{}};
}

#[cfg(feature = "planted-bugs")]
pub use counted::{Mark, reach, take};

#[cfg(feature = "planted-bugs")]
mod counted {
    use std::cell::RefCell;

    /// Defines the enumeration and its names from one list.
    macro_rules! marks {
        ($($mark:ident $name:literal)*) => {
            /// A situation that a run can reach.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            #[allow(missing_docs, reason = "the name says it")]
            pub enum Mark {
                $($mark,)*
            }

            impl Mark {
                /// All marks: first those of opening a store, then those of commits, merges, files
                /// and reads.
                pub const ALL: &'static [Self] = &[$(Self::$mark),*];

                /// The name of the mark in reports and traces.
                #[must_use]
                pub const fn name(self) -> &'static str {
                    match self {
                        $(Self::$mark => $name,)*
                    }
                }
            }
        };
    }

    marks! {
        StoreCreated "store-created"
        CreationRepeated "creation-repeated"
        ManifestPassedOver "manifest-without-first-record"
        ManifestWrittenAgain "unproven-manifest-written-again"
        TornTailCut "torn-tail-cut"
        TornTailOfManifest "torn-edit-cut"
        UnprovenWrittenAgain "unproven-commits-written-again"
        TipWithoutProof "newest-log-not-proven"
        ManifestWithoutProof "newest-manifest-not-proven"
        ForeignFilePassedOver "file-of-another-store"
        IdentityWrittenAgain "identity-written-again"
        LeftoverLogSwept "leftover-log-swept"
        OrphanSegmentSwept "orphan-segment-swept"
        OldManifestSwept "old-manifest-swept"
        PromotionEnded "interrupted-promotion-ended"
        GroupCommitted "group-committed"
        EmptyCommit "empty-commit"
        LogRotated "log-rotated"
        LogBegunAnew "log-begun-anew"
        Poisoned "poisoned"
        RefusedAfterFailure "refused-after-failure"
        EventAhead "event-ahead-of-its-turn"
        EventsReconciled "lost-events-reconciled"
        ClosedInMemory "window-closed-in-memory"
        WritesForgotten "earlier-writes-forgotten"
        LeftUnmerged "merge-left-to-whoever-reads-it"
        MergedByReader "merged-by-a-reader"
        RunsSorted "runs-sorted-together"
        InputMergedFirst "unmerged-input-merged-first"
        ClosedBehindFence "window-waits-behind-a-file-job"
        ClosedIntoFile "window-closed-into-a-file"
        NarrowWindowNeedsFile "narrow-window-with-inputs-in-files"
        QuietClosing "closing-without-a-merge"
        TooFewInputs "window-left-alone-with-too-few-inputs"
        Spilled "memory-spilled"
        ManifestSwitched "manifest-switched"
        DamagedMergeKept "merge-that-met-damage-kept"
        SegmentMoved "segment-moved-as-it-is"
        MostlyDeadFileEmptied "mostly-dead-file-emptied"
        MovedSegmentRetired "moved-segment-retired-meanwhile"
        InputRemoved "input-removed-at-once"
        InputRemovedLater "input-removed-by-a-later-closing"
        SweptNumberKept "swept-number-kept"
        RetentionWaitsForLog "retention-waits-for-the-log"
        InputKept "input-kept"
        VersionThinned "version-thinned-out"
        TombstoneDropped "oldest-tombstone-dropped"
        FileWaitsForReader "file-waits-for-a-reader"
        ReadThinned "read-of-a-thinned-commit-refused"
        RunFiltered "run-in-memory-filtered"
        MergeInSteps "merge-in-more-than-one-step"
        SyncedWhileWritten "segment-file-synced-while-it-is-written"
        BlocksGrow "blocks-grow-behind-a-long-index"
        ReadAheadAgain "segment-longer-than-what-is-read-ahead"
        TrailThins "trail-longer-than-its-near-marks"
        GatheredInPasses "stream-gathered-in-passes"
        CommitsLeftToTheNextPass "commits-left-to-the-next-pass"
        BlockEvicted "cached-block-evicted"
        BlockKept "cached-block-read-again"
        FileOpenedAgain "segment-file-opened-again"
        EmptyKeyInFile "empty-key-in-a-file"
        EmptyValueInFile "empty-value-in-a-file"
        KeyGoesOn "versions-of-a-key-go-on-in-the-next-block"
        LineMovedAlone "edit-without-a-file"
        InboxFull "inbox-full"
        LeaderWaits "leader-waits-for-room"
        LogTakesRoom "log-takes-room"
        LogEndsInRoom "log-ends-in-room"
        ConflictFound "transaction-refused-by-a-conflict"
        ConflictInGroup "transaction-refused-by-its-own-group"
        ConflictUnknown "transaction-refused-behind-a-thinned-segment"
        ReadAgainBesideWriter "reading-beside-a-writer-begun-anew"
    }

    thread_local! {
        static COUNTS: RefCell<Vec<u64>> = RefCell::new(vec![0; Mark::ALL.len()]);
    }

    /// Adds one to the count of a mark on this thread.
    pub fn reach(mark: Mark) {
        COUNTS.with_borrow_mut(|counts| counts[mark as usize] += 1);
    }

    /// The name of each mark, and the number of times that this thread has reached it since the
    /// last call of `take`. Sets the counts to 0.
    pub fn take() -> Vec<(&'static str, u64)> {
        let none = vec![0; Mark::ALL.len()];
        let counts = COUNTS.with_borrow_mut(|counts| std::mem::replace(counts, none));
        let names = Mark::ALL.iter().map(|mark| mark.name());
        names.zip(counts).collect()
    }
}
