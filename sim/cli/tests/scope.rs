//! Goal: an enumeration that calls itself complete is complete, and it reports if it is
//! not.
//!
//! Method: every system is enumerated completely, and planted bugs that only background
//! work shows must be found. Then a correct store gets background work that no system
//! should have: work that never ends, that is not visible, or that restores the disk
//! and is only wrong in between.

use std::sync::Arc;

use lithify::fs::Fs;
use lithify_cli::systems::SYSTEMS;
use lithify_sim::disk::model::MODELS;
use lithify_sim::history::{Batch, State};
use lithify_sim::search::scope::{Enumerated, Gap, Scope, enumerate};
use lithify_sim::stop::Stop;
use lithify_sim::system::{Engine, Failure, Instance, Setting, Settings, System};

fn scope(system: &'static dyn System, commits: u64) -> Scope {
    Scope {
        system,
        settings: Settings::new(),
        model: &MODELS[0],
        commits,
        keyspaces: 2,
        max_images: 1 << 16,
        stop: Stop::never(),
    }
}

fn named(name: &str) -> &'static dyn System {
    let mut systems = SYSTEMS.iter();
    *systems
        .find(|system| system.name() == name)
        .expect("there is such a system")
}

#[test]
fn every_system_comes_to_rest_and_keeps_its_promises() {
    for system in SYSTEMS {
        // Two commits with backups and a restored store have 1.6 million images.
        let commits = if system.name() == "backup" { 1 } else { 2 };
        let found = enumerate(&scope(*system, commits));
        assert!(found.finding.is_none(), "{system:?}: {:?}", found.finding);
        // A wake-up that finds no work is not visible in any property of a store.
        let has_silent_turns = system.name() == "lithify-db";
        let is_seen = match found.gap() {
            None => true,
            Some(Gap::Silent(_)) => has_silent_turns,
            Some(_) => false,
        };
        assert!(is_seen, "{system:?}: {found:?}");
        assert!(found.ends > 0, "{system:?}: {found:?}");
    }
}

/// The log with snapshots after six commits, with a snapshot every two.
#[cfg(feature = "planted-bugs")]
#[test]
fn the_bugs_of_a_snapshot_are_found_because_snapshots_are_written() {
    use lithify_sim::system::planted_in;
    let system = named("snapshot-log");
    let every_two = Settings::from([("snapshot-every".to_owned(), "2".to_owned())]);
    let scope = Scope {
        settings: every_two,
        ..scope(system, 6)
    };
    assert_eq!(enumerate(&scope).gap(), None);
    for bug in [
        "rename-before-sync",
        "no-directory-sync",
        "one-directory-sync-for-both",
        "log-removed-first",
        "replay-not-filtered",
        "snapshot-overwritten-in-place",
    ] {
        let found = planted_in(system, bug, || enumerate(&scope));
        assert_eq!(found.gap(), Some(Gap::Finding), "{bug}: {found:?}");
    }
}

#[test]
fn crash_points_that_are_only_bounded_are_no_proof() {
    let few = Scope {
        max_images: 1,
        ..scope(named("lithify"), 2)
    };
    let found = enumerate(&few);
    let bounded = found.coverage.points - found.coverage.enumerated_points;
    assert!(bounded > 0 && found.came_to_end, "{found:?}");
    assert_eq!(found.gap(), Some(Gap::Bounded(bounded)));
    assert!(!found.is_complete());
}

/// Background work that no system should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// The work is always there and does nothing.
    Endless,
    /// The work is done at the third step; the first two steps are not visible.
    Hidden,
    /// The work creates a file with which the store does not open, and removes it.
    Detour,
}

/// A correct store with such work.
#[derive(Clone, Copy)]
struct Odd(Work);

struct OddEngine(Work, Arc<dyn Engine>);

struct OddInstance {
    work: Work,
    fs: Arc<dyn Fs>,
    inner: Box<dyn Instance>,
    runs: u32,
}

impl System for Odd {
    fn name(&self) -> &'static str {
        "odd"
    }

    fn about(&self) -> &'static str {
        "a log with background work as no system should have it"
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        let engine = named("snapshot-log").configure(settings)?;
        Ok(Arc::new(OddEngine(self.0, engine)))
    }
}

impl Engine for OddEngine {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        let names = fs.list("").expect("the disk is healthy");
        if names.iter().any(|name| name == "detour") {
            return Err(Failure::Other("somebody is on a detour".to_owned()));
        }
        Ok(Box::new(OddInstance {
            work: self.0,
            fs: Arc::clone(&fs),
            inner: self.1.open(fs)?,
            runs: 0,
        }))
    }
}

impl Instance for OddInstance {
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        self.inner.commit(batches)
    }

    fn head(&self) -> u64 {
        self.inner.head()
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.inner.sync()
    }

    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        self.inner.state_at(commit)
    }

    fn tasks(&self) -> Vec<String> {
        let is_done = self.work == Work::Hidden && self.runs == 3;
        match is_done {
            true => Vec::new(),
            false => vec!["segment-of-its-own".to_owned()],
        }
    }

    fn run(&mut self, _: &str) -> Result<(), Failure> {
        self.runs += 1;
        if self.work == Work::Detour {
            self.fs.create("detour").expect("the disk is healthy");
            self.fs.sync_dir("").expect("the disk is healthy");
            self.fs.remove("detour").expect("the disk is healthy");
            self.fs.sync_dir("").expect("the disk is healthy");
        }
        Ok(())
    }

    fn progress(&self) -> String {
        self.inner.progress()
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        self.inner.close()
    }
}

static ENDLESS: Odd = Odd(Work::Endless);
static HIDDEN: Odd = Odd(Work::Hidden);
static DETOUR: Odd = Odd(Work::Detour);

fn enumerated(system: &'static Odd) -> Enumerated {
    enumerate(&scope(system, 1))
}

#[test]
fn a_store_that_never_rests_is_not_seen_to_its_end() {
    let found = enumerated(&ENDLESS);
    assert!(found.came_to_end && found.ends == 0, "{found:?}");
    assert_eq!(found.gap(), Some(Gap::NoEnd));
}

/// Such work is still followed to its end, and so are tasks that another system calls
/// `segment`.
#[test]
fn work_that_does_not_show_is_followed_and_told() {
    let found = enumerated(&HIDDEN);
    assert!(found.ends > 0 && found.silent > 0, "{found:?}");
    assert_eq!(found.gap(), Some(Gap::Silent(found.silent)));
}

#[test]
fn a_move_that_leads_to_a_known_state_is_crashed_on_its_way() {
    let found = enumerated(&DETOUR);
    let (finding, _) = found.finding.expect("there is something to find");
    assert!(finding.to_string().contains("detour"), "{finding}");
}
