//! Opening: reads what a crash has left, and makes it durable before it serves it.
//!
//! 1. If no file has the name of the data, then a swap was interrupted between its renames, or
//!    there is no store yet.
//!    - If there is a temporary file, it is a complete copy and becomes the data. Only a swap
//!      removes the name of the data, and only after the copy and its name are durable; files
//!      that recovery itself writes have other names. So a crash cannot have torn the copy, and
//!      it cannot hold bytes of an earlier file.
//!    - Otherwise a copy of the backup becomes the data, with a new file number, provided that
//!      the backup has no mark of the clean-up. This loses no commit: nothing is committed to a
//!      new file before its name is durable. A backup with the mark is never served from.
//!    - A file is always durable, whoever has written it, before it is renamed or before it
//!      replaces a backup.
//! 2. If the data file exists, it is right, and the other files are not read for it.
//! 3. The torn tail is cut. The commits that no later entry proves durable are written again
//!    and synced, because after a failed sync the page cache may hold pages that are marked
//!    clean. Then the directory is synced.
//! 4. The role is written to the disk ([`super::role`]). A primary with commits becomes a
//!    replica only with the option for it. A replica that is opened as a primary is refused
//!    at the beginning, before anything was written.
//! 5. Only then incomplete and unneeded files are removed. A backup without a mark gets one,
//!    or is removed if it is not older than the data.
//!
//! On the weakest disks a crash can lose a part of a rename, so that the file has neither
//! name. So recovery never renames the only copy: it makes a second copy first.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use lithify::fs::File;
use lithify::fs::whole::{append_all, write_all_at};
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::compaction::mark;
use super::contents::{self, Contents};
use super::header::{HEADER_BYTES, Header};
use super::record::MARK_BYTES;
use super::store::{Data, Options, Store};
use super::{names, role};
use crate::parts::disk::{Disk, failed};
use crate::parts::entry;
use crate::parts::identity::Identity;
use crate::parts::owner::Owner;

pub(super) fn open(disk: Disk, options: &Options) -> Result<Store, Failure> {
    let lock = disk.lock(Owner::DataFile, names::LOCK)?;
    let mut found: BTreeSet<String> = disk.list()?.into_iter().collect();
    let role = role::Found::of(&found, options)?;
    if is_backup_preferred(&found) {
        disk.rename(names::BACKUP, names::DATA)?;
        found.remove(names::BACKUP);
    }
    let is_begun_here = !found.contains(names::DATA) && restore(&disk, &mut found)?;
    let bytes = disk.read(names::DATA)?;
    let contents = contents::read(&bytes).map_err(|fault| damaged(names::DATA, &fault))?;
    let file = disk.open(names::DATA)?;
    // An error that this sync reports may be about any earlier write to the file. All readable
    // bytes are in memory, so all of them are written again.
    let newest = contents.durable_end..contents.end;
    settle(&*file, &bytes, newest)
        .or_else(|_| settle(&*file, &bytes, 0..contents.end))
        .map_err(failed("settle", names::DATA))?;
    disk.sync_directory()?;
    role.take(&disk, options, contents.head())?;
    if found.contains(names::TEMPORARY) && !planted::is_active("temporary-file-reused") {
        disk.remove(names::TEMPORARY)?;
    }
    if found.contains(names::NEW) {
        disk.remove(names::NEW)?;
    }
    if found.contains(names::BACKUP) && !keep_backup(&disk, &contents.header)? {
        found.remove(names::BACKUP);
    }
    Ok(Store {
        disk,
        options: *options,
        data: data(file, contents, is_begun_here),
        has_backup: found.contains(names::BACKUP),
        poison: None,
        _lock: lock,
    })
}

fn damaged(name: &str, fault: &str) -> Failure {
    Failure::Damage(format!("{name}: {fault}"))
}

/// A planted bug takes every temporary file for the sign of an interrupted swap.
fn is_backup_preferred(found: &BTreeSet<String>) -> bool {
    let has = |name: &str| found.contains(name);
    planted::is_active("backup-taken-for-data") && has(names::TEMPORARY) && has(names::BACKUP)
}

fn data(file: Arc<dyn File>, contents: Contents, is_begun_here: bool) -> Data {
    let head = contents.head();
    Data {
        file,
        header: contents.header,
        index: contents.index,
        ends: contents.ends,
        opening: contents.opening,
        is_announced: is_begun_here,
        chain: contents.chain,
        end: contents.end,
        durable_head: head,
    }
}

