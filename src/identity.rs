//! The identity of a store and of its files, so that no other bytes pass for theirs.
//!
//! A device gives out blocks before they are overwritten. After a crash a file may show the old
//! content of its blocks: bytes of a file of another store, of another file of this store, or of an
//! earlier file of the same name, whose name a crash took. So a store draws a random number when it
//! is created, and each file draws one when it is created. Both numbers are in the preamble of the
//! file and in the salt of every checksum in it.
//!
//! The file `identity` states which store a directory holds. It is durable before the first
//! numbered file is created, so it decides which files are the store's own. A file whose preamble
//! names another store does not count, and is removed like any other file that is not needed.
//!
//! A directory of backups has a number of its own, like a store, and its identity also states which
//! store the backups are of. If the backups had the number of their store, then files of both could
//! have the same number, and after a crash the bytes of the one would pass for the other.
//!
//! A file can also show all bytes of an earlier file of the same store, kind and number, including
//! the preamble. A salt does not detect this case. But the name of such an earlier file was never
//! durable, so the file contains no mark that proves its beginning: such a mark is written only
//! after the name is durable. This holds while no second directory has the same identity: see
//! "Copies of a directory" in `design/format.md`. So `wal::replay` and `manifest::log` never prefer
//! a file without a proof to a proven file.
//!
//! The preamble also tells a store of another format version from a damaged one: its first sixteen
//! bytes (magic, kind, version, checksum) mean the same in every version.

use std::io::ErrorKind;

use crate::codec::Decoder;
use crate::error::{Error, Result};
use crate::files::{FORMAT_VERSION, FileKind, IDENTITY, NEW_IDENTITY, checksum, file_name, mix};
use crate::fs::Fs;
use crate::fs::whole::write_all_at;
use crate::whole_file::read_start;

/// The length of a preamble in bytes.
pub(crate) const PREAMBLE_BYTES: u64 = 36;
/// The part of the preamble that means the same in every format version.
const VERSIONED_BYTES: usize = 16;

const MAGIC: &[u8; 7] = b"lithify";
/// The letter of the identity file's preamble.
const STORE_LETTER: u8 = b'i';
/// Stands in the identity of a directory that is no backup.
const NO_ORIGIN: StoreId = StoreId(0);

/// A number that no other store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreId(u64);

/// The identity of one numbered file: its store, its kind and number, and a number that tells it
/// from all other files that ever had this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    pub(crate) store: StoreId,
    pub(crate) kind: FileKind,
    pub(crate) number: u64,
    /// See [`Fs::fresh_number`].
    pub(crate) fresh: u64,
}

/// The salts of a file's checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Salts {
    /// The salt of store, kind and number. It is in the tags of records, so that records can be
    /// recognised without an intact preamble.
    pub(crate) place: u64,
    /// The salt of store, kind, number and the fresh number. It is in every checksum.
    pub(crate) file: u64,
}

impl StoreId {
    /// Draws the number of a new store.
    fn draw(fs: &dyn Fs) -> Result<Self> {
        let fresh = fs.fresh_number(IDENTITY);
        fresh
            .map(Self)
            .map_err(Error::io("draw a number for", IDENTITY))
    }

    /// The part of a file's salts that is known without its preamble.
    pub(crate) fn place_salt(self, kind: FileKind, number: u64) -> u64 {
        mix(mix(self.0) ^ u64::from(kind.letter()) << 56 ^ number)
    }

    /// The number in a file's preamble.
    #[cfg(any(test, fuzzing))]
    pub(crate) const fn of(number: u64) -> Self {
        Self(number)
    }
}

impl FileId {
    /// The identity of a file before it is created.
    pub(crate) fn draw(fs: &dyn Fs, store: StoreId, kind: FileKind, number: u64) -> Result<Self> {
        let name = file_name(kind, number);
        let fresh = fs
            .fresh_number(&name)
            .map_err(Error::io("draw a number for", &name))?;
        Ok(Self {
            store,
            kind,
            number,
            fresh: if planted!(NumberNotFresh) { 1 } else { fresh },
        })
    }

    pub(crate) fn name(&self) -> String {
        file_name(self.kind, self.number)
    }

    pub(crate) fn salts(&self) -> Salts {
        let place = self.store.place_salt(self.kind, self.number);
        Salts {
            place,
            file: mix(place ^ mix(self.fresh)),
        }
    }

