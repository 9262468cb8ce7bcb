//! The role of a store on disk: primary or replica.
//!
//! An empty file marks a replica; its name is its only data. The marker is durable before
//! the first commit that the replica accepts, so every program that opens the directory
//! sees the marker. A promotion first renames the marker and then removes it. A removal
//! alone could be undone by a power failure after the new primary has committed. With the
//! rename, an opening that finds the second name makes the end of the first name durable
//! before it does anything else.
//!
//! The marker does not say which store is the primary.

use std::collections::BTreeSet;

use lithify_sim::system::Failure;

use super::names;
use super::policy::Role;
use super::store::{Options, Store};
use crate::parts::disk::Disk;

/// The role according to the file names, when the store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    is_replica: bool,
    /// Whether there is a promotion that is perhaps not durable yet.
    is_promoted: bool,
}

impl Found {
    /// Reads the role from the file names.
    ///
    /// # Errors
    /// `Other` if a replica is opened as a primary.
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

    /// Writes the role to the disk, before the first commit of this opening.
    ///
    /// # Errors
    /// `Other` if a primary with commits would become a replica without the option for
    /// it. Otherwise errors of the disk.
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
            // A marker that existed before may be only in the cache.
            Role::Replica => disk.sync_directory(),
            Role::Primary => Ok(()),
        }
    }
}

/// Finishes a promotion: makes the rename of the marker durable, and then removes its
/// second name.
fn end_promotion(disk: &Disk) -> Result<(), Failure> {
    disk.sync_directory()?;
    disk.remove(names::PROMOTED)
}

impl Store {
    /// Turns a replica into a primary, durably. Has no effect on a primary.
    ///
    /// # Errors
    /// Errors of the disk. The instance stops then, and the next opening finds one of the
    /// two roles.
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
