//! The actions of the client: commit, read, settle, reopen.

use super::executor::{Executor, Pin};
use crate::disk::{Mark, Operation};
use crate::history::Batch;
use crate::judge::STRAY;
use crate::judge::oracle::{Finding, Oracle};
use crate::system::Call;

impl Executor<'_> {
    pub(super) fn commit(&mut self, batches: &[Batch]) -> Result<(), Finding> {
        let head = self.instance().head();
        let in_doubt = (head < self.history.head()).then(|| self.history.clone());
        if in_doubt.is_some() {
            // An earlier commit failed, and this instance does not show it.
            self.forget_after(head);
            if self.trouble().may_hide_commits() {
                self.undecided_since.get_or_insert(self.fs.log_length());
                self.note_fork();
            }
        }
        for batch in batches {
            self.history.push(batch.clone());
        }
        let issued = self.history.head();
        self.fs.mark(Mark::Issued(issued));
        self.calls.push(Call::Commit(batches.len()));
        let before = self.fs.log_length();
        let outcome = self.instance().commit(batches);
        let Some(number) = self.tolerate(outcome)? else {
            let shown = self.instance().head();
            // The head may be lower if earlier commits were still in progress and
            // failed too.
            let most = match self.engine.commits_together() {
                true => head,
                false => issued - 1,
            };
            if shown > most {
                self.enabled.object(
                    Oracle::Phantom,
                    format!("a commit after {most} failed, and the newest is {shown} all the same"),
                )?;
            }
            if let Some(in_doubt) = in_doubt {
                // This commit was refused too. The commit in doubt is still the first
                // one that failed, unless this commit has reached the disk as well.
                self.replace_history(in_doubt);
                let is_refused = !self.has_done_since(before);
                self.is_undecidable = self.undecided_since.is_some() || !is_refused;
            }
            return Ok(());
        };
        if number != issued {
            self.enabled.object(
                Oracle::Numbers,
                format!("the commit should have number {issued} and has {number}"),
            )?;
        }
        if self.engine.syncs(batches) {
            self.acknowledge(issued);
        }
        Ok(())
    }

    /// Whether the store has called the file system since a position in the log.
    pub(super) fn has_done_since(&self, position: usize) -> bool {
        let log = self.fs.log();
        let mut later = log.operations()[position..].iter();
        later.any(Operation::is_call)
    }

    pub(super) fn sync(&mut self) -> Result<(), Finding> {
        self.calls.push(Call::Sync);
        let outcome = self.instance().sync();
        if self.tolerate(outcome)?.is_some() {
            let head = self.instance().head();
            self.acknowledge(head.min(self.history.head()));
        }
        Ok(())
    }

    pub(super) fn settle(&mut self) -> Result<(), Finding> {
        let outcome = self.instance().settle();
        let settled = self.tolerate(outcome)?;
        if settled == Some(false) {
            self.enabled
                .object(Oracle::Liveness, "background work does not end")?;
        }
        self.check_windows()?;
        if settled == Some(true) {
            self.check_layout()?;
            self.check_files()?;
        }
        self.check_pins()?;
        self.check_equalities()
    }

    pub(super) fn reopen(&mut self) -> Result<(), Finding> {
        self.is_first = false;
        let instance = self.instance.take().expect("the store is open");
        let head = instance.head();
        let outcome = instance.close();
        let is_closed = self.tolerate(outcome)?.is_some();
        if self.is_undecidable {
            return Ok(());
        }
        if is_closed {
            self.acknowledge(head.min(self.history.head()));
        }
        let closed = self.fs.log_length();
        self.open()?;
        match is_closed && self.engine.opens_untouched() && !self.is_faulty() {
            true => self.check_log_untouched(closed),
            false => Ok(()),
        }
    }

    /// The closed store is known to be durable, so the next opening must not write it
    /// again.
    fn check_log_untouched(&self, since: usize) -> Result<(), Finding> {
        let log = self.fs.log();
        let mut later = log.operations()[since..].iter();
        let is_again = |operation: &&Operation| match operation {
            Operation::Create { path, .. } => {
                let name: &str = log.path(*path);
                self.engine.is_log(name) && !STRAY.contains(&name)
            }
            _ => false,
        };
        match later.find(is_again) {
            None => Ok(()),
            Some(operation) => {
                let text = log.describe(operation).to_string();
                let message = format!("what was closed is written again: {text}");
                self.enabled.object(Oracle::Idempotence, message)
            }
        }
    }

    pub(super) fn read(&mut self, commit: u64) -> Result<(), Finding> {
        let head = self.instance().head().min(self.history.head());
        let commit = commit.min(head);
        let outcome = self.instance().state_at(commit);
        let Some(found) = self.tolerate(outcome)? else {
            return Ok(());
        };
        let expected = self.history.state(commit);
        match found {
            Some(state) if state != **expected => {
                let oracle = if commit == head {
                    Oracle::State
                } else {
                    Oracle::TimeTravel
                };
                self.enabled.object_to_value(
                    self.bounds(),
                    oracle,
                    format!("wrong as of commit {commit}"),
                )
            }
            None if self.engine.is_readable(commit, head) == Some(true) && commit > 0 => {
                self.enabled.object(
                    Oracle::TimeTravel,
                    format!("commit {commit} cannot be read"),
                )
            }
            _ => self.check_reads(commit),
        }
    }

    pub(super) fn pin(&mut self, commit: u64) -> Result<(), Finding> {
        let head = self.instance().head().min(self.history.head());
        let commit = commit.min(head);
        let outcome = self.instance().state_at(commit);
        // A commit that cannot be read cannot be kept for a reader.
        let Some(Some(read)) = self.tolerate(outcome)? else {
            return Ok(());
        };
        let outcome = self.instance().pin(commit);
        if let Some(Some(pinned)) = self.tolerate(outcome)? {
            let outcome = pinned.state();
            if let Some(shown) = self.tolerate(outcome)? {
                if shown != read {
                    self.enabled.object_to_value(
                        self.bounds(),
                        Oracle::Snapshots,
                        format!("a reader of commit {commit} differs from what was just read"),
                    )?;
                }
                let head = pinned.head().unwrap_or(head).min(head);
                let pin = Pin {
                    commit,
                    reader: pinned,
                    shown,
                    head: (head, self.history.digest(head)),
                };
                self.pins.push(pin);
            }
        }
        Ok(())
    }

    pub(super) fn release(&mut self) -> Result<(), Finding> {
        self.check_pins()?;
        if !self.pins.is_empty() {
            self.pins.remove(0);
        }
        Ok(())
    }
}
