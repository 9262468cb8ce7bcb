//! Commits on their way into the file: one write for a group of batches, one sync, and only
//! then the index.

use lithify::fs::whole::write_all_at;
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::header::HEADER_BYTES;
use super::index::Place;
use super::names;
use super::record::{self, Chain, Write};
use super::store::Store;
use crate::parts::disk::failed;
use crate::parts::entry::{self, Before, MAX_PAYLOAD_BYTES};

/// Commits as they go into the file.
struct Group {
    bytes: Vec<u8>,
    /// Of each write, in order.
    places: Vec<Place>,
    /// Of each commit.
    starts: Vec<u64>,
    /// After the last commit.
    chain: u64,
}

impl Store {
    /// Writes commits, whosever they are.
    pub(super) fn append(&mut self, batches: &[Vec<Write>]) -> Result<u64, Failure> {
        let payloads: Vec<Vec<Vec<u8>>> = batches
            .iter()
            .map(|batch| batch.iter().map(record::of_write).collect())
            .collect();
        if let Some(payload) = payloads
            .iter()
            .flatten()
            .find(|payload| payload.len() > MAX_PAYLOAD_BYTES)
        {
            return Err(Failure::Other(format!(
                "a record of {} bytes is longer than {MAX_PAYLOAD_BYTES}; nothing was written",
                payload.len()
            )));
        }
        if batches.is_empty() {
            return Ok(self.head());
        }
        let group = self.encode(&payloads);
        self.guarded(|store| {
            let position = HEADER_BYTES + store.data.end;
            write_all_at(&*store.data.file, position, &group.bytes)
                .map_err(failed("write to", names::DATA))?;
            if store.options.syncs_commits && !planted::is_active("acknowledged-before-sync") {
                store.sync_data()?;
            }
            store.adopt(batches, group);
            Ok(store.head())
        })
    }

    fn encode(&self, batches: &[Vec<Vec<u8>>]) -> Group {
        let mut group = Group {
            bytes: Vec::new(),
            places: Vec::new(),
            starts: Vec::new(),
            chain: self.data.chain,
        };
        let mut before = match self.is_synced() {
            true => Before::Durable,
            false => Before::Pending,
        };
        let (salt, base) = (self.data.header.salt(), self.data.end);
        for payloads in batches {
            group.starts.push(base + group.bytes.len() as u64);
            let mut chain = Chain::after(group.chain);
            for payload in payloads {
                chain.add(payload);
                let position = base + group.bytes.len() as u64;
                entry::encode(&mut group.bytes, salt, base, before, payload);
                group.places.push(Place {
                    position,
                    length_bytes: base + group.bytes.len() as u64 - position,
                });
                before = Before::Pending;
            }
            group.chain = chain.value();
            let end = record::of_end(group.chain);
            entry::encode(&mut group.bytes, salt, base, before, &end);
            before = Before::Pending;
        }
        group
    }

    /// Makes a group that is in the file visible.
    fn adopt(&mut self, batches: &[Vec<Write>], group: Group) {
        let data = &mut self.data;
        for (write, place) in batches.iter().flatten().zip(group.places) {
            match write.value {
                Some(_) => data.index.put(&write.key, place),
                None => data.index.remove(&write.key),
            }
        }
        data.end += group.bytes.len() as u64;
        data.chain = group.chain;
        data.starts.extend(group.starts);
        if self.options.syncs_commits {
            self.data.durable_head = self.head();
        }
    }
}
