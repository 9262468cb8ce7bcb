//! Goal: which inputs are kept beneath merged segments, and so which thinned commits can
//! still be read, is a function of history and placement. Tuning, crashes and restarts
//! change nothing.
//!
//! Method: one random history is committed under one placement with different tunings,
//! reopened at different moments, and settled; what can be read is compared with a store
//! that never writes a file.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Cascade, History, Options, Pacing, Placement, RemoveInputs, Store, WriteBatch};
use proptest::prelude::*;

/// What each commit writes to (a set of keyspaces), and whether a restart follows.
type Step = (u8, bool);

fn run(options: &Options, steps: &[Step], restarts: bool) -> Store {
    let fs = MemFs::new();
    let open = || Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
    let mut store = open();
    for (touched, restart) in steps {
        let mut batch = WriteBatch::new();
        for keyspace in (0..2).filter(|keyspace| touched >> keyspace & 1 == 1) {
            batch.put(["a", "b"][keyspace], &[*touched], &[0; 20]);
        }
        store.commit(&batch).unwrap();
        store.settle().unwrap();
        if restarts && *restart {
            drop(store);
            store = open();
            store.settle().unwrap();
        }
    }
    drop(store);
    let mut store = open();
    store.settle().unwrap();
    store
}

fn rule() -> impl Strategy<Value = RemoveInputs> {
    prop_oneof![
        Just(RemoveInputs::Never),
        (0_u8..3).prop_map(RemoveInputs::UpToLevel),
        (0_u64..14).prop_map(|keep| RemoveInputs::HeadWindow { keep }),
        (0_u64..14, 0_u8..3)
            .prop_map(|(keep, level)| RemoveInputs::HeadWindowUpToLevel { keep, level }),
    ]
}

proptest! {
    #[test]
    fn kept_inputs_depend_on_history_and_placement_alone(
        remove_inputs in rule(),
        divisor in 2_u64..4,
        min_inputs in 2_u32..4,
        cascade in prop_oneof![Just(Cascade::Step), Just(Cascade::Direct)],
        file_level in 1_u8..5,
        memory_budget_bytes in prop_oneof![Just(0_usize), Just(300), Just(1 << 20)],
        steps in proptest::collection::vec((0_u8..8, any::<bool>()), 1..40),
    ) {
        let in_memory = Options {
            placement: Some(Placement {
                min_inputs,
                history: History::Newest,
                remove_inputs,
                ..Placement::with_divisor(divisor).unwrap()
            }),
            cascade,
            file_level: Some(60),
            pacing: Pacing::Manual,
            ..Options::default()
        };
        let in_files = Options {
            file_level: Some(file_level),
            memory_budget_bytes,
            ..in_memory.clone()
        };
        let expected = run(&in_memory, &steps, false);
        let found = run(&in_files, &steps, true);
        prop_assert_eq!(found.stats().kept_inputs, expected.stats().kept_inputs);
        prop_assert_eq!(found.readable_commits(), expected.readable_commits());
    }
}
