//! Ranges of keys, read from either end.

use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::segment::run::prefix_of;
use crate::segment::{Cursor, Direction, Fetch, MergeCursor, Segment};
use crate::slice::Slice;

/// The keys that a scan covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first bound.
    pub start: Bound<Vec<u8>>,
    /// The last bound.
    pub end: Bound<Vec<u8>>,
}

impl KeyRange {
    /// All keys.
    #[must_use]
    pub fn all() -> Self {
        Self {
            start: Bound::Unbounded,
            end: Bound::Unbounded,
        }
    }

    /// Keys from `start` on.
    #[must_use]
    pub fn from(start: &[u8]) -> Self {
        Self {
            start: Bound::Included(start.to_vec()),
            end: Bound::Unbounded,
        }
    }

    /// Keys from `start` to before `end`.
    #[must_use]
    pub fn between(start: &[u8], end: &[u8]) -> Self {
        Self {
            start: Bound::Included(start.to_vec()),
            end: Bound::Excluded(end.to_vec()),
        }
    }

    /// Keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        // The first key after all keys with the prefix: the last byte that can be increased is
        // increased, and the bytes behind it are cut. For a prefix of 0xff bytes alone there is no
        // such key.
        let mut end = prefix.to_vec();
        while end.pop_if(|byte| *byte == u8::MAX).is_some() {}
        let end = match end.last_mut() {
            Some(byte) => {
                *byte += u8::from(!planted!(PrefixEndsEarly));
                Bound::Excluded(end)
            }
            None => Bound::Unbounded,
        };
        Self {
            start: Bound::Included(prefix.to_vec()),
            end,
        }
    }

    /// The keys inside these bounds.
    ///
    /// ```
    /// use lithify::KeyRange;
    ///
    /// assert_eq!(KeyRange::of("a".."b"), KeyRange::between(b"a", b"b"));
    /// ```
    #[must_use]
    pub fn of<K: AsRef<[u8]>>(bounds: impl RangeBounds<K>) -> Self {
        let owned = |bound: Bound<&K>| bound.map(|key| key.as_ref().to_vec());
        Self {
            start: owned(bounds.start_bound()),
            end: owned(bounds.end_bound()),
        }
    }

    /// The place in run order before all entries of the range; `None` for the first entry.
    ///
    /// Run order is newest first, so all versions of a key are behind (key, MAX) and before (key,
    /// ZERO).
    pub(crate) fn first_place(&self) -> Option<(&[u8], Commit)> {
        match &self.start {
            Bound::Included(start) => Some((start, Commit::MAX)),
            Bound::Excluded(start) => Some((start, Commit::ZERO)),
            Bound::Unbounded => None,
        }
    }

    /// Moves a cursor to the first entry that is not before the range.
    pub(crate) fn seek_start(&self, cursor: &mut Cursor) -> Result<()> {
        match self.first_place() {
            Some((key, commit)) => cursor.seek(key, commit),
            None => cursor.seek_first(),
        }
    }

    fn starts_after(&self, key: &[u8]) -> bool {
        match &self.start {
            Bound::Included(start) => key < &start[..],
            Bound::Excluded(start) => key <= &start[..],
            Bound::Unbounded => false,
        }
    }

    pub(crate) fn ends_before(&self, key: &[u8]) -> bool {
        match &self.end {
            Bound::Included(end) => key > &end[..],
            Bound::Excluded(end) => key >= &end[..],
            Bound::Unbounded => false,
        }
    }
}

/// A key and its value.
type Item = (Slice, Slice);

/// An iterator over the keys of a range that have a value, in key order. It can be consumed from
/// both ends, which never overlap. It ends after an error.
///
/// As an [`Iterator`] it returns slices, which share the memory of the data read.
/// [`Range::next_ref`] and [`Range::next_back_ref`] lend keys and values until the next call, which
/// is faster.
///
/// Memory: one block for each segment and end, and the blocks that returned slices keep alive.
#[derive(Debug)]
#[must_use = "an iterator does nothing before it is consumed"]
pub struct Range {
    segments: Vec<Arc<Segment>>,
    range: KeyRange,
    at: Commit,
    front: Option<MergeCursor>,
    back: Option<MergeCursor>,
    /// The last keys that the two ends have reached: they must not cross.
    front_key: LastKey,
    back_key: LastKey,
    /// The last item from the back.
    back_item: Option<Item>,
    /// The error that refuses the first step.
    refusal: Option<Error>,
    is_over: bool,
}

/// A key in a buffer that is used again.
#[derive(Debug, Default)]
struct LastKey {
    key: Vec<u8>,
    prefix: u64,
    is_set: bool,
}

impl LastKey {
    fn set(&mut self, key: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(key);
        self.prefix = prefix_of(key);
        self.is_set = true;
    }

    fn get(&self) -> Option<&[u8]> {
        self.is_set.then_some(&self.key)
    }

    /// Whether the key equals this one. Most keys already differ in their prefixes.
    #[inline]
    fn is(&self, key: &[u8], prefix: u64) -> bool {
        self.is_set && self.prefix == prefix && self.key == key
    }
}

impl Range {
    pub(crate) fn new(segments: Vec<Arc<Segment>>, range: KeyRange, at: Commit) -> Self {
        Self {
            segments,
            range,
            at,
            front: None,
            back: None,
            front_key: LastKey::default(),
            back_key: LastKey::default(),
            back_item: None,
            refusal: None,
            is_over: false,
        }
    }

    pub(crate) fn empty() -> Self {
        Self::new(Vec::new(), KeyRange::all(), Commit::ZERO)
    }

    /// A range that returns this error and ends.
    pub(crate) fn refused(error: Error) -> Self {
        Self {
            refusal: Some(error),
            ..Self::empty()
        }
    }

