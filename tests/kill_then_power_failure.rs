//! Goal: whatever one process leaves behind when it dies, the next one on the same
//! machine does not build on sand.
//!
//! Method: the simulated disk remembers what is durable and what only the running system
//! sees. A first process is killed at each of its operations in turn, or one of its syncs
//! fails, and what could not be written is marked as clean, or stays dirty. A second
//! process opens the store, commits and compacts, and the power fails before each of its
//! operations. Each time, images of what may have survived are opened. Every image must
//! open and hold every commit that either process has acknowledged or shown.

use std::sync::Arc;

use lithify::{Durability, Options, Pacing, Placement, Store, WriteBatch};
use lithify_sim::disk::power_loss::{PowerLoss, Run};
use lithify_sim::disk::{Budget, Coverage, Fault, FaultKind, Image, Mark, Model, SimFs};

const BUDGET: Budget = Budget::SMALL;

fn options() -> Options {
    Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(1),
        wal_file_bytes: 130,
        pacing: Pacing::Manual,
        ..Options::default()
    }
}

fn commit(fs: &SimFs, store: &mut Store) -> lithify::Result<()> {
    let number = store.head().get() + 1;
    let mut batch = WriteBatch::new();
    batch.put("main", &number.to_be_bytes(), b"value");
    store.commit(&batch)?;
    fs.mark(Mark::Acknowledged(number));
    Ok(())
}

/// Creates a store, commits and compacts.
fn first_process(fs: &SimFs) -> lithify::Result<()> {
    let mut store = Store::open(Arc::new(fs.clone()), options())?;
    commit(fs, &mut store)?;
    commit(fs, &mut store)?;
    commit(fs, &mut store)?;
    store.settle()?;
    commit(fs, &mut store)?;
    store.settle()?;
    commit(fs, &mut store)?;
    store.close()
}

/// Opens what is there, shows it, commits and compacts.
fn second_process(fs: &SimFs) -> lithify::Result<()> {
    let mut store = Store::open(Arc::new(fs.clone()), options())?;
    fs.mark(Mark::Served(store.head().get()));
    commit(fs, &mut store)?;
    store.settle()?;
    commit(fs, &mut store)
}

fn check_image(loss: &PowerLoss<'_>, story: &str) {
    let fs = loss.disk();
    let shown = loss.known().acknowledged.max(loss.known().served);
    // Twice: opening must not make things worse.
    for time in ["first", "second"] {
        let store = Store::open(Arc::new(fs.clone()), options());
        let store = store.unwrap_or_else(|error| panic!("{story}{loss}: {time} time: {error}"));
        let head = store.head().get();
        assert!(head >= shown, "{story}{loss}: {shown} shown, {head} there");
        for number in 1..=head {
            let value = store.get("main", &number.to_be_bytes()).unwrap();
            assert_eq!(value.as_deref(), Some(&b"value"[..]), "{story}{loss}");
        }
    }
    let report = lithify::verify::verify(&fs).unwrap();
    assert!(report.is_sound(), "{story}{loss}:\n{report}");
}

/// A second process runs on what the first has left, and the power fails in it.
fn run_second_process(fs: &SimFs, story: &str) -> Coverage {
    let begun = fs.log_length();
    second_process(fs).unwrap_or_else(|error| panic!("{story}{error}"));
    Run::new(Image::default(), fs).power_fails(Model::DEFAULT, begun.., BUDGET, |loss| {
        check_image(loss, story);
    })
}

#[test]
fn a_process_is_killed_and_the_power_fails_in_the_next_one() {
    let fs = SimFs::new();
    first_process(&fs).unwrap();
    let first = Run::new(Image::default(), &fs);
    let operations = first.moments().count();
    assert!(
        operations > 40,
        "the first process does enough: {operations}"
    );
    let mut coverage = Coverage::default();
    for moment in first.moments() {
        let story = format!("killed {}, then ", first.describe(moment));
        coverage.add(run_second_process(&first.process_dies(moment), &story));
    }
    assert!(coverage.images > 10_000, "{coverage}");
}

#[test]
fn a_sync_fails_and_the_power_fails_in_the_next_process() {
    let mut coverage = Coverage::default();
    for kind in [
        FaultKind::SyncErrorClean,
        FaultKind::SyncErrorDirty,
        FaultKind::DirectorySyncError,
    ] {
        for at in 1.. {
            let fs = SimFs::new();
            let file = String::new();
            fs.arm(Fault {
                kind,
                file,
                at,
                stays: false,
            });
            let outcome = first_process(&fs);
            if fs.fired().is_empty() {
                assert!(at > 3 && outcome.is_ok(), "{at} {outcome:?}");
                break;
            }
            let story = format!("{kind} number {at}, then ");
            coverage.add(run_second_process(&fs, &story));
        }
    }
    assert!(coverage.images > 10_000, "{coverage}");
}

#[test]
fn the_power_fails_at_every_operation() {
    let fs = SimFs::new();
    first_process(&fs).unwrap();
    second_process(&fs).unwrap();
    let run = Run::new(Image::default(), &fs);
    run.power_fails(Model::DEFAULT, .., BUDGET, |loss| check_image(loss, ""));
}

/// The model itself loses what it should: what is synced survives in every image, and
/// without syncs there is one in which nothing does.
#[test]
fn what_is_not_synced_is_not_promised() {
    for (durability, survives) in [(Durability::Synced, 1), (Durability::Buffered, 0)] {
        let fs = SimFs::new();
        let options = Options {
            durability,
            ..options()
        };
        let mut store = Store::open(Arc::new(fs.clone()), options).unwrap();
        let mut batch = WriteBatch::new();
        batch.put("main", b"key", b"value");
        store.commit(&batch).unwrap();
        let run = Run::new(Image::default(), &fs);
        let mut fewest = u64::MAX;
        run.power_fails(Model::DEFAULT, fs.log_length().., BUDGET, |loss| {
            let store = Store::open(Arc::new(loss.disk()), Options::default()).unwrap();
            fewest = fewest.min(store.head().get());
        });
        assert_eq!(fewest, survives, "{durability:?}");
    }
}
