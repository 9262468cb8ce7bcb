//! Goal: every public read at every commit equals the model or is refused correctly,
//! under every history and retention, and not only under those that a seed draws.
//!
//! Method: small scope, complete. All histories of a few commits over two keys are
//! committed under every combination of placements, with the work done after each
//! commit, only at the end, and never. Then every possible question is asked: each key,
//! scans from both ends between all kinds of bounds, versions, the differences of all
//! pairs of commits, and the changes since each commit. Longer histories are drawn. A
//! reader that was opened in the middle is asked again at the end.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify_sim::history::{Batch, History, Key, Value, Write};
use lithify_sim::keyed::{Domain, Draws, Seed};
use lithify_sim::reads::{Ask, check};
use lithify_sim::run::plan::Action;
use lithify_sim::system::{Engine, Instance, Settings, System as _};
use lithify_sim::systems::lithify::Lithify;

/// When the compactor works.
#[derive(Clone, Copy, Debug)]
enum Work {
    AfterEach,
    AtTheEnd,
    Never,
}

const DIVISORS: [&str; 3] = ["2", "3", "2,3"];
const HISTORIES: [&str; 4] = ["newest", "last-1", "last-3", "all"];
const RULES: [&str; 9] = [
    "never",
    "always",
    "up-to-level-0",
    "up-to-level-1",
    "head-window-0",
    "head-window-2",
    "head-window-4",
    "head-window-1-up-to-level-0",
    "head-window-2-up-to-level-1",
];
const LEAST: [&str; 2] = ["2", "3"];

/// All placements, with the settings for a store under each of them.
fn placements() -> Vec<Settings> {
    let mut all = Vec::new();
    for divisor in DIVISORS {
        for history in HISTORIES {
            // If all history is kept, the rule makes no difference.
            let rules = if history == "all" { 1 } else { RULES.len() };
            for rule in &RULES[..rules] {
                for least in LEAST {
                    let chosen = [
                        ("divisor", divisor),
                        ("history", history),
                        ("remove-inputs", *rule),
                        ("min-inputs", least),
                        ("file-level", "2"),
                    ];
                    let chosen = chosen.map(|(name, value)| (name.to_owned(), value.to_owned()));
                    all.push(Settings::from(chosen));
                }
            }
        }
    }
    all
}

fn write(key: u16, tag: Option<u32>) -> Write {
    Write {
        key: Key {
            keyspace: 0,
            key: key.into(),
        },
        value: tag.map(|tag| Value { length: 2, tag }),
    }
}

/// The writes of a commit, by number: nothing, a put or a deletion of one key, a put of
/// another key.
fn batch(kind: u64, commit: u32) -> Batch {
    // Values repeat, so that a key can get an earlier value again.
    let tag = Some(commit % 3);
    let writes = match kind {
        0 => vec![write(0, tag)],
        1 => vec![write(0, None)],
        2 => vec![write(1, tag)],
        3 => vec![write(0, None), write(1, tag)],
        _ => Vec::new(),
    };
    Batch { writes }
}

fn ask_everything(
    engine: &dyn Engine,
    history: &History,
    instance: &mut dyn Instance,
) -> Option<String> {
    let ask = Ask {
        engine,
        history,
        head: history.head(),
        reader: None,
        is_kept: true,
        drawn: 0,
        listed: usize::MAX,
    };
    let answers = &mut |question: &_| instance.ask(question);
    check(&ask, &mut draws(0), answers).unwrap()
}

fn draws(identity: u64) -> Draws {
    Seed(11).draws(Domain::Reads, identity)
}

/// Commits a history, and describes the first wrong read.
fn wrong(settings: &Settings, batches: &[Batch], work: Work) -> Option<String> {
    let engine = Lithify.configure(settings).unwrap();
    let mut instance = engine.open(Arc::new(MemFs::new())).unwrap();
    let mut history = History::default();
    let mut reader = None;
    for (position, batch) in batches.iter().enumerate() {
        instance.commit(std::slice::from_ref(batch)).unwrap();
        history.push(batch.clone());
        if matches!(work, Work::AfterEach) {
            instance.settle().unwrap();
        }
        if position == batches.len() / 2 {
            let pinned = instance.pin(history.head()).unwrap();
            reader = pinned.map(|pinned| (pinned, history.clone()));
        }
    }
    if matches!(work, Work::AtTheEnd) {
        instance.settle().unwrap();
    }
    if let Some(wrong) = ask_everything(&*engine, &history, &mut *instance) {
        return Some(wrong);
    }
    let (reader, history) = reader?;
    let ask = Ask {
        engine: &*engine,
        head: history.head(),
        history: &history,
        reader: Some(history.head()),
        is_kept: true,
        drawn: 0,
        listed: usize::MAX,
    };
    let outcome = check(&ask, &mut draws(0), &mut |question| reader.ask(question));
    outcome.unwrap().map(|wrong| format!("a reader: {wrong}"))
}

fn explained(settings: &Settings, batches: &[Batch], work: Work) {
    if let Some(wrong) = wrong(settings, batches, work) {
        let commits = batches
            .iter()
            .map(|batch| Action::Commit(vec![batch.clone()]));
        let commits: Vec<String> = commits.map(|action| action.to_string()).collect();
        panic!("{settings:?}, work {work:?}, {commits:?}\n{wrong}");
    }
}

/// The history with this number, among all histories of `length` commits of `kinds`
/// kinds.
fn history(mut number: u64, kinds: u64, length: u32) -> Vec<Batch> {
    (0..length)
        .map(|commit| {
            let kind = number % kinds;
            number /= kinds;
            batch(kind, commit)
        })
        .collect()
}

#[test]
fn small_histories_in_full() {
    for settings in placements() {
        for number in 0..3_u64.pow(4) {
            explained(&settings, &history(number, 3, 4), Work::AtTheEnd);
        }
    }
}

#[test]
fn six_commits_of_one_key_in_full() {
    for settings in placements() {
        for number in 0..2_u64.pow(6) {
            for work in [Work::AfterEach, Work::AtTheEnd] {
                explained(&settings, &history(number, 2, 6), work);
            }
        }
    }
}

#[test]
fn longer_histories() {
    for (index, settings) in placements().iter().enumerate() {
        for number in 0..3 {
            let mut draws = draws(index as u64 * 100 + number);
            let length = draws.between(7, 13) as u32;
            let batches: Vec<_> = (0..length)
                .map(|commit| batch(draws.below(5), commit))
                .collect();
            let work = *draws.pick(&[Work::AfterEach, Work::AtTheEnd, Work::Never]);
            explained(settings, &batches, work);
        }
    }
}
