//! The places of earlier reads, which a misdirected read can return.
//!
//! A misdirected read is only plausible if it has the right length and is from a file
//! of the same kind (TigerBeetle misdirects whole blocks of one zone for that reason).
//! Places are recorded only if such a fault is planned.

use std::collections::BTreeMap;
use std::ops::Range;

use super::oplog::InodeId;

/// The largest number of places for each kind of file and length.
const MOST: usize = 6;

/// The latest places of reads, by the beginning of the file name and by length.
#[derive(Debug, Default)]
pub(super) struct Places {
    latest: BTreeMap<(String, usize), Vec<(InodeId, usize)>>,
}

impl Places {
    /// Records a read of `range` in a file whose name begins with `kind`.
    pub(super) fn note(&mut self, kind: &str, inode: InodeId, range: &Range<usize>) {
        let places = self.latest.entry((kind.to_owned(), range.len()));
        let places = places.or_default();
        let place = (inode, range.start);
        places.retain(|known| *known != place);
        if places.len() == MOST {
            places.remove(0);
        }
        places.push(place);
    }

    /// Another place that a read of `range` could be misdirected to, if any. `pick`
    /// selects it.
    pub(super) fn other(
        &self,
        kind: &str,
        inode: InodeId,
        range: &Range<usize>,
        pick: u64,
    ) -> Option<(InodeId, Range<usize>)> {
        let places = self.latest.get(&(kind.to_owned(), range.len()))?;
        let others: Vec<_> = places
            .iter()
            .filter(|place| **place != (inode, range.start))
            .collect();
        let index = pick.checked_rem(others.len() as u64)?;
        let (inode, start) = *others[index as usize];
        Some((inode, start..start + range.len()))
    }
}