/// Gives a file the name of the data: the copy of an interrupted swap, a copy of the backup,
/// or a new file. Returns true if this process has created the file.
fn restore(disk: &Disk, found: &mut BTreeSet<String>) -> Result<bool, Failure> {
    let forgets = planted::is_active("interrupted-swap-means-empty");
    let copy = match found.contains(names::TEMPORARY) && !forgets {
        true => whole(&disk.read(names::TEMPORARY)?),
        false => None,
    };
    match copy {
        Some(copy) => {
            prove(disk)?;
            keep_second(disk, found, &copy)?;
            disk.sync_directory()?;
            begin(disk, found, names::TEMPORARY)?;
            return Ok(false);
        }
        _ if found.contains(names::BACKUP) && !forgets => {
            let bytes = disk.read(names::BACKUP)?;
            let restored = renumbered(disk, &bytes, &proven(&bytes)?)?;
            duplicate(disk, found, &restored, names::NEW)?;
        }
        _ => {
            let identity = Identity::of_new_store(disk, names::NEW)?;
            let header = Header::first(identity);
            duplicate(disk, found, &header.encode(), names::NEW)?;
        }
    }
    disk.sync_directory()?;
    begin(disk, found, names::NEW)?;
    Ok(true)
}

/// Renames a durable file to the name of the data.
fn begin(disk: &Disk, found: &mut BTreeSet<String>, name: &str) -> Result<(), Failure> {
    disk.rename(name, names::DATA)?;
    found.remove(name);
    Ok(())
}

/// Makes the copy and its name durable, before the file from which it was copied may be
/// removed. The swap has done the same before its first rename. But the copy may also come
/// from an opening that has failed, and then the page cache may hold pages that are marked
/// clean, and the name may not be durable.
fn prove(disk: &Disk) -> Result<(), Failure> {
    let file = disk.open(names::TEMPORARY)?;
    let bytes = disk.read(names::TEMPORARY)?;
    let settle = || write_all_at(&*file, 0, &bytes).and_then(|()| file.sync());
    // The first error may be about an earlier write.
    settle()
        .or_else(|_| settle())
        .map_err(failed("settle", names::TEMPORARY))?;
    disk.sync_directory()
}

/// The contents of a file, if the file is complete.
fn whole(bytes: &[u8]) -> Option<Contents> {
    let contents = contents::read(bytes).ok()?;
    (HEADER_BYTES + contents.end == bytes.len() as u64).then_some(contents)
}

/// The contents of a backup. Returns an error if the backup must not be served from.
fn proven(bytes: &[u8]) -> Result<Contents, Failure> {
    let header = Header::decode(bytes).map_err(|fault| damaged(names::BACKUP, &fault))?;
    let ends_with_mark = (bytes.len() as u64)
        .checked_sub(MARK_BYTES)
        .is_some_and(|at| is_mark(&header, at, &bytes[at as usize..]));
    if ends_with_mark {
        return Err(Failure::Damage(format!(
            "{} is missing, and {} is a backup of generation {} that newer commits have superseded: it is not served from",
            names::DATA,
            names::BACKUP,
            header.generation
        )));
    }
    contents::read(bytes).map_err(|fault| damaged(names::BACKUP, &fault))
}

/// Copies the commits of a backup into a file of the same generation with a new number. A
/// byte-for-byte copy would have the number of the old file, and a tail that the old file has
/// lost would then count as valid in the copy.
fn renumbered(disk: &Disk, bytes: &[u8], contents: &Contents) -> Result<Vec<u8>, Failure> {
    let old = contents.header;
    let identity = old.identity.of_next(disk, names::NEW)?;
    let header = Header { identity, ..old };
    let body = &bytes[HEADER_BYTES as usize..(HEADER_BYTES + contents.end) as usize];
    let mut renumbered = Vec::with_capacity(body.len());
    for entry in entry::scan(body, old.salt()).entries {
        let payload = &body[entry.payload];
        entry::encode(&mut renumbered, header.salt(), 0, entry.before, payload);
    }
    assert_eq!(
        renumbered.len(),
        body.len(),
        "a backup that was read to its end is a run of whole entries"
    );
    Ok([header.encode(), renumbered].concat())
}

fn is_mark(header: &Header, at: u64, bytes: &[u8]) -> bool {
    at.checked_sub(HEADER_BYTES)
        .is_some_and(|end| bytes == mark(header.salt(), end))
}

