//! The cost of a commit of the threaded driver in locks, wake-ups and writes, counted under a fixed
//! schedule.
//!
//! With real threads a lock calls the kernel when another thread holds it, and a wake-up always
//! calls the kernel. The protocol decides the number of locks and wake-ups, so the count of one
//! schedule is a reviewed snapshot: a change that adds locks or wake-ups to a commit shows here, on
//! any machine.

use std::fmt::Write;
use std::sync::Arc;

use super::stepped::{Request, Sizes, SteppedDb, TaskId};
use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::fs::MemFs;
use crate::limits;
use crate::options::Options;
use crate::work::{Work, count};

const COMMITS: u64 = 4096;

/// Runs [`COMMITS`] commits of this many clients. Each client submits its next commit when the one
/// before is answered. In each round every task that may have a turn gets one.
fn play(clients: usize) -> SteppedDb {
    let sizes = Sizes {
        inbox_commits: 1024,
        group_bytes: 1 << 20,
        waiting_bytes: 1 << 20,
        max_keyspaces: limits::KEYSPACES,
    };
    let mut db = SteppedDb::open(Arc::new(MemFs::new()), Options::default(), sizes).unwrap();
    let mut handed_in = 0;
    let mut tasks: Vec<Option<TaskId>> = vec![None; clients];
    loop {
        for task in &mut tasks {
            if task.is_none() && handed_in < COMMITS {
                handed_in += 1;
                let mut batch = WriteBatch::new();
                batch.put("k", &handed_in.to_be_bytes(), b"v");
                *task = Some(db.start(Request::Commit(&[batch])).unwrap());
            }
            if let Some(id) = *task
                && let Some(answer) = db.turn(id)
            {
                answer.unwrap();
                *task = None;
            }
        }
        db.turn(SteppedDb::STANDBY);
        db.turn(SteppedDb::COMPACTOR);
        if handed_in == COMMITS && tasks.iter().all(Option::is_none) {
            return db;
        }
    }
}

#[test]
fn what_a_commit_costs() {
    let mut table = String::from("clients    locks  wake-ups  commits in a group\n");
    for clients in [1, 2, 8, 32] {
        let play = |work: Work| {
            let counted = count(work, || {
                assert_eq!(play(clients).head(), Commit::new(COMMITS));
            });
            counted as f64 / COMMITS as f64
        };
        let (locks, woken) = (play(Work::LockTaken), play(Work::ThreadWoken));
        let group = 1.0 / play(Work::GroupPerformed);
        writeln!(
            table,
            "{clients:>7} {locks:>8.2} {woken:>9.2} {group:>19.2}"
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}
