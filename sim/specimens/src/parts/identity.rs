//! The identity of a file: its store and its own number. The identity salts every checksum.
//!
//! Each file gets a number that was never given out before ([`Fs::fresh_number`]). The
//! number of the first file of a store is also the number of the store. Both numbers are in
//! the file, or in the name of a file beside it, and both are part of the salt. So bytes
//! that another file, another store, or an earlier file with the same name and generation
//! has left on the device do not count as entries. By chance, such bytes pass once in 2^31
//! entries: the checksum has 32 bits, and the reader tries two values of one bit.
//!
//! The salt cannot detect a *whole* earlier file, because that file contains its own
//! numbers. So code that reads a file must know that the first bytes of the file were
//! durable before the file got its name.
//!
//! [`Fs::fresh_number`]: lithify::fs::Fs::fresh_number

use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::disk::Disk;

/// The identity of one file of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    /// The number of the store's first file.
    pub(crate) store: u64,
    /// The number of this file.
    pub(crate) file: u64,
}

impl Identity {
    /// The largest identity in the order of numbers.
    pub(crate) const LAST: Self = Self {
        store: u64::MAX,
        file: u64::MAX,
    };

    /// Draws the identity of the first file of a new store. The file is about to be created
    /// as `name`.
    ///
    /// # Errors
    /// Errors of the source of numbers.
    pub(crate) fn of_new_store(disk: &Disk, name: &str) -> Result<Self, Failure> {
        let file = disk.fresh_number(name)?;
        Ok(Self { store: file, file })
    }

    /// Draws the identity of another file of the same store. The file is about to be created
    /// as `name`.
    ///
    /// # Errors
    /// Errors of the source of numbers.
    pub(crate) fn of_next(&self, disk: &Disk, name: &str) -> Result<Self, Failure> {
        let file = match planted::is_active("file-number-not-fresh") {
            true => self.file,
            false => disk.fresh_number(name)?,
        };
        Ok(Self { file, ..*self })
    }

    /// The salt of the checksums of this file. `generation` is the position of the file in
    /// the order of the files of the store.
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