/// Makes sure that there is a second copy before the first one is renamed. If the backup is
/// not the file that the copy replaces, a second copy of the copy becomes the backup.
fn keep_second(disk: &Disk, found: &mut BTreeSet<String>, copy: &Contents) -> Result<(), Failure> {
    if found.contains(names::BACKUP) {
        let bytes = disk.read(names::BACKUP)?;
        // A torn second copy can look like any earlier file. So the backup must be of this
        // store and must end with the same commit as the copy.
        let is_replaced = |old: &Contents| {
            old.header.identity.store == copy.header.identity.store
                && old.header.generation + 1 == copy.header.generation
                && (old.head(), old.chain) == (copy.head(), copy.chain)
        };
        if contents::read(&bytes).is_ok_and(|old| is_replaced(&old)) {
            return Ok(());
        }
    }
    let bytes = disk.read(names::TEMPORARY)?;
    duplicate(disk, found, &bytes, names::BACKUP)
}

/// Removes the file if it exists, writes it again, and makes its bytes durable.
fn duplicate(
    disk: &Disk,
    found: &mut BTreeSet<String>,
    bytes: &[u8],
    name: &str,
) -> Result<(), Failure> {
    if found.remove(name) {
        disk.remove(name)?;
    }
    let file = disk.create(name)?;
    append_all(&*file, bytes).map_err(failed("write to", name))?;
    file.sync().map_err(failed("sync", name))?;
    found.insert(name.to_owned());
    Ok(())
}

/// Makes the bytes in this range of positions durable, and cuts the bytes after it. Always
/// writes the header too, so that a disk that has lost earlier writes has a reason to report
/// an error.
fn settle(file: &dyn File, bytes: &[u8], newest: Range<u64>) -> std::io::Result<()> {
    let [start, end] = [newest.start, newest.end].map(|position| HEADER_BYTES + position);
    let is_synced = !planted::is_active("recovered-tail-not-synced");
    if is_synced {
        write_all_at(file, 0, &bytes[..HEADER_BYTES as usize])?;
        if !planted::is_active("recovered-tail-not-rewritten") {
            write_all_at(file, start, &bytes[start as usize..end as usize])?;
        }
    }
    if bytes.len() as u64 > end && !planted::is_active("torn-tail-left") {
        file.set_len(end)?;
    }
    if is_synced { file.sync_data() } else { Ok(()) }
}

/// Marks or removes the backup, after the name of the data is durable. Returns false if the
/// backup was removed. An unreadable backup is left alone, because it is not needed.
fn keep_backup(disk: &Disk, data: &Header) -> Result<bool, Failure> {
    let front = disk.read_some(names::BACKUP, 0, HEADER_BYTES as usize);
    let header = front.ok().and_then(|front| Header::decode(&front).ok());
    let Some(header) = header else {
        return Ok(true);
    };
    if header.generation >= data.generation {
        // This is a second copy of the data. Or it is the data file itself, to which a lost
        // part of a rename has given this second name: a mark would then be written into the
        // data.
        disk.remove(names::BACKUP)?;
        return Ok(false);
    }
    // The mark protects against users who remove the data file. Recovery from a crash does
    // not need it. So if the disk has no space for the mark, the store opens anyway.
    let _ = mark_backup(disk, &header);
    Ok(true)
}

/// Marks a backup that has no mark because of a crash. The mark is written after the last
/// valid entry, so that it overwrites a torn mark.
fn mark_backup(disk: &Disk, header: &Header) -> Result<(), Failure> {
    let file = disk.open(names::BACKUP)?;
    let length = file
        .len()
        .map_err(failed("read the length of", names::BACKUP))?;
    let at = length.saturating_sub(MARK_BYTES);
    let last = disk.read_some(names::BACKUP, at, MARK_BYTES as usize)?;
    if is_mark(header, at, &last) {
        return Ok(());
    }
    let bytes = disk.read(names::BACKUP)?;
    let whole = contents::read(&bytes).map(|contents| contents.end);
    let end = match planted::is_active("backup-marked-behind-torn-mark") {
        true => length - HEADER_BYTES,
        false => whole.unwrap_or(length - HEADER_BYTES),
    };
    let mark = mark(header.salt(), end);
    write_all_at(&*file, HEADER_BYTES + end, &mark)
        .and_then(|()| file.set_len(HEADER_BYTES + end + MARK_BYTES))
        .and_then(|()| file.sync_data())
        .map_err(failed("mark", names::BACKUP))
}