    fn merge(
        &self,
        direction: Direction,
        position: impl Fn(&mut Cursor) -> Result<()>,
    ) -> Result<MergeCursor> {
        let mut cursors = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            let mut cursor = segment.cursor(Fetch::Cached);
            position(&mut cursor)?;
            cursors.push(cursor);
        }
        Ok(MergeCursor::new(cursors, direction))
    }

    fn open_front(&self) -> Result<MergeCursor> {
        self.merge(Direction::Forward, |cursor| self.range.seek_start(cursor))
    }

    fn open_back(&self) -> Result<MergeCursor> {
        self.merge(Direction::Backward, |cursor| match &self.range.end {
            Bound::Included(end) => cursor.seek_before(end, Commit::ZERO),
            Bound::Excluded(end) if planted!(BackwardEndIncluded) => {
                cursor.seek_before(end, Commit::ZERO)
            }
            Bound::Excluded(end) => cursor.seek_before(end, Commit::MAX),
            Bound::Unbounded => cursor.seek_last(),
        })
    }

    /// The next key and its value, lent until the next call: as [`Iterator::next`], without a copy
    /// of the value.
    ///
    /// # Errors
    /// Any error of the disk; then the range is over.
    pub fn next_ref(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        if !self.step(Self::step_front)? {
            return Ok(None);
        }
        let here = self.front.as_ref().and_then(MergeCursor::entry);
        let value = here.and_then(|entry| entry.value);
        let value = value.expect("a step ends at an entry with a value");
        Ok(Some((&self.front_key.key, value)))
    }

    /// The last key that was not returned yet, and its value, lent until the next call.
    ///
    /// # Errors
    /// Any error of the disk; then the range is over.
    pub fn next_back_ref(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        if !self.step(Self::step_back)? {
            return Ok(None);
        }
        let item = self.back_item.as_ref();
        Ok(item.map(|(key, value)| (&**key, &**value)))
    }

    /// Takes a step, unless the range has ended; false when there is nothing more.
    fn step(&mut self, step: impl FnOnce(&mut Self) -> Result<bool>) -> Result<bool> {
        if self.is_over {
            return Ok(false);
        }
        let outcome = match self.refusal.take() {
            Some(refusal) => Err(refusal),
            None => step(self),
        };
        let outcome = match outcome {
            Err(_) if planted!(RangeReadErrorIsEnd) => Ok(false),
            outcome => outcome,
        };
        self.is_over = !matches!(outcome, Ok(true));
        outcome
    }

    /// Moves to the next key with a value; the front cursor stays at its entry.
    fn step_front(&mut self) -> Result<bool> {
        let mut merge = match self.front.take() {
            Some(merge) => merge,
            None => self.open_front()?,
        };
        let found = self.find_front(&mut merge);
        self.front = Some(merge);
        found
    }

    fn find_front(&mut self, merge: &mut MergeCursor) -> Result<bool> {
        while let Some(entry) = merge.entry() {
            let reaches_back = (self.back_key.get())
                .is_some_and(|back| entry.key >= back && !planted!(EndsMeetTwice));
            if self.range.ends_before(entry.key) || reaches_back {
                return Ok(false);
            }
            // The key that was returned last counts as seen, too.
            let is_seen = self.front_key.is(entry.key, merge.prefix());
            if entry.commit <= self.at && !is_seen {
                self.front_key.set(entry.key);
                if entry.value.is_some() {
                    return Ok(true);
                }
            }
            merge.advance()?;
        }
        Ok(false)
    }

    /// Moves to the last key with a value before the keys that the back has reached.
    fn step_back(&mut self) -> Result<bool> {
        let mut merge = match self.back.take() {
            Some(merge) => merge,
            None => self.open_back()?,
        };
        let found = self.find_back(&mut merge);
        self.back = Some(merge);
        found
    }

    /// Backwards the versions of a key come oldest first, so the last version at or before the
    /// commit counts.
    fn find_back(&mut self, merge: &mut MergeCursor) -> Result<bool> {
        while let Some(entry) = merge.entry() {
            let reaches_front = (self.front_key.get()).is_some_and(|front| entry.key <= front);
            if self.range.starts_after(entry.key) || reaches_front {
                return Ok(false);
            }
            self.back_key.set(entry.key);
            self.back_item = None;
            while let Some(entry) = merge.entry()
                && self.back_key.is(entry.key, merge.prefix())
            {
                let is_at = planted!(BackwardMissesNewest) && entry.commit == self.at;
                let sees_later = planted!(BackwardSeesLater) && self.back_item.is_some();
                let is_kept = planted!(BackDeletionPassed) && entry.value.is_none();
                if ((entry.commit <= self.at && !is_at) || sees_later) && !is_kept {
                    self.back_item = item(merge);
                }
                merge.advance()?;
            }
            if self.back_item.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The current entry of a merge, unless it is a deletion.
fn item(merge: &MergeCursor) -> Option<Item> {
    let (key, value) = merge.version()?;
    Some((key, value?))
}

impl Iterator for Range {
    type Item = Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.step(Self::step_front) {
            Ok(true) => self.front.as_ref().and_then(item).map(Ok),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl DoubleEndedIterator for Range {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self.step(Self::step_back) {
            Ok(true) => self.back_item.clone().map(Ok),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl std::iter::FusedIterator for Range {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        let end = |prefix: &[u8]| KeyRange::prefix(prefix).end;
        assert_eq!(end(b"ab"), Bound::Excluded(b"ac".to_vec()));
        assert_eq!(end(b"a\xff"), Bound::Excluded(b"b".to_vec()));
        assert_eq!(end(b"\xff\xff"), Bound::Unbounded);
        assert_eq!(end(b""), Bound::Unbounded);
    }
}
