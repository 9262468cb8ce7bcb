//! Goal: whatever a user does, the store answers as a simple model does.
//!
//! Method: random histories (puts, deletes, empty commits, several keyspaces) are
//! run on a store over a file system in memory, with random placement and tuning,
//! reopened at random moments. The model is a map from key to value for every commit.
//! After each run every commit, both scan directions, histories, diffs and the change
//! stream are compared, and the layout with the pure function of the history.

use std::collections::BTreeMap;
use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::read::KeyVersion;
use lithify::{
    Alignment, Cascade, Commit, Compression, Durability, Error, History, KeyRange, Options, Pacing,
    Placement, RemoveInputs, Slice, Store, WriteBatch,
};
use proptest::prelude::*;

const KEYSPACES: [&str; 3] = ["a", "b", "c"];

type State = BTreeMap<(usize, Vec<u8>), Vec<u8>>;
type Written = BTreeMap<(usize, Vec<u8>), Option<Vec<u8>>>;

#[derive(Clone, Debug)]
enum Action {
    Commit(Vec<(usize, u8, Option<u8>)>),
    Settle,
    Step(u8),
    Reopen { close: bool },
}

fn action() -> impl Strategy<Value = Action> {
    let operation = (
        0..KEYSPACES.len(),
        0_u8..12,
        proptest::option::weighted(0.7, any::<u8>()),
    );
    prop_oneof![
        20 => proptest::collection::vec(operation, 0..6).prop_map(Action::Commit),
        2 => Just(Action::Settle),
        2 => any::<u8>().prop_map(Action::Step),
        1 => any::<bool>().prop_map(|close| Action::Reopen { close }),
    ]
}

fn placement() -> impl Strategy<Value = Placement> {
    let alignment = prop_oneof![
        (2_u64..6).prop_map(|divisor| Alignment::uniform(divisor).unwrap()),
        Just(Alignment::mixed(&[3, 2, 4]).unwrap()),
        (2_u64..4, 0_u8..3).prop_map(|(divisor, level)| {
            Alignment::uniform(divisor).unwrap().with_max_level(level)
        }),
    ];
    let history = prop_oneof![
        3 => Just(History::All),
        1 => (1_u64..12).prop_map(History::Last),
        1 => Just(History::Newest),
    ];
    let remove_inputs = prop_oneof![
        2 => Just(RemoveInputs::Always),
        1 => Just(RemoveInputs::Never),
        1 => (0_u8..3).prop_map(RemoveInputs::UpToLevel),
        1 => (0_u64..20).prop_map(|keep| RemoveInputs::HeadWindow { keep }),
        1 => (0_u64..20, 0_u8..3).prop_map(|(keep, level)| RemoveInputs::HeadWindowUpToLevel { keep, level }),
    ];
    (alignment, 2_u32..4, history, remove_inputs).prop_map(
        |(alignment, min_inputs, history, remove_inputs)| Placement {
            alignment,
            min_inputs,
            history,
            remove_inputs,
        },
    )
}

fn tuning() -> impl Strategy<Value = Options> {
    (
        prop_oneof![Just(Cascade::Step), Just(Cascade::Direct)],
        proptest::option::of(1_u8..4),
        prop_oneof![Just(0_usize), Just(600), Just(1 << 20)],
        prop_oneof![Just(200_u64), Just(1 << 20)],
        prop_oneof![
            Just(Pacing::Bounded),
            Just(Pacing::Settle),
            Just(Pacing::Manual)
        ],
        prop_oneof![
            Just(Compression::None),
            Just(Compression::Lz4),
            Just(Compression::Zstd)
        ],
        prop_oneof![Just(0_u64), Just(1 << 16)],
        prop_oneof![Just(Durability::Synced), Just(Durability::Buffered)],
    )
        .prop_map(
            |(cascade, file_level, memory, wal, pacing, compression, cache, durability)| Options {
                cascade,
                file_level,
                memory_budget_bytes: memory,
                wal_file_bytes: wal,
                block_bytes: 64,
                pacing,
                compression,
                cache_bytes: cache,
                durability,
                ..Options::default()
            },
        )
}

struct Run {
    fs: MemFs,
    options: Options,
    store: Option<Store>,
    /// The state after each commit; the first is the empty one.
    states: Vec<State>,
    touched: [Vec<Commit>; KEYSPACES.len()],
    batches: Vec<Written>,
}

