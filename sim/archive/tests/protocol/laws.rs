//! The laws, checked after a play: when all requests are done, writers continue without faults, and a
//! reader reads everything.
//!
//! 1. Of one commit at most one writer says that it has archived it.
//! 2. The archive ends up with one history: that of one of the writers at each commit. Every
//!    acknowledged commit is in it, with the contents that its writer gave.
//! 3. Every reader has seen that history at every commit, or an error that names a lost reply; and it
//!    has seen every commit that was acknowledged before it began.
//! 4. A writer ends with success, a lost reply, a race, or a refusal because of its history.
//! 5. When a writer was able to complete its work, each read of a commit makes as many requests as
//!    there are live windows.
//! 6. `verify` finds nothing.

use std::sync::Arc;

use lithify::{Alignment, Commit};
use lithify_archive::{Archive, Conversation, Request};

use crate::history::{History, KEYS, KEYSPACES, state};
use crate::play::{Bounds, Event, Journal, Role, play};
use crate::world::World;

const NO_FAULTS: Bounds = Bounds {
    switches: 0,
    faults: 0,
};

/// No decisions: the usual course.
struct Usual;

impl crate::choices::Choices for Usual {
    fn choose(&mut self, _: usize) -> usize {
        0
    }
}

/// Checks the laws. The journal is that of a play of these roles.
pub(crate) fn check(
    world: &mut World,
    roles: &[Role],
    alignment: &Alignment,
    journal: &Journal,
) -> Result<(), String> {
    let played = std::mem::take(&mut *journal.lock().unwrap());
    let histories: Vec<Option<&History>> = roles.iter().map(history_of).collect();
    let mut everything = played.clone();

    // Writers continue, one after the other.
    for (number, role) in roles.iter().enumerate() {
        if let Role::Write { history, .. } | Role::WriteAndTrim { history, .. } = role {
            let resumed = Role::Write {
                history: history.clone(),
                most: usize::MAX,
            };
            let later = act_alone(world, &[resumed], journal);
            let renumber = |event: &Event| match event {
                Event::Acknowledged(_, commit) => Event::Acknowledged(number, *commit),
                other => other.clone(),
            };
            everything.extend(
                later
                    .iter()
                    .filter(|it| matches!(it, Event::Acknowledged(..)))
                    .map(renumber),
            );
            errors(&later, |error| error.starts_with("store: "))?;
        }
    }
    world.requests.clear();
    let seen = act_alone(world, &[Role::Read], journal);
    let requested = std::mem::take(&mut world.requests);
    errors(&seen, |_| false)?;
    let final_history = seen.iter().find_map(|event| match event {
        Event::Commits(_, commits) => Some(commits.clone()),
        _ => None,
    });
    let final_history = final_history.ok_or("the last reader has seen no history")?;

    acknowledged(&everything, &histories, &final_history)?;
    readers(&played, &final_history)?;
    readers(&seen, &final_history)?;
    errors(&played, |error| !error.starts_with("other: "))?;
    requests(&requested, alignment, &final_history)?;
    verified(world)
}

fn history_of(role: &Role) -> Option<&History> {
    match role {
        Role::Write { history, .. } | Role::WriteAndTrim { history, .. } => Some(history),
        _ => None,
    }
}

fn act_alone(world: &mut World, roles: &[Role], journal: &Journal) -> Vec<Event> {
    play(world, roles, NO_FAULTS, journal, &mut Usual);
    std::mem::take(&mut *journal.lock().unwrap())
}

fn errors(events: &[Event], is_allowed: impl Fn(&str) -> bool) -> Result<(), String> {
    for event in events {
        if let Event::Failed(number, error) = event
            && !is_allowed(error)
        {
            return Err(format!("actor {number} ended with {error}"));
        }
    }
    Ok(())
}

