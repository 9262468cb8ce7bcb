//! When the inputs of merges are removed. Pure.
//!
//! A closing at commit `at` decides from `at` and the input alone. So the kept segments depend only
//! on history and options, as the live segments do.

use crate::commit::Commit;
use crate::options::RemoveInputs;
use crate::segment::SegmentMeta;

/// Whether an input of a merge is removed by the closing at `at`.
pub(crate) fn removes(rule: RemoveInputs, at: Commit, input: &SegmentMeta) -> bool {
    let level = input.window.level;
    let is_behind = || {
        let edge = edge(rule, at);
        edge.is_some_and(|edge| input.last <= edge || planted!(HeadWindowIgnoresCommit))
    };
    match rule {
        RemoveInputs::Never => false,
        RemoveInputs::Always => true,
        RemoveInputs::UpToLevel(highest) => level <= highest,
        RemoveInputs::HeadWindow { .. } => is_behind(),
        RemoveInputs::HeadWindowUpToLevel { level: highest, .. } => level <= highest && is_behind(),
    }
}

/// The last commit of the newest inputs that the closing at `at` may remove; `None` when it removes
/// no input that an earlier closing has kept.
pub(crate) fn edge(rule: RemoveInputs, at: Commit) -> Option<Commit> {
    match rule {
        RemoveInputs::Never | RemoveInputs::Always | RemoveInputs::UpToLevel(_) => None,
        RemoveInputs::HeadWindow { keep } | RemoveInputs::HeadWindowUpToLevel { keep, .. } => {
            at.get().checked_sub(keep).map(Commit::new)
        }
    }
}

/// Whether a later closing may remove inputs that an earlier closing kept.
pub(crate) fn removes_later(rule: RemoveInputs) -> bool {
    matches!(
        rule,
        RemoveInputs::HeadWindow { .. } | RemoveInputs::HeadWindowUpToLevel { .. }
    )
}
