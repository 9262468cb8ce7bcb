//! The open segment files: a bounded table.
//!
//! A store may need thousands of files, and a process may have few descriptors. So a segment does
//! not keep its file open: it asks this table. A file that was not used lately is closed, and
//! opened again when it is needed.
//!
//! Invariants: the table holds at most as many files as its limit. A descriptor stays open while a
//! reader uses it, so for a moment there may be more open files, one for each reader. A number
//! means one file for as long as the store is open, so a file that is opened again is the same
//! file; a file that is still needed keeps its name.
//!
//! This table does not read, check or remove files.

use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::ErrorKind;
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, UnitWeighter};

use crate::error::{Error, Result};
use crate::files::{FileKind, file_name, mix};
use crate::fs::{Access, File, Fs};

/// Hashes the number of a file with a fixed function, so that the choice of the closed file is
/// reproducible.
#[derive(Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0 ^ number);
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Table = Cache<u64, Arc<dyn File>, UnitWeighter, BuildHasherDefault<NumberHasher>>;

/// The table. Clones share it.
#[derive(Clone)]
pub(crate) struct OpenFiles {
    fs: Arc<dyn Fs>,
    table: Arc<Table>,
}

impl fmt::Debug for OpenFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OpenFiles({} open)", self.table.len())
    }
}

impl OpenFiles {
    /// A table of at most `most` files, at least 1.
    pub(crate) fn new(fs: Arc<dyn Fs>, most: usize) -> Self {
        let options = OptionsBuilder::new()
            // One shard on every machine: the choice of the closed file must not depend on the
            // number of cores.
            .shards(1)
            .estimated_items_capacity(most)
            .weight_capacity(most as u64)
            .build()
            .expect("all options are set");
        let table = Cache::with_options(
            options,
            UnitWeighter,
            BuildHasherDefault::default(),
            DefaultLifecycle::default(),
        );
        Self {
            fs,
            table: Arc::new(table),
        }
    }

    /// Adds a file that was just written.
    pub(crate) fn insert(&self, number: u64, file: Arc<dyn File>) {
        self.table.insert(key(number), file);
        assert!(
            self.table.weight() <= self.table.capacity(),
            "{} files are open, at most {} may be",
            self.table.weight(),
            self.table.capacity()
        );
    }

    /// Closes a file that is removed, so that the device gets its space back.
    pub(crate) fn forget(&self, number: u64) {
        self.table.remove(&key(number));
    }

    /// The segment file with this number, which has `length` bytes.
    ///
    /// # Errors
    /// [`Error::Damage`] when the file is missing; otherwise any error of the disk.
    pub(crate) fn get(&self, number: u64, length: u64) -> Result<Arc<dyn File>> {
        if let Some(file) = self.table.get(&key(number)) {
            return Ok(file);
        }
        mark!(FileOpenedAgain);
        let name = file_name(FileKind::Segment, number);
        if planted!(EvictedFileIsGone) && self.table.weight() == self.table.capacity() {
            return Err(Error::damage(&name, 0, "an open file", "a closed one"));
        }
        let file = self.fs.open(&name, Access::Read).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                let expected = format!("a file of {length} bytes");
                Error::damage(&name, 0, expected, "no such file")
            } else {
                Error::io("open", &name)(error)
            }
        })?;
        self.insert(number, Arc::clone(&file));
        Ok(file)
    }
}

fn key(number: u64) -> u64 {
    if planted!(OpenFilesMixedUp) {
        number / 2
    } else {
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemFs;

    /// Many files are requested in turn; few are open, and each is the requested one.
    #[test]
    fn few_of_many_files_are_open() {
        const FILES: u64 = 100;
        const MOST: usize = 5;
        let fs = Arc::new(MemFs::new());
        let open = OpenFiles::new(Arc::clone(&fs) as Arc<dyn Fs>, MOST);
        for number in 1..=FILES {
            let file = fs.create(&file_name(FileKind::Segment, number)).unwrap();
            file.append(&number.to_le_bytes()).unwrap();
            open.insert(number, file);
        }
        for number in (1..=FILES).chain((1..=FILES).rev()) {
            let mut bytes = [0; 8];
            open.get(number, 8).unwrap().read_at(0, &mut bytes).unwrap();
            assert_eq!(u64::from_le_bytes(bytes), number);
            assert!(open.table.len() <= MOST, "{open:?}");
        }
        open.forget(1);
        fs.remove(&file_name(FileKind::Segment, 1)).unwrap();
        assert!(matches!(open.get(1, 8), Err(Error::Damage(_))));
    }
}
