//! LMDB through heed: a copy-on-write B-tree in C, read through a memory map.
//!
//! It has no cache of its own: the page cache of the operating system is its cache, whatever
//! its size. A buffered commit is written with `MDB_NOSYNC`, which a power failure can damage
//! the whole file with; the others lose only the newest commits. Reads lend from the map.
#![allow(
    unsafe_code,
    reason = "to open a memory map is unsafe: nobody else may change the file, and the directory is ours alone"
)]

use std::ops::Bound;
use std::path::Path;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, RoTxn, WithoutTls};

use crate::Result;
use crate::data::Key;
use crate::engine::{Direction, Durability, Engine, Setup, View, Visit, Writer, show_first};

/// Address space for the map: more than any workload here fills.
const MAP_BYTES: usize = 64 << 30;

pub(super) fn open(directory: &Path, setup: &Setup) -> Result<Box<dyn Engine>> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(MAP_BYTES);
    if setup.durability == Durability::Buffered {
        // SAFETY: the flag gives up safety against power failures, which no workload causes.
        unsafe { options.flags(EnvFlags::NO_SYNC) };
    }
    // SAFETY: the directory was made for this process, which opens it once.
    let environment = unsafe { options.open(directory)? };
    Ok(Box::new(Lmdb { environment }))
}

struct Lmdb {
    environment: Env<WithoutTls>,
}

impl Lmdb {
    /// The unnamed tree, which every environment has.
    fn tree(&self) -> Result<Database<'_, Bytes, Bytes>> {
        let transaction = self.environment.write_txn()?;
        let opened =
            self.environment
                .create_databases_and_commit(transaction, |opener, transaction| {
                    opener
                        .create_database(transaction, None)
                        .map(CommitOrAbort::<_, ()>::Commit)
                })?;
        Ok(opened.unwrap_commit())
    }
}

impl Engine for Lmdb {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(Writes {
            environment: &self.environment,
            tree: self.tree()?,
        }))
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn View) -> Result<()>) -> Result<()> {
        let tree = self.tree()?;
        work(&mut Reads {
            transaction: self.environment.read_txn()?,
            tree,
        })
    }

    fn sync(&self) -> Result<()> {
        Ok(self.environment.force_sync()?)
    }

    fn close(self: Box<Self>) -> Result<()> {
        self.environment.prepare_for_closing().wait();
        Ok(())
    }
}

struct Writes<'a> {
    environment: &'a Env<WithoutTls>,
    tree: Database<'a, Bytes, Bytes>,
}

impl Writer for Writes<'_> {
    fn commit(&mut self, entries: &[(Key, &[u8])]) -> Result<()> {
        let mut transaction = self.environment.write_txn()?;
        for (key, value) in entries {
            self.tree.put(&mut transaction, key, value)?;
        }
        Ok(transaction.commit()?)
    }
}

struct Reads<'a> {
    transaction: RoTxn<'a, WithoutTls>,
    tree: Database<'a, Bytes, Bytes>,
}

impl View for Reads<'_> {
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        let found = self.tree.get(&self.transaction, key)?;
        if let Some(found) = found {
            value.clear();
            value.extend_from_slice(found);
        }
        Ok(found.is_some())
    }

    fn seek(&mut self, start: &[u8], visit: Visit<'_>) -> Result<bool> {
        let range: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Included(start), Bound::Unbounded);
        let first = self.tree.range(&self.transaction, &range)?.next();
        show_first(first, |entry| {
            let (key, value) = entry?;
            visit(key, value);
            Ok(())
        })
    }

    fn scan(&mut self, direction: Direction, visit: Visit<'_>) -> Result<()> {
        match direction {
            Direction::Forward => {
                for entry in self.tree.iter(&self.transaction)? {
                    let (key, value) = entry?;
                    visit(key, value);
                }
            }
            Direction::Backward => {
                for entry in self.tree.rev_iter(&self.transaction)? {
                    let (key, value) = entry?;
                    visit(key, value);
                }
            }
        }
        Ok(())
    }
}
