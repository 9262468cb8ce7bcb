//! Shared code of the count-driven policies: the inputs of a level in the order of their
//! announcements, and the arithmetic of levels.

use super::segment::Segment;
use super::{Event, View};

/// The stream of an added segment.
pub(super) fn stream_of(event: Event) -> Option<usize> {
    match event {
        Event::SegmentAdded { stream, .. } => Some(stream),
        _ => None,
    }
}

/// The segments of a level that wait for a merge, in order of arrival.
pub(super) fn waiting<'store>(
    view: &View<'store>,
    stream: usize,
    level: u8,
) -> Vec<&'store Segment> {
    let mut waiting: Vec<&Segment> = view
        .announced(stream)
        .filter(|segment| segment.level == level)
        .collect();
    waiting.sort_by_key(|segment| segment.arrival);
    waiting
}

/// The levels at which a stream has segments, lowest first.
pub(super) fn levels(view: &View<'_>, stream: usize) -> Vec<u8> {
    let mut levels: Vec<u8> = view.announced(stream).map(|one| one.level).collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

/// The last commit of these segments. 0 if there are none.
pub(super) fn end(segments: &[&Segment]) -> u64 {
    segments.iter().map(|one| one.last).max().unwrap_or(0)
}

/// The distance between the alignment points of a level's outputs. `u64::MAX` if it does
/// not fit.
pub(super) fn alignment(divisor: u64, level: u8) -> u64 {
    divisor
        .checked_pow(u32::from(level) + 1)
        .unwrap_or(u64::MAX)
}
