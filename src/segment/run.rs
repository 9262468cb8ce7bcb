//! A sorted run of entries in memory: a whole segment in memory, or one decoded block of a segment
//! file. Both are searched and traversed in the same way.
//!
//! Invariant: entries are strictly ascending by key, and within a key descending by commit, so the
//! newest version of a key comes first.
//!
//! Each entry carries the first eight bytes of its key as a number, so most comparisons do not read
//! the key itself (the cached prefix is an old idea; see Nyberg et al., AlphaSort, 1994).

use std::cmp::Ordering;
use std::sync::Arc;

use crate::commit::Commit;
use crate::segment::Found;
use crate::slice::Slice;

/// A key at a commit: a value, or `None` for a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryRef<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) commit: Commit,
    pub(crate) value: Option<&'a [u8]>,
}

/// Marks a deletion in [`Entry::value_length`].
const TOMBSTONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: u64,
    commit: Commit,
    key_offset: u32,
    value_offset: u32,
    value_length: u32,
    key_length: u16,
}

/// The number of entries from one fence to the next. A search reads the fences, which lie close
/// together, and then walks over few neighbouring entries. It does not jump all over a run that is
/// larger than the processor's caches.
const FENCE_ENTRIES: usize = 16;

/// A sorted run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    /// The prefix of every entry whose position is a multiple of [`FENCE_ENTRIES`], except the
    /// first entry: a short run has no fence.
    fences: Vec<u64>,
}

/// The first eight bytes of `key` as a number with the order of the keys, except that keys with the
/// same prefix compare equal.
pub(crate) fn prefix_of(key: &[u8]) -> u64 {
    match key.first_chunk::<8>() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => {
            let mut padded = [0; 8];
            padded[..key.len()].copy_from_slice(key);
            u64::from_be_bytes(padded)
        }
    }
}

impl Run {
    pub(crate) fn with_capacity(entries: usize, bytes: usize) -> Self {
        Self {
            entries: Vec::with_capacity(entries),
            bytes: Vec::with_capacity(bytes),
            fences: Vec::with_capacity(entries.saturating_sub(1) / FENCE_ENTRIES),
        }
    }

