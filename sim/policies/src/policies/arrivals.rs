//! What the count-driven policies share: the inputs of a level, in the order in which they
//! were announced, and the arithmetic of levels.

use super::segment::Segment;
use super::{Event, View};

/// The stream that an arrival belongs to.
pub(super) fn stream_of(event: Event) -> Option<usize> {
    match event {
        Event::SegmentAdded { stream, .. } => Some(stream),
        _ => None,
    }
}

/// The segments of a level that wait to be merged, in order of arrival.
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

/// The levels that a stream has segments of, lowest first.
pub(super) fn levels(view: &View<'_>, stream: usize) -> Vec<u8> {
    let mut levels: Vec<u8> = view.announced(stream).map(|one| one.level).collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

/// The last commit of any of the segments; 0 without any.
pub(super) fn end(segments: &[&Segment]) -> u64 {
    segments.iter().map(|one| one.last).max().unwrap_or(0)
}

/// The distance between the alignment points of a level's outputs; `u64::MAX` when they
/// are further apart than any commit.
pub(super) fn alignment(divisor: u64, level: u8) -> u64 {
    divisor
        .checked_pow(u32::from(level) + 1)
        .unwrap_or(u64::MAX)
}
