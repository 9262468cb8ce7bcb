//! What the disk must have seen of an undisturbed store: bytes and syncs, by kind of
//! file.
//!
//! The WAL is predicted only from the history, the calls and `design/format.md`: the
//! length of every record, when a file is full, and which syncs durability needs.
//! Nothing is read back from the engine, and the engine's encoding is not used. Only
//! the numbers of the files are taken from their names: WAL files share their numbers
//! with files whose creation cannot be predicted, and a header holds the number of the
//! previous file.
//!
//! When segments are written to files, and so the number of segment files, depends on
//! the turns of the compactor and on the memory in use at that time. But the cost of
//! each file is exact: its bytes are written once and synced once, its name is synced
//! once, and one synced record of the manifest publishes it. The length of such a
//! record depends on which segments moved, so the only law for the bytes of the
//! manifest is that none is written twice.

use std::collections::BTreeMap;

use lithify::files::{FileKind, parse_file_name};
use lithify::stats::Histograms;
use lithify::{Durability, Options, RemoveInputs};

use super::settings::Promise;
use crate::disk::usage::{DiskUse, FileUse};
use crate::history::{Batch, Key};
use crate::system::{Account, Call, Equality};

/// The bytes before the content of a numbered file: magic and version, the number of
/// the store, the number of the file, and a checksum.
const PREAMBLE_BYTES: u64 = 4 * 4 + 8 + 8 + 4;
/// The file that identifies the store; its name needs a sync too.
const IDENTITY_FILES: u64 = 1;
/// The bytes before the payload of a log record: tag, length, mark and checksum.
const RECORD_HEADER_BYTES: u64 = 4 + 4 + 8 + 4;

/// Room ahead of the end of the log is allocated in blocks of this many bytes.
const ROOM_BLOCK_BYTES: u64 = 4096;

/// What a store reports as published.
#[derive(Clone, Copy)]
pub(super) struct Published {
    /// The number of segment files.
    pub(super) files: u64,
    /// The bytes of the segment files.
    pub(super) bytes: u64,
    /// The number of manifest records. A record without a file moves `flushed_through`
    /// past commits that have left nothing in memory.
    pub(super) edits: u64,
    /// The sizes of commits and groups.
    pub(super) sizes: Histograms,
}

/// The costs of an undisturbed store, each with its predicted value. `published`: what
/// the store reports as published.
pub(super) fn equalities(
    (options, promise): (&Options, Promise),
    account: &Account<'_>,
    published: Published,
) -> Vec<Equality> {
    let mut equalities = wal((options, promise), account, &published.sizes);
    equalities.extend(files(options, account.disk, published));
    equalities
}

/// An upper bound for the room after the newest records of a log: the room allocated at
/// once, and the rest of its last block. A log that is not synced has no room.
pub(super) fn max_room(options: &Options) -> u64 {
    let most = max_room_at_once(options);
    most + most.min(ROOM_BLOCK_BYTES)
}

fn max_room_at_once(options: &Options) -> u64 {
    match options.durability {
        Durability::Buffered => 0,
        Durability::Synced => options.thresholds.log_room_bytes,
    }
}

pub(super) fn is_of(kind: FileKind, name: &str) -> bool {
    parse_file_name(name).is_some_and(|(found, _)| found == kind)
}

fn wal(
    (options, promise): (&Options, Promise),
    account: &Account<'_>,
    sizes: &Histograms,
) -> Vec<Equality> {
    let is_wal = |name: &str| is_of(FileKind::Wal, name);
    let names = account.disk.files.iter().map(|file| &file.name);
    let numbers = names.filter_map(|name| match parse_file_name(name) {
        Some((FileKind::Wal, number)) => Some(number),
        _ => None,
    });
    let mut forecast = Forecast::new((options, promise), numbers.collect());
    let mut batches = account.history;
    for call in account.calls {
        match *call {
            Call::Commit(count) => {
                let (group, later) = batches.split_at(count.min(batches.len()));
                forecast.commit(group);
                batches = later;
            }
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
        Equality::new(
            "commits with a size",
            sizes.commit_bytes.count(),
            forecast.commits,
        ),
        Equality::new(
            "sizes of commits",
            sizes.commit_bytes.sum(),
            forecast.payloads,
        ),
        Equality::new("largest commit", sizes.commit_bytes.max(), forecast.largest),
        Equality::new("groups", sizes.group_commits.count(), forecast.groups),
        Equality::new(
            "commits in groups",
            sizes.group_commits.sum(),
            forecast.commits,
        ),
    ];
    if !may_wait_for_log(options, promise) {
        equalities.push(Equality::of_syncs(
            "syncs of WAL files",
            seen.syncs,
            forecast.syncs,
        ));
    }
    equalities
}

/// Whether a segment file may have to wait for the WAL, because a later closing has
/// removed inputs that the file omits. How often this happens, and what is synced by
/// then, depends on time.
fn may_wait_for_log(options: &Options, promise: Promise) -> bool {
    let rule = options.placement.as_ref().map(|rule| rule.remove_inputs);
    let removes_later = matches!(
        rule,
        Some(RemoveInputs::HeadWindow { .. } | RemoveInputs::HeadWindowUpToLevel { .. })
    );
    promise != Promise::Synced && removes_later
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
        // One sync for the snapshot when the file is made, and one for each record. The
        // mark after the first snapshot makes the store exist.
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
        // A removal need not be durable: the next opening removes files that come back.
        Equality::of_syncs(
            "syncs of the directory",
            disk.directory_syncs,
            wal.made + manifest.made + segment.made + IDENTITY_FILES,
        ),
    ];
    // A longer segment file may also be synced while it is written.
    let thresholds = &options.thresholds;
    let max_bytes = thresholds.append_bytes as u64 * u64::from(thresholds.appends_for_a_sync);
    let is_long =
        |file: &FileUse| is_of(FileKind::Segment, &file.name) && file.longest_bytes > max_bytes;
    if !disk.files.iter().any(is_long) {
        equalities.push(Equality::of_syncs(
            "syncs of segment files",
            segment.syncs,
            segment.made,
        ));
    }
    equalities
}

