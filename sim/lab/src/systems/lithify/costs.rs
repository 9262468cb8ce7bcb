//! What the disk must have seen of a store to which nothing happened: bytes and syncs, by
//! kind of file.
//!
//! The WAL is predicted from the history, the calls and `design/format.md` alone: how long
//! every record is, when a file is full, and which syncs durability takes. Nothing is read
//! back from the engine, and none of its encoding is used. Only the numbers of the files
//! are taken from their names, because WAL files share them with files whose time nobody
//! can predict, and a header holds the number of the file before.
//!
//! When segments go to files, and so how many there are, depends on when the compactor got
//! its turns and on how much was in memory then. What can be said exactly is what each
//! file costs: its bytes go to the disk once and are synced once, its name is synced once,
//! and one synced record of the manifest publishes it. How long such a record is depends
//! on what has moved, so of the manifest's bytes the law is that none is written twice.

use std::collections::BTreeMap;

use lithify::files::{FileKind, parse_file_name};
use lithify::{Durability, Options, RemoveInputs};

use crate::disk::usage::{DiskUse, FileUse};
use crate::history::{Batch, Key};
use crate::system::{Account, Call, Equality};

/// In front of every file that has a number: magic and version, the store's number, the
/// file's own, and a checksum.
const PREAMBLE_BYTES: u64 = 4 * 4 + 8 + 8 + 4;
/// The file that names the store has a name to be synced, too.
const IDENTITY_FILES: u64 = 1;
/// In front of every record of a log: tag, length, mark and checksum.
const RECORD_HEADER_BYTES: u64 = 4 + 4 + 8 + 4;

/// Room in front of the log's end is taken in blocks of this many bytes.
const ROOM_BLOCK_BYTES: u64 = 4096;

/// What a store says that it has published.
#[derive(Clone, Copy)]
pub(super) struct Published {
    /// Segment files.
    pub(super) files: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Records of the manifest. One without a file moves the line behind commits that have
    /// left nothing in memory.
    pub(super) edits: u64,
}

/// What a calm store has cost, next to what it must have cost. `published` is what
/// the store says that it has published.
pub(super) fn equalities(
    options: &Options,
    account: &Account<'_>,
    published: Published,
) -> Vec<Equality> {
    let mut equalities = wal(options, account);
    equalities.extend(files(options, account.disk, published));
    equalities
}

/// More room than stands behind the newest records of a log: what is taken at once, and what fills
/// its last block. A log that is not synced has none.
pub(super) fn most_room(options: &Options) -> u64 {
    let most = most_room_at_once(options);
    most + most.min(ROOM_BLOCK_BYTES)
}

fn most_room_at_once(options: &Options) -> u64 {
    match options.durability {
        Durability::Buffered => 0,
        Durability::Synced => options.thresholds.log_room_bytes,
    }
}

pub(super) fn is_of(kind: FileKind, name: &str) -> bool {
    parse_file_name(name).is_some_and(|(found, _)| found == kind)
}

fn wal(options: &Options, account: &Account<'_>) -> Vec<Equality> {
    let is_wal = |name: &str| is_of(FileKind::Wal, name);
    let names = account.disk.files.iter().map(|file| &file.name);
    let numbers = names.filter_map(|name| match parse_file_name(name) {
        Some((FileKind::Wal, number)) => Some(number),
        _ => None,
    });
    let mut forecast = Forecast::new(options, numbers.collect());
    let mut batches = account.history.iter();
    for call in account.calls {
        match *call {
            Call::Commit(count) => forecast.commit(batches.by_ref().take(count)),
            Call::Sync => forecast.sync(),
        }
    }
    let seen = account.disk.total(is_wal);
    let mut equalities = vec![
        Equality::new("WAL files", seen.made, forecast.files),
        Equality::new(
            "bytes written to WAL files",
            seen.written_bytes,
            forecast.bytes,
        ),
    ];
    if !may_wait_for_log(options) {
        equalities.push(Equality::of_syncs(
            "syncs of WAL files",
            seen.syncs,
            forecast.syncs,
        ));
    }
    equalities
}

