//! The disk operations of each phase of a job. Each step does one operation.
//!
//! The order of the phases is defined in [`super::job`].

use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::job::{Job, Phase};
use super::store::{SnapshotFile, SnapshotLog, identity};
use super::{names, snapshot};
use crate::parts::disk::failed;
use crate::parts::machine::Machine;
use crate::parts::replace::{self, Replacement};

impl<M: Machine> SnapshotLog<M> {
    pub(super) fn perform(&mut self, job: &mut Job) -> Result<(), Failure> {
        let is_done = match job.phase() {
            Some(Phase::Seal) => self.seal(job)?,
            Some(Phase::Replace(phase)) => self.replace(job, phase)?,
            Some(Phase::Overwrite) => self.overwrite(job)?,
            Some(Phase::Remove) => self.remove(job)?,
            None => false,
        };
        if is_done {
            job.advance();
        }
        Ok(())
    }

    /// Does one operation towards an empty active segment. Once the active segment is
    /// empty, every entry is durable, and the state is copied. Commits may follow
    /// before the copy is written.
    fn seal(&mut self, job: &mut Job) -> Result<bool, Failure> {
        if !self.log.seal_step()? {
            return Ok(false);
        }
        job.offset = self.log.next_offset();
        if planted::is_active("snapshot-offset-off-by-one") {
            job.offset += 1;
        }
        job.limit = job.offset;
        let state = self.machine.encode();
        job.bytes = snapshot::encode(identity(job.offset), job.offset, &state);
        if self.snapshot().is_some_and(|it| it.offset == job.offset) {
            // The newest snapshot already covers the same entries, so no new one is
            // written.
            while !matches!(job.phase(), None | Some(Phase::Remove)) {
                job.advance();
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn replace(&mut self, job: &mut Job, phase: replace::Phase) -> Result<bool, Failure> {
        match phase {
            replace::Phase::Write if job.file.name().is_none() => {
                job.file.create(&self.disk)?;
                return Ok(false);
            }
            replace::Phase::Write => self.write(job)?,
            replace::Phase::Sync => job.file.sync()?,
            replace::Phase::Rename => self.rename(job)?,
            replace::Phase::SyncDirectory => self.disk.sync_directory()?,
        }
        Ok(true)
    }

    fn write(&self, job: &mut Job) -> Result<(), Failure> {
        if planted::is_active("snapshot-written-twice") {
            let mut again = Replacement::new(names::TEMPORARY);
            again.reuse(&self.disk)?;
            again.write(&job.bytes)?;
        }
        job.file.write(&job.bytes)
    }

    fn overwrite(&mut self, job: &mut Job) -> Result<bool, Failure> {
        let Some(newest) = self.snapshot() else {
            return self.replace(job, replace::Phase::Write);
        };
        let name = names::snapshot(identity(newest.offset));
        job.file = Replacement::new(&name);
        job.file.reuse(&self.disk)?;
        job.file.write(&job.bytes)?;
        let length = job.file.bytes();
        let cut = job.file.file().set_len(length);
        cut.map_err(failed("cut", &name))?;
        Ok(true)
    }

    fn rename(&mut self, job: &mut Job) -> Result<(), Failure> {
        let from = job.file.name().map(str::to_owned);
        let to = names::snapshot(identity(job.offset));
        let renamed = job.file.rename(&self.disk, &to);
        if renamed.is_err() && planted::is_active("rename-error-removes-snapshot") {
            let _ = self.disk.remove(&to);
        } else {
            renamed?;
        }
        // A planted bug may have renamed or replaced an older snapshot.
        self.snapshots.retain(|older| {
            let name = names::snapshot(identity(older.offset));
            Some(&name) != from.as_ref() && name != to
        });
        self.snapshots.push(SnapshotFile {
            offset: job.offset,
            bytes: job.bytes.len() as u64,
        });
        Ok(())
    }

    /// Removes one file. Returns true if there was nothing to remove.
    fn remove(&mut self, job: &Job) -> Result<bool, Failure> {
        if self.snapshots.len() > 1 {
            self.disk
                .remove(&names::snapshot(identity(self.snapshots[0].offset)))?;
            self.snapshots.remove(0);
            return Ok(false);
        }
        Ok(!self.log.remove_one(job.limit)?)
    }
}
