//! Writes the queue as one group: one write, one sync, and only then the commits are
//! applied and acknowledged.
//!
//! A failure here stops the store: see [`super::store`].

use lithify::fs::whole::write_all_at;
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::store::RatioStore;
use crate::parts::disk::failed;
use crate::parts::entry::{self, Before};

/// A group that is written and not synced.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) payloads: Vec<Vec<u8>>,
}

impl RatioStore {
    /// Writes the queued commits up to number `most`, or syncs the group that was
    /// written.
    pub(super) fn group_step(&mut self, most: u64) -> Result<(), Failure> {
        let result = match self.group.take() {
            None => self.write_group(most),
            Some(group) => self.sync_group(group),
        };
        result.map_err(|failure| self.stop(failure))
    }

    fn write_group(&mut self, most: u64) -> Result<(), Failure> {
        let waiting = most.saturating_sub(self.acknowledged) as usize;
        let payloads: Vec<_> = self.queue.drain(..waiting.min(self.queue.len())).collect();
        if payloads.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for payload in &payloads {
            let before = match bytes.is_empty() {
                true => Before::Durable,
                false => Before::Pending,
            };
            let (salt, base) = (self.log.salt(), self.log.bytes);
            entry::encode(&mut bytes, salt, base, before, payload);
        }
        let times = 1 + usize::from(planted::is_active("group-written-twice"));
        for _ in 0..times {
            write_all_at(&*self.log.file, self.log.bytes, &bytes)
                .map_err(failed("append to", &self.log.name()))?;
        }
        self.log.bytes += bytes.len() as u64;
        self.counters.commit_bytes += bytes.len() as u64;
        self.counters.groups += 1;
        if planted::is_active("acknowledged-before-sync") {
            return self.acknowledge(&payloads);
        }
        self.group = Some(Group { payloads });
        Ok(())
    }

    fn sync_group(&mut self, group: Group) -> Result<(), Failure> {
        let synced = self.log.file.sync_data();
        if !planted::is_active("sync-error-swallowed") {
            synced.map_err(failed("sync", &self.log.name()))?;
        }
        self.acknowledge(&group.payloads)
    }

    pub(super) fn acknowledge(&mut self, payloads: &[Vec<u8>]) -> Result<(), Failure> {
        for payload in payloads {
            self.write_table().apply(payload).map_err(Failure::Other)?;
        }
        self.acknowledged += payloads.len() as u64;
        Ok(())
    }
}
