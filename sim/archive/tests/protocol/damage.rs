//! Objects that somebody has changed, moved, removed, or brought from another archive.
//!
//! Goal: each is refused with one line that says what is wrong, by every reader that needs the object
//! and by `verify`; no read is ever wrong. Method: every byte of every object is changed, every object
//! takes the place of every other one, and the planted bugs of the checks are on in turn.

use lithify::Commit;
use lithify::read::KeyRange;
use lithify_archive::plan::Reach;
use lithify_archive::planted::{Bug, with};
use lithify_archive::{Archive, Conversation, Error, Number, Result, Verified, View, Writer};

use crate::exhaustive::world;
use crate::history::{History, KEYS, KEYSPACES, history, placement, state};
use crate::world::{Shared, World};

const COMMITS: u64 = 7;

fn fixture() -> (History, World) {
    let history = history("x", 0, COMMITS);
    let world = world("2", &history, COMMITS);
    (history, world)
}

fn on<T>(world: &World, conversation: Conversation<'_, T>) -> T {
    conversation.run(&Shared(std::sync::Mutex::new(world.clone())))
}

fn verify(world: &World) -> Result<Verified> {
    let verifying =
        Conversation::new(|port| async move { Archive::open(&port, 0).await?.verify(&port).await });
    on(world, verifying)
}

/// Reads everything at every commit; panics when an answer is wrong.
fn read_all(world: &World, history: &History) -> Result<()> {
    let reading = Conversation::new(|port| async move {
        let archive = Archive::open(&port, 0).await?;
        let mut reach = Reach::default();
        archive.look(&port, &mut reach).await?;
        for at in 0..=reach.head.get() {
            let view = View::new(&archive, &reach, Commit::new(at))?;
            for keyspace in KEYSPACES {
                let expected = state(history, keyspace, at);
                for key in KEYS {
                    let value = view.get(&port, keyspace, key.as_bytes()).await?;
                    assert_eq!(
                        value.as_deref(),
                        expected.get(key.as_bytes()).map(|it| &it[..]),
                        "{keyspace} {key} at {at}"
                    );
                }
                let pairs = view.range(&port, keyspace, &KeyRange::all()).await?;
                let pairs: Vec<(Vec<u8>, Vec<u8>)> = pairs
                    .into_iter()
                    .map(|(key, value)| (key.into(), value.into()))
                    .collect();
                assert_eq!(pairs, expected.into_iter().collect::<Vec<_>>());
            }
            let mut changes = view.changes_since(Commit::ZERO);
            while changes.next(&port).await?.is_some() {}
        }
        Ok(())
    });
    on(world, reading)
}

#[test]
fn a_whole_archive_is_whole() {
    let (history, world) = fixture();
    read_all(&world, &history).unwrap();
    let verified = verify(&world).unwrap();
    assert!(verified.damage.is_empty(), "{verified:?}");
    assert_eq!(verified.commits, COMMITS);
    assert_eq!(verified.objects as usize, world.objects.len());
}

/// Every changed byte is found, and the object named.
#[test]
fn every_changed_byte_is_found() {
    let (history, world) = fixture();
    for (name, bytes) in &world.objects {
        for place in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[place] ^= 1;
            refused(&world, &history, name, changed);
        }
        refused(&world, &history, name, bytes[..bytes.len() - 1].to_vec());
        refused(&world, &history, name, Vec::new());
    }
}

fn refused(world: &World, history: &History, name: &str, bytes: Vec<u8>) {
    let mut world = world.clone();
    world.objects.insert(name.to_owned(), bytes.into());
    match verify(&world) {
        Ok(verified) => {
            let is_named = verified.damage.iter().any(|line| line.contains(name));
            assert!(is_named, "{name}: {verified:?}");
        }
        Err(error) => assert!(error.to_string().contains(name), "{name}: {error}"),
    }
    // Right, or refused.
    let _ = read_all(&world, history);
}

/// Every object in the place of every other one.
#[test]
fn a_moved_object_is_refused() {
    let (history, world) = fixture();
    for name in world.objects.keys() {
        for (other, bytes) in world.objects.iter().filter(|it| it.0 != name) {
            let mut world = world.clone();
            world.objects.insert(name.clone(), bytes.clone());
            let line = match verify(&world) {
                Ok(verified) => verified.damage.join("\n"),
                Err(error) => error.to_string(),
            };
            let expected = format!("object {name} was written as {other}");
            assert!(line.contains(&expected), "{line}");
            let _ = read_all(&world, &history);
        }
    }
}

