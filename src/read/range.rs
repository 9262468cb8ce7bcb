//! Ranges of keys, walked from either end.

use std::ops::Bound;
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::Result;
use crate::segment::{Cursor, Direction, Fetch, MergeCursor, Segment};

/// Which keys a scan covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// Where it begins.
    pub start: Bound<Vec<u8>>,
    /// Where it ends.
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
        // The first key behind all that begin with the prefix: its last byte that can
        // be raised is raised, and what follows is cut. Of 0xff alone there is none.
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

    fn starts_after(&self, key: &[u8]) -> bool {
        match &self.start {
            Bound::Included(start) => key < &start[..],
            Bound::Excluded(start) => key <= &start[..],
            Bound::Unbounded => false,
        }
    }

    fn ends_before(&self, key: &[u8]) -> bool {
        match &self.end {
            Bound::Included(end) => key > &end[..],
            Bound::Excluded(end) => key >= &end[..],
            Bound::Unbounded => false,
        }
    }
}

/// A key and its value.
type Item = (Vec<u8>, Vec<u8>);

/// An iterator over the keys of a range that have a value, in key order. It may be
/// consumed from both ends, and the two never overlap. After an error it is over.
///
/// Memory: one block for each segment and end.
#[derive(Debug)]
pub struct Range {
    segments: Vec<Arc<Segment>>,
    range: KeyRange,
    at: Commit,
    front: Option<MergeCursor>,
    back: Option<MergeCursor>,
    /// The last key that either end has handed out: they must not cross.
    front_key: Option<Vec<u8>>,
    back_key: Option<Vec<u8>>,
    is_over: bool,
}

impl Range {
    pub(crate) fn new(segments: Vec<Arc<Segment>>, range: KeyRange, at: Commit) -> Self {
        Self {
            segments,
            range,
            at,
            front: None,
            back: None,
            front_key: None,
            back_key: None,
            is_over: false,
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
        self.merge(Direction::Forward, |cursor| match &self.range.start {
            // Run order is newest first, so all versions of a key lie behind
            // (key, MAX) and before (key, ZERO).
            Bound::Included(start) => cursor.seek(start, Commit::MAX),
            Bound::Excluded(start) => cursor.seek(start, Commit::ZERO),
            Bound::Unbounded => cursor.seek_first(),
        })
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

    fn next_front(&mut self) -> Result<Option<Item>> {
        let mut merge = match self.front.take() {
            Some(merge) => merge,
            None => self.open_front()?,
        };
        let item = self.find_front(&mut merge);
        self.front = Some(merge);
        item
    }

    fn find_front(&mut self, merge: &mut MergeCursor) -> Result<Option<Item>> {
        while let Some(entry) = merge.entry() {
            let reaches_back = self
                .back_key
                .as_ref()
                .is_some_and(|back| entry.key >= &back[..] && !planted!(EndsMeetTwice));
            if self.range.ends_before(entry.key) || reaches_back {
                return Ok(None);
            }
            let is_seen = self.front_key.as_deref() == Some(entry.key);
            if entry.commit > self.at || is_seen {
                merge.advance()?;
                continue;
            }
            let key = entry.key.to_vec();
            let value = entry.value.map(<[u8]>::to_vec);
            merge.advance()?;
            self.front_key.get_or_insert_default().clone_from(&key);
            if let Some(value) = value {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    fn next_back_item(&mut self) -> Result<Option<Item>> {
        let mut merge = match self.back.take() {
            Some(merge) => merge,
            None => self.open_back()?,
        };
        let item = self.find_back(&mut merge);
        self.back = Some(merge);
        item
    }

    /// Backwards the versions of a key come oldest first, so the last one at or
    /// before the commit is the one that counts.
    fn find_back(&mut self, merge: &mut MergeCursor) -> Result<Option<Item>> {
        while let Some(entry) = merge.entry() {
            let reaches_front = self
                .front_key
                .as_ref()
                .is_some_and(|front| entry.key <= &front[..]);
            if self.range.starts_after(entry.key) || reaches_front {
                return Ok(None);
            }
            let key = entry.key.to_vec();
            let mut newest: Option<Vec<u8>> = None;
            while let Some(entry) = merge.entry().filter(|entry| entry.key == key) {
                let is_at = planted!(BackwardMissesNewest) && entry.commit == self.at;
                let sees_later = planted!(BackwardSeesLater) && newest.is_some();
                if (entry.commit <= self.at && !is_at) || sees_later {
                    newest = entry.value.map(<[u8]>::to_vec);
                }
                merge.advance()?;
            }
            self.back_key.get_or_insert_default().clone_from(&key);
            if let Some(value) = newest {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    fn finish(&mut self, item: Result<Option<Item>>) -> Option<Result<Item>> {
        let item = match item {
            Err(_) if planted!(RangeReadErrorIsEnd) => Ok(None),
            item => item,
        };
        self.is_over = !matches!(item, Ok(Some(_)));
        item.transpose()
    }
}

impl Iterator for Range {
    type Item = Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let item = self.next_front();
        self.finish(item)
    }
}

impl DoubleEndedIterator for Range {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let item = self.next_back_item();
        self.finish(item)
    }
}

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
