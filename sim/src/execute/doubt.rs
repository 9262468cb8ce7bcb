//! Which history the client believes in: what a store that was opened says it holds,
//! what was acknowledged, and when two histories are possible.

use super::executor::Executor;
use crate::history::History;
use crate::judge::Bounds;
use crate::oracle::Finding;
use crate::simfs::{FaultKind, Mark};

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
        if head < self.history.head() && !self.may_be_back() {
            self.forget_after(head);
        }
        self.served = head;
        self.fs.mark(Mark::Served(head));
        self.acknowledge(self.acknowledged.min(head));
        self.end_doubt(head);
        Ok(())
    }

    /// Whether commits that an opening did not find may be found by the next one: a read
    /// returned something else than what is stored, or a write damaged them in the page
    /// cache and a crash may take the damage back. Then they are in doubt until another
    /// commit with their number is acknowledged.
    pub(super) fn may_be_back(&self) -> bool {
        let is_wrong = |kind: &FaultKind| {
            matches!(
                kind,
                FaultKind::StaleRead
                    | FaultKind::MisdirectedRead
                    | FaultKind::MisdirectedWrite
                    | FaultKind::LyingSync
                    | FaultKind::SyncErrorLate
            )
        };
        self.past.iter().any(is_wrong) || self.fs.fired().iter().any(is_wrong)
    }

    /// From here on commits may have the numbers of others that are on the disk, too.
    pub(super) fn note_fork(&mut self) {
        let fork = Fork {
            since: self.fs.log_length(),
            wrong_reads: self.wrong_reads(),
        };
        self.fork.get_or_insert(fork);
    }

    /// Whether commits that were overtaken may come back for good: a wrong read has hidden
    /// them, others got their numbers, and then stored bytes were damaged, or another wrong
    /// read has hidden those, too, so that an opening has swept them. Where that has hit the
    /// later ones, the earlier ones are all that the disk has to say, and they are whole. Two
    /// faults on the two copies of one thing leave nothing to judge by.
    pub(super) fn is_fork_damaged(&self) -> bool {
        let damages =
            |kind: &FaultKind| matches!(kind, FaultKind::BitRot | FaultKind::MisdirectedWrite);
        let fired = self.fs.fired();
        self.fork.is_some_and(|fork| {
            fork.wrong_reads < self.wrong_reads() || self.past.iter().chain(&fired).any(damages)
        })
    }

    fn wrong_reads(&self) -> usize {
        let fired = self.fs.fired();
        let is_wrong =
            |kind: &&FaultKind| matches!(kind, FaultKind::StaleRead | FaultKind::MisdirectedRead);
        self.past.iter().chain(&fired).filter(is_wrong).count()
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
