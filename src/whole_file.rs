//! Reads a log file as a whole. Rotation and switching bound the length of logs, so a whole log
//! fits into memory. Of other files it asks the length only.

use std::io::ErrorKind;
use std::sync::Arc;

use crate::error::{Damage, Error, Result};
use crate::fs::whole::read_exact_at;
use crate::fs::{Access, File, Fs};

/// All bytes of the file `name`.
pub(crate) fn read_whole(fs: &dyn Fs, name: &str) -> Result<Vec<u8>> {
    let (file, length) = open(fs, name)?;
    read(&*file, name, length)
}

/// All bytes of an open file, whose name may be gone.
pub(crate) fn read_open(file: &dyn File, name: &str) -> Result<Vec<u8>> {
    read(file, name, length(file, name)?)
}

/// The length of an open file.
pub(crate) fn length(file: &dyn File, name: &str) -> Result<u64> {
    file.len().map_err(Error::io("read the length of", name))
}

/// Refuses a file whose length has changed since the file was written.
pub(crate) fn must_be_of_length(file: &dyn File, name: &str, expected: u64) -> Result<()> {
    let found = length(file, name)?;
    if found == expected {
        return Ok(());
    }
    Err(Error::damage(
        name,
        found.min(expected),
        format!("a file of {expected} bytes"),
        format!("{found} bytes"),
    ))
}

/// The same as [`read_whole`] for callers that can continue without the file: a missing or unreadable file is damage.
///
/// # Errors
/// [`Error::Io`] when the file system denies permission.
pub(crate) fn read_or_damage(fs: &dyn Fs, name: &str) -> Result<Result<Vec<u8>, Damage>> {
    or_damage(read_whole(fs, name), name, 0, "a file that can be read")
}

/// The damage that a read of this place has found. A read error of the disk is damage at this
/// place.
///
/// # Errors
/// [`Error::Io`] when the file system denies permission.
pub(crate) fn or_damage<T>(
    outcome: Result<T>,
    name: &str,
    offset: u64,
    expected: &str,
) -> Result<Result<T, Damage>> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Damage(damage)) => Ok(Err(damage)),
        Err(Error::Io { source, .. }) if source.kind() != ErrorKind::PermissionDenied => {
            Ok(Err(Damage {
                file: name.to_owned(),
                offset,
                expected: expected.to_owned(),
                found: source.to_string(),
            }))
        }
        Err(error) => Err(error),
    }
}

/// The damage that a read of this place of a segment file has found, if there is any.
///
/// # Errors
/// As [`or_damage`].
pub(crate) fn damage_of<T>(outcome: Result<T>, name: &str, offset: u64) -> Result<Option<Damage>> {
    Ok(or_damage(outcome, name, offset, "bytes that can be read")?.err())
}

/// The first `max_bytes` bytes of the file `name`, or all bytes of a shorter file.
pub(crate) fn read_start(fs: &dyn Fs, name: &str, max_bytes: u64) -> Result<Vec<u8>> {
    let (file, length) = open(fs, name)?;
    read(&*file, name, length.min(max_bytes))
}

fn open(fs: &dyn Fs, name: &str) -> Result<(Arc<dyn File>, u64)> {
    let file = fs
        .open(name, Access::Read)
        .map_err(Error::io("open", name))?;
    let length = length(&*file, name)?;
    Ok((file, length))
}

fn read(file: &dyn File, name: &str, length: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).expect("a log fits into memory")];
    read_exact_at(file, 0, &mut bytes).map_err(Error::io("read", name))?;
    Ok(bytes)
}
