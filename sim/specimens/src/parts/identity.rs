//! Which store a file belongs to, and which file it is: what salts every checksum.
//!
//! Each file gets a number that nobody was given before ([`Fs::fresh_number`]), and the
//! number of a store's first file is the store's. Both are in the file, or in a name beside
//! it, and in the salt, so bytes that an earlier file of the same name and generation,
//! another file, or another store has left on the device are no entries. They pass once in
//! 2^31 entries: the checksum has 32 bits, and the reader tries two values of one bit.
//!
//! A salt does not tell a file from a *whole* earlier one, with the numbers in it. Whoever
//! reads a file has to know that its first bytes were durable before it got its name.
//!
//! [`Fs::fresh_number`]: lithify::fs::Fs::fresh_number

use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::disk::Disk;

/// A store and a file of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    /// The number of the store's first file.
    pub(crate) store: u64,
    /// The number of this file.
    pub(crate) file: u64,
}

impl Identity {
    /// The last one in the order of numbers.
    pub(crate) const LAST: Self = Self {
        store: u64::MAX,
        file: u64::MAX,
    };

    /// Of the first file of a new store, which is about to be created as `name`.
    ///
    /// # Errors
    /// Whatever the source of numbers says.
    pub(crate) fn of_new_store(disk: &Disk, name: &str) -> Result<Self, Failure> {
        let file = disk.fresh_number(name)?;
        Ok(Self { store: file, file })
    }

    /// Of another file of the same store, which is about to be created as `name`.
    ///
    /// # Errors
    /// Whatever the source of numbers says.
    pub(crate) fn of_next(&self, disk: &Disk, name: &str) -> Result<Self, Failure> {
        let file = match planted::is_active("file-number-not-fresh") {
            true => self.file,
            false => disk.fresh_number(name)?,
        };
        Ok(Self { file, ..*self })
    }

    /// The salt of the checksums of this file, whose number by its place in the order of the
    /// store's files is `generation`.
    pub(crate) fn salt(&self, generation: u64) -> u64 {
        let mut parts = [self.store, self.file, generation];
        if planted::is_active("salt-without-file-number") {
            parts[1] = 0;
        } else if planted::is_active("salt-without-identity") {
            parts[..2].fill(0);
        }
        xxhash_rust::xxh3::xxh3_64(&parts.map(u64::to_le_bytes).concat())
    }
}
