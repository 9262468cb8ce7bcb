//! Whether each adapter returns what was written, and whether each row can be played.
//!
//! Every engine of this build goes through the same writes as an ordered map, and every read of
//! the trait is compared with the map: a benchmark of wrong answers would be worth nothing.
//! Durability is not tested here: that is what the laboratory does, for lithify.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum as _;

use crate::Result;
use crate::child::{Task, Work, play};
use crate::composite;
use crate::contestant::{Contestant, Variant};
use crate::data::{Data, Key, pick};
use crate::engine::{Direction, Durability, Engine, Setup, View};
use crate::engines::{self, Entry, LITHIFY};
use crate::growth;
use crate::row::{Row, Source};
use crate::sizes::Sizes;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// The engines that this build has.
fn present() -> Vec<Entry> {
    let present: Vec<_> = engines::all()
        .into_iter()
        .filter(|entry| entry.open.is_some())
        .collect();
    assert!(!present.is_empty(), "lithify is always there");
    present
}

fn open(
    entry: &Entry,
    directory: &Path,
    durability: Durability,
    variant: Variant,
) -> Result<Box<dyn Engine>> {
    let setup = Setup {
        durability,
        cache_bytes: 8 << 20,
        log_bytes: None,
        variant,
    };
    entry.open.expect("only engines of this build are opened")(directory, &setup)
}

/// Compares every kind of read with `map`.
fn check(name: &str, view: &mut dyn View, map: &Map, wanted: &[Key]) -> Result<()> {
    let mut value = Vec::new();
    for key in wanted {
        let is_found = view.get(key, &mut value)?;
        let found = is_found.then_some(&value);
        assert_eq!(found, map.get(&**key), "{name}: get of {:x?}", &**key);

        let mut found = None;
        let is_found = view.seek(key, &mut |key, value| {
            found = Some((key.to_vec(), value.to_vec()))
        })?;
        assert_eq!(
            is_found,
            found.is_some(),
            "{name}: a seek that finds something shows it"
        );
        let expected = map.range(key.to_vec()..).next();
        assert_eq!(
            found,
            expected.map(|(key, value)| (key.clone(), value.clone())),
            "{name}: seek"
        );
    }
    let mut forward = Vec::new();
    view.scan(Direction::Forward, &mut |key, value| {
        forward.push((key.to_vec(), value.to_vec()))
    })?;
    assert_eq!(forward, Vec::from_iter(map.clone()), "{name}: scan forward");
    let mut backward = Vec::new();
    view.scan(Direction::Backward, &mut |key, value| {
        backward.push((key.to_vec(), value.to_vec()))
    })?;
    backward.reverse();
    assert_eq!(backward, forward, "{name}: scan backward");
    Ok(())
}

/// Writes 40 commits of 25 entries to few keys; returns the map after each commit.
fn write(engine: &dyn Engine, data: &Data, key_of: impl Fn(Key, u64) -> Key) -> Result<Vec<Map>> {
    let mut writer = engine.writer()?;
    let mut maps = vec![Map::new()];
    for commit in 1..=40 {
        let numbers: Vec<_> = (commit * 25..commit * 25 + 25)
            .map(|number| (pick(1, number, 200), number))
            .collect();
        // The last write of a key in a batch counts; composite keys would not tell two of them apart.
        let of_commit: BTreeMap<_, _> = numbers.into_iter().collect();
        let entries: Vec<_> = of_commit
            .iter()
            .map(|(&key, &number)| (key_of(Data::key(key), commit), data.value(number)))
            .collect();
        writer.commit(&entries)?;
        let mut map = maps.last().expect("the empty one is there").clone();
        for (&key, &number) in &of_commit {
            map.insert(Data::key(key).to_vec(), data.value(number).to_vec());
        }
        maps.push(map);
    }
    Ok(maps)
}

#[test]
fn every_adapter_reads_what_was_written() -> Result<()> {
    let data = Data::new(100);
    // Keys that were written and as many that were not.
    let wanted: Vec<_> = (0..400).map(Data::key).collect();
    for entry in present() {
        for durability in [Durability::Buffered, Durability::Synced] {
            let directory = tempfile::tempdir()?;
            let engine = open(&entry, directory.path(), durability, Variant::Default)?;
            engine.read(&mut |view| check(entry.name, view, &Map::new(), &wanted[..3]))?;
            let maps = write(&*engine, &data, |key, _| key)?;
            let last = maps.last().expect("commits were written");
            engine.read(&mut |view| check(entry.name, view, last, &wanted))?;
            engine.sync()?;
            engine.close()?;
            let engine = open(&entry, directory.path(), durability, Variant::Default)?;
            engine.read(&mut |view| check(entry.name, view, last, &wanted))?;
            engine.close()?;
        }
    }
    Ok(())
}

