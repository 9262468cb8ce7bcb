//! Goal: the protocol behind `Db` keeps its promises in all orders of turns that seeds
//! draw, and the laboratory notices when it does not.
//!
//! Method: short campaigns over the system `lithify-db`, with and without planted bugs;
//! and two stores driven by hand, which show that groups are formed and that a lost
//! wake-up would be noticed. `sim mutants --system lithify-db` looks for every bug,
//! with more seeds.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::stepped::{Request, Sizes, SteppedDb, TaskId};
use lithify::{Commit, Error, Options, Store, WriteBatch};
use lithify_sim::disk::FaultKind;
use lithify_sim::run::generate::Recipe;
use lithify_sim::run::workload::{WORKLOADS, Workload};
use lithify_sim::search::campaign::Campaign;
use lithify_sim::search::crashes::Reach;
use lithify_sim::system::System;
use lithify_sim::systems::lithify_db::LithifyDb;

static SYSTEM: &dyn System = &LithifyDb;

fn campaign(workload: &'static Workload, faults: Vec<FaultKind>) -> Campaign {
    Campaign {
        recipe: Recipe {
            workload,
            faults,
            ..Recipe::new(SYSTEM)
        },
        reach: Reach {
            max_images: 200,
            ..Reach::SMALL
        },
        determinism_one_in: 4,
        ..Campaign::new(SYSTEM)
    }
}

#[test]
fn some_seeds_of_every_workload_pass() {
    for workload in WORKLOADS {
        for faults in [Vec::new(), FaultKind::ALL.to_vec()] {
            let (ledger, found) = campaign(workload, faults).run(0..4);
            assert!(found.is_none(), "{}: {found:?}", workload.name);
            assert!(ledger.recovered > 0, "{}", workload.name);
        }
    }
}

/// A lost wake-up is a finding, and so are a wrong order of commits and a commit that
/// is visible before it is durable.
#[cfg(feature = "planted-bugs")]
#[test]
fn planted_bugs_are_found_by_the_oracles_that_are_meant_to() {
    use lithify_sim::judge::Enabled;
    use lithify_sim::judge::oracle::Oracle;
    let bugs = [
        ("standby-not-called", Oracle::Liveness),
        ("called-without-a-bell", Oracle::Liveness),
        ("room-not-announced", Oracle::Liveness),
        ("idle-makes-no-room", Oracle::Liveness),
        ("group-taken-from-the-end", Oracle::Errors),
        ("visible-before-written", Oracle::Durability),
        ("sync-asks-for-nothing", Oracle::Durability),
        ("nobody-waits-for-room", Oracle::Errors),
        ("last-item-lost", Oracle::Errors),
        ("own-writes-pass-the-end", Oracle::Errors),
        ("held-range-loses-reads", Oracle::Errors),
        ("read-only-takes-number", Oracle::Errors),
    ];
    for (bug, oracle) in bugs {
        let mut campaign = campaign(&WORKLOADS[0], Vec::new());
        campaign.bug = Some(bug);
        // A compactor that is not woken also shows in the layout.
        campaign.enabled = Enabled::without([Oracle::Confluence, Oracle::Layout]);
        let (_, found) = campaign.run(0..60);
        let found = found.map(|found| found.finding.oracle);
        assert_eq!(found, Some(oracle), "{bug}");
    }
}

const SIZES: Sizes = Sizes {
    inbox_commits: 4096,
    group_bytes: 1 << 20,
    waiting_bytes: 1 << 24,
    max_keyspaces: 3,
};

fn open(fs: &MemFs) -> SteppedDb {
    SteppedDb::open(Arc::new(fs.clone()), Options::default(), SIZES).unwrap()
}

fn put(keyspace: &str, key: &[u8]) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(keyspace, key, b"value");
    batch
}

/// Gives turns to these tasks, in order, while one of them may take a turn. Returns
/// their outcomes.
fn give_turns(db: &mut SteppedDb, tasks: &[TaskId]) -> Vec<(TaskId, Result<Commit, Error>)> {
    let mut outcomes = Vec::new();
    while let Some(&task) = tasks.iter().find(|&&task| db.may_go(task)) {
        let outcome = db.turn(task);
        outcomes.extend(outcome.map(|outcome| (task, outcome)));
    }
    outcomes
}

/// One client leads. The commits that three others submit meanwhile become one group,
/// from which only the commit beyond a limit is refused. The history equals that of a
/// store with one owner.
#[test]
fn commits_that_come_together_are_one_group() {
    let fs = MemFs::new();
    let mut db = open(&fs);
    let mut too_many = put("a", b"key");
    for name in ["x", "y", "z"] {
        too_many.put(name, b"key", b"value");
    }
    let batches = [
        put("a", b"one"),
        put("b", b"two"),
        too_many,
        put("c", b"three"),
    ];
    let clients = batches.each_ref().map(|batch| {
        let task = db
            .start(Request::Commit(std::slice::from_ref(batch)))
            .unwrap();
        assert!(db.turn(task).is_none(), "it is in the queue, and not done");
        task
    });
    assert!(db.may_go(clients[0]), "the first one leads");
    assert!(!clients[1..].iter().any(|&task| db.may_go(task)));
    let mut outcomes = give_turns(&mut db, &clients);
    outcomes.sort_by_key(|(task, _)| *task);
    let numbers = outcomes
        .into_iter()
        .map(|(_, outcome)| outcome.map(Commit::get));
    assert!(
        matches!(
            &numbers.collect::<Vec<_>>()[..],
            [Ok(1), Ok(2), Err(Error::Limit { .. }), Ok(3)]
        ),
        "each has its own answer"
    );
    let threads = [SteppedDb::STANDBY, SteppedDb::COMPACTOR];
    let settle = db.start(Request::Settle).unwrap();
    let settled = give_turns(&mut db, &[settle, threads[0], threads[1]]);
    assert!(matches!(settled[..], [(_, Ok(_))]));

    let mut store = Store::open(Arc::new(MemFs::new()), Options::default()).unwrap();
    for index in [0, 1, 3] {
        store.commit(&batches[index]).unwrap();
    }
    store.settle().unwrap();
    assert_eq!(db.layout().to_string(), store.layout().to_string());

    let stop = db.start(Request::Stop).unwrap();
    let ended = give_turns(&mut db, &[stop, threads[0], threads[1]]);
    assert_eq!(ended.len(), 3, "the threads have come to their ends");
    db.close().unwrap();
    assert_eq!(open(&fs).head().get(), 3);
}

/// The standby thread leads a commit without a waiting client. If that thread gets no
/// turn, no client can continue; a lost wake-up would look the same.
#[test]
fn whoever_waits_has_no_turn_before_it_was_woken() {
    let fs = MemFs::new();
    let mut db = open(&fs);
    let threads = [SteppedDb::STANDBY, SteppedDb::COMPACTOR];
    assert!(give_turns(&mut db, &threads).is_empty());
    assert!(!threads.iter().any(|&task| db.may_go(task)), "they sleep");
    let batch = put("a", b"key");
    let client = db.start(Request::CommitAsync(&batch)).unwrap();
    assert!(give_turns(&mut db, &[client]).is_empty());
    assert!(db.has_handed_in(client) && !db.may_go(client));
    assert!(db.may_go(SteppedDb::STANDBY), "it was called");
    assert!(give_turns(&mut db, &[SteppedDb::STANDBY]).is_empty());
    let outcomes = give_turns(&mut db, &[client]);
    assert!(matches!(outcomes[..], [(_, Ok(commit))] if commit.get() == 1));
}
