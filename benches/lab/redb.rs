//! A neighbour in the laboratory: redb behind its own storage trait, on the simulated file
//! system, under the same crashes and the oracles that apply to it.
//!
//! Its cycles are the yardstick for ours: the same plans, the same crash images of each
//! store's own files, the same judge. It is a far bigger engine and keeps no history, so a
//! cycle asks more of it in some ways and less in others; only the order of magnitude
//! travels.
//!
//! What is granted to it: creating a database is not crash-safe by itself, so the adapter
//! creates under another name, syncs, renames and syncs the directory.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lithify::fs::whole::{read_exact_at, write_all_at};
use lithify::fs::{Access, File, Fs};
use lithify_sim::history::{Batch, State};
use lithify_sim::system::{Engine, Failure, Instance, Setting, Settings, System};
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};

/// redb, with a table for all keyspaces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Redb;

const NAME: &str = "database";
const TEMPORARY: &str = "database.new";
const CACHE_BYTES: usize = 1 << 20;
const ENTRIES: TableDefinition<'_, (&str, &[u8]), &[u8]> = TableDefinition::new("entries");
const HEAD: TableDefinition<'_, (), u64> = TableDefinition::new("head");

impl System for Redb {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn about(&self) -> &'static str {
        "a copy-on-write B-tree in one file that is written in place"
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn configure(&self, _: &Settings) -> Result<Arc<dyn Engine>, String> {
        Ok(Arc::new(*self))
    }
}

impl Engine for Redb {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        let file = match fs.open(NAME, Access::Write) {
            Err(error) if error.kind() == ErrorKind::NotFound => create(&*fs),
            found => found.map_err(failure),
        }?;
        Open::on(file).map(|open| Box::new(open) as Box<dyn Instance>)
    }
}

/// An empty database that is there as a whole, or not at all.
fn create(fs: &dyn Fs) -> Result<Arc<dyn File>, Failure> {
    match fs.remove(TEMPORARY) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        outcome => outcome.map_err(failure)?,
    }
    let file = fs.create(TEMPORARY).map_err(failure)?;
    Open::on(Arc::clone(&file))?.commit(&[])?;
    file.sync().map_err(failure)?;
    fs.rename(TEMPORARY, NAME).map_err(failure)?;
    fs.sync_dir("").map_err(failure)?;
    Ok(file)
}

/// The file as redb sees it. A process that has died writes no more, whatever its
/// destructors try.
#[derive(Debug)]
struct Backend {
    file: Arc<dyn File>,
    is_dead: Arc<AtomicBool>,
}

impl Backend {
    fn check_alive(&self) -> io::Result<()> {
        match self.is_dead.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the process has died")),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        read_exact_at(&*self.file, offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.check_alive()?;
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check_alive()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check_alive()?;
        write_all_at(&*self.file, offset, data)
    }
}

/// An open database. Dropping it is a crash, closing it is not.
struct Open {
    database: Option<Database>,
    is_dead: Arc<AtomicBool>,
    head: u64,
}

impl Open {
    fn on(file: Arc<dyn File>) -> Result<Self, Failure> {
        let is_dead = Arc::new(AtomicBool::new(false));
        let backend = Backend {
            file,
            is_dead: Arc::clone(&is_dead),
        };
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        let database = builder.create_with_backend(backend).map_err(failure)?;
        let mut open = Self {
            database: Some(database),
            is_dead,
            head: 0,
        };
        open.head = open.stored_head()?;
        Ok(open)
    }

    fn database(&self) -> &Database {
        self.database.as_ref().expect("it is open")
    }

    fn stored_head(&self) -> Result<u64, Failure> {
        let read = self.database().begin_read().map_err(failure)?;
        let table = match read.open_table(HEAD) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(0),
            found => found.map_err(failure)?,
        };
        let head = table.get(()).map_err(failure)?;
        Ok(head.map_or(0, |head| head.value()))
    }

    fn write(&self, batches: &[Batch]) -> Result<(), redb::Error> {
        let transaction = self.database().begin_write()?;
        {
            let mut entries = transaction.open_table(ENTRIES)?;
            for write in batches.iter().flat_map(|batch| &batch.writes) {
                let (keyspace, key) = (write.key.keyspace_name(), write.key.bytes());
                match write.value {
                    Some(value) => {
                        entries.insert((keyspace, &*key), &*value.bytes())?;
                    }
                    None => drop(entries.remove((keyspace, &*key))?),
                }
            }
            let mut head = transaction.open_table(HEAD)?;
            head.insert((), self.head + batches.len() as u64)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn state(&self) -> Result<State, redb::Error> {
        let table = self.database().begin_read()?.open_table(ENTRIES)?;
        let mut state = State::new();
        for entry in table.iter()? {
            let (key, value) = entry?;
            let (keyspace, key) = key.value();
            state.insert(
                (keyspace.to_owned(), key.to_owned()),
                value.value().to_owned(),
            );
        }
        Ok(state)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.is_dead.store(true, Ordering::Relaxed);
    }
}

impl Instance for Open {
    /// One transaction for all batches, durable when it returns.
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        self.write(batches).map_err(failure)?;
        self.head += batches.len() as u64;
        Ok(self.head)
    }

    fn head(&self) -> u64 {
        self.head
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        if commit != self.head {
            return Ok(None);
        }
        self.state().map(Some).map_err(failure)
    }

    /// There is no background work.
    fn progress(&self) -> String {
        String::new()
    }

    fn close(mut self: Box<Self>) -> Result<(), Failure> {
        drop(self.database.take());
        Ok(())
    }
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::Disk(format!("redb: {error}"))
}
