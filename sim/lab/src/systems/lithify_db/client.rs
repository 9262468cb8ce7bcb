//! A client: one call in progress, and the outcome that it must have.

use lithify::stepped::{Request, SteppedDb, TaskId};
use lithify::{Commit, Error, WriteBatch};

use super::settings::KEYSPACES;
use crate::system::Failure;
use crate::systems::lithify::failure;

/// The prefix of the keyspaces in batches that must be refused.
pub(super) const REFUSED: &str = "refused-";

/// The call of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// A commit that must get this number.
    Commit(u64),
    /// A transaction that has read, and that must get this number unless a disk error
    /// prevents the store from checking its reads.
    Transaction(u64),
    /// All commits up to this number become durable.
    Sync(u64),
    Settle,
    /// A commit that must be refused.
    Refused,
    /// A transaction that must be refused.
    Conflict,
    /// A transaction without writes, which must be answered with the commit that it has
    /// read.
    ReadOnly(u64),
    Stop,
    /// A commit of a client that does not know yet that the store is closed.
    Late,
}

/// A client with a call in progress.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) task: TaskId,
    /// The name in the schedule: the call, and the commit that was the newest or is the
    /// client's own.
    pub(super) name: String,
    pub(super) call: Call,
    /// The number of turns it has had.
    pub(super) turns: u64,
}

impl Client {
    /// The outcome of the call: the commit up to which everything is durable, if the
    /// call says so.
    pub(super) fn told(
        &self,
        db: &SteppedDb,
        outcome: Result<Commit, Error>,
        commits_are_durable: bool,
    ) -> Result<u64, Failure> {
        let wrong = |message: String| Err(Failure::Other(format!("{}: {message}", self.name)));
        match (self.call, outcome) {
            (Call::Refused, Err(Error::Limit { .. })) => Ok(0),
            (Call::Refused, Ok(commit)) => wrong(format!(
                "a commit beyond a limit is acknowledged as commit {commit}"
            )),
            (Call::Conflict, Err(Error::Conflict { .. })) => Ok(0),
            (Call::Conflict, Ok(commit)) => wrong(format!(
                "it has read what was written since, and is acknowledged as commit {commit}"
            )),
            (Call::ReadOnly(since), Ok(commit)) if commit.get() == since => Ok(0),
            (Call::ReadOnly(since), Ok(commit)) => wrong(format!(
                "it has read commit {since} and written nothing, and is answered with {commit}"
            )),
            (Call::ReadOnly(since), Err(Error::Conflict { .. })) => wrong(format!(
                "it has read commit {since} and written nothing, and is refused"
            )),
            (Call::Late, Err(Error::Closed)) => Ok(0),
            (Call::Late, Ok(commit)) => wrong(format!(
                "a store that is closed has taken it, as commit {commit}"
            )),
            (_, Err(error)) => Err(failure(error)),
            (Call::Commit(number) | Call::Transaction(number), Ok(commit)) => {
                let head = db.head();
                if commit.get() != number {
                    return wrong(format!(
                        "it was handed over as commit {number} and is answered with {commit}"
                    ));
                }
                if head < commit {
                    return wrong(format!(
                        "commit {number} is acknowledged, and the newest that can be seen is {head}"
                    ));
                }
                Ok(if commits_are_durable { number } else { 0 })
            }
            (Call::Sync(through), Ok(_)) => Ok(through),
            (Call::Settle | Call::Stop, Ok(_)) => Ok(0),
        }
    }

    /// The number that is free again after a disk error prevented the store from
    /// checking the reads of a transaction: the transaction was refused, and the store
    /// continues.
    pub(super) fn gives_back(&self, db: &SteppedDb, told: &Result<u64, Failure>) -> Option<u64> {
        match (self.call, told) {
            (Call::Transaction(number), Err(Failure::Disk(_) | Failure::Damage(_))) => {
                db.poison().is_none().then_some(number)
            }
            _ => None,
        }
    }

    /// Starts a commit that must be refused: it names more keyspaces than the limit
    /// allows, some of which exist. A second batch of the same call must be refused
    /// with it.
    pub(super) fn start_refused(db: &mut SteppedDb) -> Result<TaskId, Failure> {
        let mut innocent = WriteBatch::new();
        innocent.put("a", b"refused", b"with another");
        let mut batch = WriteBatch::new();
        batch.put("a", b"refused", b"refused");
        for number in 0..=KEYSPACES {
            batch.put(&format!("{REFUSED}{number}"), b"key", b"value");
        }
        db.start(Request::Commit(&[innocent, batch]))
            .map_err(failure)
    }
}
