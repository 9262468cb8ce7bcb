//! Goal: the layout at every commit of small histories is a reviewed text.
//!
//! Method: run the history, settle after each commit, and keep the canonical text (and
//! once the drawing) as a snapshot. A change in these files is a change of the format
//! that users keep in their own snapshot tests.

use std::fmt::Write as _;
use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Alignment, Cascade, History, Options, Pacing, Placement, Store, WriteBatch};

fn store(placement: Placement, cascade: Cascade) -> Store {
    let options = Options {
        placement: Some(placement),
        cascade,
        pacing: Pacing::Settle,
        ..Options::default()
    };
    Store::open(Arc::new(MemFs::new()), options).unwrap()
}

/// One line for each live segment, short enough to see a whole history at a glance.
fn short(store: &Store) -> String {
    let mut text = String::new();
    for keyspace in &store.layout().keyspaces {
        let _ = write!(text, " {}:", keyspace.name);
        for segment in &keyspace.segments {
            let _ = write!(text, " {}x{}", segment.window, segment.entries);
        }
    }
    text
}

fn put(keyspaces: &[&str], commit: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for keyspace in keyspaces {
        batch.put(keyspace, format!("key-{commit:02}").as_bytes(), b"value");
    }
    batch
}

fn history(placement: &Placement, commits: u64) -> String {
    let mut stores =
        [Cascade::Step, Cascade::Direct].map(|cascade| store(placement.clone(), cascade));
    let mut text = String::new();
    for commit in 1..=commits {
        for store in &mut stores {
            store.commit(&put(&["main"], commit)).unwrap();
        }
        let [step, direct] = [&stores[0], &stores[1]].map(short);
        assert_eq!(step, direct, "both cascades come to the same layout");
        let _ = writeln!(text, "{commit:>2}{step}");
    }
    text
}

#[test]
fn divisor_two_up_to_sixteen() {
    insta::assert_snapshot!(history(&Placement::with_divisor(2).unwrap(), 16));
}

#[test]
fn radices_three_two_up_to_fourteen() {
    let alignment = Alignment::mixed(&[3, 2]).unwrap();
    insta::assert_snapshot!(history(
        &Placement {
            alignment,
            ..Placement::default()
        },
        14
    ));
}

#[test]
fn divisor_two_with_three_inputs_at_least() {
    let placement = Placement {
        min_inputs: 3,
        ..Placement::with_divisor(2).unwrap()
    };
    insta::assert_snapshot!(history(&placement, 12));
}

/// Keyspaces that are written to by few commits share the windows of all others, and
/// a window with a single segment is left alone.
#[test]
fn sparse_keyspaces_share_windows() {
    let mut store = store(Placement::with_divisor(2).unwrap(), Cascade::Step);
    let mut text = String::new();
    for commit in 1..=12 {
        let keyspaces: &[&str] = match commit {
            5 => &[],
            3 | 8 => &["all", "rare"],
            _ => &["all"],
        };
        store.commit(&put(keyspaces, commit)).unwrap();
        let _ = writeln!(text, "{commit:>2}{}", short(&store));
    }
    insta::assert_snapshot!(text);
}

/// Overwrites and deletions under each history: what a merged window keeps.
#[test]
fn what_merged_segments_keep() {
    let mut text = String::new();
    for history in [History::All, History::Last(2), History::Newest] {
        let placement = Placement {
            history,
            ..Placement::with_divisor(2).unwrap()
        };
        let mut store = store(placement, Cascade::Step);
        for commit in 1..=8 {
            let mut batch = WriteBatch::new();
            match commit {
                4 => batch.delete("main", b"hot"),
                _ => batch.put("main", b"hot", b"value"),
            }
            store.commit(&batch).unwrap();
        }
        let readable = store.readable_commits();
        let _ = writeln!(
            text,
            "history {history:?}, readable {readable:?}\n{}",
            store.layout()
        );
    }
    insta::assert_snapshot!(text);
}

#[test]
fn canonical_text_json_drawing_and_difference() {
    let mut store = store(Placement::with_divisor(3).unwrap(), Cascade::Step);
    for commit in 1..=7 {
        store
            .commit(&put(&["main", "odd \"name\"\n"], commit))
            .unwrap();
    }
    let before = store.layout();
    insta::assert_snapshot!("canonical_text", before);
    insta::assert_json_snapshot!("canonical_json", before);
    insta::assert_snapshot!("drawing", before.pyramid(42));
    store.commit(&put(&["main"], 8)).unwrap();
    store.commit(&put(&["main"], 9)).unwrap();
    insta::assert_snapshot!("difference", before.diff(&store.layout()));
    assert_eq!(before.diff(&before), "");
}
