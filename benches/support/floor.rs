//! The floor: what a user would write by hand instead of taking a store.
//!
//! A log, one append for each commit (length, CRC-32, payload), synced or not, and a
//! `BTreeMap` in memory. No history, no files to merge, no bound on memory; opening
//! it replays the whole log. What a store does beyond this has to be paid for, and
//! the ratio to the floor is the price, or the gain.
//!
//! [`VersionedFloor`] is the same with history: the commit number, inverted, is a
//! part of the key, so that the versions of a key come newest first.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use lithify::fs::whole::{append_all, read_exact_at};
use lithify::fs::{Access, File, Fs};

use crate::support::data::KEY_BYTES;

const LOG: &str = "log";
const HEADER_BYTES: usize = 8;

/// The log of a floor.
#[derive(Debug)]
pub(crate) struct Log {
    file: Arc<dyn File>,
    buffer: Vec<u8>,
    is_synced: bool,
}

impl Log {
    /// A new log, whose commits are synced or only handed to the operating system.
    pub(crate) fn create(fs: &dyn Fs, is_synced: bool) -> Self {
        fs.create_dir("").expect("the directory can be made");
        let file = fs.create(LOG).expect("the log can be made");
        fs.sync_dir("").expect("the name can be made durable");
        Self {
            file,
            buffer: Vec::new(),
            is_synced,
        }
    }

    /// Adds a put to the commit that is being gathered.
    fn put(&mut self, key: &[u8], value: &[u8]) {
        if self.buffer.is_empty() {
            self.buffer.resize(HEADER_BYTES, 0);
        }
        self.buffer.push(key.len() as u8);
        self.buffer.extend_from_slice(key);
        self.buffer
            .extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.buffer.extend_from_slice(value);
    }

    /// Appends the gathered commit in one write.
    fn commit(&mut self) {
        let (header, payload) = self.buffer.split_at_mut(HEADER_BYTES);
        header[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        header[4..].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
        append_all(&*self.file, &self.buffer).expect("the log takes more");
        if self.is_synced {
            self.file.sync_data().expect("the log can be synced");
        }
        self.buffer.clear();
    }
}

/// The floor: a log and a map.
#[derive(Debug)]
pub(crate) struct Floor {
    log: Log,
    /// What it holds.
    pub(crate) map: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Floor {
    /// An empty floor.
    pub(crate) fn create(fs: &dyn Fs, is_synced: bool) -> Self {
        Self {
            log: Log::create(fs, is_synced),
            map: BTreeMap::new(),
        }
    }

    /// Commits these puts.
    pub(crate) fn commit<'a>(&mut self, puts: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
        let mut batch: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (key, value) in puts {
            self.log.put(key, value);
            batch.push((key.to_vec(), value.to_vec()));
        }
        self.log.commit();
        self.map.extend(batch);
    }

    /// Reads the whole log back into a map.
    pub(crate) fn replay(fs: &dyn Fs) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let file = fs.open(LOG, Access::Read).expect("the log is there");
        let mut bytes = vec![0; file.len().expect("it has a length") as usize];
        read_exact_at(&*file, 0, &mut bytes).expect("the log can be read");
        let mut map = BTreeMap::new();
        let mut rest = &bytes[..];
        while let Some((header, behind)) = rest.split_at_checked(HEADER_BYTES) {
            let length = number(&header[..4]);
            let (payload, next) = behind.split_at(length);
            assert_eq!(number(&header[4..]), crc32fast::hash(payload) as usize);
            replay_commit(payload, &mut map);
            rest = next;
        }
        map
    }
}

fn replay_commit(mut payload: &[u8], map: &mut BTreeMap<Vec<u8>, Vec<u8>>) {
    while let Some((&key_length, rest)) = payload.split_first() {
        let (key, rest) = rest.split_at(usize::from(key_length));
        let (value_length, rest) = rest.split_at(4);
        let (value, rest) = rest.split_at(number(value_length));
        map.insert(key.to_vec(), value.to_vec());
        payload = rest;
    }
}

fn number(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize
}

/// The floor with all history: an ordered map under key and inverted commit.
#[derive(Debug)]
pub(crate) struct VersionedFloor {
    log: Log,
    map: BTreeMap<Vec<u8>, Vec<u8>>,
    head: u64,
}

impl VersionedFloor {
    /// An empty floor.
    pub(crate) fn create(fs: &dyn Fs, is_synced: bool) -> Self {
        Self {
            log: Log::create(fs, is_synced),
            map: BTreeMap::new(),
            head: 0,
        }
    }

    fn versioned(key: &[u8], commit: u64) -> Vec<u8> {
        let mut versioned = Vec::with_capacity(KEY_BYTES + 8);
        versioned.extend_from_slice(key);
        versioned.extend_from_slice(&(!commit).to_be_bytes());
        versioned
    }

    /// Commits these puts.
    pub(crate) fn commit<'a>(&mut self, puts: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
        self.head += 1;
        for (key, value) in puts {
            self.log.put(key, value);
            self.map
                .insert(Self::versioned(key, self.head), value.to_vec());
        }
        self.log.commit();
    }

    /// The value of `key` as of `commit`. Keys all have the same length.
    pub(crate) fn get_at(&self, key: &[u8], commit: u64) -> Option<&Vec<u8>> {
        let from = Bound::Included(Self::versioned(key, commit));
        let (found, value) = self
            .map
            .range::<Vec<u8>, _>((from, Bound::Unbounded))
            .next()?;
        (found[..KEY_BYTES] == *key).then_some(value)
    }

    /// The newest version of each key as of `commit`, in key order.
    pub(crate) fn range_at(&self, commit: u64) -> impl Iterator<Item = (&Vec<u8>, &Vec<u8>)> {
        let mut last: &[u8] = &[];
        self.map.iter().filter(move |(versioned, _)| {
            let (key, inverted) = versioned.split_at(KEY_BYTES);
            // Inverted numbers ascend while commits descend.
            let is_newest = *inverted >= (!commit).to_be_bytes()[..] && key != last;
            if is_newest {
                last = key;
            }
            is_newest
        })
    }
}
