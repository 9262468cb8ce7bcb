//! fjall: a log-structured merge tree in Rust.
//!
//! Default options, with the cache that is asked for, and without compression, because no
//! other engine compresses here.

use std::path::Path;

use fjall::config::CompressionPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable as _, Snapshot};

use crate::Result;
use crate::data::Key;
use crate::engine::{
    Direction, Durability, Engine, Setup, View, Visit, Writer, show_all, show_first,
};

pub(super) fn open(directory: &Path, setup: &Setup) -> Result<Box<dyn Engine>> {
    let database = Database::builder(directory).cache_size(setup.cache_bytes);
    let database = match setup.log_bytes {
        // The journal may hold what the table in memory holds, more than once.
        Some(bytes) => database.max_journaling_size(bytes * 4),
        None => database,
    }
    .open()?;
    let keyspace = database.keyspace("k", || {
        let options = KeyspaceCreateOptions::default()
            .data_block_compression_policy(CompressionPolicy::disabled());
        match setup.log_bytes {
            Some(bytes) => options.max_memtable_size(bytes * 2),
            None => options,
        }
    })?;
    Ok(Box::new(Fjall {
        database,
        keyspace,
        durability: match setup.durability {
            Durability::Buffered => PersistMode::Buffer,
            Durability::Synced => PersistMode::SyncData,
        },
    }))
}

struct Fjall {
    database: Database,
    keyspace: Keyspace,
    durability: PersistMode,
}

impl Engine for Fjall {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(Writes(self)))
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn View) -> Result<()>) -> Result<()> {
        work(&mut Reads {
            snapshot: self.database.snapshot(),
            keyspace: &self.keyspace,
        })
    }

    fn sync(&self) -> Result<()> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

struct Writes<'a>(&'a Fjall);

impl Writer for Writes<'_> {
    fn commit(&mut self, entries: &[(Key, &[u8])]) -> Result<()> {
        let mut batch = self.0.database.batch().durability(Some(self.0.durability));
        for (key, value) in entries {
            batch.insert(&self.0.keyspace, &**key, *value);
        }
        Ok(batch.commit()?)
    }
}

struct Reads<'a> {
    snapshot: Snapshot,
    keyspace: &'a Keyspace,
}

impl View for Reads<'_> {
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        let found = self.snapshot.get(self.keyspace, key)?;
        if let Some(found) = &found {
            value.clear();
            value.extend_from_slice(found);
        }
        Ok(found.is_some())
    }

    fn seek(&mut self, start: &[u8], visit: Visit<'_>) -> Result<bool> {
        show_first(
            self.snapshot.range(self.keyspace, start..).next(),
            |entry| {
                let (key, value) = entry.into_inner()?;
                visit(&key, &value);
                Ok(())
            },
        )
    }

    fn scan(&mut self, direction: Direction, visit: Visit<'_>) -> Result<()> {
        show_all(self.snapshot.iter(self.keyspace), direction, |entry| {
            let (key, value) = entry.into_inner()?;
            visit(&key, &value);
            Ok(())
        })
    }
}
