//! Lengths and counts beyond which the engine goes another way.
//!
//! Below them a run has no filter, a file is one append, a merge is one step. A store that
//! is tried with small histories would never be tried beyond them, so they can be made
//! small. They decide how work is cut into pieces, and never what is stored or answered: a
//! store may be opened with other ones each time. Programs take the usual ones; they are no
//! part of the promised surface.
//!
//! What no threshold decides (the spacing of fences in a run, say) is a constant where it is
//! used. `design/lab.md` lists both.

use crate::error::{Error, Result};

/// Lengths and counts beyond which the engine goes another way. See [`Thresholds::USUAL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Runs in memory with fewer entries are searched without a filter: their entries fit
    /// into the nearest cache.
    pub filtered_run_entries: usize,
    /// A longer run in memory gets its filter when it has been searched once for each of this
    /// many of its entries, at least 1: most are merged away before a filter would pay.
    pub entries_for_a_search: usize,
    /// A merge in memory that drops nothing and has at most this many entries is left until
    /// somebody reads what it makes, or a wider merge takes it in. 0: never left.
    pub unmerged_entries: u64,
    /// A merge in memory of at most this many entries sorts them in one step; more are merged
    /// step by step.
    pub sorted_entries: u64,
    /// Bytes of zeros that are written at once ahead of the end of a log whose commits are
    /// synced, at most. 0: none.
    pub log_room_bytes: u64,
    /// How many writes to keyspaces, beyond two for each, are remembered one by one.
    pub spare_writes: usize,
    /// Bytes fetched at once by a sequential reader.
    pub read_ahead_bytes: u64,
    /// Bytes of a segment file that are gathered before they are worth an append.
    pub append_bytes: usize,
    /// Appends between two syncs of a file that is being written, at least 1. Nothing depends
    /// on these syncs but how long the last one takes, and with it whoever waits for it.
    pub appends_for_a_sync: u32,
    /// Bytes of an index beyond which blocks grow.
    pub long_index_bytes: usize,
    /// The most entries that one step of the compactor reads, at least 1.
    pub step_entries: usize,
    /// About how many entries a stream of changes gathers at once, and at most how many
    /// commits; at least 1.
    pub gathered_entries: u64,
    /// At most how many bytes of keys and values a stream of changes gathers at once, unless
    /// one commit alone wrote more. When more come together, the later commits are left to
    /// the next pass.
    pub gathered_bytes: usize,
    /// So many commits before the end of a trail have a mark each, at least 1; then distances
    /// double.
    pub near_marks: u64,
}

impl Thresholds {
    /// What programs get.
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

    /// Refuses what would never come to an end.
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

    /// The laboratory tries other ones. What programs get is written down here a second time,
    /// so that nobody changes it without noticing.
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