/// Laws 1 and 2.
fn acknowledged(
    events: &[Event],
    histories: &[Option<&History>],
    archived: &History,
) -> Result<(), String> {
    let mut writers: std::collections::BTreeMap<Commit, usize> = Default::default();
    for event in events {
        let Event::Acknowledged(number, commit) = event else {
            continue;
        };
        if let Some(other) = writers.insert(*commit, *number) {
            return Err(format!(
                "commit {commit} was acknowledged by {other} and by {number}"
            ));
        }
        let place = commit.get() as usize - 1;
        let own = histories[*number]
            .expect("a writer has a history")
            .get(place);
        if archived.get(place) != own {
            return Err(format!(
                "commit {commit} of writer {number} is not in the archive as it was given"
            ));
        }
    }
    for (place, changes) in archived.iter().enumerate() {
        let is_of_somebody = histories
            .iter()
            .flatten()
            .any(|it| it.get(place) == Some(changes));
        if !is_of_somebody {
            return Err(format!("commit {} is in no history", changes.commit));
        }
    }
    Ok(())
}

/// Law 3.
fn readers(events: &[Event], archived: &History) -> Result<(), String> {
    let mut newest = Commit::ZERO;
    let mut least: std::collections::BTreeMap<usize, Commit> = Default::default();
    for event in events {
        match event {
            Event::Acknowledged(_, commit) => newest = newest.max(*commit),
            Event::Opening(number) => {
                least.insert(*number, newest);
            }
            Event::Opened(number, head) => {
                if *head < least[number] {
                    return Err(format!(
                        "reader {number} sees {head}, {} was acknowledged before",
                        least[number]
                    ));
                }
                if head.get() as usize > archived.len() {
                    return Err(format!(
                        "reader {number} sees commit {head}, which is not there later"
                    ));
                }
            }
            Event::Value(keyspace, key, at, value) => {
                let expected = state(archived, keyspace, at.get());
                if expected.get(key.as_bytes()) != value.as_ref() {
                    return Err(format!("{keyspace} {key} at {at} is {value:?}"));
                }
            }
            Event::Pairs(keyspace, at, pairs) => {
                let expected: Vec<_> = state(archived, keyspace, at.get()).into_iter().collect();
                if expected != *pairs {
                    return Err(format!(
                        "{keyspace} at {at} is {pairs:?}, and not {expected:?}"
                    ));
                }
            }
            Event::Commits(at, commits) => {
                if archived.get(..at.get() as usize) != Some(commits) {
                    return Err(format!("the commits up to {at} are {commits:?}"));
                }
            }
            Event::Failed(..) => {}
        }
    }
    Ok(())
}

/// Law 5.
fn requests(
    requested: &[Request],
    alignment: &Alignment,
    archived: &History,
) -> Result<(), String> {
    let head = Commit::new(archived.len() as u64);
    // Of each of the two commits: every key that is nowhere reads all windows.
    let windows = alignment.layout_at(head);
    let opening = 3;
    let of = |at: Commit| -> usize { windows.iter().filter(|window| window.start < at).count() };
    let mut expected = opening;
    for at in [head, Commit::new(head.get() / 2)] {
        let scans = KEYSPACES.len() + 1;
        expected += scans * of(at);
        for keyspace in KEYSPACES {
            for key in KEYS {
                expected += until_found(&windows, archived, keyspace, key, at);
            }
        }
    }
    match requested.len() == expected {
        true => Ok(()),
        false => Err(format!(
            "{} requests, and not {expected}: {requested:?}",
            requested.len()
        )),
    }
}

/// The windows that a point read goes through.
fn until_found(
    windows: &[lithify::Window],
    archived: &History,
    keyspace: &str,
    key: &str,
    at: Commit,
) -> usize {
    let mut count = 0;
    for window in windows.iter().rev().filter(|window| window.start < at) {
        count += 1;
        let commits = &archived[window.start.get() as usize..window.end.min(at).get() as usize];
        let mut operations = commits.iter().flat_map(|changes| &changes.operations);
        if operations.any(|it| it.keyspace == keyspace && it.key == key.as_bytes()) {
            break;
        }
    }
    count
}

/// Law 6.
fn verified(world: &mut World) -> Result<(), String> {
    let shared = Arc::new(crate::world::Shared(std::sync::Mutex::new(world.clone())));
    let checking =
        Conversation::new(|port| async move { Archive::open(&port, 0).await?.verify(&port).await });
    let verified = checking.run(&*shared).map_err(|error| error.to_string())?;
    match verified.damage.is_empty() && verified.foreign.is_empty() {
        true => Ok(()),
        false => Err(format!("{verified:?}")),
    }
}
