//! Which entries of a merge its output keeps.
//!
//! The rule is a function of the window, the placement, and whether anything older
//! exists; the moment of the merge plays no part. Above the floor every version
//! stays. At or below it, only the newest version of each key stays: the *base* that
//! reads at the floor need. A base that is a deletion goes when there is nothing
//! older that it could hide. It stays where inputs are removed by their level: an
//! older value could outlast the input that has the deletion, in an input of a higher
//! level, and the history of the key would end with a value that was deleted.
//!
//! Where the floor is the first commit nothing is dropped, so a segment with such a
//! floor says exactly what each of its commits wrote.

use crate::align::Window;
use crate::commit::Commit;
use crate::options::{History, RemoveInputs};
use crate::segment::run::EntryRef;

/// Decides entry by entry, in run order.
#[derive(Debug)]
pub(crate) struct Thinning {
    floor: Commit,
    keeps_all: bool,
    drops_base_tombstones: bool,
    /// The key whose base has been seen.
    base_key: Option<Vec<u8>>,
}

/// The earliest commit inside `first..=last` that stays readable in a merged
/// segment over `window`.
pub(crate) fn floor(history: History, window: Window, first: Commit, last: Commit) -> Commit {
    let kept_from = match history {
        History::All => first,
        History::Last(commits) if planted!(FloorFromLast) => last.minus(commits),
        History::Last(commits) => window.end.minus(commits),
        History::Newest => window.end,
    };
    // At the last commit that wrote here the newest versions are the whole truth,
    // so nothing inside the segment is beyond it.
    kept_from.clamp(first, last)
}

impl Thinning {
    /// The rule for an output whose first commit and floor these are. `is_oldest`: no
    /// commit before the window wrote to the keyspace.
    pub(crate) fn new(
        (first, floor): (Commit, Commit),
        rule: RemoveInputs,
        is_oldest: bool,
    ) -> Self {
        let is_by_level = matches!(
            rule,
            RemoveInputs::UpToLevel(_) | RemoveInputs::HeadWindowUpToLevel { .. }
        );
        Self {
            floor,
            keeps_all: floor == first && !planted!(WholeDropsDeletions),
            drops_base_tombstones: is_oldest && (!is_by_level || planted!(DeletionOutlived)),
            base_key: None,
        }
    }

    /// Keeps everything.
    pub(crate) fn none() -> Self {
        Self {
            floor: Commit::ZERO,
            keeps_all: true,
            drops_base_tombstones: false,
            base_key: None,
        }
    }

    /// Whether the output has all entries of its inputs.
    pub(crate) fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    /// Whether the output keeps `entry`.
    pub(crate) fn keeps(&mut self, entry: EntryRef<'_>) -> bool {
        if self.keeps_all || entry.commit > self.floor {
            return true;
        }
        if planted!(BaseDropped) && entry.commit < self.floor {
            return false;
        }
        if self.base_key.as_deref() == Some(entry.key) {
            mark!(VersionThinned);
            return false;
        }
        let base_key = self.base_key.get_or_insert_default();
        base_key.clear();
        base_key.extend_from_slice(entry.key);
        let is_deletion = match entry.value {
            Some(value) => value.is_empty() && planted!(EmptyValueThinned),
            None => true,
        };
        let keeps = !is_deletion || !self.drops_base_tombstones;
        if !keeps {
            mark!(TombstoneDropped);
        }
        keeps
    }
}
