//! Goal: a registry of metrics shows what a store holds and did.
//!
//! Method: a small history with one owner, so every number is a snapshot.

use lithify::fs::MemFs;
use lithify::metrics::Metrics;
use lithify::{Stats, WriteBatch};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

mod one_key;

use one_key::{open, put};

fn shown(metrics: Metrics<impl Fn() -> Stats + Send + Sync + 'static>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(metrics));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn a_registry_shows_what_the_store_holds_and_did() {
    let fs = MemFs::new();
    let mut store = open(&fs);
    put(&mut store, b"1");
    put(&mut store, &[b'2'; 100]);
    let both = [WriteBatch::new(), WriteBatch::new()];
    store.commit_group(&both).unwrap();
    store.settle().unwrap();
    let stats = store.stats();
    let seen = stats.clone();
    insta::assert_snapshot!(shown(Metrics::new(move || seen.clone())));
    let of_a_reader = shown(Metrics::new(move || stats.clone()).without_work());
    assert!(of_a_reader.contains("lithify_head 4\n"), "{of_a_reader}");
    assert!(!of_a_reader.contains("_total"), "{of_a_reader}");
}
