//! What a rewrite does with commits, failures, crashes and restarts.

use std::sync::Arc;

use lithify::fs::Fs;
use lithify_sim::disk::explore::explore;
use lithify_sim::disk::{Budget, Fault, FaultKind, Frontier, Image, Model, SimFs};
use lithify_sim::keyed::{Domain, Seed};
use lithify_sim::planted;
use lithify_sim::system::Failure;
use lithify_specimens::wal_ratio::{Decision, Operation, Options, Policy, RatioStore};

const MINUTE: u64 = 60_000;

/// The published policy with a small threshold and no longest interval.
const POLICY: Policy = Policy {
    threshold: 3,
    max_interval: None,
    ..Policy::PUBLISHED
};

const OPTIONS: Options = Options {
    policy: POLICY,
    piece_bytes: 20,
};

fn open(fs: &SimFs, now: u64) -> RatioStore {
    RatioStore::open(Arc::new(fs.clone()), OPTIONS, now).expect("the store opens")
}

fn put(key: &str, value: &str) -> Vec<Operation> {
    vec![Operation::Put(key.into(), value.into())]
}

fn commit(store: &mut RatioStore, operations: &[Operation], now: u64) {
    let commit = store.accept(operations).expect("the store runs");
    store.finish_commit(commit, now).expect("the disk works");
}

/// Writes one key until the threshold is reached.
fn sabotage(store: &mut RatioStore, now: u64) {
    let mut number = 0;
    while store.log_bytes() <= POLICY.max_bytes(store.read_table().live_bytes()) {
        number += 1;
        commit(store, &put("hot", &format!("{number:04}")), now);
    }
}

fn value(store: &RatioStore, key: &str) -> Option<String> {
    let table = store.read_table();
    let value = table.pairs().get(key.as_bytes());
    value.map(|value| String::from_utf8(value.clone()).expect("values are text"))
}

fn names(fs: &SimFs) -> Vec<String> {
    fs.list("").expect("the directory is there")
}

fn arm(fs: &SimFs, kind: FaultKind, file: &str, at: u32) {
    fs.arm(Fault {
        kind,
        file: file.to_owned(),
        at,
        stays: false,
    });
}

/// The complete order of operations of a store, for human readers.
#[test]
fn the_order_of_operations() {
    let fs = SimFs::new();
    let mut lines = Vec::new();
    let mut seen = 0;
    let mut note = |title: &str| {
        lines.push(format!("{title}:"));
        let log = fs.log();
        let operations = &log.operations()[seen..];
        seen = log.operations().len();
        let calls = operations.iter().filter(|operation| operation.is_call());
        lines.extend(calls.map(|operation| format!("  {}", log.describe(operation))));
    };
    let mut store = open(&fs, 0);
    note("a new store");
    sabotage(&mut store, 0);
    note("one key is written again and again");
    store.accept(&put("pending", "1")).expect("the store runs");
    assert_eq!(store.check(30 * MINUTE), Decision::Ratio);
    store.finish(30 * MINUTE).expect("the disk works");
    note("a check finds a pending commit and too long a log");
    commit(&mut store, &put("after", "1"), 31 * MINUTE);
    note("the next commit");
    drop(store);
    open(&fs, 0);
    note("the next process");
    insta::assert_snapshot!(lines.join("\n"));
}

/// A commit that arrives during the pause is acknowledged after the swap and is durable
/// then. It is written to the new log, and no power failure after that loses it.
#[test]
fn commits_that_come_during_the_pause_wait_for_its_end() {
    let fs = SimFs::new();
    let mut store = open(&fs, 0);
    sabotage(&mut store, 0);
    let pending = store.accept(&put("pending", "1")).expect("the store runs");
    store.check(30 * MINUTE);
    assert!(store.is_paused());
    let blocked = store
        .accept(&put("blocked", "1"))
        .expect("the queue takes it");
    let mut steps = 0;
    while store.is_paused() {
        assert!(store.acknowledged() < blocked, "step {steps}");
        assert_eq!(
            value(&store, "blocked"),
            None,
            "readers see what is durable"
        );
        store.step(30 * MINUTE).expect("the disk works");
        steps += 1;
    }
    assert!(steps > 6, "a pause of {steps} steps");
    assert_eq!(
        store.acknowledged(),
        pending,
        "the pending batch was flushed, no more"
    );
    assert_eq!(names(&fs), ["lock", "wal-00000002.log"]);
    store
        .finish_commit(blocked, 30 * MINUTE)
        .expect("the disk works");
    let log = fs.log();
    drop(store);
    // Every image of a power failure at the end holds both commits.
    let model = Model::named("paranoid").expect("it exists");
    let mut frontier = Frontier::new(model, Image::default(), &log);
    frontier.advance_to(log.operations().len());
    let mut draws = Seed(1).draws(Domain::CrashImages, 0);
    let mut images = 0;
    let _ = explore(&frontier, Budget::LARGE, &mut draws, &mut |_, image| {
        let store = open(&SimFs::from_image(&image), 0);
        assert_eq!(value(&store, "blocked").as_deref(), Some("1"));
        assert_eq!(value(&store, "pending").as_deref(), Some("1"));
        images += 1;
        std::ops::ControlFlow::Continue(())
    });
    assert!(images > 0);
}

