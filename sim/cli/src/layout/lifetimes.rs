//! When each segment of a store was live: as the rule predicts it, and as the engine has
//! it when it plays the history again.
//!
//! A store does not remember its earlier layouts. So its history is played again, in
//! memory, with the same placement and settled after each commit. A layout depends only on
//! which commits wrote to which keyspace, so a commit is played with one short write for each
//! keyspace, whatever it wrote.
//!
//! Long histories are looked at in steps. This file draws nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lithify::align::Window;
use lithify::fs::MemFs;
use lithify::layout::Layout;
use lithify::{Commit, Durability, Error, Options, Placement, Store, WriteBatch};
use serde::Serialize;

/// About how many commits are looked at.
const STEPS: u64 = 300;

/// The live segments of a store over its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Lifetimes {
    /// The newest commit.
    pub(super) head: u64,
    /// The commits that are looked at: every one, or at equal distances, and the newest.
    pub(super) commits: Vec<u64>,
    /// The keyspaces, by name.
    pub(super) keyspaces: Vec<KeyspaceLifetimes>,
    /// Whether the layout of the store itself, now, is the predicted one.
    pub(super) is_store_as_predicted: bool,
}

/// The segments of a keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct KeyspaceLifetimes {
    pub(super) name: String,
    /// As the rule predicts them.
    pub(super) predicted: Vec<Lifetime>,
    /// As the engine had them.
    pub(super) actual: Vec<Lifetime>,
    /// The commits that are looked at and at which the two differ.
    pub(super) differ_at: Vec<u64>,
}

/// A segment, and when it was live.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Lifetime {
    pub(super) level: u8,
    /// The first commit of its window.
    pub(super) first: u64,
    /// The last commit of its window.
    pub(super) last: u64,
    /// The first commit that is looked at and at which it was live.
    pub(super) from: u64,
    /// The first one after that at which it was not; none if it is live at the newest.
    pub(super) until: Option<u64>,
}

/// The commits that wrote to each keyspace, and the keyspaces that each commit wrote to.
struct Written {
    by_keyspace: BTreeMap<String, Vec<Commit>>,
    by_commit: Vec<BTreeSet<String>>,
}

/// Looks at the history of a store.
///
/// # Errors
/// If retention has thinned the history out, and any error of the disk.
pub(super) fn lifetimes(store: &Store) -> Result<Lifetimes, Error> {
    let placement = store.placement();
    let written = written(store)?;
    let head = store.head().get();
    let commits = looked_at(placement, head);
    let predicted = |commit: u64| predicted(placement, &written, commit);
    let rules: Vec<_> = commits.iter().map(|&commit| predicted(commit)).collect();
    let actual = played(placement, &written, &commits)?;
    let mut keyspaces: Vec<KeyspaceLifetimes> = Vec::new();
    for name in written.by_keyspace.keys() {
        let of = |layout: &BTreeMap<String, BTreeSet<Window>>| {
            layout.get(name).cloned().unwrap_or_default()
        };
        let rule: Vec<_> = rules.iter().map(of).collect();
        let engine: Vec<_> = actual.iter().map(of).collect();
        let pairs = commits.iter().zip(rule.iter().zip(&engine));
        let differ = pairs.filter(|(_, (rule, engine))| rule != engine);
        keyspaces.push(KeyspaceLifetimes {
            name: name.clone(),
            differ_at: differ.map(|(commit, _)| *commit).collect(),
            predicted: lives(&commits, &rule),
            actual: lives(&commits, &engine),
        });
    }
    Ok(Lifetimes {
        head,
        is_store_as_predicted: windows(&store.layout()) == predicted(head),
        commits,
        keyspaces,
    })
}

fn written(store: &Store) -> Result<Written, Error> {
    let mut written = Written {
        by_keyspace: BTreeMap::new(),
        by_commit: Vec::new(),
    };
    for changes in store.changes_since(Commit::ZERO)? {
        let changes = changes?;
        let names = changes.operations.into_iter().map(|it| it.keyspace);
        let names: BTreeSet<String> = names.collect();
        for name in &names {
            let commits = written.by_keyspace.entry(name.clone()).or_default();
            commits.push(changes.commit);
        }
        written.by_commit.push(names);
    }
    Ok(written)
}

/// Every commit, or the right edges of the windows of a level, so that there are about
/// [`STEPS`] of them.
fn looked_at(placement: &Placement, head: u64) -> Vec<u64> {
    let widths = placement.alignment.widths().iter().copied();
    let step = widths.into_iter().find(|width| head / width <= STEPS);
    let step = step.unwrap_or_else(|| head.div_ceil(STEPS)).max(1);
    let mut commits: Vec<u64> = (1..=head / step).map(|number| number * step).collect();
    if commits.last() != Some(&head) && head > 0 {
        commits.push(head);
    }
    commits
}

/// The windows of the live segments, by keyspace.
fn predicted(
    placement: &Placement,
    written: &Written,
    commit: u64,
) -> BTreeMap<String, BTreeSet<Window>> {
    let min_inputs = placement.min_inputs as usize;
    let all = written.by_keyspace.iter().map(|(name, commits)| {
        let placed = placement
            .alignment
            .layout_of(commits, Commit::new(commit), min_inputs);
        let windows: BTreeSet<Window> = placed.into_iter().map(|it| it.window).collect();
        (name.clone(), windows)
    });
    all.filter(|(_, windows)| !windows.is_empty()).collect()
}