impl Run {
    fn new(placement: Placement, tuning: Options) -> Self {
        let options = Options {
            placement: Some(placement),
            ..tuning
        };
        let fs = MemFs::new();
        let store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
        Self {
            fs,
            options,
            store: Some(store),
            states: vec![State::new()],
            touched: Default::default(),
            batches: Vec::new(),
        }
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn perform(&mut self, action: &Action) {
        match action {
            Action::Commit(operations) => self.commit(operations),
            Action::Settle => self.store().settle().unwrap(),
            Action::Step(count) => {
                for _ in 0..*count {
                    self.store().step().unwrap();
                }
            }
            Action::Reopen { close } => {
                let store = self.store.take().unwrap();
                if *close {
                    store.close().unwrap();
                } else {
                    drop(store);
                }
                self.store =
                    Some(Store::open(Arc::new(self.fs.clone()), self.options.clone()).unwrap());
            }
        }
    }

    fn commit(&mut self, operations: &[(usize, u8, Option<u8>)]) {
        let mut batch = WriteBatch::new();
        let mut state = self.states.last().unwrap().clone();
        let mut written = BTreeMap::new();
        for (keyspace, key, value) in operations {
            let key = vec![b'k', *key];
            let value = value.map(|value| vec![value; usize::from(value % 40)]);
            match &value {
                Some(value) => {
                    batch.put(KEYSPACES[*keyspace], &key, value);
                    state.insert((*keyspace, key.clone()), value.clone());
                }
                None => {
                    batch.delete(KEYSPACES[*keyspace], &key);
                    state.remove(&(*keyspace, key.clone()));
                }
            }
            written.insert((*keyspace, key), value);
        }
        let commit = self.store().commit(&batch).unwrap();
        assert_eq!(
            commit.get(),
            self.states.len() as u64,
            "commit numbers are dense"
        );
        for (position, _) in KEYSPACES.iter().enumerate() {
            if written.keys().any(|(keyspace, _)| *keyspace == position) {
                self.touched[position].push(commit);
            }
        }
        self.states.push(state);
        self.batches.push(written);
    }

    fn check(&mut self) {
        self.check_commits();
        self.check_range_ends();
        self.store().settle().unwrap();
        self.check_commits();
        self.check_layout();
        if self.options.placement.as_ref().unwrap().history == History::All {
            self.check_streams();
        }
        let settled = self.store().layout();
        self.perform(&Action::Reopen { close: false });
        self.store().settle().unwrap();
        assert_eq!(
            self.store().layout().diff(&settled),
            "",
            "reopening changes nothing"
        );
        self.check_commits();
    }

    /// Every commit reads back as the model has it, or is honestly refused.
    fn check_commits(&mut self) {
        let store = self.store.as_ref().unwrap();
        let head = Commit::new(self.states.len() as u64 - 1);
        assert_eq!(store.head(), head);
        let readable = store.readable_commits();
        let history = self.options.placement.as_ref().unwrap().history;
        for (number, state) in self.states.iter().enumerate() {
            let commit = Commit::new(number as u64);
            let mut all = true;
            for (keyspace, name) in KEYSPACES.iter().enumerate() {
                let expected: Vec<(Slice, Slice)> = state
                    .iter()
                    .filter(|((owner, _), _)| *owner == keyspace)
                    .map(|((_, key), value)| (key[..].into(), value[..].into()))
                    .collect();
                match store.range_at(name, KeyRange::all(), commit) {
                    Ok(range) => {
                        let found: Vec<_> = range.map(Result::unwrap).collect();
                        assert_eq!(found, expected, "{name} at {commit}");
                        let mut backward: Vec<_> = store
                            .range_at(name, KeyRange::all(), commit)
                            .unwrap()
                            .rev()
                            .map(Result::unwrap)
                            .collect();
                        backward.reverse();
                        assert_eq!(backward, expected, "{name} at {commit}, backwards");
                        for key in 0_u8..12 {
                            let key = vec![b'k', key];
                            let value = store.get_at(name, &key, commit).unwrap();
                            assert_eq!(
                                value.as_deref(),
                                state.get(&(keyspace, key)).map(Vec::as_slice),
                                "{name} at {commit}"
                            );
                        }
                    }
                    Err(Error::Thinned { .. }) => {
                        assert_ne!(history, History::All);
                        all = false;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            if number > 0 {
                let listed = readable.iter().any(|range| range.contains(&commit));
                assert_eq!(
                    listed, all,
                    "readable_commits tells the truth about {commit}"
                );
            }
        }
        assert!(matches!(
            store.snapshot_at(head.next()),
            Err(Error::BeyondHead { .. })
        ));
        if let History::Last(commits) = history {
            for commit in head.minus(commits).next().get()..=head.get() {
                assert!(
                    readable
                        .iter()
                        .any(|range| range.contains(&Commit::new(commit)))
                );
            }
        }
    }

    /// A range consumed from both ends yields everything once.
    fn check_range_ends(&mut self) {
        let store = self.store.as_ref().unwrap();
        let all: Vec<_> = store
            .range("a", KeyRange::all())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut range = store.range("a", KeyRange::all()).unwrap();
        let (mut front, mut back) = (Vec::new(), Vec::new());
        for turn in 0.. {
            let item = if turn % 3 == 0 {
                range.next()
            } else {
                range.next_back()
            };
            let Some(item) = item else { break };
            if turn % 3 == 0 { &mut front } else { &mut back }.push(item.unwrap());
        }
        back.reverse();
        front.extend(back);
        assert_eq!(front, all);
    }

    /// The settled layout is the pure function of the history.
    fn check_layout(&mut self) {
        let placement = self.options.placement.clone().unwrap();
        let store = self.store.as_ref().unwrap();
        for keyspace in &store.layout().keyspaces {
            let position = KEYSPACES
                .iter()
                .position(|name| *name == keyspace.name)
                .unwrap();
            let expected: Vec<_> = placement
                .alignment
                .layout_of(
                    &self.touched[position],
                    store.head(),
                    placement.min_inputs as usize,
                )
                .iter()
                .map(|placed| (placed.window, placed.first, placed.last, placed.commits))
                .collect();
            let found: Vec<_> = keyspace
                .segments
                .iter()
                .map(|segment| (segment.window, segment.first, segment.last, segment.commits))
                .collect();
            assert_eq!(found, expected, "{}", keyspace.name);
        }
    }

    /// Histories, diffs and the change stream say what was committed.
    fn check_streams(&mut self) {
        let store = self.store.as_ref().unwrap();
        for (keyspace, name) in KEYSPACES.iter().enumerate() {
            for key in 0_u8..12 {
                let key = vec![b'k', key];
                let expected: Vec<_> = (1..)
                    .zip(&self.batches)
                    .filter_map(|(commit, batch)| {
                        let value = batch.get(&(keyspace, key.clone()))?.clone();
                        Some(KeyVersion {
                            commit: Commit::new(commit),
                            value: value.map(Slice::from),
                        })
                    })
                    .collect();
                assert_eq!(store.history(name, &key).unwrap(), expected);
            }
        }
        let half = self.batches.len() / 2;
        for (number, changes) in
            (half + 1..).zip(store.changes_since(Commit::new(half as u64)).unwrap())
        {
            let changes = changes.unwrap();
            assert_eq!(changes.commit.get(), number as u64);
            let found: BTreeMap<_, _> = changes
                .operations
                .into_iter()
                .map(|operation| {
                    let keyspace = KEYSPACES
                        .iter()
                        .position(|name| *name == operation.keyspace)
                        .unwrap();
                    ((keyspace, operation.key), operation.value)
                })
                .collect();
            assert_eq!(found, self.batches[number - 1]);
        }
        let (from, to) = (half / 2, self.batches.len());
        for (keyspace, name) in KEYSPACES.iter().enumerate() {
            let mut expected = Vec::new();
            for key in 0_u8..12 {
                let key = [b'k', key];
                let value_at = |commit: usize| {
                    let value = self.states[commit].get(&(keyspace, key.to_vec()))?;
                    Some(Slice::from(&value[..]))
                };
                let (before, after) = (value_at(from), value_at(to));
                if before != after {
                    let key = Slice::from(&key);
                    expected.push(lithify::read::Change { key, before, after });
                }
            }
            let found = store
                .diff(name, Commit::new(from as u64), Commit::new(to as u64))
                .unwrap();
            assert_eq!(found.map(Result::unwrap).collect::<Vec<_>>(), expected);
        }
    }
}

proptest! {
    #[test]
    fn the_store_answers_as_the_model_does(
        placement in placement(),
        tuning in tuning(),
        actions in proptest::collection::vec(action(), 1..70),
    ) {
        let mut run = Run::new(placement, tuning);
        for action in &actions {
            run.perform(action);
        }
        run.check();
    }
}
