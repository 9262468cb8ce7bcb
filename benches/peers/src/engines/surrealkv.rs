//! SurrealKV: a log-structured merge tree in Rust with asynchronous commits.
//!
//! Default options, with the cache that is asked for. Where commits are synced, its log is
//! extended ahead of its end (`with_wal_preallocation`), which its documentation recommends
//! for small synced commits. History is kept in composite keys here, as for the other peers.

use std::path::Path;

use surrealkv::{Durability, LSMIterator as _, Mode, Options, Transaction, Tree, TreeBuilder};
use tokio::runtime::{Builder, Runtime};

use crate::Result;
use crate::data::Key;
use crate::engine::{self, Direction, Engine, Setup, View, Visit, Writer};

/// Behind every key that a workload writes.
const BEHIND_ALL: [u8; 32] = [0xff; 32];

pub(super) fn open(directory: &Path, setup: &Setup) -> Result<Box<dyn Engine>> {
    let is_synced = setup.durability == engine::Durability::Synced;
    let options = Options::new().with_wal_preallocation(is_synced);
    let mut builder = TreeBuilder::with_options(options)
        .with_path(directory.to_path_buf())
        .with_block_cache_capacity(setup.cache_bytes);
    if let Some(bytes) = setup.log_bytes {
        builder = builder.with_max_memtable_size(bytes as usize * 2);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let tree = {
        let _entered = runtime.enter();
        builder.build()?
    };
    Ok(Box::new(SurrealKv {
        runtime,
        tree,
        durability: if is_synced {
            Durability::Immediate
        } else {
            Durability::Eventual
        },
    }))
}

struct SurrealKv {
    runtime: Runtime,
    tree: Tree,
    durability: Durability,
}

impl Engine for SurrealKv {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(Writes(self)))
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn View) -> Result<()>) -> Result<()> {
        work(&mut Reads(self.tree.begin_with_mode(Mode::ReadOnly)?))
    }

    fn sync(&self) -> Result<()> {
        let _entered = self.runtime.enter();
        Ok(self.tree.flush_wal(true)?)
    }

    fn close(self: Box<Self>) -> Result<()> {
        Ok(self.runtime.block_on(self.tree.close())?)
    }
}

struct Writes<'a>(&'a SurrealKv);

impl Writer for Writes<'_> {
    fn commit(&mut self, entries: &[(Key, &[u8])]) -> Result<()> {
        let mut transaction = self.0.tree.begin_with_mode(Mode::WriteOnly)?;
        transaction.set_durability(self.0.durability);
        for (key, value) in entries {
            transaction.set(&**key, *value)?;
        }
        Ok(self.0.runtime.block_on(transaction.commit())?)
    }
}

struct Reads(Transaction);

impl View for Reads {
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        let found = self.0.get(key)?;
        let is_found = found.is_some();
        if let Some(found) = found {
            *value = found;
        }
        Ok(is_found)
    }

    fn seek(&mut self, start: &[u8], visit: Visit<'_>) -> Result<bool> {
        let mut entries = self.0.range(start, &BEHIND_ALL[..])?;
        let is_found = entries.seek_first()?;
        if is_found {
            visit(entries.key().user_key(), &entries.value()?);
        }
        Ok(is_found)
    }

    fn scan(&mut self, direction: Direction, visit: Visit<'_>) -> Result<()> {
        let mut entries = self.0.iter()?;
        let mut is_valid = match direction {
            Direction::Forward => entries.seek_first()?,
            Direction::Backward => entries.seek_last()?,
        };
        while is_valid {
            visit(entries.key().user_key(), &entries.value()?);
            is_valid = match direction {
                Direction::Forward => entries.next()?,
                Direction::Backward => entries.prev()?,
            };
        }
        Ok(())
    }
}
