//! SurrealKV: a log-structured merge tree in Rust with asynchronous commits.
//!
//! Default options, with the cache that is asked for. Where commits are synced, its log is
//! extended ahead of its end (`with_wal_preallocation`), which its documentation recommends
//! for small synced commits. As `own versions` it keeps history itself: the time of a version is
//! the number of its commit, which this adapter counts, so only one thread may write then.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use surrealkv::{
    Durability, HistoryOptions, LSMIterator as _, Mode, Options, Transaction, Tree, TreeBuilder,
};
use tokio::runtime::{Builder, Runtime};

use crate::Result;
use crate::contestant::Variant;
use crate::data::Key;
use crate::engine::{self, Direction, Engine, Past, Setup, View, Visit, Writer};

/// Before and behind every key that a workload writes.
const BEFORE_ALL: [u8; 1] = [0];
const BEHIND_ALL: [u8; 32] = [0xff; 32];

pub(super) fn open(directory: &Path, setup: &Setup) -> Result<Box<dyn Engine>> {
    let is_synced = setup.durability == engine::Durability::Synced;
    let options = Options::new().with_wal_preallocation(is_synced);
    let mut builder = TreeBuilder::with_options(options)
        .with_path(directory.to_path_buf())
        .with_block_cache_capacity(setup.cache_bytes);
    let own_versions = setup.variant == Variant::OwnVersions;
    if own_versions {
        // For ever.
        builder = builder.with_versioning(true, 0);
    }
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
        own_versions: own_versions.then(AtomicU64::default),
    }))
}

struct SurrealKv {
    runtime: Runtime,
    tree: Tree,
    durability: Durability,
    /// The commits of this process, when it keeps versions itself.
    own_versions: Option<AtomicU64>,
}

impl Engine for SurrealKv {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(Writes(self)))
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn View) -> Result<()>) -> Result<()> {
        work(&mut Reads(self.tree.begin_with_mode(Mode::ReadOnly)?))
    }

    fn past(&self) -> Option<&dyn Past> {
        self.own_versions.is_some().then_some(self as &dyn Past)
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
        match &self.0.own_versions {
            Some(commits) => {
                let commit = commits.fetch_add(1, Ordering::Relaxed) + 1;
                for (key, value) in entries {
                    transaction.set_at(&**key, *value, commit)?;
                }
            }
            None => {
                for (key, value) in entries {
                    transaction.set(&**key, *value)?;
                }
            }
        }
        Ok(self.0.runtime.block_on(transaction.commit())?)
    }
}

struct Reads(Transaction);

impl View for Reads {
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        Ok(keep(self.0.get(key)?, value))
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

impl Past for SurrealKv {
    fn get(&self, key: &[u8], commit: u64, value: &mut Vec<u8>) -> Result<bool> {
        let transaction = self.tree.begin_with_mode(Mode::ReadOnly)?;
        Ok(keep(transaction.get_at(key, commit)?, value))
    }

    fn scan(&self, commit: u64, visit: Visit<'_>) -> Result<()> {
        let transaction = self.tree.begin_with_mode(Mode::ReadOnly)?;
        let options = HistoryOptions::new().with_ts_range(0, commit);
        let mut versions =
            transaction.history_with_options(&BEFORE_ALL[..], &BEHIND_ALL[..], &options)?;
        // Newest first: the first version of each key is the one that is wanted.
        let mut visited = Vec::new();
        let mut is_valid = versions.seek_first()?;
        while is_valid {
            let key = versions.key().user_key();
            if *key != *visited {
                visited.clear();
                visited.extend_from_slice(key);
                visit(key, &versions.value()?);
            }
            is_valid = versions.next()?;
        }
        Ok(())
    }
}

/// Takes the vector that was found as it is: no copy more than the engine makes.
fn keep(found: Option<Vec<u8>>, value: &mut Vec<u8>) -> bool {
    let is_found = found.is_some();
    if let Some(found) = found {
        *value = found;
    }
    is_found
}
