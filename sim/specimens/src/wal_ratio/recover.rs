//! Opening: reads what a crash has left, and makes it durable before it serves it.
//!
//! 1. The log of the highest generation counts. It got its name after its base was durable,
//!    and since then no commit was written to an older log. So the older logs are leftovers,
//!    independent of their content. If there is no log, the store is new, and its first log
//!    is created like every other: written, synced, renamed.
//! 2. The entries of the log are read up to the first invalid one. The bytes after it are a
//!    torn tail. There are two exceptions: an entry there was written when everything before
//!    it was durable, or the base is not complete. Then durable bytes are lost, which is
//!    damage.
//! 3. The entries are made durable before they are served. The last process may have left
//!    its last group only in the page cache. After a failed sync the cache can hold pages
//!    that are marked clean, and a sync of these pages does nothing. So the last group is
//!    written again, at the same place. The bytes before the group were durable when the
//!    group began, as its first entry says. If there is no group, the base record is written
//!    again, so that the sync has work to do and reports an earlier write error. If the sync
//!    reports an error, it is unknown which bytes failed, so all bytes are written again.
//!    The new bytes equal the old ones, so a crash may keep any part of them.
//! 4. A torn tail is cut. No commit is written to its place: the first commit of this
//!    incarnation is written to the next generation ([`super::store`]).
//! 5. The directory is synced, because the name of the log may not be durable. Only then the
//!    leftovers are removed: one of them can be the log that this log replaces.

use std::collections::BTreeSet;
use std::ops::Range;

use lithify::fs::File;
use lithify::fs::whole::write_all_at;
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::names;
use super::record::{self, Record};
use super::store::{Log, Options, RatioStore};
use super::table::{BaseWriter, Table};
use crate::parts::disk::{Disk, failed};
use crate::parts::entry::{self, Before, Entry, Scan};
use crate::parts::identity::Identity;
use crate::parts::owner::Owner;
use crate::parts::replace::Replacement;

pub(super) fn open(disk: Disk, options: Options, now: u64) -> Result<RatioStore, Failure> {
    let lock = disk.lock(Owner::WalRatio, names::LOCK)?;
    let names = disk.list()?;
    let generations: BTreeSet<u64> = names
        .iter()
        .filter_map(|it| names::generation(it))
        .collect();
    let counts = match planted::is_active("oldest-log-counts") {
        true => generations.first(),
        false => generations.last(),
    };
    let opened = match counts {
        Some(&generation) => {
            if planted::is_active("log-removed-by-recovery") {
                sweep(&disk, generation)?;
            }
            let opened = read(&disk, generation)?;
            disk.sync_directory()?;
            sweep(&disk, opened.1.generation)?;
            opened
        }
        None => {
            sweep(&disk, 0)?;
            let opened = create(&disk)?;
            disk.sync_directory()?;
            opened
        }
    };
    Ok(RatioStore::recovered(disk, options, now, opened, lock))
}

/// Removes the temporary log and every log of another generation.
fn sweep(disk: &Disk, counts: u64) -> Result<(), Failure> {
    let is_leftover = |name: &String| match names::generation(name) {
        Some(generation) => generation != counts,
        None => name == names::TEMPORARY && !planted::is_active("temporary-file-reused"),
    };
    let names = disk.list()?;
    let mut leftovers = names.iter().filter(|name| is_leftover(name));
    leftovers.try_for_each(|name| disk.remove(name))
}

/// A base is written in pieces of about this number of bytes.
const PIECE_BYTES: usize = 256 << 10;

/// Creates the first log, and returns it with the number of bytes written. Its content is
/// durable, its name is not.
fn create(disk: &Disk) -> Result<(Table, Log, u64), Failure> {
    const GENERATION: u64 = 1;
    let table = Table::default();
    let identity = Identity::of_new_store(disk, names::TEMPORARY)?;
    let mut file = Replacement::new(names::TEMPORARY);
    file.create(disk)?;
    let mut writer = BaseWriter::new(GENERATION, identity);
    while let Some(piece) = writer.next(&table, PIECE_BYTES) {
        file.write(&piece)?;
    }
    file.sync()?;
    file.rename(disk, &names::log(GENERATION))?;
    let log = Log {
        generation: GENERATION,
        identity,
        file: file.file().clone(),
        bytes: file.bytes(),
        is_found: false,
    };
    Ok((table, log, file.bytes()))
}

