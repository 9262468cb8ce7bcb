//! RocksDB: a log-structured merge tree in C++.
//!
//! Default options, with the cache that is asked for, a Bloom filter of ten bits a key (as
//! lithify has), two background threads, and without compression. One iterator serves all
//! seeks of a view, as its documentation suggests. History is kept in composite keys.

use std::path::Path;

use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, DBRawIterator, Options, Snapshot, WriteBatch,
    WriteOptions,
};

use crate::Result;
use crate::data::Key;
use crate::engine::{Direction, Durability, Engine, Setup, View, Visit, Writer};

pub(super) fn open(directory: &Path, setup: &Setup) -> Result<Box<dyn Engine>> {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(setup.cache_bytes as usize));
    table.set_bloom_filter(10.0, false);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_compression_type(DBCompressionType::None);
    options.set_block_based_table_factory(&table);
    options.increase_parallelism(2);
    if let Some(bytes) = setup.log_bytes {
        options.set_write_buffer_size(bytes as usize * 2);
    }
    let mut writes = WriteOptions::default();
    writes.set_sync(setup.durability == Durability::Synced);
    Ok(Box::new(RocksDb {
        database: DB::open(&options, directory)?,
        writes,
    }))
}

struct RocksDb {
    database: DB,
    writes: WriteOptions,
}

impl Engine for RocksDb {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(Writes(self)))
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn View) -> Result<()>) -> Result<()> {
        let snapshot = self.database.snapshot();
        work(&mut Reads {
            seeks: snapshot.raw_iterator(),
            snapshot: &snapshot,
        })
    }

    fn sync(&self) -> Result<()> {
        Ok(self.database.flush_wal(true)?)
    }

    fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

struct Writes<'a>(&'a RocksDb);

impl Writer for Writes<'_> {
    fn commit(&mut self, entries: &[(Key, &[u8])]) -> Result<()> {
        let mut batch = WriteBatch::default();
        for (key, value) in entries {
            batch.put(&**key, value);
        }
        Ok(self.0.database.write_opt(batch, &self.0.writes)?)
    }
}

struct Reads<'a> {
    seeks: DBRawIterator<'a>,
    snapshot: &'a Snapshot<'a>,
}

impl View for Reads<'_> {
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        let found = self.snapshot.get_pinned(key)?;
        if let Some(found) = &found {
            value.clear();
            value.extend_from_slice(found);
        }
        Ok(found.is_some())
    }

    fn seek(&mut self, start: &[u8], visit: Visit<'_>) -> Result<bool> {
        self.seeks.seek(start);
        if let Some((key, value)) = self.seeks.item() {
            visit(key, value);
            return Ok(true);
        }
        self.seeks.status()?;
        Ok(false)
    }

    fn scan(&mut self, direction: Direction, visit: Visit<'_>) -> Result<()> {
        let mut entries = self.snapshot.raw_iterator();
        match direction {
            Direction::Forward => entries.seek_to_first(),
            Direction::Backward => entries.seek_to_last(),
        }
        while let Some((key, value)) = entries.item() {
            visit(key, value);
            match direction {
                Direction::Forward => entries.next(),
                Direction::Backward => entries.prev(),
            }
        }
        Ok(entries.status()?)
    }
}