fn windows(layout: &Layout) -> BTreeMap<String, BTreeSet<Window>> {
    let all = layout.keyspaces.iter().map(|keyspace| {
        let windows = keyspace.segments.iter().map(|segment| segment.window);
        (keyspace.name.clone(), windows.collect::<BTreeSet<_>>())
    });
    all.filter(|(_, windows)| !windows.is_empty()).collect()
}

/// The layouts of a new store in memory with this history, at these commits.
fn played(
    placement: &Placement,
    written: &Written,
    commits: &[u64],
) -> Result<Vec<BTreeMap<String, BTreeSet<Window>>>, Error> {
    let options = Options {
        placement: Some(placement.clone()),
        durability: Durability::Buffered,
        ..Options::default()
    };
    let mut store = Store::open(Arc::new(MemFs::new()), options)?;
    let mut layouts = Vec::new();
    for (number, names) in (1..).zip(&written.by_commit) {
        let mut batch = WriteBatch::new();
        for name in names {
            batch.put(name, b"", b"");
        }
        store.commit(&batch)?;
        store.settle()?;
        if commits.binary_search(&number).is_ok() {
            layouts.push(windows(&store.layout()));
        }
    }
    Ok(layouts)
}

/// The lifetimes of the windows in these layouts, which are those at `commits`.
fn lives(commits: &[u64], layouts: &[BTreeSet<Window>]) -> Vec<Lifetime> {
    let mut open: BTreeMap<Window, u64> = BTreeMap::new();
    let mut lives = Vec::new();
    let mut end = |window: Window, from: u64, until: Option<u64>| {
        lives.push(Lifetime {
            level: window.level,
            first: window.start.get() + 1,
            last: window.end.get(),
            from,
            until,
        });
    };
    for (&commit, layout) in commits.iter().zip(layouts) {
        let over: Vec<Window> = (open.keys().filter(|window| !layout.contains(window)))
            .copied()
            .collect();
        for window in over {
            let from = open.remove(&window).expect("it is one of the keys");
            end(window, from, Some(commit));
        }
        for window in layout {
            open.entry(*window).or_insert(commit);
        }
    }
    open.into_iter()
        .for_each(|(window, from)| end(window, from, None));
    lives.sort();
    lives
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(divisor: u64, commits: &[&[&str]]) -> Store {
        let options = Options {
            placement: Some(Placement::with_divisor(divisor).expect("it is above 1")),
            ..Options::default()
        };
        let mut store = Store::open(Arc::new(MemFs::new()), options).expect("it is new");
        for names in commits {
            let mut batch = WriteBatch::new();
            names.iter().for_each(|name| batch.put(name, b"k", b"v"));
            store.commit(&batch).expect("there is room");
        }
        store.settle().expect("there is room");
        store
    }

    /// A segment lives until the window around it closes.
    #[test]
    fn a_segment_lives_until_its_window_closes() {
        let found = lifetimes(&store(2, &[&["a"][..]; 5])).expect("all history is there");
        assert_eq!(found.commits, [1, 2, 3, 4, 5]);
        assert!(found.is_store_as_predicted);
        let keyspace = &found.keyspaces[0];
        assert!(keyspace.differ_at.is_empty());
        let told: Vec<_> = (keyspace.actual.iter())
            .map(|it| (it.level, it.first, it.last, it.from, it.until))
            .collect();
        let expected = [
            (0, 1, 1, 1, Some(2)),
            (0, 3, 3, 3, Some(4)),
            (0, 5, 5, 5, None),
            (1, 1, 2, 2, Some(4)),
            (2, 1, 4, 4, None),
        ];
        assert_eq!(told, expected);
        assert_eq!(keyspace.predicted, keyspace.actual);
    }

    /// The engine and the rule agree for keyspaces that few commits write to, and at every
    /// step of a longer history.
    #[test]
    fn a_replayed_history_is_as_predicted() {
        let history: Vec<&[&str]> = (0..700_usize)
            .map(|number| match number % 7 {
                0 => &["a", "b"][..],
                1..=4 => &["a"],
                5 => &["c"],
                _ => &[],
            })
            .collect();
        let found = lifetimes(&store(3, &history)).expect("all history is there");
        assert!(found.is_store_as_predicted);
        assert!(found.commits.len() > 200, "{}", found.commits.len());
        assert_eq!(found.commits.last(), Some(&700));
        assert_eq!(found.keyspaces.len(), 3);
        for keyspace in &found.keyspaces {
            assert!(keyspace.differ_at.is_empty(), "{}", keyspace.name);
            assert!(keyspace.predicted.len() > 20, "{}", keyspace.name);
        }
    }

    #[test]
    fn a_store_that_is_not_settled_is_not_as_predicted() {
        let options = Options {
            placement: Some(Placement::with_divisor(2).expect("it is above 1")),
            pacing: lithify::Pacing::Manual,
            ..Options::default()
        };
        let mut store = Store::open(Arc::new(MemFs::new()), options).expect("it is new");
        for _ in 0..2 {
            let mut batch = WriteBatch::new();
            batch.put("a", b"k", b"v");
            store.commit(&batch).expect("there is room");
        }
        let found = lifetimes(&store).expect("all history is there");
        assert!(!found.is_store_as_predicted);
        assert!(
            found.keyspaces[0].differ_at.is_empty(),
            "the replay is settled"
        );
    }

    #[test]
    fn an_empty_store_has_no_segments() {
        let found = lifetimes(&store(3, &[])).expect("there is nothing to read");
        assert!(found.commits.is_empty() && found.keyspaces.is_empty());
        assert!(found.is_store_as_predicted);
    }
}
