//! A sorted run of entries in memory: a whole segment that lives there, or one
//! decoded block of a segment file. Both are searched and walked the same way.
//!
//! Invariant: entries are strictly ascending by key, and within a key descending
//! by commit, so the newest version of a key comes first.
//!
//! An entry carries the first eight bytes of its key as a number, so that most
//! comparisons never touch the key itself (the cached-prefix idea is old; see
//! Nyberg et al., AlphaSort, 1994).

use std::cmp::Ordering;

use crate::commit::Commit;

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

/// A sorted run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

/// The first eight bytes of `key` as a number that orders as the key does, except
/// that keys with the same prefix compare equal.
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
        }
    }

    /// A run over `bytes`, to be filled with [`Run::push_inside`].
    pub(crate) fn over(bytes: Vec<u8>, entries: usize) -> Self {
        Self {
            entries: Vec::with_capacity(entries),
            bytes,
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
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends an entry that sorts behind the last one, copying key and value.
    pub(crate) fn push(&mut self, entry: EntryRef<'_>) {
        let key_offset = self.end_offset();
        self.bytes.extend_from_slice(entry.key);
        let value_offset = self.end_offset();
        self.bytes
            .extend_from_slice(entry.value.unwrap_or_default());
        self.entries.push(Entry {
            prefix: prefix_of(entry.key),
            commit: entry.commit,
            key_offset,
            value_offset,
            value_length: entry.value.map_or(TOMBSTONE, |value| value.len() as u32),
            key_length: entry.key.len() as u16,
        });
    }

    fn end_offset(&self) -> u32 {
        u32::try_from(self.bytes.len()).expect("the memory budget keeps a run below 4 GiB")
    }

    /// Appends an entry whose key and value lie inside the run's own bytes, at
    /// these ranges. The caller has checked that they do.
    pub(crate) fn push_inside(
        &mut self,
        key: std::ops::Range<usize>,
        commit: Commit,
        value: Option<std::ops::Range<usize>>,
    ) {
        self.entries.push(Entry {
            prefix: prefix_of(&self.bytes[key.clone()]),
            commit,
            key_offset: key.start as u32,
            value_offset: value.as_ref().map_or(0, |range| range.start as u32),
            value_length: value.map_or(TOMBSTONE, |range| range.len() as u32),
            key_length: key.len() as u16,
        });
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

    /// The position of the first entry at or behind (`key`, `commit`) in run order:
    /// for a key that is present, its newest version at or before `commit`, or what
    /// follows its oldest one. O(log n).
    pub(crate) fn lower_bound(&self, key: &[u8], commit: Commit) -> usize {
        let prefix = prefix_of(key);
        self.entries.partition_point(|entry| {
            let order = entry
                .prefix
                .cmp(&prefix)
                .then_with(|| self.key_of(entry).cmp(key))
                .then_with(|| commit.cmp(&entry.commit));
            order == Ordering::Less
        })
    }

    /// The newest version of `key` at or before `commit`. O(log n).
    pub(crate) fn get(&self, key: &[u8], commit: Commit) -> Option<EntryRef<'_>> {
        let position = self.lower_bound(key, commit);
        let entry = (position < self.len()).then(|| self.entry(position))?;
        (entry.key == key).then_some(entry)
    }

    /// All entries, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        (0..self.len()).map(|position| self.entry(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_newest_version_at_or_before_a_commit_is_found() {
        let run = run(&[
            ("a", 5, Some("five")),
            ("a", 2, None),
            ("a\0", 3, Some("nul")),
            ("b", 1, Some("")),
        ]);
        let value = |key: &str, commit| {
            run.get(key.as_bytes(), Commit::new(commit))
                .map(|entry| (entry.commit.get(), entry.value))
        };
        assert_eq!(value("a", 9), Some((5, Some(&b"five"[..]))));
        assert_eq!(value("a", 4), Some((2, None)));
        assert_eq!(value("a", 1), None, "before the oldest version");
        assert_eq!(
            value("a\0", 3),
            Some((3, Some(&b"nul"[..]))),
            "a key that pads to the same prefix"
        );
        assert_eq!(
            value("b", 1),
            Some((1, Some(&b""[..]))),
            "an empty value is not a deletion"
        );
        assert_eq!(value("c", 9), None);
    }
}
