//! Drawn histories with compactions and restarts at drawn moments.

use std::time::Duration;

use lithify_sim::disk::SimFs;
use lithify_specimens::data_file::{
    Compaction, Decision, Options, Role, Share, Store, Write, decide,
};
use proptest::prelude::*;

use crate::fixture::{Model, apply, eager, finish, live_bytes, open, state, step};

#[derive(Clone, Debug)]
enum Action {
    Commit(Vec<Vec<Write>>),
    /// One step of the compaction. Begins a compaction if none is running.
    Step,
    Restart,
}

fn write() -> impl Strategy<Value = Write> {
    let key = prop::sample::select(vec!["", "a", "b", "c", "long key"]);
    let value = prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..12));
    (key, value).prop_map(|(key, value)| Write {
        key: key.into(),
        value,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let batch = prop::collection::vec(write(), 0..4);
    prop_oneof![
        4 => prop::collection::vec(batch, 1..3).prop_map(Action::Commit),
        6 => Just(Action::Step),
        1 => Just(Action::Restart),
    ]
}

/// A run: the store, its model, and the running compaction.
struct Run {
    fs: SimFs,
    store: Option<Store>,
    model: Model,
    head: u64,
    compaction: Option<Compaction>,
}

impl Run {
    fn new() -> Self {
        let fs = SimFs::new();
        Self {
            store: Some(open(&fs, &eager())),
            fs,
            model: Model::new(),
            head: 0,
            compaction: None,
        }
    }

    fn act(&mut self, action: &Action) {
        let mut store = self.store.take().expect("the store is open");
        match action {
            Action::Commit(batches) => {
                while self
                    .compaction
                    .as_ref()
                    .is_some_and(Compaction::holds_store)
                {
                    self.step(&mut store);
                }
                self.head = store.commit(batches).unwrap();
                batches
                    .iter()
                    .for_each(|batch| apply(&mut self.model, batch));
            }
            Action::Step => self.step(&mut store),
            Action::Restart => {
                self.compaction = None;
                drop(store);
                store = open(&self.fs, &eager());
            }
        }
        self.store = Some(store);
    }

    fn step(&mut self, store: &mut Store) {
        let mut compaction = match self.compaction.take() {
            Some(compaction) => compaction,
            None => store.begin_compaction(Duration::ZERO).unwrap(),
        };
        step(&mut compaction, store, Duration::ZERO);
        self.compaction = compaction.phase().is_some().then_some(compaction);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// For any actions in any order: the store equals the model, its live bytes are
    /// those of a file without dead space, and a compaction leaves exactly these bytes.
    #[test]
    fn a_store_is_its_model(actions in prop::collection::vec(action(), 0..60)) {
        let mut run = Run::new();
        for action in &actions {
            run.act(action);
            let store = run.store.as_ref().unwrap();
            prop_assert_eq!(&state(store), &run.model);
            prop_assert_eq!(store.head(), run.head);
            prop_assert_eq!(store.space().live_bytes, live_bytes(&run.model));
        }
        run.act(&Action::Restart);
        let mut store = run.store.take().unwrap();
        let mut compaction = store.begin_compaction(Duration::ZERO).unwrap();
        let report = finish(&mut compaction, &mut store, Duration::ZERO);
        prop_assert_eq!(report.bytes_after, live_bytes(&run.model));
        prop_assert_eq!(store.head(), run.head);
        drop(store);
        prop_assert_eq!(state(&open(&run.fs, &eager())), run.model);
    }

    /// If the policy is checked after every commit, the file obeys the ratio law, and
    /// all compactions together write at most 1/threshold - 1 bytes for each committed
    /// byte.
    #[test]
    fn the_ratio_law_holds(
        batches in prop::collection::vec(prop::collection::vec(write(), 1..4), 1..120),
        percent in 10_u32..90,
    ) {
        let mut options: Options = eager();
        options.policy.threshold = Share::millionths(percent * 10_000);
        let fs = SimFs::new();
        let mut store = open(&fs, &options);
        let (mut committed, mut copied) = (0, 0);
        for batch in &batches {
            let before = store.space().total_bytes;
            store.commit(std::slice::from_ref(batch)).unwrap();
            committed += store.space().total_bytes - before;
            if decide(&options.policy, Role::Primary, store.space()) == Decision::Compact {
                let mut compaction = store.begin_compaction(Duration::ZERO).unwrap();
                let report = finish(&mut compaction, &mut store, Duration::ZERO);
                prop_assert_eq!(report.entries_caught_up, 0);
                copied += report.bytes_after - 72;
                // A compaction of a file with T bytes frees at least threshold * T
                // bytes.
                let freed = report.bytes_before - report.bytes_after;
                prop_assert!(freed * 100 >= u64::from(percent) * report.bytes_before);
            }
            let space = store.space();
            let most = options.policy.threshold.max_bytes(space.live_bytes).unwrap();
            prop_assert!(space.total_bytes <= most, "{:?} beyond {}", space, most);
        }
        // The live bytes at a compaction are at most (1/threshold - 1) times the freed
        // bytes, and no byte is freed twice. Headers are copied and never freed, so they
        // are not counted.
        prop_assert!(copied * u64::from(percent) <= committed * u64::from(100 - percent));
    }
}
