//! canopydb: a copy-on-write B-tree in Rust behind a log.
//!
//! Synced commits come from several threads, so they use its concurrent transactions and are
//! tried again after a conflict, as its documentation asks for. Unsynced ones come from one
//! thread and use the exclusive transaction, which is cheaper.

use std::path::Path;

use canopydb::{Database, DbOptions, EnvOptions, Error, Tree};

use crate::Result;
use crate::data::Key;
use crate::engine::{
    Direction, Durability, Engine, Setup, View, Visit, Writer, show_all, show_first,
};

const TREE: &[u8] = b"k";

pub(super) fn open(directory: &Path, setup: &Setup) -> Result<Box<dyn Engine>> {
    let mut environment = EnvOptions::new(directory);
    environment.page_cache_size = setup.cache_bytes as usize;
    let mut options = DbOptions::new();
    if let Some(bytes) = setup.log_bytes {
        let bytes = bytes as usize * 2;
        options.checkpoint_target_size = bytes;
        options.throttle_memory_limit = bytes * 2;
        options.stall_memory_limit = bytes * 2;
        environment.max_wal_size = bytes as u64 * 2;
    }
    let database = Database::with_options(environment, options)?;
    let transaction = database.begin_write()?;
    transaction.get_or_create_tree(TREE)?;
    transaction.commit()?;
    Ok(Box::new(Canopy {
        database,
        is_synced: setup.durability == Durability::Synced,
    }))
}

struct Canopy {
    database: Database,
    is_synced: bool,
}

impl Engine for Canopy {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(Writes(self)))
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn View) -> Result<()>) -> Result<()> {
        let transaction = self.database.begin_read()?;
        let tree = transaction.get_tree(TREE)?.ok_or("the tree is gone")?;
        work(&mut Reads(tree))
    }

    fn sync(&self) -> Result<()> {
        Ok(self.database.sync()?)
    }

    fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

struct Writes<'a>(&'a Canopy);

impl Writer for Writes<'_> {
    fn commit(&mut self, entries: &[(Key, &[u8])]) -> Result<()> {
        loop {
            let transaction = self.0.database.begin_write_with(self.0.is_synced)?;
            let mut tree = transaction.get_tree(TREE)?.ok_or("the tree is gone")?;
            for (key, value) in entries {
                tree.insert(key, value)?;
            }
            drop(tree);
            match transaction.commit_with(self.0.is_synced) {
                Ok(_) => return Ok(()),
                Err(Error::WriteConflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

struct Reads<'a>(Tree<'a>);

impl View for Reads<'_> {
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        let found = self.0.get(key)?;
        if let Some(found) = &found {
            value.clear();
            value.extend_from_slice(found);
        }
        Ok(found.is_some())
    }

    fn seek(&mut self, start: &[u8], visit: Visit<'_>) -> Result<bool> {
        show_first(self.0.range(start..)?.next(), |entry| {
            let (key, value) = entry?;
            visit(&key, &value);
            Ok(())
        })
    }

    fn scan(&mut self, direction: Direction, visit: Visit<'_>) -> Result<()> {
        show_all(self.0.iter()?, direction, |entry| {
            let (key, value) = entry?;
            visit(&key, &value);
            Ok(())
        })
    }
}
