//! Every schedule of small scopes: all orders with few switches, and each fault at each request.

use crate::choices::Every;
use crate::history::{History, history, placement};
use crate::laws::check;
use crate::play::{Bounds, Journal, Role, play};
use crate::world::{Shared, World};
use std::collections::BTreeSet;

use lithify_archive::{Archive, Conversation, Number, Writer};
use xxhash_rust::xxh3::xxh3_128;

/// A small scope.
pub(crate) struct Scope {
    pub(crate) name: &'static str,
    pub(crate) alignment: &'static str,
    /// The commits that are in the archive before.
    pub(crate) before: u64,
    pub(crate) roles: Vec<Role>,
    pub(crate) bounds: Bounds,
}

/// A world with an archive that has the first commits of a history.
pub(crate) fn world(alignment: &str, history: &History, before: u64) -> World {
    let shared = Shared::default();
    let placement = placement(alignment);
    let making = Conversation::new(|port| async move {
        let archive = Archive::create(&port, Number(7), &placement, 0).await?;
        let mut writer = Writer::open(&port, archive, Number(1)).await?;
        for changes in &history[..before as usize] {
            writer.push(&port, std::slice::from_ref(changes)).await?;
        }
        writer.settle(&port).await
    });
    lithify_archive::planted::with(None, || making.run(&shared)).unwrap();
    shared.0.into_inner().unwrap()
}

/// The scopes.
pub(crate) fn scopes() -> Vec<Scope> {
    let write = |name: &str, common, count, most| Role::Write {
        history: history(name, common, count),
        most,
    };
    let write_and_trim = |name: &str, common, count, most| Role::WriteAndTrim {
        history: history(name, common, count),
        most,
    };
    let bounds = |switches, faults| Bounds { switches, faults };
    vec![
        Scope {
            name: "two histories race",
            alignment: "2",
            before: 1,
            roles: vec![write("x", 1, 4, 1), write("y", 1, 4, 2)],
            bounds: bounds(2, 1),
        },
        Scope {
            name: "twins race",
            alignment: "2",
            before: 1,
            roles: vec![write("x", 1, 4, 9), write("x", 1, 3, 1)],
            bounds: bounds(2, 1),
        },
        Scope {
            name: "one writer, two faults",
            alignment: "2",
            before: 0,
            roles: vec![write_and_trim("x", 0, 4, 1)],
            bounds: bounds(1, 2),
        },
        Scope {
            name: "a slow writer, a trim",
            alignment: "2",
            before: 2,
            roles: vec![write("y", 2, 3, 1), write_and_trim("x", 2, 4, 1)],
            bounds: bounds(2, 1),
        },
        Scope {
            name: "a slow reader, a trim",
            alignment: "2",
            before: 3,
            roles: vec![Role::Look, write_and_trim("x", 3, 4, 1)],
            bounds: bounds(2, 1),
        },
        Scope {
            name: "two trims, a writer",
            alignment: "2",
            before: 6,
            roles: vec![Role::Trim, write_and_trim("x", 6, 8, 1)],
            bounds: bounds(2, 1),
        },
        Scope {
            name: "divisor 3, a batch",
            alignment: "3",
            before: 0,
            roles: vec![write_and_trim("x", 0, 7, 9), Role::Look],
            bounds: bounds(2, 1),
        },
        Scope {
            name: "no windows",
            alignment: "none",
            before: 1,
            roles: vec![write("x", 1, 3, 2), Role::Look, write("y", 1, 3, 1)],
            bounds: bounds(2, 1),
        },
    ]
}

/// Plays every schedule; returns the number of schedules, or the first finding.
pub(crate) fn every(scope: &Scope) -> Result<u64, String> {
    let alignment = scope.alignment.parse().unwrap();
    let world = world(
        scope.alignment,
        &history("all", 99, scope.before),
        scope.before,
    );
    let mut choices = Every::default();
    let mut count = 0;
    let mut known = BTreeSet::new();
    loop {
        let mut world = world.clone();
        let journal = Journal::default();
        play(
            &mut world,
            &scope.roles,
            scope.bounds,
            &journal,
            &mut choices,
        );
        // Many schedules end alike, and the laws see the end only.
        let seen = xxh3_128(format!("{:?}", journal.lock().unwrap()).as_bytes());
        if known.insert((world.digest(), seen)) {
            check(&mut world, &scope.roles, &alignment, &journal)
                .map_err(|finding| format!("{}, schedule {count}: {finding}", scope.name))?;
        }
        count += 1;
        if !choices.advance() {
            return Ok(count);
        }
    }
}

/// Fewer switches: seconds instead of minutes.
#[test]
fn every_schedule_with_one_switch_keeps_the_laws() {
    for mut scope in scopes() {
        scope.bounds.switches = scope.bounds.switches.min(1);
        scope.bounds.faults = scope.bounds.faults.min(1);
        let count = every(&scope).unwrap();
        println!("{}: {count} schedules", scope.name);
        assert!(count > 100, "{}: {count}", scope.name);
    }
}

#[test]
#[ignore = "takes minutes in a release build"]
fn every_schedule_keeps_the_laws() {
    for scope in scopes() {
        println!("{}: {} schedules", scope.name, every(&scope).unwrap());
    }
}