    /// The first bytes of the file.
    pub(crate) fn preamble(&self) -> [u8; PREAMBLE_BYTES as usize] {
        preamble(self.kind.letter(), self.store, self.fresh, self.number)
    }

    /// Reads the preamble at the start of `bytes`. The file has this kind and number in its name.
    ///
    /// # Errors
    /// [`Error::UnsupportedFormat`] for an intact preamble of another version,
    /// [`Error::Damage`] for any other bytes.
    pub(crate) fn read(kind: FileKind, number: u64, bytes: &[u8]) -> Result<Self> {
        let name = file_name(kind, number);
        let (store, fresh) = read_preamble(kind.letter(), number, &name, bytes)?;
        Ok(Self {
            store,
            kind,
            number,
            fresh,
        })
    }
}

/// The files among these that do not name another store. Reads at most [`PREAMBLE_BYTES`] of each.
///
/// # Errors
/// [`Error::UnsupportedFormat`], and any error of the disk.
pub(crate) fn own_files(
    fs: &dyn Fs,
    store: Option<StoreId>,
    kind: FileKind,
    numbers: &[u64],
) -> Result<Vec<u64>> {
    let mut own = Vec::new();
    for &number in numbers {
        let owner = owner(fs, kind, number)?;
        if store.is_none() || owner.is_none() || owner == store {
            own.push(number);
        }
    }
    Ok(own)
}