/// The number of manifests that were replaced too early. A new manifest may begin when
/// the old one is longer than the option says and than four times its snapshot, which
/// is written at once.
fn replaced_early(options: &Options, disk: &DiskUse) -> u64 {
    let is_manifest = |file: &&FileUse| is_of(FileKind::Manifest, &file.name);
    let manifests: Vec<&FileUse> = disk.files.iter().filter(is_manifest).collect();
    let replaced = manifests.split_last().map_or(&[][..], |(_, older)| older);
    let max_bytes = |file: &FileUse| options.manifest_file_bytes.max(4 * file.first_bytes);
    let is_early = |file: &&&FileUse| file.longest_bytes <= max_bytes(file);
    replaced.iter().filter(is_early).count() as u64
}

/// The predicted cost of the WAL so far.
struct Forecast<'run> {
    options: &'run Options,
    promise: Promise,
    /// The numbers of the files, in the order of creation.
    numbers: Vec<u64>,
    files: u64,
    bytes: u64,
    syncs: u64,
    /// The end of the records in the newest file.
    length: u64,
    /// The length of the newest file, including the room after its records.
    file_length: u64,
    is_dirty: bool,
    groups: u64,
    commits: u64,
    /// The bytes of the records of all commits and of the largest one, without headers.
    payloads: u64,
    largest: u64,
    /// The numbers of the keyspaces, in the order in which batches first named them.
    keyspaces: BTreeMap<u16, u64>,
}

impl<'run> Forecast<'run> {
    /// A newly created store: it has one file, without commits.
    fn new((options, promise): (&'run Options, Promise), numbers: Vec<u64>) -> Self {
        let mut forecast = Self {
            options,
            promise,
            numbers,
            files: 0,
            bytes: 0,
            syncs: 0,
            length: 0,
            file_length: 0,
            is_dirty: false,
            groups: 0,
            commits: 0,
            payloads: 0,
            largest: 0,
            keyspaces: BTreeMap::new(),
        };
        forecast.begin_file();
        forecast
    }

    /// Writes records. If they reach the end of the file, room is written with them.
    fn write(&mut self, bytes: u64) {
        self.length += bytes;
        self.bytes += bytes;
        self.is_dirty = true;
        if self.length > self.file_length {
            self.file_length = self.length + self.room(bytes);
            self.bytes += self.file_length - self.length;
        }
    }

    /// The room that is allocated: as much as the log has, up to a limit, in whole
    /// blocks, and not beyond the length at which the next file begins. No room is
    /// allocated if less than four times the written bytes would fit.
    fn room(&self, written: u64) -> u64 {
        let most = max_room_at_once(self.options);
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

    /// A file begins with a header that says where the previous file ends. The header
    /// is durable before the first commit is written to the file.
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

    /// Batches that are committed together are in one file and share a sync.
    fn commit(&mut self, batches: &[Batch]) {
        if batches.is_empty() {
            return;
        }
        if self.length >= self.options.wal_file_bytes {
            self.sync();
            self.begin_file();
        }
        self.groups += 1;
        let mut bytes = 0;
        for batch in batches {
            let payload = self.payload_bytes(batch);
            self.payloads += payload;
            self.largest = self.largest.max(payload);
            bytes += RECORD_HEADER_BYTES + payload;
        }
        self.write(bytes);
        if self.promise.syncs(batches) {
            self.sync();
        }
    }

    /// The length of the record of the next commit: the new keyspaces that it names,
    /// and a run for each keyspace that it writes to. A run has each key once.
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

/// The length of an unsigned LEB128 integer in its shortest form.
fn varint_bytes(value: u64) -> u64 {
    let bits = u64::from(u64::BITS - value.leading_zeros());
    bits.div_ceil(7).max(1)
}

/// The length of a string of this many bytes, with its length field.
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