/// Reads the log that counts, and makes its content durable.
fn read(disk: &Disk, generation: u64) -> Result<(Table, Log, u64), Failure> {
    let name = names::log(generation);
    let bytes = disk.read(&name)?;
    let (identity, scan) =
        scan(&bytes, generation).map_err(|fault| Failure::Damage(format!("{name}: {fault}")))?;
    check_tail(&name, &bytes, &scan)?;
    let damage = |fault: String| Failure::Damage(format!("{name}: {fault}"));
    let base_entries = check_base(&bytes, &scan.entries).map_err(damage)?;
    let mut table = Table::default();
    for entry in &scan.entries {
        table
            .apply(&bytes[entry.payload.clone()])
            .map_err(|fault| {
                damage(format!(
                    "the entry at byte {} means nothing: {fault}",
                    entry.position
                ))
            })?;
    }
    let file = disk.open(&name)?;
    settle(&*file, &bytes, in_doubt(&scan, base_entries), scan.end)
        .or_else(|_| settle(&*file, &bytes, 0..scan.end, scan.end))
        .map_err(failed("settle", &name))?;
    let end = match planted::is_active("torn-tail-left") {
        true => bytes.len(),
        false => scan.end,
    };
    let log = Log {
        generation,
        identity,
        file,
        bytes: end as u64,
        is_found: !planted::is_active("found-log-gone-on"),
    };
    Ok((table, log, 0))
}

/// Reads the base record, which contains the salt of the entries after it, and then these
/// entries. The base was durable when the log got its name, so it cannot hold bytes of an
/// earlier file.
fn scan(bytes: &[u8], generation: u64) -> Result<(Identity, Scan), String> {
    let first = entry::decode(bytes, generation, 0);
    let base = first.as_ref().map(|entry| &bytes[entry.payload.clone()]);
    match base.map(record::decode) {
        Some(Ok(Record::Base { identity, .. })) => {
            let scan = entry::scan_behind(bytes, identity.salt(generation), first);
            Ok((identity, scan))
        }
        Some(Err(fault)) => Err(fault),
        _ => Ok((Identity::default(), entry::scan(bytes, generation))),
    }
}

/// Checks that the bytes after the last entry are a torn tail, which recovery cuts.
/// Otherwise they are damage.
fn check_tail(name: &str, bytes: &[u8], scan: &Scan) -> Result<(), Failure> {
    if let Some(witness) = scan.witness {
        return Err(Failure::Damage(format!(
            "{name} cannot be read at byte {}, and the entry at byte {witness} was written when that was durable: an acknowledged commit is damaged",
            scan.end
        )));
    }
    if planted::is_active("torn-tail-fatal") && scan.end < bytes.len() {
        return Err(Failure::Damage(format!(
            "{name} cannot be read at byte {}",
            scan.end
        )));
    }
    Ok(())
}

/// The number of entries of the base, if the base is complete.
fn check_base(bytes: &[u8], entries: &[Entry]) -> Result<usize, String> {
    let mut records = entries
        .iter()
        .map(|entry| record::decode(&bytes[entry.payload.clone()]));
    let accepts_anything = planted::is_active("incomplete-base-accepted");
    let expected = match records.next() {
        Some(Ok(Record::Base { pairs, .. })) => pairs,
        _ if accepts_anything => return Ok(entries.len()),
        _ => return Err("it does not begin with a base".to_owned()),
    };
    let is_pair = |record: &Result<Record, _>| matches!(record, Ok(Record::Pair(..)));
    let found = records.take_while(is_pair).count();
    if found as u64 != expected && !accepts_anything {
        return Err(format!(
            "its base has {found} pairs of {expected}, and all were durable before it got its name"
        ));
    }
    Ok(1 + found)
}

/// The bytes that may not be durable. They begin at the last entry that was written when
/// everything before it was durable. The base is durable because the log got its name after
/// it.
fn in_doubt(scan: &Scan, base_entries: usize) -> Range<usize> {
    let commits = scan.entries.iter().skip(base_entries);
    let begins = |entry: &&Entry| entry.before == Before::Durable;
    match commits.rev().find(begins) {
        Some(first) => first.position..scan.end,
        None => 0..scan.entries.first().map_or(0, |base| base.payload.end),
    }
}

/// Makes the bytes in doubt durable and cuts the bytes after the end.
fn settle(
    file: &dyn File,
    bytes: &[u8],
    in_doubt: Range<usize>,
    end: usize,
) -> std::io::Result<()> {
    let is_synced = !planted::is_active("recovered-tail-not-synced");
    if is_synced && !planted::is_active("recovered-tail-not-rewritten") {
        write_all_at(file, in_doubt.start as u64, &bytes[in_doubt])?;
    }
    if bytes.len() > end && !planted::is_active("torn-tail-left") {
        file.set_len(end as u64)?;
    }
    if is_synced { file.sync_data() } else { Ok(()) }
}
