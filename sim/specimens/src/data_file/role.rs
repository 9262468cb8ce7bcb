//! Whose commits a store takes, as the disk knows it.
//!
//! A replica is marked by a file that is empty and says all by its name. It is durable
//! before the first commit that it lets in, so every program that opens the directory sees
//! it. A promotion renames it before it removes it: a removal alone could be undone by a
//! power failure after the new primary has committed, whereas whoever finds the second
//! name makes the first one's end durable before anything else.
//!
//! It does not say who the primary is.

use std::collections::BTreeSet;

use lithify_sim::system::Failure;

use super::names;
use super::policy::Role;
use super::store::{Options, Store};
use crate::parts::disk::Disk;

/// What the names say when the store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    is_replica: bool,
    /// Whether a promotion may not be durable yet.
    is_promoted: bool,
}

impl Found {
    /// Reads the role off the names.
    ///
    /// # Errors
    /// `Other` for a replica that is opened as a primary.
    pub(super) fn of(names: &BTreeSet<String>, options: &Options) -> Result<Self, Failure> {
        let found = Self {
            is_replica: names.contains(names::REPLICA),
            is_promoted: names.contains(names::PROMOTED),
        };
        if found.is_replica && options.role == Role::Primary {
            return Err(Failure::Other(
                "the store is a replica: open it as one, and promote it if it is to take writes"
                    .to_owned(),
            ));
        }
        Ok(found)
    }

    /// Puts the role on the disk, before the first commit of this opening.
    ///
    /// # Errors
    /// `Other` when a primary with commits was to become a replica unasked; otherwise
    /// whatever the disk says.
    pub(super) fn take(self, disk: &Disk, options: &Options, head: u64) -> Result<(), Failure> {
        let becomes_replica = options.role == Role::Replica && !self.is_replica;
        if becomes_replica && head > 0 && !options.may_demote {
            return Err(Failure::Other(format!(
                "the store is a primary at commit {head} and no replica; it becomes one only when asked to in so many words"
            )));
        }
        if self.is_promoted {
            end_promotion(disk)?;
        }
        if becomes_replica {
            disk.create(names::REPLICA)?;
        }
        match options.role {
            // A marker that was there already may be in the cache only.
            Role::Replica => disk.sync_directory(),
            Role::Primary => Ok(()),
        }
    }
}

/// What is left of a promotion: nothing can bring the marker back, and then its second
/// name goes.
fn end_promotion(disk: &Disk) -> Result<(), Failure> {
    disk.sync_directory()?;
    disk.remove(names::PROMOTED)
}

impl Store {
    /// Turns a replica into a primary, for every later opening too. A primary stays one.
    ///
    /// # Errors
    /// Whatever the disk says; the instance stops then, and the next opening finds either.
    pub fn promote(&mut self) -> Result<(), Failure> {
        if self.options.role == Role::Primary {
            return self.check_running();
        }
        self.guarded(|store| {
            store.disk.rename(names::REPLICA, names::PROMOTED)?;
            end_promotion(&store.disk)?;
            store.options.role = Role::Primary;
            Ok(())
        })
    }
}
