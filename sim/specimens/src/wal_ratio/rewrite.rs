//! A rewrite of the log, one operation at a time, in the order of [`super::job`].
//!
//! Before the new log is renamed, a failure abandons the rewrite, and commits continue
//! in the old log. From the rename on, it is unknown which log the next opening finds,
//! so a failure stops the store. There is one exception: if only the removal of the old
//! log fails, the store continues, and the next opening removes the old log.

use std::sync::Arc;

use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::job::{Job, Phase};
use super::names;
use super::store::{Log, RatioStore};
use crate::parts::replace;

impl RatioStore {
    pub(super) fn rewrite_step(&mut self, mut job: Job, now: u64) -> Result<(), Failure> {
        let phase = job.phase();
        match self.perform(&mut job, now) {
            Ok(is_done) => {
                if is_done {
                    job.advance();
                }
                self.job = job.phase().map(|_| job);
                Ok(())
            }
            Err(failure) => match phase {
                Some(Phase::Replace(replace::Phase::Write | replace::Phase::Sync))
                    if !(self.log.is_found && self.has_group()) =>
                {
                    Err(self.give_up(failure))
                }
                Some(Phase::Replace(replace::Phase::Rename))
                    if planted::is_active("rename-error-means-not-renamed") =>
                {
                    Err(self.give_up(failure))
                }
                // The new log counts already, and the next opening removes the old one. A log that
                // was found takes no commits, so without the new log the commits would wait, and the
                // work would be begun again, for ever.
                Some(Phase::Remove) if !self.log.is_found => Err(failure),
                _ => Err(self.stop(failure)),
            },
        }
    }

    /// Does one operation of a rewrite. Returns true when the current phase has ended.
    fn perform(&mut self, job: &mut Job, now: u64) -> Result<bool, Failure> {
        match job.phase() {
            Some(Phase::Flush) => return self.flush(job),
            Some(Phase::Replace(replace::Phase::Write)) => return self.write_base(job),
            Some(Phase::Replace(replace::Phase::Sync)) => job.file.sync()?,
            Some(Phase::Replace(replace::Phase::Rename)) => {
                job.file.rename(&self.disk, &names::log(job.generation))?;
            }
            Some(Phase::Replace(replace::Phase::SyncDirectory)) => self.disk.sync_directory()?,
            Some(Phase::Swap) => self.swap(job, now),
            Some(Phase::Remove) => self.remove_old()?,
            None => {}
        }
        Ok(true)
    }

    fn flush(&mut self, job: &Job) -> Result<bool, Failure> {
        if self.group.is_some() || self.acknowledged < job.flushed_up_to {
            self.group_step(job.flushed_up_to)?;
        }
        Ok(self.group.is_none() && self.acknowledged >= job.flushed_up_to)
    }

    fn write_base(&mut self, job: &mut Job) -> Result<bool, Failure> {
        if job.file.name().is_none() {
            let identity = self.log.identity.of_next(&self.disk, names::TEMPORARY)?;
            job.identity = identity;
            job.writer.identify(identity);
            match planted::is_active("recycled-without-generation") {
                true => job.file.reuse(&self.disk)?,
                false => job.file.create(&self.disk)?,
            }
            return Ok(false);
        }
        let piece = match &job.copy {
            Some(copy) => job.writer.next(copy, self.options.piece_bytes),
            None => job
                .writer
                .next(&self.read_table(), self.options.piece_bytes),
        };
        let Some(piece) = piece else {
            return Ok(true);
        };
        if planted::is_active("every-piece-synced") && job.file.bytes() > 0 {
            job.file.sync()?;
        }
        job.file.write(&piece)?;
        self.counters.base_bytes += piece.len() as u64;
        Ok(false)
    }

    fn swap(&mut self, job: &Job, now: u64) {
        let file = match planted::is_active("old-handle-after-swap") {
            true => Arc::clone(&self.log.file),
            false => Arc::clone(job.file.file()),
        };
        let log = Log {
            generation: job.generation,
            identity: job.identity,
            file,
            bytes: job.file.bytes(),
            is_found: false,
        };
        let old = std::mem::replace(&mut self.log, log);
        self.old = Some(old.name()).filter(|name| *name != self.log.name());
        self.last = Some(now);
        self.counters.rewrites += 1;
    }

    fn remove_old(&mut self) -> Result<(), Failure> {
        if planted::is_active("old-log-removed-first") {
            return self.disk.remove(&self.log.name());
        }
        let Some(name) = self.old.take() else {
            return Ok(());
        };
        if planted::is_active("recycled-without-generation") {
            return self.disk.rename(&name, names::TEMPORARY);
        }
        self.disk.remove(&name)
    }

    /// Abandons the rewrite. Commits continue in the old log.
    fn give_up(&mut self, failure: Failure) -> Failure {
        // If the removal fails, the next opening removes the file.
        let _ = self.disk.remove(names::TEMPORARY);
        self.counters.given_up += 1;
        failure
    }
}
