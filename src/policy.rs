//! The aligned policy: the merges that a closing calls for. Pure.
//!
//! A window closes when every commit up to its right edge is known. In a closed window, a keyspace
//! with at least `min_inputs` live segments gets them merged into one segment. With fewer segments
//! the window is left alone; it is never widened, and no empty segment is written. The decision
//! depends on one window and its own segments, so the order and the delay of closings change
//! nothing.
//!
//! Both cascades lead to the same segments. `step` merges level after level. `direct` makes the
//! same decisions level by level, and then writes only the last output, directly from the original
//! inputs.

use std::ops::Range;

use crate::align::{Cascade, Level, Window};
use crate::commit::Commit;
use crate::options::Placement;
use crate::recent::Recent;
use crate::segment::KeyspaceId;
use crate::version::{Version, inside_window};

/// Windows that close at one commit: one level of them, or all levels at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    /// The common right edge.
    pub(crate) at: Commit,
    pub(crate) lowest: Level,
    pub(crate) highest: Level,
}

/// One merge: the live segments of a keyspace at these positions become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedMerge {
    pub(crate) keyspace: KeyspaceId,
    pub(crate) window: Window,
    pub(crate) inputs: Range<usize>,
}

/// The closings at `at`, in the order in which they must happen.
pub(crate) fn closings(placement: &Placement, cascade: Cascade, at: Commit) -> Vec<Closing> {
    let closing = placement.alignment.closing_level(at);
    let highest = match closing {
        2.. if planted!(HighestLevelForgotten) => closing - 1,
        _ => closing,
    };
    let steps = planted!(DirectStepsAnyway);
    match if steps { Cascade::Step } else { cascade } {
        Cascade::Step => (1..=highest)
            .map(|level| Closing {
                at,
                lowest: level,
                highest: level,
            })
            .collect(),
        Cascade::Direct if highest > 0 => vec![Closing {
            at,
            lowest: 1,
            highest,
        }],
        Cascade::Direct => Vec::new(),
    }
}

/// The first commit after `after` at which any window closes, if there is one.
pub(crate) fn next_closing_commit(placement: &Placement, after: Commit) -> Option<Commit> {
    let width = placement.alignment.width(1)?;
    (after.get() / width + 1)
        .checked_mul(width)
        .map(Commit::new)
}

/// The last commit up to `through` at which any window closes, if there is one.
pub(crate) fn last_closing_commit(placement: &Placement, through: Commit) -> Option<Commit> {
    let width = placement.alignment.width(1)?;
    let windows = through.get() / width;
    (windows > 0).then(|| Commit::new(windows * width))
}

/// The widest window of a closing.
pub(crate) fn widest_window(placement: &Placement, closing: Closing) -> Window {
    placement
        .alignment
        .window_ending(closing.highest, closing.at)
        .expect("windows close at their right edges")
}

/// The merges that a closing calls for, in order of keyspace. `recent` names the keyspaces that
/// have to be examined.
pub(crate) fn plan(
    version: &Version,
    recent: &Recent,
    placement: &Placement,
    closing: Closing,
) -> Vec<PlannedMerge> {
    let windows: Vec<Window> = (closing.lowest..=closing.highest)
        .filter_map(|level| placement.alignment.window_ending(level, closing.at))
        .collect();
    let minimum = placement.min_inputs as usize;
    let mut merges = Vec::new();
    for keyspace in recent.since(widest_window(placement, closing).start) {
        work!(KeyspaceVisited);
        let roots = version.roots(keyspace);
        let mut planned: Option<PlannedMerge> = None;
        for &window in &windows {
            let inputs = inside_window(roots, window);
            // Inputs that a lower level of this closing already merges count as one piece.
            let merged_away = planned.as_ref().map_or(0, |merge| merge.inputs.len() - 1);
            let merged_away = if planted!(DirectMergesHighest) {
                0
            } else {
                merged_away
            };
            let pieces = inputs.len() - merged_away;
            if (2..minimum).contains(&pieces) {
                mark!(TooFewInputs);
            }
            if pieces >= minimum {
                planned = Some(PlannedMerge {
                    keyspace,
                    window,
                    inputs,
                });
            }
        }
        merges.extend(planned);
    }
    merges
}
