//! Any order, delay, repetition or loss of events leads to the same layout.
//!
//! Method: one history is committed twice. The first time, every event is delivered at once. The
//! second time, events are held back, shuffled, repeated and dropped, with compactor steps in
//! between at random. After both stores have settled, their layouts and contents are equal. The
//! original design of commit-driven compaction was rejected because it could not give this
//! guarantee.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Compactor, Step};
use crate::align::{Alignment, Cascade};
use crate::batch::WriteBatch;
use crate::event::Event;
use crate::fs::MemFs;
use crate::layout::Layout;
use crate::options::{History, Options, Placement, RemoveInputs};
use crate::recover::{self, Mode};
use crate::storage::Storage;

/// An action between two commits.
#[derive(Clone, Debug)]
enum Turn {
    /// Delivers the held event at this position.
    Deliver(usize),
    /// Delivers the held event at this position, and keeps it for another delivery.
    Repeat(usize),
    /// Drops the held event at this position.
    Drop(usize),
    Step,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        3 => any::<usize>().prop_map(Turn::Deliver),
        1 => any::<usize>().prop_map(Turn::Repeat),
        1 => any::<usize>().prop_map(Turn::Drop),
        3 => Just(Turn::Step),
    ]
}

fn open(options: &Options) -> (Storage, Compactor) {
    let storage = recover::open(Arc::new(MemFs::new()), options.clone(), Mode::ReadWrite).unwrap();
    let compactor = Compactor::new(&storage);
    (storage, compactor)
}

fn settle(storage: &mut Storage, compactor: &mut Compactor) {
    compactor.reconcile(storage);
    while compactor.step(storage).unwrap() != Step::Idle {}
}

fn batch(touched: u8) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for keyspace in 0..3 {
        if touched & (1 << keyspace) != 0 {
            let name = ["a", "b", "c"][keyspace];
            batch.put(name, &[b'k', touched % 5], &[touched; 20]);
            if touched & 8 != 0 {
                batch.delete(name, b"k\0");
            }
        }
    }
    batch
}

fn disturbed(options: &Options, history: &[(u8, Vec<Turn>)]) -> Layout {
    let (mut storage, mut compactor) = open(options);
    let mut held: Vec<Event> = Vec::new();
    for (touched, turns) in history {
        storage.commit(&[batch(*touched)]).unwrap();
        held.append(&mut storage.events);
        for turn in turns {
            match *turn {
                Turn::Step => {
                    compactor.step(&mut storage).unwrap();
                    // This test does not use the events of the compactor itself.
                    storage.events.clear();
                }
                _ if held.is_empty() => {}
                Turn::Deliver(position) => {
                    let event = held.swap_remove(position % held.len());
                    compactor.receive(&event);
                }
                Turn::Repeat(position) => compactor.receive(&held[position % held.len()]),
                Turn::Drop(position) => drop(held.swap_remove(position % held.len())),
            }
        }
    }
    settle(&mut storage, &mut compactor);
    assert_eq!(compactor.lag(&storage), 0);
    Layout::of(&storage.version)
}

fn undisturbed(options: &Options, history: &[(u8, Vec<Turn>)]) -> Layout {
    let (mut storage, mut compactor) = open(options);
    for (touched, _) in history {
        storage.commit(&[batch(*touched)]).unwrap();
        for event in std::mem::take(&mut storage.events) {
            compactor.receive(&event);
        }
        while compactor.step(&mut storage).unwrap() != Step::Idle {}
    }
    Layout::of(&storage.version)
}

proptest! {
    #[test]
    fn events_change_when_and_never_what(
        history in proptest::collection::vec((0_u8..16, proptest::collection::vec(turn(), 0..8)), 1..50),
        divisor in 2_u64..5,
        min_inputs in 2_u32..4,
        file_level in 1_u8..5,
        memory_budget_bytes in prop_oneof![Just(0_usize), Just(500), Just(1 << 20)],
        kept in prop_oneof![Just(History::All), Just(History::Newest), Just(History::Last(5))],
        remove_inputs in prop_oneof![
            Just(RemoveInputs::Always),
            Just(RemoveInputs::Never),
            Just(RemoveInputs::HeadWindow { keep: 4 })
        ],
        cascades in prop_oneof![
            Just([Cascade::Step, Cascade::Step]),
            Just([Cascade::Step, Cascade::Direct]),
            Just([Cascade::Direct, Cascade::Direct])
        ],
    ) {
        let options = Options {
            placement: Some(Placement {
                alignment: Alignment::uniform(divisor).unwrap(),
                min_inputs,
                history: kept,
                remove_inputs,
            }),
            file_level: Some(file_level),
            cascade: cascades[0],
            memory_budget_bytes,
            cache_bytes: 0,
            ..Options::default()
        };
        let calm = undisturbed(&options, &history);
        let wild = disturbed(&Options { cascade: cascades[1], ..options }, &history);
        prop_assert_eq!(calm.diff(&wild), "");
        prop_assert_eq!(calm.digest(), wild.digest());
    }
}
