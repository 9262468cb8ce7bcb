//! Goal: a call of a store that never ends, and that uses the disk meanwhile, ends a run
//! with a finding instead of hanging it.
//!
//! Method: loops on a disk on which a call was begun. Then a planted bug of the engine,
//! whose read of a file that is too short never ends: it is found, replayed with the
//! same message, and shrunk.

use std::sync::Arc;

use lithify::fs::{Access, File, Fs};
use lithify_sim::disk::{MAX_OPERATIONS, SimFs};
use lithify_sim::panics::caught;

/// A disk with a file, on which a call has begun.
fn disk() -> (SimFs, Arc<dyn File>) {
    let fs = SimFs::new();
    let file = fs.create("file").unwrap();
    file.append(b"content").unwrap();
    (fs.clone().in_call("settle"), file)
}

/// Reads at the end of a file until an operation fails.
fn read_for_ever(file: &dyn File) {
    while file.read_at(7, &mut [0]).is_ok() {}
}

#[test]
fn the_message_names_the_call_and_what_it_repeats() {
    let (_fs, file) = disk();
    let message = caught(|| read_for_ever(&*file)).unwrap_err();
    assert_eq!(
        message,
        "the call \"settle\" has not ended after 1000000 operations of the disk; again and \
         again: read file"
    );
}

/// Operations that fail count, too, and a round may have several operations.
#[test]
fn operations_that_fail_are_counted() {
    let (fs, _) = disk();
    let message = caught(|| -> () {
        loop {
            fs.remove("absent").unwrap_err();
            fs.list("").unwrap();
            fs.remove("absent").unwrap_err();
        }
    });
    let message = message.unwrap_err();
    let end = "again and again: remove absent, remove absent, list /";
    assert!(message.ends_with(end), "{message}");
}

#[test]
fn what_is_not_repeated_is_named_once() {
    let (fs, _) = disk();
    let message = caught(|| -> () {
        for number in 0.. {
            fs.open(&format!("file-{number}"), Access::Read)
                .unwrap_err();
        }
    });
    let message = message.unwrap_err();
    assert!(message.contains("the last ones: open file-"), "{message}");
}

#[test]
fn each_call_has_its_own_bound_and_a_disk_without_calls_has_none() {
    let (fs, file) = disk();
    for _ in 0..3 {
        fs.begin_call("read");
        for _ in 0..MAX_OPERATIONS / 2 {
            file.len().unwrap();
        }
    }
    let fs = SimFs::new();
    let file = fs.create("file").unwrap();
    for _ in 0..=MAX_OPERATIONS {
        file.len().unwrap();
    }
}

/// A store that uses the disk when it is dropped, like one that hands files to a reader.
struct Busy(Arc<dyn File>);

impl Drop for Busy {
    fn drop(&mut self) {
        read_for_ever(&*self.0);
    }
}

/// The disk refuses everything while the panic unwinds and when the store is dropped
/// later. The next call is free again.
#[test]
fn what_is_dropped_behind_the_bound_meets_errors() {
    let (fs, file) = disk();
    let kept = Busy(Arc::clone(&file));
    let ended = caught(|| {
        let _busy = Busy(Arc::clone(&file));
        read_for_ever(&*file);
    });
    assert!(ended.is_err());
    drop(kept);
    fs.begin_call("open");
    file.read_at(0, &mut [0]).unwrap();
}

/// Nothing in a store can catch the end of its call and go on for ever.
#[test]
fn a_store_that_catches_the_panic_meets_another() {
    let (_fs, file) = disk();
    let ended = caught(|| {
        assert!(caught(|| read_for_ever(&*file)).is_err());
        while file.len().is_err() {}
    });
    assert!(ended.unwrap_err().contains("again and again: len file"));
}

#[cfg(feature = "planted-bugs")]
#[test]
fn a_planted_call_without_an_end_is_found_replayed_and_shrunk() {
    use lithify_sim::finding::shrink::shrink;
    use lithify_sim::judge::oracle::Oracle;
    use lithify_sim::search::campaign::Campaign;
    use lithify_sim::stop::Stop;
    use lithify_sim::systems::lithify::Lithify;

    let campaign = Campaign {
        bug: Some("empty-read-repeated"),
        ..Campaign::new(&Lithify)
    };
    let (_, found) = campaign.run(0..40);
    let found = found.expect("the bug is found");
    assert_eq!(found.finding.oracle, Oracle::Liveness);
    assert!(found.finding.message.contains("again and again: read "));
    assert_eq!(found.disagreement(), None);
    let shrunk = shrink(&found.plan, Stop::never()).expect("it fails");
    assert!(shrunk.plan.actions.len() <= 4, "{}", shrunk.plan);
}