/// If an operation fails before the new log has its name, the rewrite is abandoned,
/// nothing is lost, commits continue in the old log, and the next check tries again.
fn survive_a_failed_rewrite(kind: FaultKind, at: u32) {
    let fs = SimFs::new();
    let mut store = open(&fs, 0);
    sabotage(&mut store, 0);
    store.check(30 * MINUTE);
    arm(&fs, kind, "wal-new", at);
    let outcome = (0..20).find_map(|_| store.step(30 * MINUTE).err());
    assert!(
        matches!(outcome, Some(Failure::Disk(_))),
        "{kind}: {outcome:?}"
    );
    fs.disarm();
    assert!(!store.has_stopped() && !store.is_paused(), "{kind}");
    assert_eq!(names(&fs), ["lock", "wal-00000001.log"], "{kind}");
    commit(&mut store, &put("after", "1"), 40 * MINUTE);
    sabotage(&mut store, 40 * MINUTE);
    // A failed rewrite does not count as a rewrite: the minimal interval has not begun.
    assert_eq!(store.check(45 * MINUTE), Decision::Ratio, "{kind}");
    store.finish(45 * MINUTE).expect("the disk works");
    assert_eq!(store.counters().given_up, 1, "{kind}");
    assert_eq!(store.counters().rewrites, 1, "{kind}");
    drop(store);
    let store = open(&fs, 0);
    assert_eq!(value(&store, "after").as_deref(), Some("1"), "{kind}");
    assert_eq!(names(&fs), ["lock", "wal-00000002.log"], "{kind}");
}

#[test]
fn a_rewrite_that_fails_is_given_up_and_tried_again() {
    for kind in [
        FaultKind::MetadataError,
        FaultKind::WriteError,
        FaultKind::DiskFull,
        FaultKind::SyncErrorClean,
        FaultKind::SyncErrorDirty,
    ] {
        survive_a_failed_rewrite(kind, 1);
    }
    // A failure in the middle of the pieces.
    survive_a_failed_rewrite(FaultKind::WriteError, 2);
    let result = std::panic::catch_unwind(|| {
        planted::with(Some("last-rewrite-noted-early"), || {
            survive_a_failed_rewrite(FaultKind::WriteError, 1);
        });
    });
    assert!(
        result.is_err(),
        "the check sees the bug that it is there for"
    );
}

/// From the rename on, it is unknown which log the next opening will find. So nothing may
/// be acknowledged until the store was opened again.
#[test]
fn a_failed_swap_stops_the_store() {
    for (kind, file) in [
        (FaultKind::FalseError, "wal-0"),
        (FaultKind::DirectorySyncError, ""),
    ] {
        let fs = SimFs::new();
        let mut store = open(&fs, 0);
        sabotage(&mut store, 0);
        store.check(30 * MINUTE);
        arm(&fs, kind, file, 1);
        let outcome = (0..20).find_map(|_| store.step(30 * MINUTE).err());
        assert!(
            matches!(outcome, Some(Failure::Disk(_))),
            "{kind}: {outcome:?}"
        );
        assert!(store.has_stopped(), "{kind}");
        let refusal = store
            .accept(&put("after", "1"))
            .expect_err("it has stopped");
        assert!(
            refusal.to_string().contains("open it again"),
            "{kind}: {refusal}"
        );
        drop(store);
        fs.disarm();
        let mut store = open(&fs, 0);
        assert_eq!(names(&fs), ["lock", "wal-00000002.log"], "{kind}");
        // The first commit of this incarnation is written to a log of its own.
        commit(&mut store, &put("after", "1"), 0);
        assert_eq!(names(&fs), ["lock", "wal-00000003.log"], "{kind}");
    }
}

/// The log is rewritten even if each incarnation is shorter than the minimal interval.
/// The rewrites of earlier incarnations are not known and do not count.
#[test]
fn short_lives_do_not_let_the_log_grow() {
    let fs = SimFs::new();
    for epoch in 0..50 {
        let mut store = open(&fs, 0);
        store.check(0);
        store.finish(0).expect("the disk works");
        for number in 0..20 {
            let text = format!("{epoch:02}{number:02}");
            commit(&mut store, &put("hot", &text), number * MINUTE);
        }
        store.check(19 * MINUTE);
        store.finish(19 * MINUTE).expect("the disk works");
        let most = POLICY.max_bytes(store.read_table().live_bytes());
        // An incarnation may end without its second rewrite and then leaves 20 commits of
        // 25 bytes each.
        assert!(
            store.log_bytes() <= most + 20 * 25,
            "epoch {epoch}: {}",
            store.log_bytes()
        );
    }
}

