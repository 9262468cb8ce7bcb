//! redb: a copy-on-write B-tree in Rust.
//!
//! A buffered commit (`Durability::None`) stays in the memory of the process until a durable
//! one follows: it is worth less than a buffered commit of the others, which has reached the
//! operating system.

use std::path::Path;

use redb::{
    Builder, Database, Durability, ReadOnlyTable, ReadableDatabase as _, ReadableTable as _,
    TableDefinition,
};

use crate::Result;
use crate::data::Key;
use crate::engine::{self, Direction, Engine, Setup, View, Visit, Writer, show_all, show_first};

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("k");

pub(super) fn open(directory: &Path, setup: &Setup) -> Result<Box<dyn Engine>> {
    let database = Builder::new()
        .set_cache_size(setup.cache_bytes as usize)
        .create(directory.join("redb"))?;
    // A table exists once a transaction has opened it for writing.
    let transaction = database.begin_write()?;
    transaction.open_table(TABLE)?;
    transaction.commit()?;
    Ok(Box::new(Redb {
        database,
        durability: match setup.durability {
            engine::Durability::Buffered => Durability::None,
            engine::Durability::Synced => Durability::Immediate,
        },
    }))
}

struct Redb {
    database: Database,
    durability: Durability,
}

impl Engine for Redb {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(Writes(self)))
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn View) -> Result<()>) -> Result<()> {
        let transaction = self.database.begin_read()?;
        work(&mut Reads(transaction.open_table(TABLE)?))
    }

    fn sync(&self) -> Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        Ok(transaction.commit()?)
    }

    fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

struct Writes<'a>(&'a Redb);

impl Writer for Writes<'_> {
    fn commit(&mut self, entries: &[(Key, &[u8])]) -> Result<()> {
        let mut transaction = self.0.database.begin_write()?;
        transaction.set_durability(self.0.durability)?;
        let mut table = transaction.open_table(TABLE)?;
        for (key, value) in entries {
            table.insert(&**key, *value)?;
        }
        drop(table);
        Ok(transaction.commit()?)
    }
}

struct Reads(ReadOnlyTable<&'static [u8], &'static [u8]>);

impl View for Reads {
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        let found = self.0.get(key)?;
        if let Some(found) = &found {
            value.clear();
            value.extend_from_slice(found.value());
        }
        Ok(found.is_some())
    }

    fn seek(&mut self, start: &[u8], visit: Visit<'_>) -> Result<bool> {
        show_first(self.0.range(start..)?.next(), |entry| {
            let (key, value) = entry?;
            visit(key.value(), value.value());
            Ok(())
        })
    }

    fn scan(&mut self, direction: Direction, visit: Visit<'_>) -> Result<()> {
        show_all(self.0.iter()?, direction, |entry| {
            let (key, value) = entry?;
            visit(key.value(), value.value());
            Ok(())
        })
    }
}
