//! A store and a model of its content.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lithify::fs::Fs;
use lithify_sim::disk::SimFs;
use lithify_specimens::data_file::{
    Compaction, Options, Phase, Policy, Report, Share, Store, Write,
};

/// The expected content of a store.
pub(crate) type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// The lengths of a file's header and of the entry that ends a commit, from the page
/// `design/data-file.md`.
pub(crate) const HEADER_BYTES: u64 = 72;
pub(crate) const END_BYTES: u64 = 17;

/// The length of the entry of a write.
pub(crate) fn entry_bytes(write: &Write) -> u64 {
    let value = write.value.as_ref().map_or(0, |value| 4 + value.len());
    (8 + 1 + write.key.len() + value) as u64
}

pub(crate) fn put(key: &str, value: &str) -> Write {
    Write {
        key: key.into(),
        value: Some(value.into()),
    }
}

pub(crate) fn delete(key: &str) -> Write {
    Write {
        key: key.into(),
        value: None,
    }
}

/// Options that compact whenever a byte is dead. A step of the copy writes one value.
pub(crate) fn eager() -> Options {
    Options {
        policy: Policy {
            threshold: Share::millionths(1),
            minimum_size_bytes: 0,
            ..Policy::default()
        },
        copy_bytes: 1,
        ..Options::default()
    }
}

pub(crate) fn open(fs: &SimFs, options: &Options) -> Store {
    Store::open(Arc::new(fs.clone()), options).expect("the store opens")
}

/// Applies a batch to a model.
pub(crate) fn apply(model: &mut Model, batch: &[Write]) {
    for write in batch {
        match &write.value {
            Some(value) => model.insert(write.key.clone(), value.clone()),
            None => model.remove(&write.key),
        };
    }
}

/// All pairs of a store.
pub(crate) fn state(store: &Store) -> Model {
    let reader = store.reader();
    let pairs: Result<Model, _> = reader.pairs().collect();
    pairs.expect("every value can be read")
}

/// The length of a data file without dead space.
pub(crate) fn live_bytes(model: &Model) -> u64 {
    let pairs = model.iter().map(|(key, value)| {
        entry_bytes(&Write {
            key: key.clone(),
            value: Some(value.clone()),
        })
    });
    HEADER_BYTES + pairs.sum::<u64>()
}

pub(crate) fn commit_bytes(batch: &[Write]) -> u64 {
    batch.iter().map(entry_bytes).sum::<u64>() + END_BYTES
}

/// Does one step of any phase.
pub(crate) fn step(compaction: &mut Compaction, store: &mut Store, now: Duration) {
    let done = match compaction.phase() {
        Some(Phase::Swap) => compaction.swap_step(store, now),
        _ => compaction.step(),
    };
    done.expect("the disk is healthy");
}

/// Does all remaining steps. Each step takes a millisecond.
pub(crate) fn finish(compaction: &mut Compaction, store: &mut Store, mut now: Duration) -> Report {
    while compaction.phase().is_some() {
        now += Duration::from_millis(1);
        step(compaction, store, now);
    }
    compaction.report(now)
}

/// The names in the directory.
pub(crate) fn names(fs: &SimFs) -> Vec<String> {
    fs.list("").expect("the directory is there")
}
