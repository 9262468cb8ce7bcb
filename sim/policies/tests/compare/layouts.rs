//! Goal: `aligned` in the laboratory equals the policy of the engine. Method: for drawn
//! histories, the layout of `aligned` has to equal the layout of the specification
//! (`Alignment::layout_of`), and the layout of a settled store with the same commits.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Alignment, Cascade, Commit, Options, Placement, Store, WriteBatch};
use proptest::prelude::*;

use super::support::{play, touched};

fn commits() -> impl Strategy<Value = (Vec<u64>, u64)> {
    (1_u64..120).prop_flat_map(|head| {
        let touched = proptest::collection::btree_set(1..=head, 0..=head as usize);
        (
            touched.prop_map(|set| set.into_iter().collect()),
            Just(head),
        )
    })
}

/// `(level, first, last, commits)` of each segment.
type Shape = Vec<(u8, u64, u64, u64)>;

fn laboratory(commits: &[u64], head: u64, spec: &str) -> Shape {
    let live = play(spec, &touched(commits, head)).live;
    let shape = live
        .iter()
        .map(|one| (one.level, one.first, one.last, one.commits));
    shape.collect()
}

fn engine(commits: &[u64], head: u64, placement: Placement, cascade: Cascade) -> Shape {
    let options = Options {
        placement: Some(placement),
        cascade,
        ..Options::default()
    };
    let mut store = Store::open(Arc::new(MemFs::new()), options).unwrap();
    for commit in 1..=head {
        let mut batch = WriteBatch::new();
        if commits.contains(&commit) {
            batch.put("k", &commit.to_be_bytes(), b"v");
        }
        store.commit(&batch).unwrap();
    }
    store.settle().unwrap();
    let keyspaces = store.layout().keyspaces;
    let segments = keyspaces.iter().flat_map(|keyspace| &keyspace.segments);
    let shape = segments.map(|one| {
        (
            one.window.level,
            one.first.get(),
            one.last.get(),
            one.commits,
        )
    });
    shape.collect()
}

proptest! {
    #[test]
    fn laboratory_specification_and_engine_agree(
        (touched, head) in commits(),
        divisor in 2_u64..6,
        minimum in 2_u32..5,
        direct: bool,
    ) {
        let alignment = Alignment::uniform(divisor).unwrap();
        let cascade = if direct { Cascade::Direct } else { Cascade::Step };
        let spec = format!("aligned:{divisor}:min-inputs={minimum}:cascade={cascade}");
        let shape = laboratory(&touched, head, &spec);
        let numbers: Vec<Commit> = touched.iter().copied().map(Commit::new).collect();
        let placed = alignment.layout_of(&numbers, Commit::new(head), minimum as usize);
        let specified: Shape = placed
            .iter()
            .map(|one| (one.level, one.first.get(), one.last.get(), one.commits))
            .collect();
        prop_assert_eq!(&shape, &specified);
        let mut placement = Placement::with_divisor(divisor).unwrap();
        placement.min_inputs = minimum;
        prop_assert_eq!(&shape, &engine(&touched, head, placement, cascade));
    }
}
