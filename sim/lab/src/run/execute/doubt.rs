//! The history that the client believes in: what an opened store says it holds, what
//! was acknowledged, and when two histories are possible.

use super::executor::Executor;
use crate::disk::Mark;
use crate::history::History;
use crate::judge::Bounds;
use crate::judge::oracle::Finding;

/// The moment from which two histories may be on the disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fork {
    /// The position of the moment in the log.
    pub(super) since: usize,
    /// The number of reads until then that returned other bytes than the stored ones.
    pub(super) wrong_reads: usize,
}

impl Executor<'_> {
    /// Adopts the commits that the store says it holds, if that can be decided.
    pub(super) fn adopt(&mut self, bounds: Bounds) -> Result<(), Finding> {
        if self.is_fork_damaged() {
            self.is_undecidable = true;
            return Ok(());
        }
        let head = self.instance().head();
        bounds.check_head(head, self.enabled)?;
        let head = head.min(self.history.head());
        if head < self.history.head() && self.trouble().may_restore_files() {
            self.is_undecidable = true;
            return Ok(());
        }
        if head < self.history.head() && !self.trouble().may_hide_commits() {
            self.forget_after(head);
        }
        self.served = head;
        self.fs.mark(Mark::Served(head));
        self.acknowledge(self.acknowledged.min(head));
        self.end_doubt(head);
        Ok(())
    }

    /// Records that from here on two commits with the same number may be on the disk.
    pub(super) fn note_fork(&mut self) {
        let fork = Fork {
            since: self.fs.log_length(),
            wrong_reads: self.trouble().wrong_reads(),
        };
        self.fork.get_or_insert(fork);
    }

    /// Whether replaced commits may come back for good.
    pub(super) fn is_fork_damaged(&self) -> bool {
        self.fork
            .is_some_and(|fork| self.trouble().may_bring_back(fork.wrong_reads))
    }

    /// Removes the commits after `head` from the history: they did not happen. The
    /// client's next commits get their numbers.
    pub(super) fn forget_after(&mut self, head: u64) {
        let mut history = self.history.clone();
        history.truncate(head);
        self.replace_history(history);
    }

    pub(super) fn replace_history(&mut self, history: History) {
        let position = self.fs.log_length();
        if let Some((_, last)) = self.histories.last_mut() {
            *last = std::mem::replace(&mut self.history, history);
        }
        self.histories.push((position, self.history.clone()));
        self.fs.mark(Mark::Issued(self.history.head()));
    }

    pub(super) fn acknowledge(&mut self, commit: u64) {
        self.acknowledged = commit;
        self.fs.mark(Mark::Acknowledged(commit));
        self.end_doubt(commit);
    }

    /// A store that has shown or acknowledged the whole history has only this history.
    pub(super) fn end_doubt(&mut self, commit: u64) {
        if commit == self.history.head()
            && let Some(since) = self.undecided_since.take()
        {
            self.undecided.push(since..self.fs.log_length());
        }
    }
}