    /// A run over `bytes`, to be filled with [`Run::push_inside`].
    pub(crate) fn over(bytes: Vec<u8>, entries: usize) -> Self {
        Self {
            entries: Vec::with_capacity(entries),
            bytes,
            fences: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory taken, in bytes.
    pub(crate) fn footprint_bytes(&self) -> usize {
        self.bytes.len()
            + if planted!(FootprintOfBytes) {
                0
            } else {
                self.entries.len() * size_of::<Entry>()
            }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends an entry that sorts behind the last one, copying key and value.
    pub(crate) fn push(&mut self, entry: EntryRef<'_>) {
        let key_offset = self.bytes.len() as u32;
        self.bytes.extend_from_slice(entry.key);
        let value_offset = self.bytes.len() as u32;
        if let Some(value) = entry.value {
            self.bytes.extend_from_slice(value);
        }
        // One check covers all offsets, because none of them is beyond the end.
        assert!(
            u32::try_from(self.bytes.len()).is_ok(),
            "the memory budget keeps a run below 4 GiB"
        );
        self.push_entry(Entry {
            prefix: prefix_of(entry.key),
            commit: entry.commit,
            key_offset,
            value_offset,
            value_length: entry.value.map_or(TOMBSTONE, |value| value.len() as u32),
            key_length: match planted!(LongKeyCut) {
                true => entry.key.len() as u16 & 0x7fff,
                false => entry.key.len() as u16,
            },
        });
    }

    #[inline]
    fn push_entry(&mut self, entry: Entry) {
        let position = self.entries.len();
        if position.is_multiple_of(FENCE_ENTRIES) && position > 0 {
            self.fences.push(entry.prefix);
        }
        self.entries.push(entry);
    }

    /// Appends an entry whose key and value are inside the run's own bytes, at these ranges. The
    /// caller has checked the ranges.
    pub(crate) fn push_inside(
        &mut self,
        key: std::ops::Range<usize>,
        commit: Commit,
        value: Option<std::ops::Range<usize>>,
    ) {
        self.push_entry(Entry {
            prefix: prefix_of(&self.bytes[key.clone()]),
            commit,
            key_offset: key.start as u32,
            value_offset: value.as_ref().map_or(0, |range| range.start as u32),
            value_length: value.map_or(TOMBSTONE, |range| range.len() as u32),
            key_length: key.len() as u16,
        });
    }

    /// Sets the commit of every entry to `commit`, in a run that holds each key once.
    pub(crate) fn stamp(&mut self, commit: Commit) {
        for entry in &mut self.entries {
            entry.commit = commit;
        }
    }

    /// Whether the last entry is a version of `key`.
    #[inline]
    pub(crate) fn ends_with(&self, key: &[u8]) -> bool {
        self.entries.last().is_some_and(|entry| {
            entry.prefix == prefix_of(key) && (planted!(PrefixIsKey) || self.key_of(entry) == key)
        })
    }

    /// The number of deletions.
    pub(crate) fn tombstones(&self) -> usize {
        let entries = self.entries.iter();
        entries
            .filter(|entry| entry.value_length == TOMBSTONE)
            .count()
    }

    /// Frees memory that was reserved for more entries than came.
    pub(crate) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        self.bytes.shrink_to_fit();
    }

    /// The entry at `position`, which must be below [`Run::len`].
    #[inline]
    pub(crate) fn entry(&self, position: usize) -> EntryRef<'_> {
        let entry = &self.entries[position];
        EntryRef {
            key: self.key_of(entry),
            commit: entry.commit,
            value: self.value_of(entry),
        }
    }

    /// The key at `position`, shared.
    pub(crate) fn key_slice(self: &Arc<Self>, position: usize) -> Slice {
        let entry = &self.entries[position];
        let start = entry.key_offset as usize;
        Slice::of(self, start..start + usize::from(entry.key_length))
    }

    /// The value at `position`, shared; `None` for a deletion.
    pub(crate) fn value_slice(self: &Arc<Self>, position: usize) -> Option<Slice> {
        let entry = &self.entries[position];
        (entry.value_length != TOMBSTONE).then(|| {
            let start = entry.value_offset as usize;
            Slice::of(self, start..start + entry.value_length as usize)
        })
    }

    #[inline]
    pub(crate) fn prefix(&self, position: usize) -> u64 {
        self.entries[position].prefix
    }

    #[inline]
    fn key_of(&self, entry: &Entry) -> &[u8] {
        let start = entry.key_offset as usize;
        &self.bytes[start..start + usize::from(entry.key_length)]
    }

    #[inline]
    fn value_of(&self, entry: &Entry) -> Option<&[u8]> {
        (entry.value_length != TOMBSTONE).then(|| {
            let start = entry.value_offset as usize;
            &self.bytes[start..start + entry.value_length as usize]
        })
    }

    /// The position of the first entry at or behind (`key`, `commit`) in run order. For a present
    /// key that is its newest version at or before `commit`, or the entry behind its oldest
    /// version. O(log n).
    pub(crate) fn lower_bound(&self, key: &[u8], commit: Commit) -> usize {
        let prefix = prefix_of(key);
        // A fence below the prefix is at an entry before the place; a fence above the prefix is
        // not.
        let below = self.fences.partition_point(|&fence| fence < prefix);
        let equal = self.fences[below..].partition_point(|&fence| fence == prefix);
        let end = ((below + equal + 1) * FENCE_ENTRIES).min(self.entries.len());
        let start = match planted!(FenceStartsLate) {
            true => ((below + 1) * FENCE_ENTRIES).min(end),
            false => below * FENCE_ENTRIES,
        };
        let is_before = |entry: &Entry| {
            let order = entry
                .prefix
                .cmp(&prefix)
                .then_with(|| self.key_of(entry).cmp(key))
                .then_with(|| commit.cmp(&entry.commit));
            order == Ordering::Less
        };
        let between = &self.entries[start..end];
        let before = if equal == 0 {
            // A linear walk: the processor fetches all these entries at once, while a binary search
            // would wait for one after the other.
            between.iter().take_while(|entry| is_before(entry)).count()
        } else {
            between.partition_point(is_before)
        };
        start + before
    }

    /// The newest version of `key` at or before `commit`. O(log n).
    pub(crate) fn get(self: &Arc<Self>, key: &[u8], commit: Commit) -> Option<Found> {
        let position = self.lower_bound(key, commit);
        let is_there = position < self.len() && self.entry(position).key == key;
        is_there.then(|| self.found(position))
    }

    /// The version at `position`.
    pub(crate) fn found(self: &Arc<Self>, position: usize) -> Found {
        Found {
            commit: self.entries[position].commit,
            value: self.value_slice(position),
        }
    }

    /// All entries, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        (0..self.len()).map(|position| self.entry(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(entries: &[(&str, u64, Option<&str>)]) -> Run {
        let mut run = Run::default();
        for (key, commit, value) in entries {
            run.push(EntryRef {
                key: key.as_bytes(),
                commit: Commit::new(*commit),
                value: value.map(str::as_bytes),
            });
        }
        run
    }

