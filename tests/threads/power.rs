//! Power failures: whatever clients were told is durable, is.
//!
//! Method: the laboratory's file system logs every operation. In the moment in which a
//! client is told, it writes into the same log up to which commit everything is durable
//! now. Afterwards power fails before every barrier, and at the end, and legal images of
//! what the disk may hold then are opened: those in which nothing unsynced has survived
//! are always among them. Threads give way before each operation, so that a client that is told
//! too early has the time to say so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lithify::{Db, Durability, Options, Pacing, PendingCommit, Store};
use lithify_sim::disk::observed::ObservedFs;
use lithify_sim::disk::power_loss::Run;
use lithify_sim::disk::{Budget, Image, Mark, Model, SimFs};

use crate::{contents, in_threads, options, put};

const THREADS: u8 = 4;
const COMMITS: u8 = 12;

/// A disk, and what clients know of it.
#[derive(Default)]
struct Told {
    disk: SimFs,
    newest: Mutex<u64>,
}

impl Told {
    /// A client has learned that every commit up to here is durable.
    fn note(&self, commit: u64) {
        let mut newest = self.newest.lock().unwrap();
        if commit > *newest {
            *newest = commit;
            self.disk.mark(Mark::Acknowledged(commit));
        }
    }
}

/// Commits one key for each commit, and returns which commit has which key.
fn write(db: &Db, told: &Told, thread: u8, is_synced: bool) -> Vec<(u64, Vec<u8>)> {
    let mut pending: Vec<PendingCommit> = Vec::new();
    let mut commits = Vec::new();
    let keys = (0..COMMITS).map(|number| vec![thread, number]);
    for (number, key) in (1..).zip(keys.clone()) {
        let batch = put("main", &key, &key);
        // Two threads block for each commit. One hands over one at a time, one three.
        if thread < 2 {
            commits.push(db.commit(&batch).unwrap().get());
        } else {
            pending.push(db.commit_async(&batch).unwrap());
        }
        if thread == 3 && number % 3 > 0 {
            continue;
        }
        let outcomes = pending.drain(..).map(|pending| pending.wait().unwrap());
        for commit in outcomes {
            commits.push(commit.get());
            if is_synced {
                told.note(commit.get());
            }
        }
        let newest = commits[commits.len() - 1];
        if !is_synced && number % 4 == 0 {
            db.sync().unwrap();
            told.note(newest);
        } else if is_synced {
            told.note(newest);
        }
    }
    commits.into_iter().zip(keys).collect()
}

/// Opens images of every moment. Returns how many.
fn fail_everywhere(told: &Told, order: &BTreeMap<u64, Vec<u8>>, model: &'static Model) -> usize {
    let budget = Budget {
        enumerate: 8,
        bound: 0,
        samples: 4,
    };
    let settled = Options {
        pacing: Pacing::Settle,
        ..options()
    };
    let mut opened = 0;
    let run = Run::new(Image::default(), &told.disk);
    run.power_fails(model, .., budget, |loss| {
        let acknowledged = loss.known().acknowledged;
        if acknowledged == 0 {
            return;
        }
        opened += 1;
        let store = Store::open(Arc::new(loss.disk()), settled.clone())
            .unwrap_or_else(|error| panic!("{loss}: {error}"));
        let head = store.head().get();
        assert!(head >= acknowledged, "{loss}: {head} of {acknowledged}");
        let mut expected: Vec<_> = order.range(..=head).map(|(_, key)| key).collect();
        expected.sort();
        let found = contents(&store.snapshot(), "main");
        assert!(found.iter().map(|(key, _)| key).eq(expected), "{loss}");
    });
    opened
}

fn what_was_acknowledged_survives(durability: Durability, wal_file_bytes: u64) {
    let told = Told::default();
    let fs = ObservedFs::new(Arc::new(told.disk.clone()));
    fs.gate().give_way();
    let options = Options {
        durability,
        wal_file_bytes,
        ..options()
    };
    let db = Db::open_in(Arc::new(fs), options).unwrap();
    let is_synced = durability == Durability::Synced;
    let commits = in_threads(THREADS, &db, |thread, db| {
        write(&db, &told, thread, is_synced)
    });
    let order: BTreeMap<u64, Vec<u8>> = commits.into_iter().flatten().collect();
    let head = db.head().get();
    assert_eq!(order.len() as u64, head);
    // The last word: closing makes everything durable.
    db.close().unwrap();
    told.note(head);
    for name in ["posix-min", "ext4-ordered"] {
        let model = Model::named(name).unwrap();
        let opened = fail_everywhere(&told, &order, model);
        // How many there are depends on how the threads were scheduled.
        assert!(opened > 15, "only {opened} images under {name}");
    }
}

#[test]
fn a_commit_that_was_acknowledged_survives_a_power_failure() {
    what_was_acknowledged_survives(Durability::Synced, 400);
    what_was_acknowledged_survives(Durability::Synced, 1 << 20);
}

#[test]
fn a_commit_before_a_sync_survives_a_power_failure() {
    what_was_acknowledged_survives(Durability::Buffered, 400);
    what_was_acknowledged_survives(Durability::Buffered, 1 << 20);
}