/// Whether a file may wait for the WAL, because a later closing has removed what the file
/// goes without: how often, and what is synced by then, is a matter of time.
fn may_wait_for_log(options: &Options) -> bool {
    let rule = options.placement.as_ref().map(|rule| rule.remove_inputs);
    let removes_later = matches!(
        rule,
        Some(RemoveInputs::HeadWindow { .. } | RemoveInputs::HeadWindowUpToLevel { .. })
    );
    options.durability == Durability::Buffered && removes_later
}

/// The laws of all other files, and of the directory.
fn files(options: &Options, disk: &DiskUse, published: Published) -> Vec<Equality> {
    let of = |kind| disk.total(|name| is_of(kind, name));
    let [wal, manifest, segment] = [FileKind::Wal, FileKind::Manifest, FileKind::Segment].map(of);
    let mut equalities = vec![
        Equality::new("segment files", segment.made, published.files),
        Equality::new(
            "bytes written to segment files",
            segment.written_bytes,
            published.bytes,
        ),
        // A snapshot when the file is made, and each record. The mark behind the first
        // snapshot is what makes the store exist.
        Equality::of_syncs(
            "syncs of manifests",
            manifest.syncs,
            manifest.made + published.edits + 1,
        ),
        Equality::new(
            "bytes written to manifests",
            manifest.written_bytes,
            manifest.longest_bytes,
        ),
        Equality::new(
            "manifests that were replaced before they were full",
            replaced_early(options, disk),
            0,
        ),
        // A removal need not be durable: what comes back is swept by the next opening.
        Equality::of_syncs(
            "syncs of the directory",
            disk.directory_syncs,
            wal.made + manifest.made + segment.made + IDENTITY_FILES,
        ),
    ];
    // A segment file that is longer may be synced also while it is written.
    let thresholds = &options.thresholds;
    let most_bytes = thresholds.append_bytes as u64 * u64::from(thresholds.appends_for_a_sync);
    let is_long =
        |file: &FileUse| is_of(FileKind::Segment, &file.name) && file.longest_bytes > most_bytes;
    if !disk.files.iter().any(is_long) {
        equalities.push(Equality::of_syncs(
            "syncs of segment files",
            segment.syncs,
            segment.made,
        ));
    }
    equalities
}

/// A new manifest begins when the old one is longer than the option says, and than four times
/// its snapshot, which is written at once.
fn replaced_early(options: &Options, disk: &DiskUse) -> u64 {
    let is_manifest = |file: &&FileUse| is_of(FileKind::Manifest, &file.name);
    let manifests: Vec<&FileUse> = disk.files.iter().filter(is_manifest).collect();
    let replaced = manifests.split_last().map_or(&[][..], |(_, older)| older);
    let most_bytes = |file: &FileUse| options.manifest_file_bytes.max(4 * file.first_bytes);
    let is_early = |file: &&&FileUse| file.longest_bytes <= most_bytes(file);
    replaced.iter().filter(is_early).count() as u64
}

/// What the WAL must have cost so far.
struct Forecast<'run> {
    options: &'run Options,
    /// The numbers of the files, in the order in which they were made.
    numbers: Vec<u64>,
    files: u64,
    bytes: u64,
    syncs: u64,
    /// Where the records of the newest file end.
    length: u64,
    /// The length of the newest file, with the room behind its records.
    file_length: u64,
    is_dirty: bool,
    commits: u64,
    /// The numbers of the keyspaces, in the order in which batches have named them.
    keyspaces: BTreeMap<u16, u64>,
}

impl<'run> Forecast<'run> {
    /// A store that was just created: it has one file, without commits.
    fn new(options: &'run Options, numbers: Vec<u64>) -> Self {
        let mut forecast = Self {
            options,
            numbers,
            files: 0,
            bytes: 0,
            syncs: 0,
            length: 0,
            file_length: 0,
            is_dirty: false,
            commits: 0,
            keyspaces: BTreeMap::new(),
        };
        forecast.begin_file();
        forecast
    }

