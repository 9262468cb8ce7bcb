//! A replica applies all commits of its primary, and no others.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use lithify_sim::disk::explore::explore;
use lithify_sim::disk::{Budget, Frontier, Image, Model, SimFs};
use lithify_sim::keyed::{Domain, Seed};
use lithify_sim::system::Failure;
use lithify_specimens::data_file::{Change, Decision, Options, Role, Store, decide};

use crate::fixture::{delete, eager, finish, names, open, put, state};

fn replica() -> Options {
    Options {
        role: Role::Replica,
        ..eager()
    }
}

/// Six commits. Some of them overwrite and delete.
fn primary(fs: &SimFs) -> Store {
    let mut store = open(fs, &eager());
    let batches = [
        vec![put("a", "1"), put("b", "1")],
        vec![delete("a")],
        vec![],
        vec![put("b", "2"), put("c", "1")],
        vec![delete("b"), put("b", "3")],
        vec![put("a", "2")],
    ];
    assert_eq!(store.commit(&batches), Ok(6));
    store
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> String {
    match outcome {
        Err(Failure::Other(message)) => message,
        other => panic!("it should be refused: {other:?}"),
    }
}

#[test]
fn a_replica_ends_with_the_same_state_and_the_same_chain() {
    let (fs, other) = (SimFs::new(), SimFs::new());
    let primary = primary(&fs);
    let mut store = open(&other, &replica());
    for (since, most) in [(0, 1), (1, 3), (4, 100)] {
        let changes = primary.changes_since(since, most).unwrap();
        store.replicate(&changes).unwrap();
    }
    assert_eq!(store.head(), 6);
    assert_eq!(store.chain(), primary.chain());
    assert_eq!(state(&store), state(&primary));
    drop(store);
    let store = open(&other, &replica());
    assert_eq!((store.head(), store.chain()), (6, primary.chain()));
}

#[test]
fn a_replica_refuses_writes_and_compactions_and_a_primary_refuses_changes() {
    let (fs, other) = (SimFs::new(), SimFs::new());
    let mut primary = primary(&fs);
    let changes = primary.changes_since(0, 100).unwrap();
    assert!(refused(primary.replicate(&changes)).contains("primary at commit 6"));
    let mut store = open(&other, &replica());
    store.replicate(&changes).unwrap();
    let message = refused(store.commit(&[vec![put("own", "1")]]));
    assert!(message.contains("replica at commit 6"), "{message}");
    assert!(store.space().dead_ratio() > 0.3);
    let options = store.options();
    assert_eq!(
        decide(&options.policy, options.role, store.space()),
        Decision::Replica
    );
    assert_eq!(store.head(), 6);
}

#[test]
fn a_gap_is_refused_with_the_commit_that_is_missing() {
    let (fs, other) = (SimFs::new(), SimFs::new());
    let changes = primary(&fs).changes_since(0, 100).unwrap();
    let mut store = open(&other, &replica());
    store.replicate(&changes[..2]).unwrap();
    let before = state(&store);
    let message = refused(store.replicate(&changes[3..]));
    assert!(
        message.contains("commit 4 came after 2: commit 3 is missing"),
        "{message}"
    );
    // A group that begins correctly and has a gap is refused completely.
    let with_hole = [changes[2].clone(), changes[4].clone()];
    assert!(refused(store.replicate(&with_hole)).contains("commit 4 is missing"));
    assert_eq!((store.head(), state(&store)), (2, before));
    assert_eq!(
        store.replicate(&changes),
        Ok(6),
        "what it has is compared and left out"
    );
}

#[test]
fn divergence_is_refused_with_the_first_commit_that_differs() {
    let (fs, elsewhere, other) = (SimFs::new(), SimFs::new(), SimFs::new());
    let primary = primary(&fs);
    // Another store has the first three commits, and then two commits of its own.
    let mut forked = open(&elsewhere, &eager());
    let batches = primary.changes_since(0, 3).unwrap();
    let batches: Vec<_> = batches.into_iter().map(|change| change.writes).collect();
    forked.commit(&batches).unwrap();
    forked
        .commit(&[vec![put("fork", "1")], vec![put("fork", "2")]])
        .unwrap();
    let mut store = open(&other, &replica());
    store
        .replicate(&forked.changes_since(0, 100).unwrap())
        .unwrap();
    let message = refused(store.replicate(&primary.changes_since(0, 100).unwrap()));
    assert!(
        message.contains("commit 4 is the first that differs"),
        "{message}"
    );
    // The next commit alone shows the difference too. The message then says how to find
    // the first one.
    let message = refused(store.replicate(&primary.changes_since(5, 100).unwrap()));
    assert!(
        message.contains("commit 6 follows another history: commit 5"),
        "{message}"
    );
    assert!(message.contains("send the changes since 0"), "{message}");
    assert_eq!(store.chain(), forked.chain(), "nothing was taken");
}

#[test]
fn a_change_that_was_altered_on_its_way_is_refused() {
    let (fs, other) = (SimFs::new(), SimFs::new());
    let changes = primary(&fs).changes_since(0, 100).unwrap();
    let altered = |alter: &dyn Fn(&mut Change)| {
        let mut change = changes[0].clone();
        alter(&mut change);
        let mut store = open(&SimFs::from_image(&other.image()), &replica());
        refused(store.replicate(&[change]))
    };
    let cases: [&dyn Fn(&mut Change); 4] = [
        &|change| change.writes[0].value = Some(b"2".to_vec()),
        &|change| change.writes[1].key = b"c".to_vec(),
        &|change| drop(change.writes.pop()),
        &|change| change.writes.swap(0, 1),
    ];
    for alter in cases {
        let message = altered(alter);
        assert!(
            message.contains("commit 1 is not what its checksum says"),
            "{message}"
        );
    }
}

#[test]
fn after_a_compaction_older_changes_are_gone_and_newer_ones_are_not() {
    let (fs, other) = (SimFs::new(), SimFs::new());
    let mut primary = primary(&fs);
    let mut store = open(&other, &replica());
    store
        .replicate(&primary.changes_since(0, 100).unwrap())
        .unwrap();
    let mut compaction = primary.begin_compaction(Duration::ZERO).unwrap();
    finish(&mut compaction, &mut primary, Duration::ZERO);
    primary.commit(&[vec![delete("c")]]).unwrap();
    let message = refused(primary.changes_since(5, 100));
    assert!(
        message.contains("begins with the state of commit 6"),
        "{message}"
    );
    assert!(refused(primary.changes_since(8, 100)).contains("newest durable commit is 7"));
    store
        .replicate(&primary.changes_since(6, 100).unwrap())
        .unwrap();
    assert_eq!((store.head(), store.chain()), (7, primary.chain()));
    assert_eq!(state(&store), state(&primary));
}

#[test]
fn a_promoted_replica_goes_on_where_its_primary_stopped() {
    let (fs, other, third) = (SimFs::new(), SimFs::new(), SimFs::new());
    let mut old = primary(&fs);
    let mut store = open(&other, &replica());
    store
        .replicate(&old.changes_since(0, 100).unwrap())
        .unwrap();
    store.promote().unwrap();
    assert_eq!(store.commit(&[vec![put("mine", "1")]]), Ok(7));
    let options = store.options();
    assert_eq!(
        decide(&options.policy, options.role, store.space()),
        Decision::Compact
    );
    // Another replica takes the commits of the new primary, and then refuses those of
    // the old one.
    let mut next = open(&third, &replica());
    next.replicate(&store.changes_since(0, 100).unwrap())
        .unwrap();
    old.commit(&[vec![put("late", "1")]]).unwrap();
    let message = refused(next.replicate(&old.changes_since(6, 1).unwrap()));
    assert!(
        message.contains("commit 7 is the first that differs"),
        "{message}"
    );
}

/// Commits that the primary could still lose are not sent.
#[test]
fn only_durable_commits_are_sent() {
    let options = Options {
        syncs_commits: false,
        ..eager()
    };
    let mut store = open(&SimFs::new(), &options);
    store.commit(&[vec![put("a", "1")]]).unwrap();
    assert_eq!(store.changes_since(0, 100), Ok(vec![]));
    store.sync().unwrap();
    assert_eq!(store.changes_since(0, 100).unwrap().len(), 1);
}

/// Calls `look` with the images that a power failure can leave, under the weakest model,
/// at each operation from `from` on.
fn after_power_failures(fs: &SimFs, from: usize, look: &mut dyn FnMut(&SimFs)) {
    let log = fs.log();
    let model = Model::named("paranoid").expect("it exists");
    let mut frontier = Frontier::new(model, Image::default(), &log);
    loop {
        if frontier.position() >= from {
            let mut draws = Seed(1).draws(Domain::CrashImages, frontier.position() as u64);
            let _ = explore(&frontier, Budget::LARGE, &mut draws, &mut |_, image| {
                look(&SimFs::from_image(&image));
                ControlFlow::Continue(())
            });
        }
        if frontier.next().is_none() {
            return;
        }
        frontier.advance();
    }
}

fn reopened(fs: &SimFs, options: &Options) -> Result<Store, Failure> {
    Store::open(Arc::new(fs.clone()), options)
}

/// No power failure leaves commits of a primary without the marker of the replica.
#[test]
fn a_replica_is_marked_before_its_first_commit() {
    let (fs, other) = (SimFs::new(), SimFs::new());
    let changes = primary(&fs).changes_since(0, 100).unwrap();
    let mut store = open(&other, &replica());
    store.replicate(&changes[..1]).unwrap();
    drop(store);
    let mut with_commits = 0;
    after_power_failures(&other, 0, &mut |fs| {
        let store = reopened(&SimFs::from_image(&fs.image()), &replica());
        let head = store.expect("it opens as a replica").head();
        with_commits += head;
        if head > 0 {
            let message = refused(reopened(fs, &eager()));
            assert!(message.contains("the store is a replica"), "{message}");
        }
    });
    assert!(with_commits > 0);
}

/// A power failure during a promotion leaves one of the two roles. A power failure after
/// the promotion, or after the next opening, leaves the primary.
#[test]
fn a_promotion_that_was_answered_is_not_taken_back() {
    let (fs, other) = (SimFs::new(), SimFs::new());
    let changes = primary(&fs).changes_since(0, 100).unwrap();
    let mut store = open(&other, &replica());
    store.replicate(&changes).unwrap();
    let before = other.log_length();
    store.promote().unwrap();
    store.promote().expect("a primary stays one");
    let after = other.log_length();
    assert_eq!(store.commit(&[vec![put("mine", "1")]]), Ok(7));
    drop(store);
    let mut interrupted = 0;
    after_power_failures(&other, before, &mut |fs| {
        let mut store = match reopened(fs, &eager()) {
            Ok(store) => store,
            Err(_) => {
                interrupted += 1;
                let mut store = reopened(fs, &replica()).expect("it is a replica still");
                assert_eq!(store.head(), 6);
                store.promote().unwrap();
                store
            }
        };
        store.commit(&[vec![put("late", "1")]]).unwrap();
        assert_eq!(names(fs), ["data.db", "lock"]);
    });
    assert!(interrupted > 0, "no power failure came before the end");
    after_power_failures(&other, after, &mut |fs| {
        reopened(fs, &eager()).expect("the promotion was answered");
    });
}

#[test]
fn a_primary_with_commits_becomes_a_replica_only_when_asked() {
    let fs = SimFs::new();
    drop(primary(&fs));
    let message = refused(reopened(&fs, &replica()));
    assert!(message.contains("primary at commit 6"), "{message}");
    assert_eq!(names(&fs), ["data.db", "lock"]);
    let options = Options {
        may_demote: true,
        ..replica()
    };
    drop(open(&fs, &options));
    assert!(refused(reopened(&fs, &eager())).contains("the store is a replica"));
}
