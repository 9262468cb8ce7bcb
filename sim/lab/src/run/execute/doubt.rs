//! Which history the client believes in: what a store that was opened says it holds,
//! what was acknowledged, and when two histories are possible.

use super::executor::Executor;
use crate::disk::Mark;
use crate::history::History;
use crate::judge::Bounds;
use crate::judge::oracle::Finding;

/// The moment from which on two histories may be on the disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fork {
    /// Its place in the log.
    pub(super) since: usize,
    /// How many reads had returned something else than what is stored.
    pub(super) wrong_reads: usize,
}

impl Executor<'_> {
    /// Takes over what the store says it holds, if that is possible.
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

    /// From here on commits may have the numbers of others that are on the disk, too.
    pub(super) fn note_fork(&mut self) {
        let fork = Fork {
            since: self.fs.log_length(),
            wrong_reads: self.trouble().wrong_reads(),
        };
        self.fork.get_or_insert(fork);
    }

    /// Whether commits that were overtaken may come back for good.
    pub(super) fn is_fork_damaged(&self) -> bool {
        self.fork
            .is_some_and(|fork| self.trouble().may_bring_back(fork.wrong_reads))
    }

    /// Commits after `head` did not happen; what the client will ask for next has
    /// their numbers.
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

    /// A store that has shown or acknowledged the whole history has one history.
    pub(super) fn end_doubt(&mut self, commit: u64) {
        if commit == self.history.head()
            && let Some(since) = self.undecided_since.take()
        {
            self.undecided.push(since..self.fs.log_length());
        }
    }
}