    /// Writes records. Where they come to the end of the file, room is written with them.
    fn write(&mut self, bytes: u64) {
        self.length += bytes;
        self.bytes += bytes;
        self.is_dirty = true;
        if self.length > self.file_length {
            self.file_length = self.length + self.room(bytes);
            self.bytes += self.file_length - self.length;
        }
    }

    /// As much again as there is, up to a limit, in whole blocks, and never beyond where the
    /// next file begins; but nothing where less than four times what is written would fit.
    fn room(&self, written: u64) -> u64 {
        let most = most_room_at_once(self.options);
        if most == 0 {
            return 0;
        }
        let block = most.min(ROOM_BLOCK_BYTES);
        let wanted = (self.length + most.min(self.length)).div_ceil(block) * block;
        let longest = wanted.min(self.options.wal_file_bytes);
        let room = longest.saturating_sub(self.length);
        if room < 4 * written { 0 } else { room }
    }

    fn sync(&mut self) {
        self.syncs += u64::from(self.is_dirty);
        self.is_dirty = false;
    }

    /// A file begins with a header that says where the one before ends, and is durable
    /// before the first commit goes into it.
    fn begin_file(&mut self) {
        let before = (self.files as usize).checked_sub(1);
        let previous = before.and_then(|before| self.numbers.get(before));
        let previous = previous.copied().unwrap_or(0);
        let payload =
            1 + varint_bytes(previous) + varint_bytes(self.length) + varint_bytes(self.commits);
        (self.length, self.file_length) = (0, 0);
        self.files += 1;
        self.write(PREAMBLE_BYTES + RECORD_HEADER_BYTES + payload);
        self.sync();
    }

    /// Batches that are committed together stand in one file and share a sync.
    fn commit<'batch>(&mut self, batches: impl Iterator<Item = &'batch Batch>) {
        let mut batches = batches.peekable();
        if batches.peek().is_none() {
            return;
        }
        if self.length >= self.options.wal_file_bytes {
            self.sync();
            self.begin_file();
        }
        let records = batches.map(|batch| RECORD_HEADER_BYTES + self.payload_bytes(batch));
        let bytes = records.sum();
        self.write(bytes);
        if self.options.durability == Durability::Synced {
            self.sync();
        }
    }

    /// The length of the record of the next commit: the keyspaces that it is the first to
    /// name, and a run for each that it writes to, in which a key stands once.
    fn payload_bytes(&mut self, batch: &Batch) -> u64 {
        self.commits += 1;
        let mut runs: BTreeMap<u64, BTreeMap<Key, Option<u64>>> = BTreeMap::new();
        let (mut names, mut names_bytes) = (0, 0);
        for write in &batch.writes {
            let next = self.keyspaces.len() as u64;
            let number = *self.keyspaces.entry(write.key.keyspace).or_insert(next);
            if number == next {
                names += 1;
                names_bytes += string_bytes(write.key.keyspace_name().len() as u64);
            }
            let value_bytes = write.value.map(|value| u64::from(value.length));
            let run = runs.entry(number).or_default();
            run.insert(write.key, value_bytes);
        }
        let mut payload = 1 + varint_bytes(self.commits);
        for (number, run) in &runs {
            payload += varint_bytes(*number) + varint_bytes(run.len() as u64);
            for (key, value_bytes) in run {
                payload += string_bytes(key.bytes().len() as u64);
                payload += value_bytes.map_or(1, |bytes| varint_bytes(bytes + 1) + bytes);
            }
        }
        payload + varint_bytes(names) + names_bytes + varint_bytes(runs.len() as u64)
    }
}

/// An unsigned LEB128 integer, in the fewest bytes that hold it.
fn varint_bytes(value: u64) -> u64 {
    let bits = u64::from(u64::BITS - value.leading_zeros());
    bits.div_ceil(7).max(1)
}

/// A length, and this many bytes.
fn string_bytes(length: u64) -> u64 {
    varint_bytes(length) + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_a_byte_for_each_seven_bits() {
        let cases = [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3)];
        for (value, bytes) in cases {
            assert_eq!(varint_bytes(value), bytes, "{value}");
        }
        assert_eq!(varint_bytes(u64::MAX), 10);
    }
}
