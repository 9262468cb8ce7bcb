//! Appends commits to the file: one write for a group of batches, one sync, and only then the
//! change of the index.
//!
//! A store that was opened on an existing file appends an *opening* entry before its first
//! commit. The entry has a number of its own, and it is durable before anything is written
//! after it. The seals of later commits contain this number. So if the disk later brings back
//! a commit that an earlier incarnation has lost at this place, the commit has another number
//! in its seal and is not valid. If the last entry of the file is an opening without commits,
//! the new opening overwrites it. An incarnation that commits pays one sync and 16 bytes for
//! this; one that does not commit pays nothing.

use lithify::fs::whole::write_all_at;
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::contents::CommitEnd;
use super::header::HEADER_BYTES;
use super::index::Place;
use super::names;
use super::record::{self, Chain, Write};
use super::store::Store;
use crate::parts::disk::failed;
use crate::parts::entry::{self, Before, MAX_PAYLOAD_BYTES};

/// The commits of one append, encoded.
struct Group {
    bytes: Vec<u8>,
    /// The place of each write, in order.
    places: Vec<Place>,
    /// The end of each commit.
    ends: Vec<CommitEnd>,
    /// The chain after the last commit.
    chain: u64,
}

impl Store {
    /// Appends commits of any origin: from clients or from a primary.
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
        self.guarded(|store| {
            store.announce()?;
            let group = store.encode(&payloads);
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

    /// Appends an opening, unless this incarnation has already done so or has created the
    /// file.
    fn announce(&mut self) -> Result<(), Failure> {
        if self.data.is_announced || planted::is_active("opening-unannounced") {
            return Ok(());
        }
        let number = match planted::is_active("opening-number-repeated") {
            true => 1,
            false => record::opening_number(self.disk.fresh_number(names::DATA)?),
        };
        let end = self.data.commits_end();
        let payload = record::of_opening(number);
        let mut bytes = Vec::new();
        entry::encode(
            &mut bytes,
            self.data.header.salt(),
            end,
            Before::Durable,
            &payload,
        );
        write_all_at(&*self.data.file, HEADER_BYTES + end, &bytes)
            .map_err(failed("write to", names::DATA))?;
        self.sync_data()?;
        self.data.end = end + bytes.len() as u64;
        self.data.opening = number;
        self.data.is_announced = true;
        Ok(())
    }

    fn encode(&self, batches: &[Vec<Vec<u8>>]) -> Group {
        let mut group = Group {
            bytes: Vec::new(),
            places: Vec::new(),
            ends: Vec::new(),
            chain: self.data.chain,
        };
        let mut before = match self.is_synced() {
            true => Before::Durable,
            false => Before::Pending,
        };
        let (salt, base) = (self.data.header.salt(), self.data.end);
        for payloads in batches {
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
            let end = record::of_end(group.chain, self.data.opening);
            entry::encode(&mut group.bytes, salt, base, before, &end);
            group.ends.push(CommitEnd {
                position: base + group.bytes.len() as u64,
                chain: group.chain,
            });
            before = Before::Pending;
        }
        group
    }

    /// Makes a group visible that was written to the file.
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
        data.ends.extend(group.ends);
        if self.options.syncs_commits {
            self.data.durable_head = self.head();
        }
    }
}
