//! The algebra of merging, as property tests.
//!
//! Entries compose without a base state: a run is a map (key, commit) -> value, and a read takes
//! the last writer by commit. So merging must be associative with the empty run as identity.
//! Reading a merge must equal reading its parts, a later one over an earlier one. Thinning must not
//! change the result at any readable commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::run::{EntryRef, Run};
use super::{Cursor, Direction, MergeCursor, Thinning, floor};
use crate::align::Window;
use crate::commit::Commit;
use crate::options::{History, RemoveInputs};

type Entry = (Vec<u8>, Commit, Option<Vec<u8>>);

fn owned(entry: EntryRef<'_>) -> Entry {
    (
        entry.key.to_vec(),
        entry.commit,
        entry.value.map(<[u8]>::to_vec),
    )
}

fn run_of(entries: &[Entry]) -> Run {
    let mut run = Run::default();
    for (key, commit, value) in entries {
        run.push(EntryRef {
            key,
            commit: *commit,
            value: value.as_deref(),
        });
    }
    run
}

fn merge(parts: &[Vec<Entry>], direction: Direction) -> Vec<Entry> {
    let cursors = parts
        .iter()
        .map(|entries| {
            let mut cursor = Cursor::over_run(Arc::new(run_of(entries)));
            match direction {
                Direction::Forward => cursor.seek_first().unwrap(),
                Direction::Backward => cursor.seek_last().unwrap(),
            }
            cursor
        })
        .collect();
    let mut merge = MergeCursor::new(cursors, direction);
    let mut merged = Vec::new();
    while let Some(entry) = merge.entry() {
        merged.push(owned(entry));
        merge.advance().unwrap();
    }
    merged
}

/// The state that a read of the whole run at `at` shows.
fn state_at(entries: &[Entry], at: Commit) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut newest: BTreeMap<Vec<u8>, (Commit, Option<Vec<u8>>)> = BTreeMap::new();
    for (key, commit, value) in entries.iter().filter(|(_, commit, _)| *commit <= at) {
        let slot = newest
            .entry(key.clone())
            .or_insert((*commit, value.clone()));
        if slot.0 < *commit {
            *slot = (*commit, value.clone());
        }
    }
    newest
        .into_iter()
        .filter_map(|(key, (_, value))| Some((key, value?)))
        .collect()
}

/// Entries whose commits lie in each of these ranges, in run order. Keys share long prefixes, so
/// the cached prefix alone never decides.
fn parts() -> impl Strategy<Value = Vec<Vec<Entry>>> {
    let entry = |low: u64| {
        (0_u8..6, low..low + 5, proptest::option::of(any::<u8>())).prop_map(
            |(key, commit, value)| {
                let mut bytes = b"shared-prefix-"[..usize::from(key % 3) * 7].to_vec();
                bytes.extend_from_slice(&[0; 2][..usize::from(key % 2)]);
                bytes.push(key);
                (bytes, Commit::new(commit), value.map(|value| vec![value]))
            },
        )
    };
    let part = move |low: u64| {
        proptest::collection::vec(entry(low), 0..14).prop_map(|mut entries: Vec<Entry>| {
            entries.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
            entries.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
            entries
        })
    };
    (part(1), part(6), part(11)).prop_map(|(a, b, c)| vec![a, b, c])
}

fn thin(
    entries: &[Entry],
    history: History,
    window: Window,
    is_oldest: bool,
) -> (Commit, Vec<Entry>) {
    let first = entries
        .iter()
        .map(|entry| entry.1)
        .min()
        .unwrap_or(window.end);
    let last = entries
        .iter()
        .map(|entry| entry.1)
        .max()
        .unwrap_or(window.end);
    let floor = floor(history, window, first, last);
    let mut thinning = Thinning::new((first, floor), RemoveInputs::Always, is_oldest);
    let run = run_of(entries);
    (
        floor,
        run.iter()
            .filter(|entry| thinning.keeps(*entry))
            .map(owned)
            .collect(),
    )
}

fn history() -> impl Strategy<Value = History> {
    prop_oneof![
        Just(History::All),
        (1_u64..16).prop_map(History::Last),
        Just(History::Newest)
    ]
}

