//! lithify through `Db`, with its default options unless the variant says otherwise.
//!
//! One `WriteBatch` for each thread is used again and again, as the documentation of
//! `WriteBatch::clear` suggests. All history is kept, except in the variant `newest`.

use std::path::Path;
use std::sync::Arc;

use lithify::fs::OsFs;
use lithify::{
    Commit, Db, Durability, History, KeyRange, Options, Placement, Slice, Snapshot, WriteBatch,
};

use crate::Result;
use crate::contestant::Variant;
use crate::data::Key;
use crate::engine::{
    self, Direction, Engine, Past, Setup, View, Visit, Writer, show_all, show_first,
};

const KEYSPACE: &str = "k";

pub(super) fn open(directory: &Path, setup: &Setup) -> Result<Box<dyn Engine>> {
    let db = Db::open_in(Arc::new(OsFs::new(directory)), options(setup))?;
    Ok(Box::new(Lithify { db }))
}

fn options(setup: &Setup) -> Options {
    let mut options = Options {
        durability: match setup.durability {
            engine::Durability::Buffered => Durability::Buffered,
            engine::Durability::Synced => Durability::Synced,
        },
        ..Options::default()
    };
    match setup.variant {
        Variant::Default | Variant::OwnVersions => {}
        Variant::Cached => options.cache_bytes = setup.cache_bytes,
        Variant::Newest => {
            options.placement = Some(Placement {
                history: History::Newest,
                ..Placement::default()
            });
        }
        Variant::OneLog => {
            if let Some(bytes) = setup.log_bytes {
                options.wal_file_bytes = bytes;
                options.memory_budget_bytes = bytes as usize;
                // A level that so few commits do not reach: they stay in memory and the log.
                options.file_level =
                    Some(options.file_level_for(&Placement::default().alignment) + 4);
            }
        }
    }
    options
}

struct Lithify {
    db: Db,
}

impl Engine for Lithify {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(Writes {
            db: &self.db,
            batch: WriteBatch::new(),
        }))
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn View) -> Result<()>) -> Result<()> {
        work(&mut Reads(self.db.snapshot()))
    }

    fn past(&self) -> Option<&dyn Past> {
        Some(self)
    }

    fn sync(&self) -> Result<()> {
        Ok(self.db.sync()?)
    }

    fn close(self: Box<Self>) -> Result<()> {
        Ok(self.db.close()?)
    }
}

struct Writes<'a> {
    db: &'a Db,
    batch: WriteBatch,
}

impl Writer for Writes<'_> {
    fn commit(&mut self, entries: &[(Key, &[u8])]) -> Result<()> {
        self.batch.clear();
        for (key, value) in entries {
            self.batch.put(KEYSPACE, key, value);
        }
        self.db.commit(&self.batch)?;
        Ok(())
    }
}

struct Reads(Snapshot);

impl View for Reads {
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        keep(self.0.get(KEYSPACE, key)?, value)
    }

    fn seek(&mut self, start: &[u8], visit: Visit<'_>) -> Result<bool> {
        show_first(
            self.0.range(KEYSPACE, KeyRange::from(start))?.next(),
            |entry| {
                let (key, value) = entry?;
                visit(&key, &value);
                Ok(())
            },
        )
    }

    fn scan(&mut self, direction: Direction, visit: Visit<'_>) -> Result<()> {
        show_all(
            self.0.range(KEYSPACE, KeyRange::all())?,
            direction,
            |entry| {
                let (key, value) = entry?;
                visit(&key, &value);
                Ok(())
            },
        )
    }
}

impl Past for Lithify {
    fn get(&self, key: &[u8], commit: u64, value: &mut Vec<u8>) -> Result<bool> {
        let snapshot = self.db.snapshot_at(Commit::new(commit))?;
        keep(snapshot.get(KEYSPACE, key)?, value)
    }

    fn scan(&self, commit: u64, visit: Visit<'_>) -> Result<()> {
        let snapshot = self.db.snapshot_at(Commit::new(commit))?;
        Reads(snapshot).scan(Direction::Forward, visit)
    }
}

/// Copies what was found, as the other engines do.
fn keep(found: Option<Slice>, value: &mut Vec<u8>) -> Result<bool> {
    if let Some(found) = &found {
        value.clear();
        value.extend_from_slice(found);
    }
    Ok(found.is_some())
}