    proptest! {
        /// Compares with a walk over all entries, for keys that share prefixes and keys that do
        /// not.
        #[test]
        fn a_search_finds_what_a_walk_finds(
            mut keys in proptest::collection::vec((0_u8..3, 0_u16..200, 1_u64..4), 0..400),
            sought in proptest::collection::vec((0_u8..4, 0_u16..210, 0_u64..5), 1..20),
        ) {
            let key = |(family, number, _): (u8, u16, u64)| {
                let mut key = vec![family; if family == 1 { 12 } else { 1 }];
                key.extend_from_slice(&number.to_be_bytes());
                key
            };
            keys.sort_by(|a, b| key(*a).cmp(&key(*b)).then(b.2.cmp(&a.2)));
            keys.dedup();
            let mut run = Run::default();
            for entry in &keys {
                run.push(EntryRef { key: &key(*entry), commit: Commit::new(entry.2), value: None });
            }
            for sought in sought {
                let (key, commit) = (key(sought), Commit::new(sought.2));
                let before = |entry: &EntryRef<'_>| {
                    entry.key.cmp(&key).then(commit.cmp(&entry.commit)) == Ordering::Less
                };
                let walked = run.iter().take_while(before).count();
                prop_assert_eq!(run.lower_bound(&key, commit), walked);
            }
        }
    }

    #[test]
    fn the_newest_version_at_or_before_a_commit_is_found() {
        let run = run(&[
            ("a", 5, Some("five")),
            ("a", 2, None),
            ("a\0", 3, Some("nul")),
            ("b", 1, Some("")),
        ]);
        let run = Arc::new(run);
        let value = |key: &str, commit| {
            let found = run.get(key.as_bytes(), Commit::new(commit))?;
            Some((found.commit.get(), found.value.map(Vec::from)))
        };
        assert_eq!(value("a", 9), Some((5, Some(b"five".to_vec()))));
        assert_eq!(value("a", 4), Some((2, None)));
        assert_eq!(value("a", 1), None, "before the oldest version");
        assert_eq!(
            value("a\0", 3),
            Some((3, Some(b"nul".to_vec()))),
            "a key that pads to the same prefix"
        );
        assert_eq!(
            value("b", 1),
            Some((1, Some(Vec::new()))),
            "an empty value is not a deletion"
        );
        assert_eq!(value("c", 9), None);
    }
}
