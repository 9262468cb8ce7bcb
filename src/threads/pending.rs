//! The handle of a commit whose caller does not block.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::locks::{Locks, now};
use super::shared::{answer, answer_of};
use super::ticket::Ticket;
use crate::commit::Commit;
use crate::error::Result;

/// A submitted commit, from [`Db::commit_async`](crate::Db::commit_async).
///
/// It is a future that any executor can await. It does not need an executor:
/// [`PendingCommit::wait`] blocks, [`PendingCommit::is_done`] asks. Dropping the handle does not
/// take the commit back.
///
/// # Panics
/// When it is polled again after it was ready.
#[derive(Debug)]
#[must_use = "whether the commit is durable is known only when this is done"]
pub struct PendingCommit(pub(super) Arc<Ticket<Result<Commit>, Locks>>);

impl PendingCommit {
    /// Whether the outcome is known, so that waiting would not block.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.0.is_done()
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    /// As [`Db::commit`](crate::Db::commit).
    pub fn wait(self) -> Result<Commit> {
        now(answer_of(&self.0))
    }
}

impl Future for PendingCommit {
    type Output = Result<Commit>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context).map(answer)
    }
}