/// Whether an intact preamble of one of these files names this store.
///
/// # Errors
/// [`Error::UnsupportedFormat`], and any error of the disk.
pub(crate) fn is_owner(
    fs: &dyn Fs,
    store: Option<StoreId>,
    kind: FileKind,
    numbers: &[u64],
) -> Result<bool> {
    for &number in numbers {
        if owner(fs, kind, number)?.is_some_and(|owner| Some(owner) == store) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The store that a file names; `None` without an intact preamble.
fn owner(fs: &dyn Fs, kind: FileKind, number: u64) -> Result<Option<StoreId>> {
    Ok(load_file_id(fs, kind, number)?.map(|id| id.store))
}

/// The identity of a file; `None` without an intact preamble.
///
/// # Errors
/// [`Error::UnsupportedFormat`], and any error of the disk.
pub(crate) fn load_file_id(fs: &dyn Fs, kind: FileKind, number: u64) -> Result<Option<FileId>> {
    let Some(bytes) = read_preamble_of(fs, &file_name(kind, number))? else {
        return Ok(None);
    };
    match FileId::read(kind, number, &bytes) {
        Ok(id) => Ok(Some(id)),
        Err(Error::Damage(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The store in the directory, if its identity file is there and intact.
///
/// # Errors
/// [`Error::UnsupportedFormat`], and any error of the disk.
pub(crate) fn load_store_id(fs: &dyn Fs) -> Result<Option<StoreId>> {
    Ok(load_store_and_origin(fs)?.map(|(store, _)| store))
}

/// The store in the directory, and the store that it is a backup of: the number 0 for no backup.
///
/// # Errors
/// As [`load_store_id`].
pub(crate) fn load_store_and_origin(fs: &dyn Fs) -> Result<Option<(StoreId, StoreId)>> {
    let Some(bytes) = read_preamble_of(fs, IDENTITY)? else {
        return Ok(None);
    };
    match read_preamble(STORE_LETTER, 0, IDENTITY, &bytes) {
        Ok((store, origin)) => Ok(Some((store, StoreId(origin)))),
        // An interrupted creation, or damage. Every other file names the store as well.
        Err(Error::Damage(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The store that all these files name, for a directory without an intact identity. `None` for a file
/// without an intact preamble.
///
/// A crash can leave bytes of another store in a file that was being made, whatever its kind. So if two
/// files name different stores, nothing says which of them is right.
///
/// # Errors
/// [`Error::NotAStore`] for files of two stores, and the first error of `files`.
pub(crate) fn store_of_files(
    files: impl Iterator<Item = Result<Option<FileId>>>,
) -> Result<Option<StoreId>> {
    let mut newest: Option<FileId> = None;
    for file in files {
        let Some(file) = file? else { continue };
        match newest {
            Some(other) if other.store != file.store && !planted!(NewestFileNamesStore) => {
                return Err(Error::NotAStore {
                    reason: format!(
                        "{} and {} are of different stores, and no {IDENTITY} file says which one \
                         this is: move the files of the other store away",
                        other.name(),
                        file.name()
                    ),
                });
            }
            Some(other) if other.number > file.number => {}
            _ => newest = Some(file),
        }
    }
    Ok(newest.map(|file| file.store))
}

/// The bytes of a preamble that the file has; `None` when there is no such file.
fn read_preamble_of(fs: &dyn Fs, name: &str) -> Result<Option<Vec<u8>>> {
    match read_start(fs, name, PREAMBLE_BYTES) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Error::Io { source, .. })
            // A directory with a name like ours is foreign.
            if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Draws a number for a new store and makes it durable before any other file is created. A crash
/// leaves an identity file that names some store, and no numbered file yet.
pub(crate) fn create_store_id(fs: &dyn Fs) -> Result<StoreId> {
    let store = StoreId::draw(fs)?;
    write_store_id(fs, IDENTITY, store, NO_ORIGIN)?;
    // The name is durable before any numbered file exists: the identity decides which files are the
    // store's own.
    if !planted!(IdentityUnsynced) {
        fs.sync_dir("").map_err(Error::io("sync", ""))?;
    }
    Ok(store)
}

/// Draws a number for a new directory of backups of `origin` and makes it durable before any other
/// file is created.
pub(crate) fn create_backup_id(fs: &dyn Fs, origin: StoreId) -> Result<StoreId> {
    let store = match planted!(BackupHasStoreNumber) {
        true => origin,
        false => StoreId::draw(fs)?,
    };
    replace_store_id(fs, store, origin)?;
    Ok(store)
}

/// Writes the identity of a store again that has files.
pub(crate) fn restore_store_id(fs: &dyn Fs, store: StoreId) -> Result<()> {
    replace_store_id(fs, store, NO_ORIGIN)
}

/// Replaces the identity file. The file gets its name only after its bytes are durable. Otherwise a
/// crash could leave the name in front of bytes of another store's identity, and then none of the
/// files would count, or the directory would hold the backups of another store.
fn replace_store_id(fs: &dyn Fs, store: StoreId, origin: StoreId) -> Result<()> {
    if planted!(IdentityReplacedInPlace) {
        write_store_id(fs, IDENTITY, store, origin)?;
    } else {
        write_store_id(fs, NEW_IDENTITY, store, origin)?;
        let renamed = fs.rename(NEW_IDENTITY, IDENTITY);
        renamed.map_err(Error::io("rename", NEW_IDENTITY))?;
    }
    fs.sync_dir("").map_err(Error::io("sync", ""))
}

/// Writes a file that names a store, in place of any existing file, and syncs it. It must be a new
/// file: the sync of an old one may report an error of an earlier process that no longer matters,
/// and then the opening would fail.
fn write_store_id(fs: &dyn Fs, name: &str, store: StoreId, origin: StoreId) -> Result<()> {
    let file = match fs.create(name) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs.remove(name).map_err(Error::io("remove", name))?;
            fs.create(name)
        }
        outcome => outcome,
    };
    let file = file.map_err(Error::io("create", name))?;
    let bytes = preamble(STORE_LETTER, store, origin.0, 0);
    write_all_at(&*file, 0, &bytes).map_err(Error::io("write to", name))?;
    if planted!(IdentityUnsynced) {
        return Ok(());
    }
    file.sync_data().map_err(Error::io("sync", name))
}

fn preamble(letter: u8, store: StoreId, fresh: u64, number: u64) -> [u8; PREAMBLE_BYTES as usize] {
    let mut bytes = [0; PREAMBLE_BYTES as usize];
    bytes[..7].copy_from_slice(MAGIC);
    bytes[7] = letter;
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    let versioned = crc32fast::hash(&bytes[..12]);
    bytes[12..16].copy_from_slice(&versioned.to_le_bytes());
    bytes[16..24].copy_from_slice(&store.0.to_le_bytes());
    bytes[24..32].copy_from_slice(&fresh.to_le_bytes());
    let whole = checksum(number, 0, &[&bytes[..32]]);
    bytes[32..].copy_from_slice(&whole.to_le_bytes());
    bytes
}

/// The store and the fresh number in a preamble.
fn read_preamble(letter: u8, number: u64, name: &str, bytes: &[u8]) -> Result<(StoreId, u64)> {
    let damage = |expected: String, found: String| Err(Error::damage(name, 0, expected, found));
    let Some(versioned) = bytes.get(..VERSIONED_BYTES) else {
        let expected = format!("a preamble of {PREAMBLE_BYTES} bytes");
        return damage(expected, format!("{} bytes", bytes.len()));
    };
    let mut fields = Decoder::new(&versioned[8..]);
    let (version, found) = (
        fields.u32().unwrap_or_default(),
        fields.u32().unwrap_or_default(),
    );
    let expected = crc32fast::hash(&versioned[..12]);
    if found != expected {
        let expected = format!("preamble checksum {expected:08x}");
        return damage(expected, format!("{found:08x}"));
    }
    if &versioned[..7] != MAGIC || versioned[7] != letter {
        let found = String::from_utf8_lossy(&versioned[..8]).into_owned();
        return damage(
            format!("magic \"lithify{}\"", letter as char),
            format!("{found:?}"),
        );
    }
    if version != FORMAT_VERSION {
        return Err(Error::UnsupportedFormat {
            file: name.to_owned(),
            found: version,
            supported: FORMAT_VERSION,
        });
    }
    let Some(whole) = bytes.get(..PREAMBLE_BYTES as usize) else {
        let expected = format!("a preamble of {PREAMBLE_BYTES} bytes");
        return damage(expected, format!("{} bytes", bytes.len()));
    };
    let mut fields = Decoder::new(&whole[VERSIONED_BYTES..]);
    let (Some(store), Some(fresh), Some(found)) = (fields.u64(), fields.u64(), fields.u32()) else {
        unreachable!("a preamble has these fields")
    };
    let expected = checksum(number, 0, &[&whole[..32]]);
    if found != expected {
        let expected = format!("identity checksum {expected:08x} of file number {number}");
        return damage(expected, format!("{found:08x}"));
    }
    Ok((StoreId(store), fresh))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> FileId {
        FileId {
            store: StoreId::of(3),
            kind: FileKind::Wal,
            number: 7,
            fresh: 5,
        }
    }

    #[test]
    fn a_preamble_names_store_kind_number_and_file() {
        let bytes = id().preamble();
        assert_eq!(FileId::read(FileKind::Wal, 7, &bytes).unwrap(), id());
        assert!(
            FileId::read(FileKind::Manifest, 7, &bytes).is_err(),
            "another kind"
        );
        assert!(
            FileId::read(FileKind::Wal, 8, &bytes).is_err(),
            "another number"
        );
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let outcome = FileId::read(FileKind::Wal, 7, &flipped);
            assert!(matches!(outcome, Err(Error::Damage(_))), "bit {bit}");
        }
    }

    /// The first sixteen bytes are the same in every version. So a store of version 1, whose
    /// preamble is no longer than that, is refused because of its version and not as damage.
    #[test]
    fn another_version_is_told_from_damage() {
        let mut bytes = id().preamble()[..16].to_vec();
        bytes[8] = 1;
        let damaged = FileId::read(FileKind::Wal, 7, &bytes);
        assert!(matches!(damaged, Err(Error::Damage(_))));
        let checksum = crc32fast::hash(&bytes[..12]);
        bytes[12..].copy_from_slice(&checksum.to_le_bytes());
        let outcome = FileId::read(FileKind::Wal, 7, &bytes);
        assert!(matches!(
            outcome,
            Err(Error::UnsupportedFormat { found: 1, .. })
        ));
    }

    /// Any difference between two files makes their checksums differ.
    #[test]
    fn salts_differ_with_everything() {
        let mut salts = Vec::new();
        for store in [3, 4] {
            for kind in [FileKind::Wal, FileKind::Segment] {
                for number in [7, 8] {
                    for fresh in [5, 6] {
                        let store = StoreId::of(store);
                        let id = FileId {
                            store,
                            kind,
                            number,
                            fresh,
                        };
                        salts.push(id.salts().file);
                    }
                }
            }
        }
        salts.sort_unstable();
        salts.dedup();
        assert_eq!(salts.len(), 16);
    }
}
