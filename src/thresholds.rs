//! Lengths and counts at which the engine changes its way of working.
//!
//! Below them a run has no filter, a file is one append, a merge is one step. Tests with small
//! histories would never go beyond the usual values, so tests can make them small. Thresholds
//! decide how work is divided into pieces, never which data is stored or returned: a store may be
//! opened with other thresholds each time. Programs use the usual values; thresholds are not part
//! of the promised API.
//!
//! Sizes without a threshold (the spacing of fences in a run, for example) are constants at the
//! place of their use. `design/lab.md` lists both.

use crate::error::{Error, Result};

/// Lengths and counts at which the engine changes its way of working. See [`Thresholds::USUAL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Runs in memory with fewer entries are searched without a filter: their entries fit
    /// into the nearest cache.
    pub filtered_run_entries: usize,
    /// A longer run in memory gets its filter after one search for each of this many of its
    /// entries, at least 1: most runs are merged away before a filter would pay.
    pub entries_for_a_search: usize,
    /// A merge in memory that drops nothing and has at most this many entries is left unmerged,
    /// until its first reader or a wider merge needs the entries. 0: never left unmerged.
    pub unmerged_entries: u64,
    /// A merge in memory of at most this many entries sorts them in one step; longer merges go step
    /// by step.
    pub sorted_entries: u64,
    /// The most zeros, in bytes, that are written at once ahead of the end of a log whose commits
    /// are synced. 0: none.
    pub log_room_bytes: u64,
    /// The number of writes to keyspaces, beyond two for each keyspace, that are remembered one by
    /// one.
    pub spare_writes: usize,
    /// Bytes fetched at once by a sequential reader.
    pub read_ahead_bytes: u64,
    /// The bytes of a segment file that are collected for one append.
    pub append_bytes: usize,
    /// Appends between two syncs of a file that is being written, at least 1. Only the duration of
    /// the last sync depends on this, and with it the wait of other threads for that sync.
    pub appends_for_a_sync: u32,
    /// The length of an index, in bytes, at which blocks begin to grow.
    pub long_index_bytes: usize,
    /// The most entries that one step of the compactor reads, at least 1.
    pub step_entries: usize,
    /// About the number of entries, and at most the number of commits, that a stream of changes
    /// gathers at once; at least 1.
    pub gathered_entries: u64,
    /// The most bytes of keys and values that a stream of changes gathers at once, unless a single
    /// commit has more. The later commits of a larger amount are left to the next pass.
    pub gathered_bytes: usize,
    /// This many commits before the end of a trail have a mark each, at least 1; before them the
    /// distances double.
    pub near_marks: u64,
}

impl Thresholds {
    /// The values for programs.
    pub const USUAL: Self = Self {
        filtered_run_entries: 512,
        entries_for_a_search: 8,
        unmerged_entries: 8192,
        sorted_entries: 64 * 1024,
        log_room_bytes: 256 * 1024,
        spare_writes: 64,
        read_ahead_bytes: 128 * 1024,
        append_bytes: 256 * 1024,
        appends_for_a_sync: 16,
        long_index_bytes: 64 * 1024 * 1024,
        step_entries: 1024,
        gathered_entries: 256 * 1024,
        gathered_bytes: 32 * 1024 * 1024,
        near_marks: 64,
    };

    /// Refuses values with which work would never end.
    pub(crate) fn check(&self) -> Result<()> {
        let counts = [
            ("appends for a sync", u64::from(self.appends_for_a_sync)),
            ("entries of a step", self.step_entries as u64),
            ("entries for a search", self.entries_for_a_search as u64),
            ("gathered entries", self.gathered_entries),
            ("near marks", self.near_marks),
        ];
        match counts.iter().find(|(_, count)| *count == 0) {
            None => Ok(()),
            Some((what, _)) => Err(Error::InvalidOptions(format!(
                "the threshold {what:?} is 0, the least is 1"
            ))),
        }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::USUAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    /// The laboratory uses other values. The values for programs are written here a second time, so
    /// that a change of them is noticed.
    #[test]
    fn programs_get_the_usual_ones() {
        let Thresholds {
            filtered_run_entries,
            entries_for_a_search,
            unmerged_entries,
            sorted_entries,
            log_room_bytes,
            spare_writes,
            read_ahead_bytes,
            append_bytes,
            appends_for_a_sync,
            long_index_bytes,
            step_entries,
            gathered_entries,
            gathered_bytes,
            near_marks,
        } = Options::default().thresholds;
        assert_eq!(filtered_run_entries, 512);
        assert_eq!(entries_for_a_search, 8);
        assert_eq!(unmerged_entries, 8192);
        assert_eq!(sorted_entries, 65_536);
        assert_eq!(log_room_bytes, 262_144);
        assert_eq!(spare_writes, 64);
        assert_eq!(read_ahead_bytes, 131_072);
        assert_eq!(append_bytes, 262_144);
        assert_eq!(appends_for_a_sync, 16);
        assert_eq!(long_index_bytes, 67_108_864);
        assert_eq!(step_entries, 1024);
        assert_eq!(gathered_entries, 262_144);
        assert_eq!(gathered_bytes, 33_554_432);
        assert_eq!(near_marks, 64);
    }

    #[test]
    fn what_would_never_end_is_refused() {
        let refused = |thresholds: Thresholds| {
            let options = Options {
                thresholds,
                ..Options::default()
            };
            options.check().is_err()
        };
        let usual = Thresholds::USUAL;
        assert!(!refused(usual));
        assert!(refused(Thresholds {
            appends_for_a_sync: 0,
            ..usual
        }));
        assert!(refused(Thresholds {
            step_entries: 0,
            ..usual
        }));
        assert!(refused(Thresholds {
            entries_for_a_search: 0,
            ..usual
        }));
        assert!(refused(Thresholds {
            gathered_entries: 0,
            ..usual
        }));
        assert!(refused(Thresholds {
            near_marks: 0,
            ..usual
        }));
    }
}