proptest! {
    #[test]
    fn merging_is_associative_with_the_empty_run_as_identity(parts in parts()) {
        let [a, b, c] = [&parts[0], &parts[1], &parts[2]];
        let all = merge(&parts, Direction::Forward);
        let left = merge(&[merge(&[a.clone(), b.clone()], Direction::Forward), c.clone()], Direction::Forward);
        let right = merge(&[a.clone(), merge(&[b.clone(), c.clone()], Direction::Forward)], Direction::Forward);
        prop_assert_eq!(&left, &all);
        prop_assert_eq!(&right, &all);
        prop_assert_eq!(&merge(&[Vec::new(), all.clone(), Vec::new()], Direction::Forward), &all);
        let mut sorted = parts.concat();
        sorted.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        prop_assert_eq!(&all, &sorted, "in run order, nothing lost and nothing twice");
        let mut backward = merge(&parts, Direction::Backward);
        backward.reverse();
        prop_assert_eq!(backward, all);
    }

    #[test]
    fn reading_a_merge_is_reading_its_parts_one_over_the_other(parts in parts(), at in 0_u64..17) {
        let at = Commit::new(at);
        let mut layered = BTreeMap::new();
        for part in &parts {
            for (key, _, value) in part.iter().rev().filter(|entry| entry.1 <= at) {
                match value {
                    Some(value) => layered.insert(key.clone(), value.clone()),
                    None => layered.remove(key),
                };
            }
        }
        prop_assert_eq!(state_at(&merge(&parts, Direction::Forward), at), layered);
    }

    #[test]
    fn thinning_changes_nothing_that_stays_readable(
        parts in parts(),
        history in history(),
        is_oldest: bool,
    ) {
        let window = Window { level: 4, start: Commit::ZERO, end: Commit::new(16) };
        let all = merge(&parts, Direction::Forward);
        let (floor, kept) = thin(&all, history, window, is_oldest);
        for at in floor.get()..=16 {
            prop_assert_eq!(state_at(&kept, Commit::new(at)), state_at(&all, Commit::new(at)));
        }
        if history == History::All {
            prop_assert_eq!(&kept, &all);
        }
        if history == History::Newest {
            let mut keys: Vec<_> = kept.iter().map(|entry| &entry.0).collect();
            keys.dedup();
            prop_assert_eq!(keys.len(), kept.len(), "one version of each key");
            // Of one commit alone nothing is dropped: the output states exactly the writes of that
            // commit.
            let is_of_one_commit = all.iter().all(|entry| entry.1 == floor);
            let has_deletion = kept.iter().any(|entry| entry.2.is_none());
            prop_assert!(!is_oldest || is_of_one_commit || !has_deletion);
        }
    }

    /// A deletion hides older segments. It stays unless it is known that there are none.
    #[test]
    fn thinning_keeps_deletions_that_may_hide_something(parts in parts(), history in history()) {
        let window = Window { level: 4, start: Commit::ZERO, end: Commit::new(16) };
        let all = merge(&parts, Direction::Forward);
        let (_, kept) = thin(&all, history, window, false);
        let older: Vec<Entry> = all
            .iter()
            .map(|entry| (entry.0.clone(), Commit::ZERO, Some(b"older".to_vec())))
            .collect();
        let over = |entries: &[Entry]| state_at(&[older.clone(), entries.to_vec()].concat(), window.end);
        prop_assert_eq!(over(&kept), over(&all));
    }

    /// Merging in two steps, with thinning in each, keeps the same entries as one step.
    #[test]
    fn step_and_direct_keep_the_same(parts in parts(), history in history(), is_oldest: bool) {
        let narrow = |index: u64| Window {
            level: 2,
            start: Commit::new(index * 5),
            end: Commit::new((index + 1) * 5),
        };
        let wide = Window { level: 4, start: Commit::ZERO, end: Commit::new(15) };
        let stepped: Vec<Vec<Entry>> = parts
            .iter()
            .zip(0..)
            .map(|(part, index)| {
                let older = parts[..index as usize].iter().all(Vec::is_empty);
                thin(part, history, narrow(index), is_oldest && older).1
            })
            .collect();
        let all = merge(&parts, Direction::Forward);
        let first = all.iter().map(|entry| entry.1).min();
        let last = all.iter().map(|entry| entry.1).max();
        let direct = thin(&all, history, wide, is_oldest);
        // The floor depends on the original inputs, which thinning does not change.
        if let (Some(first), Some(last)) = (first, last) {
            let floor = floor(history, wide, first, last);
            let mut thinning = Thinning::new((first, floor), RemoveInputs::Always, is_oldest);
            let run = run_of(&merge(&stepped, Direction::Forward));
            let twice: Vec<Entry> =
                run.iter().filter(|entry| thinning.keeps(*entry)).map(owned).collect();
            prop_assert_eq!(twice, direct.1);
        }
    }
}
