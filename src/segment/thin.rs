//! Which entries of a merge its output keeps.
//!
//! The rule depends on the window, the placement, and whether anything older exists. It does not
//! depend on the moment of the merge. Above the floor every version stays. At or below the floor
//! only the newest version of each key stays: the *base*, which reads at the floor need. A base
//! that is a deletion is dropped when nothing older exists that it could hide. It is kept when
//! inputs are removed by their level: an older value in an input of a higher level could outlast
//! the input that has the deletion, and then the history of the key would end with a deleted value.
//!
//! Where the floor is the first commit nothing is dropped. So a segment with such a floor states
//! exactly the writes of each of its commits.

use crate::align::Window;
use crate::commit::Commit;
use crate::options::{History, RemoveInputs};
use crate::segment::run::EntryRef;

/// Decides for one entry after the other, in run order.
#[derive(Debug)]
pub(crate) struct Thinning {
    floor: Commit,
    keeps_all: bool,
    drops_base_tombstones: bool,
    /// The key whose base was already seen.
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
    // At the last commit that wrote to this segment the newest version of every key is already
    // there, so no floor is beyond it.
    kept_from.clamp(first, last)
}

impl Thinning {
    /// The rule for an output with this first commit and this floor. `is_oldest`: no commit before
    /// the window wrote to the keyspace.
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

    /// A rule that keeps every entry.
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