/// Every missing object but `head` is found or is in a wider window.
#[test]
fn a_missing_object_is_named() {
    let (history, world) = fixture();
    for name in world.objects.keys() {
        let mut world = world.clone();
        world.objects.remove(name);
        match read_all(&world, &history) {
            Ok(()) => {}
            Err(Error::Missing { name: missing, .. }) => assert_eq!(missing, *name),
            Err(Error::NoArchive { name: missing }) => assert_eq!(missing, *name),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

/// The world with the objects of another archive, of the same place.
fn foreign() -> World {
    let shared = Shared::default();
    let (placement, history) = (placement("2"), history("y", 0, COMMITS));
    let making = Conversation::new(|port| async move {
        let archive = Archive::create(&port, Number(8), &placement, 0).await?;
        let mut writer = Writer::open(&port, archive, Number(2)).await?;
        for changes in &history {
            writer.push(&port, std::slice::from_ref(changes)).await?;
        }
        writer.settle(&port).await
    });
    making.run(&shared).unwrap();
    shared.0.into_inner().unwrap()
}

#[test]
fn an_object_of_another_archive_is_refused() {
    let (history, world) = fixture();
    for (name, bytes) in foreign().objects.iter().filter(|it| it.0 != "archive") {
        let mut world = world.clone();
        world.objects.insert(name.clone(), bytes.clone());
        let verified = verify(&world).unwrap();
        let is_named = verified
            .damage
            .iter()
            .any(|line| line.contains("belongs to the archive"));
        assert!(is_named, "{name}: {verified:?}");
        let _ = read_all(&world, &history);
    }
}

/// The bugs of the checks: with each of them a test of this file fails.
#[test]
fn every_bug_of_the_bytes_is_found() {
    let (history, world) = fixture();
    let replaced = |name: &str, bytes: bytes::Bytes| {
        let mut world = world.clone();
        world.objects.insert(name.to_owned(), bytes);
        world
    };
    let window = "window/02/00000000000000000004";
    let mut changed = world.objects["head"].to_vec();
    let digit = changed.len() - 8;
    changed[digit] = if changed[digit] == b'0' { b'1' } else { b'0' };
    let swapped = world.objects["log/00000000000000000007"].clone();
    let other = foreign().objects[window].clone();
    let cases = [
        (Bug::ChecksumUnchecked, replaced("head", changed.into())),
        (Bug::ForeignAccepted, replaced(window, other)),
        (
            Bug::NameUnchecked,
            replaced("log/00000000000000000005", swapped),
        ),
    ];
    for (bug, damaged) in cases {
        let is_refused = || matches!(&verify(&damaged), Ok(it) if !it.damage.is_empty());
        assert!(is_refused(), "{bug:?}");
        // With the bug the check is silent, or says something else, or reads are wrong.
        let before = verify(&damaged).unwrap().damage;
        // The objects are written and read with the bug on.
        let with_bug = with(Some(bug), || {
            verify(&damaged).map(|it| it.damage).unwrap_or_default()
        });
        assert_ne!(before, with_bug, "{bug:?} changes nothing");
    }
    // Two histories in one archive: the log of one, and the window of the other with the right identity.
    let mixed = mixed();
    assert!(read_all(&mixed, &history).is_err());
    let wrong = with(Some(Bug::ChainUnchecked), || {
        std::panic::catch_unwind(|| read_all(&mixed, &history)).is_err()
    });
    assert!(wrong, "ChainUnchecked");
}

/// An archive whose windows have another history than its log after them.
fn mixed() -> World {
    let mut world = world("2", &history("x", 0, 4), 4);
    let other = crate::exhaustive::world("2", &history("y", 0, COMMITS), COMMITS);
    for name in ["log/00000000000000000005", "log/00000000000000000006"] {
        let bytes = other.objects[name].clone();
        world.objects.insert(name.to_owned(), bytes);
    }
    world
}

/// A damaged window is no reason to remove what is inside it.
#[test]
fn a_trim_reads_what_it_relies_on() {
    let history = history("x", 0, 4);
    let mut world = world("2", &history, 4);
    let window = "window/02/00000000000000000004";
    let mut bytes = world.objects[window].to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    world.objects.insert(window.to_owned(), bytes.into());
    let trim = || {
        let shared = Shared(std::sync::Mutex::new(world.clone()));
        let trimming =
            Conversation::new(
                |port| async move { Archive::open(&port, 0).await?.trim(&port, 0).await },
            );
        let outcome = trimming.run(&shared);
        (
            outcome,
            shared.0.into_inner().unwrap().objects == world.objects,
        )
    };
    let (outcome, is_unchanged) = trim();
    assert!(matches!(outcome, Err(Error::Damage { name, .. }) if name == window));
    assert!(is_unchanged);
    let (outcome, is_unchanged) = with(Some(Bug::TrimUnproven), trim);
    assert!(outcome.is_ok() && !is_unchanged, "TrimUnproven");
}
