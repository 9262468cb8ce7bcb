//! Merging: one window of this many commits, in memory and into a file, next to a loser
//! tree over sorted arrays.
//!
//! A store with a single level merges all its commits at once when it is settled, so
//! settling is the merge: cursors, history, filter and index, and for a file also
//! blocks, checksums, writing, syncing and the manifest.

use lithify::{Alignment, Durability, Options, Pacing, Placement, Store, WriteBatch};

use crate::Scale;
use crate::support::data::{KEYSPACE, key, value};
use crate::support::device::{Device, Place};
use crate::support::loser_tree::{self, SortedRun};
use crate::table::{Measured, Table};

/// Measures merging.
pub(crate) fn run(scale: Scale, table: &mut Table) {
    let entries = scale.of(512_000);
    for inputs in [2, 4, 8, 16] {
        let each = (entries / inputs).max(1);
        let workload = format!("merge of {inputs}, in memory");
        if table.wants(&workload) {
            compare(table, workload, inputs, each, None, Device::Memory);
        }
        for device in Device::ALL {
            let workload = format!("merge of {inputs}, to a file, {}", device.name());
            if table.wants(&workload) {
                compare(table, workload, inputs, each, Some(1), device);
            }
        }
    }
}

fn compare(
    table: &mut Table,
    workload: String,
    inputs: u64,
    each: u64,
    file_level: Option<u8>,
    device: Device,
) {
    let runs: Vec<SortedRun> = (0..inputs)
        .map(|input| {
            let numbers = input * each..(input + 1) * each;
            SortedRun::new(numbers.map(|number| (key(number), value(number))).collect())
        })
        .collect();
    // The limit reuses its output's memory; the first merge pays for the pages.
    let mut output = SortedRun::default();
    loser_tree::merge(&runs, &mut output);
    table.compare(
        workload,
        "entries",
        || {
            let place = device.fresh();
            let mut store = unmerged(&place, inputs, each, file_level);
            Measured::time(|| {
                store.settle().expect("the merge succeeds");
                assert_eq!(store.stats().live_segments, 1);
                inputs * each
            })
        },
        || Measured::time(|| loser_tree::merge(&runs, &mut output) as u64),
    );
}

/// A store whose first window has closed and was not merged.
fn unmerged(place: &Place, inputs: u64, each: u64, file_level: Option<u8>) -> Store {
    let alignment = Alignment::mixed(&[inputs]).expect("two inputs or more");
    let options = Options {
        placement: Some(Placement {
            alignment,
            ..Placement::default()
        }),
        file_level,
        memory_budget_bytes: 1 << 30,
        durability: Durability::Buffered,
        pacing: Pacing::Manual,
        ..Options::default()
    };
    let mut store = Store::open(place.fs.clone(), options).expect("a store can be made");
    for input in 0..inputs {
        let mut batch = WriteBatch::new();
        for number in input * each..(input + 1) * each {
            batch.put(KEYSPACE, &key(number), &value(number));
        }
        store.commit(&batch).expect("the commit succeeds");
    }
    store
}
