//! The index: the place of the newest value of each key, and the total length of these
//! values.

use std::collections::BTreeMap;

/// The place of an entry in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The beginning of the entry, counted from the end of the file's header.
    pub(super) position: u64,
    /// The length of the entry.
    pub(super) length_bytes: u64,
}

/// The place of each key, and the sum of the lengths of these places.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    places: BTreeMap<Vec<u8>, Place>,
    live_bytes: u64,
}

impl Index {
    pub(super) fn put(&mut self, key: &[u8], place: Place) {
        self.live_bytes += place.length_bytes;
        if let Some(before) = self.places.insert(key.to_vec(), place)
            && !lithify_sim::planted::is_active("overwritten-bytes-counted-as-live")
        {
            self.live_bytes -= before.length_bytes;
        }
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        if let Some(before) = self.places.remove(key)
            && !lithify_sim::planted::is_active("deleted-bytes-counted-as-live")
        {
            self.live_bytes -= before.length_bytes;
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Place> {
        self.places.get(key).copied()
    }

    /// All keys, sorted.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Vec<u8>, Place)> {
        self.places.iter().map(|(key, place)| (key, *place))
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The total length of all live entries.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }
}