#[test]
fn a_view_does_not_see_later_commits() -> Result<()> {
    let data = Data::new(100);
    for entry in present() {
        let directory = tempfile::tempdir()?;
        let engine = open(
            &entry,
            directory.path(),
            Durability::Buffered,
            Variant::Default,
        )?;
        let put = |number| {
            engine
                .writer()?
                .commit(&[(Data::key(0), data.value(number))])
        };
        put(1)?;
        engine.read(&mut |view| {
            put(2)?;
            let mut value = Vec::new();
            assert!(
                view.get(&Data::key(0), &mut value)?,
                "{}: the first commit",
                entry.name
            );
            assert_eq!(
                value,
                data.value(1),
                "{}: a view shows a later commit",
                entry.name
            );
            Ok(())
        })?;
        engine.close()?;
    }
    Ok(())
}

#[test]
fn every_engine_reads_the_past() -> Result<()> {
    for entry in present() {
        for &variant in Row::AsOfGet.variants(entry.name) {
            let directory = tempfile::tempdir()?;
            let engine = open(&entry, directory.path(), Durability::Buffered, variant)?;
            check_past(&format!("{} {variant:?}", entry.name), &*engine)?;
            engine.close()?;
        }
    }
    Ok(())
}

/// Writes, and compares every older state with its map.
fn check_past(name: &str, engine: &dyn Engine) -> Result<()> {
    let has_history = engine.past().is_some();
    let maps = write(engine, &Data::new(100), |key, commit| {
        if has_history {
            key
        } else {
            composite::key(&key, commit)
        }
    })?;
    for (commit, map) in (0..).zip(&maps).skip(1) {
        let mut found = Map::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            let before = found.insert(key.to_vec(), value.to_vec());
            assert_eq!(before, None, "{name}: a scan of the past shows a key twice");
        };
        match engine.past() {
            Some(past) => past.scan(commit, &mut visit)?,
            None => engine.read(&mut |view| composite::scan(view, commit, &mut visit))?,
        }
        assert_eq!(found, *map, "{name}: scan as of commit {commit}");
        for number in 0..250 {
            let key = Data::key(number);
            let mut value = Vec::new();
            let mut is_found = false;
            match engine.past() {
                Some(past) => is_found = past.get(&key, commit, &mut value)?,
                None => engine.read(&mut |view| {
                    is_found = composite::get(view, &key, commit, &mut value)?;
                    Ok(())
                })?,
            }
            let found = is_found.then_some(&value);
            assert_eq!(found, map.get(&*key), "{name}: get as of commit {commit}");
        }
    }
    Ok(())
}

/// The smallest sizes there are.
fn smallest() -> Sizes {
    Sizes {
        scale: 0.000_001,
        batch: None,
        value_bytes: 100,
        threads: vec![2],
        readers: 2,
        cache_mb: 8,
    }
}

/// The other engines play the same code; `--quick` shows that they can, which takes longer.
#[test]
fn lithify_plays_every_row() -> Result<()> {
    for &row in Row::value_variants() {
        if row == Row::Growth {
            continue;
        }
        for &variant in row.variants(LITHIFY) {
            let directory = tempfile::tempdir()?;
            let task = |work| Task {
                work,
                contestant: Contestant {
                    engine: LITHIFY.to_owned(),
                    variant,
                },
                directory: directory.path().to_owned(),
                sizes: smallest(),
            };
            match row.source() {
                None => {}
                // The process of a test must not be killed; at this size both stores are alike.
                Some(Source::Killed) => drop(play(&task(Work::Load(Source::Ingested)))?),
                Some(source) => drop(play(&task(Work::Load(source)))?),
            }
            let figures = play(&task(Work::Play(row)))?;
            assert!(!figures.is_empty(), "{row:?} has no figures");
            for figure in figures {
                let is_number = figure.value.is_finite() && figure.value > 0.0;
                assert!(is_number, "{row:?}, {variant:?}: {figure:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn every_case_of_growth_is_played() -> Result<()> {
    for case in growth::Case::ALL {
        let directory = tempfile::tempdir()?;
        let figure = case.play(directory.path(), &smallest(), 1)?;
        assert!(figure.value > 0.0, "{figure:?}");
    }
    Ok(())
}