/// The longest interval rewrites an idle store once. After that, nothing is dead.
#[test]
fn an_idle_store_is_rewritten_once() {
    let policy = Policy {
        max_interval: Some(24 * 60 * MINUTE),
        ..POLICY
    };
    let options = Options { policy, ..OPTIONS };
    let fs = SimFs::new();
    let mut store = RatioStore::open(Arc::new(fs.clone()), options, 0).expect("it opens");
    commit(&mut store, &put("a", "1"), 0);
    commit(&mut store, &put("a", "2"), 0);
    let mut rewritten_at = Vec::new();
    for check in 1..=200 {
        let now = check * policy.check_every;
        if store.check(now).rewrites() {
            rewritten_at.push(check);
        }
        store.finish(now).expect("the disk works");
    }
    assert_eq!(rewritten_at, [48]);
}

/// The base always counts as live, so the ratio never divides by zero.
#[test]
fn a_log_of_deleted_keys_shrinks_to_its_base() {
    let fs = SimFs::new();
    let mut store = open(&fs, 0);
    for number in 0..20 {
        let key = format!("key-{number}");
        commit(&mut store, &put(&key, "value"), 0);
        commit(&mut store, &[Operation::Delete(key.into())], 0);
    }
    assert_eq!(store.check(0), Decision::Ratio);
    store.finish(0).expect("the disk works");
    assert_eq!(store.log_bytes(), 41);
    drop(store);
    let store = open(&fs, 0);
    assert!(store.read_table().pairs().is_empty());
    assert_eq!(store.acknowledged(), 40);
}

/// A store that is already open is refused, and so is a store whose base is cut.
#[test]
fn what_cannot_be_opened_says_why() {
    let fs = SimFs::new();
    let mut store = open(&fs, 0);
    let second = RatioStore::open(Arc::new(fs.clone()), OPTIONS, 0).expect_err("it is locked");
    assert!(
        second
            .to_string()
            .contains("the store is locked: another process or handle has it open"),
        "{second}"
    );
    sabotage(&mut store, 0);
    store.check(0);
    store.finish(0).expect("the disk works");
    let length = store.log_bytes();
    drop(store);
    let file = fs
        .open("wal-00000002.log", lithify::fs::Access::Write)
        .expect("it is there");
    file.set_len(length - 1).expect("it can be cut");
    let damaged = RatioStore::open(Arc::new(fs), OPTIONS, 0).expect_err("the base is not whole");
    assert!(
        matches!(&damaged, Failure::Damage(text) if text.contains("0 pairs of 1")),
        "{damaged}"
    );
}

/// Counts the crash images with a loss, at every moment of a rewrite and of the opening
/// that follows. With `dies_after_rename`, the process dies between the rename and the
/// sync of the directory, and the machine keeps running.
fn losses(model: &str, dies_after_rename: bool) -> u64 {
    let fs = SimFs::new();
    let mut store = open(&fs, 0);
    sabotage(&mut store, 0);
    let expected = value(&store, "hot");
    let from = fs.log_length();
    store.check(30 * MINUTE);
    while store.is_paused() {
        store.step(30 * MINUTE).expect("the disk works");
        let has_both = names(&fs)
            .iter()
            .filter(|name| name.ends_with(".log"))
            .count()
            == 2;
        if dies_after_rename && has_both {
            break;
        }
    }
    drop(store);
    drop(open(&fs, 0));
    let log = fs.log();
    let model = Model::named(model).expect("it exists");
    let mut frontier = Frontier::new(model, Image::default(), &log);
    let (mut lost, mut images) = (0, 0);
    loop {
        if frontier.is_crash_point() && frontier.position() >= from {
            let mut draws = Seed(1).draws(Domain::CrashImages, frontier.position() as u64);
            let _ = explore(&frontier, Budget::LARGE, &mut draws, &mut |_, image| {
                let fs = Arc::new(SimFs::from_image(&image));
                let opened = RatioStore::open(fs, OPTIONS, 0);
                lost += u64::from(opened.ok().and_then(|it| value(&it, "hot")) != expected);
                images += 1;
                std::ops::ControlFlow::Continue(())
            });
        }
        if frontier.next().is_none() {
            assert!(images > 10, "{images} images");
            return lost;
        }
        frontier.advance();
    }
}

#[test]
fn a_power_failure_during_a_rewrite_or_the_next_opening_loses_nothing() {
    for model in ["posix-min", "paranoid", "ext4-ordered", "btrfs"] {
        for dies_after_rename in [false, true] {
            assert_eq!(losses(model, dies_after_rename), 0, "{model}");
        }
    }
}

/// The bugs that random histories rarely reveal, and the models that reveal them.
#[test]
fn power_failures_show_what_the_published_text_leaves_out() {
    let lost = |bug, model, dies| planted::with(Some(bug), || losses(model, dies)) > 0;
    assert!(lost("log-removed-by-recovery", "posix-min", true));
    assert!(!lost("log-removed-by-recovery", "posix-min", false));
    assert!(lost("one-log-name", "paranoid", false));
    assert!(!lost("one-log-name", "posix-min", false));
    // A laptop with ext4 does not reveal a missing directory sync.
    assert!(lost("no-directory-sync", "posix-min", false));
    assert!(!lost("no-directory-sync", "ext4-ordered", false));
    assert!(lost("rename-before-sync", "ext4-ordered", false));
}
