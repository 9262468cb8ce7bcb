//! Opening a store: the manifest, then the WAL, then a sweep.
//!
//! Rules:
//! - nothing is changed before everything was read and found sound;
//! - what is about to be served is durable first, so that a later crash cannot take
//!   back what a reader has seen. What is not *proven* to be durable by a later record
//!   is written again into new files; a sync alone would prove nothing;
//! - file numbers seen on disk are never used again: before the highest one is swept,
//!   something durable is above it;
//! - only files of ours that nothing names are removed, one by one; foreign files
//!   stay;
//! - opening an intact store changes nothing, so opening it twice is opening it once.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::{FileKind, LOCK, PROMOTED, REPLICA, file_name, parse_file_name};
use crate::fs::{Fs, Lock, LockKind};
use crate::limits;
use crate::manifest::{self, Manifest, ManifestState};
use crate::options::{History, Options, Placement};
use crate::segment::file::{BlockCache, DataFile};
use crate::segment::{Segment, SegmentId};
use crate::stats::Counters;
use crate::storage::Storage;
use crate::version::{Version, forest};
use crate::wal::{CommitRecord, Replay, Wal, first_with_commits, replay};

/// Our files in the directory, by kind, ascending.
#[derive(Debug, Default)]
struct Found {
    manifests: Vec<u64>,
    wals: Vec<u64>,
    segments: Vec<u64>,
    highest: u64,
    is_replica: bool,
    /// Whether a promotion may not be durable yet.
    is_promoted: bool,
}

/// Whether a handle may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    ReadWrite,
    ReadOnly,
    /// Writes what a primary has written. Makes the store a replica.
    Replica,
}

/// Opens the store at the root of `fs`, or creates it.
///
/// # Errors
/// Everything in [`Error`] that speaks of opening.
pub(crate) fn open(fs: Arc<dyn Fs>, options: Options, mode: Mode) -> Result<Storage> {
    options.check()?;
    let writes = mode != Mode::ReadOnly;
    let creates = options.create && writes;
    match Found::list(&*fs)? {
        Some(found) if !found.is_empty() || creates => {}
        Some(_) => return Err(not_a_store("the directory holds no manifest")),
        None if creates => fs.create_dir("").map_err(Error::io("create", ""))?,
        None => return Err(not_a_store("there is no such directory")),
    }
    let lock = lock(&*fs, mode)?;
    // Another process may have worked between the first look and the lock.
    let found = Found::list(&*fs)?.unwrap_or_default();
    if mode == Mode::ReadWrite && found.is_replica {
        return Err(Error::IsReplica);
    }
    let loaded = manifest::load(&*fs, &found.manifests)?;
    let Some(loaded) = loaded else {
        if !creates || planted!(FirstOpenRefused) && !found.is_empty() {
            return Err(not_a_store("no manifest is intact"));
        }
        found.must_be_unborn(&*fs)?;
        mark!(StoreCreated);
        if !found.is_empty() {
            mark!(CreationRepeated);
        }
        let placement = options.placement.clone().unwrap_or_default();
        let manifest = Manifest::new(ManifestState::new(placement));
        let mut storage = assemble(fs, options, mode, lock, manifest, &found)?;
        take_role(&*storage.fs, mode, &found)?;
        // In this order, or an interrupted creation would forget the numbers that it swept.
        create(&mut storage)?;
        sweep(&mut storage, &found, &found.manifests, &found.wals)?;
        return Ok(storage);
    };
    if let Some(placement) = &options.placement {
        placement.must_equal(&loaded.manifest.state.placement)?;
    }
    let mut storage = assemble(fs, options, mode, lock, loaded.manifest, &found)?;
    let mut replay = replay_wal(&mut storage, &found)?;
    if writes {
        take_role(&*storage.fs, mode, &found)?;
        let mut manifests = loaded.obsolete;
        if planted!(SweepBeforeProof) {
            let obsolete = std::mem::take(&mut manifests);
            sweep(&mut storage, &Found::default(), &obsolete, &[])?;
        }
        let is_proven = loaded.is_proven || planted!(UnprovenManifestServed);
        if !is_proven || planted!(ManifestAlwaysRewritten) {
            mark!(ManifestWrittenAgain);
            manifests.push(write_manifest(&mut storage)?);
        }
        write_wal_again(&mut storage, std::mem::take(&mut replay.unproven))?;
        let oldest = storage.manifest.state.oldest_wal;
        let mut wals = found.wals.clone();
        wals.retain(|number| *number < oldest || replay.leftovers.contains(number));
        if forgets_number(&storage, &found, &wals) && !planted!(SweptNumberForgotten) {
            mark!(SweptNumberKept);
            manifests.push(write_manifest(&mut storage)?);
        }
        sweep(&mut storage, &found, &manifests, &wals)?;
    }
    Ok(storage)
}

/// Whether the highest number would be used again once the sweep is done. A file that held
/// it was durable, and its blocks may come back in another file of that name: only under
/// another number are they sure to be told apart.
fn forgets_number(storage: &Storage, found: &Found, swept_wals: &[u64]) -> bool {
    let highest = found.highest;
    let is_kept = storage.manifest.number() == highest
        || storage.data_files.contains_key(&highest)
        || found.wals.contains(&highest) && !swept_wals.contains(&highest);
    let is_known = storage.manifest.state.next_file > highest;
    let is_surpassed = storage.next_file > highest + 1;
    !is_kept && !is_known && !is_surpassed
}

fn not_a_store(reason: &str) -> Error {
    Error::NotAStore {
        reason: reason.to_owned(),
    }
}

/// Puts the role on the disk, before anything else is written in it.
fn take_role(fs: &dyn Fs, mode: Mode, found: &Found) -> Result<()> {
    match mode {
        Mode::Replica => make_replica(fs, found.is_replica),
        Mode::ReadWrite if found.is_promoted => {
            mark!(PromotionEnded);
            end_promotion(fs)
        }
        Mode::ReadWrite | Mode::ReadOnly => Ok(()),
    }
}

/// Makes the store a replica. A marker that is there already may exist in the cache only.
fn make_replica(fs: &dyn Fs, is_marked: bool) -> Result<()> {
    if !is_marked {
        fs.create(REPLICA).map_err(Error::io("create", REPLICA))?;
    }
    if planted!(ReplicaMarkedLate) {
        return Ok(());
    }
    fs.sync_dir("").map_err(Error::io("sync", ""))
}

/// Makes a store a primary for good: the marker leaves its name, and goes when nothing
/// can bring that name back. Also what follows when the process died in between.
pub(crate) fn end_promotion(fs: &dyn Fs) -> Result<()> {
    if !planted!(PromotedBeforeSync) {
        fs.sync_dir("").map_err(Error::io("sync", ""))?;
    }
    fs.remove(PROMOTED).map_err(Error::io("remove", PROMOTED))
}

fn lock(fs: &dyn Fs, mode: Mode) -> Result<Option<Box<dyn Lock>>> {
    let kind = match mode {
        Mode::ReadWrite | Mode::Replica => LockKind::Exclusive,
        Mode::ReadOnly => LockKind::Shared,
    };
    match fs.lock(LOCK, kind) {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Err(Error::Locked),
        // A copied store may lack the lock file. A reader cannot make one, and then
        // there is no writer either.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && mode == Mode::ReadOnly => {
            Ok(None)
        }
        Err(error) => Err(Error::io("lock", LOCK)(error)),
    }
}

impl Found {
    /// Our files; `None` when there is no directory.
    fn list(fs: &dyn Fs) -> Result<Option<Self>> {
        let mut found = Self::default();
        let names = match fs.list("") {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(_) if planted!(ListErrorIsEmpty) => return Ok(None),
            Err(error) => return Err(Error::io("list", "")(error)),
        };
        found.is_replica = names.iter().any(|name| name == REPLICA);
        found.is_promoted = names.iter().any(|name| name == PROMOTED);
        for (kind, number) in names.iter().filter_map(|name| parse_file_name(name)) {
            found.highest = found.highest.max(number);
            match kind {
                FileKind::Manifest => found.manifests.push(number),
                FileKind::Wal => found.wals.push(number),
                FileKind::Segment => found.segments.push(number),
            }
        }
        for numbers in [&mut found.manifests, &mut found.wals, &mut found.segments] {
            numbers.sort_unstable();
        }
        Ok(Some(found))
    }

    fn is_empty(&self) -> bool {
        self.manifests.is_empty() && self.wals.is_empty() && self.segments.is_empty()
    }

    /// Without an intact manifest, only what an interrupted creation leaves may be
    /// there: one WAL file without commits.
    fn must_be_unborn(&self, fs: &dyn Fs) -> Result<()> {
        let lost = |what: String| Error::NotAStore {
            reason: format!("no manifest is intact, but {what} holds data: restore a backup"),
        };
        if planted!(DamagedStoreRecreated) {
            return Ok(());
        }
        if let Some(&number) = self.segments.first() {
            return Err(lost(file_name(FileKind::Segment, number)));
        }
        match first_with_commits(fs, &self.wals)? {
            Some(number) => Err(lost(file_name(FileKind::Wal, number))),
            None if planted!(TwiceInterruptedRefused) && self.wals.len() > 1 => {
                Err(lost(file_name(FileKind::Wal, self.wals[1])))
            }
            None => Ok(()),
        }
    }
}

/// Everything but the WAL: keyspaces and segments as the manifest has them.
fn assemble(
    fs: Arc<dyn Fs>,
    options: Options,
    mode: Mode,
    lock: Option<Box<dyn Lock>>,
    manifest: Manifest,
    found: &Found,
) -> Result<Storage> {
    let state = &manifest.state;
    let cache = BlockCache::new(options.cache_bytes, options.block_bytes);
    let mut data_files = BTreeMap::new();
    for (&number, file) in &state.files {
        let data = DataFile::open(&*fs, number, file.length, cache.clone())?;
        data_files.insert(number, Arc::new(data));
    }
    let mut version = Version::default();
    for name in &state.keyspaces {
        version.add_keyspace(name);
    }
    let placement: Placement = state.placement.clone();
    let keeps_all = placement.history == History::All;
    let roots = roots_of(state, &data_files);
    version.restore(state.flushed_through, roots, keeps_all);
    Ok(Storage {
        file_level: options.file_level_for(&placement.alignment),
        next_file: if planted!(FileNumberReused) {
            state.next_file
        } else {
            state.next_file.max(found.highest + 1)
        },
        placement,
        version: Arc::new(version),
        wal: Wal::new(Vec::new(), options.wal_file_bytes),
        fs,
        options,
        manifest,
        cache,
        data_files,
        obsolete: Default::default(),
        removed_since_edit: Vec::new(),
        memory_bytes: 0,
        events: Vec::new(),
        counters: Counters::default(),
        latest_closing: Commit::ZERO,
        pause: (Commit::ZERO, 0),
        poison: None,
        most_keyspaces: limits::KEYSPACES,
        read_only: mode == Mode::ReadOnly,
        is_replica: found.is_replica || mode == Mode::Replica,
        lock,
    })
}

fn roots_of(
    state: &ManifestState,
    data_files: &BTreeMap<u64, Arc<DataFile>>,
) -> Vec<Vec<Arc<crate::version::Node>>> {
    let mut keyspaces = vec![BTreeMap::new(); state.keyspaces.len()];
    for (id, (meta, place)) in &state.segments {
        let data = Arc::clone(&data_files[&place.file]);
        let segment = Arc::new(Segment::in_file(meta.clone(), data, *place));
        let segments: &mut BTreeMap<SegmentId, Arc<Segment>> = &mut keyspaces[id.keyspace as usize];
        segments.insert(*id, segment);
    }
    keyspaces.iter().map(forest).collect()
}

/// Replays the WAL into memory.
fn replay_wal(storage: &mut Storage, found: &Found) -> Result<Replay> {
    let oldest = storage.manifest.state.oldest_wal;
    let numbers: Vec<u64> = found
        .wals
        .iter()
        .copied()
        .filter(|&number| number >= oldest)
        .collect();
    let through = storage.manifest.state.flushed_through;
    let fs = Arc::clone(&storage.fs);
    let outcome = replay(&*fs, &numbers, oldest, through, &mut |mut record| {
        // A manifest that named a keyspace before the commit that first names it was in
        // files would have it twice; none of ours does.
        record
            .new_keyspaces
            .retain(|name| planted!(NamedTwice) || storage.version.keyspace(name).is_none());
        check_record(storage, &record)?;
        storage.apply(record);
        Ok(())
    })?;
    storage.events.clear();
    storage.wal = Wal::new(outcome.sealed.clone(), storage.options.wal_file_bytes);
    Ok(outcome)
}

/// Writes the commits again whose durability the WAL does not prove.
fn write_wal_again(storage: &mut Storage, unproven: Vec<Vec<u8>>) -> Result<()> {
    if unproven.is_empty() && !planted!(RecoveryGrowsWal) {
        return Ok(());
    }
    mark!(UnprovenWrittenAgain);
    let (fs, head) = (Arc::clone(&storage.fs), storage.version.head());
    #[cfg(feature = "planted-bugs")]
    if planted!(TailLeftUnsynced) && storage.wal.go_on(&*fs, &unproven, head)? {
        return Ok(());
    }
    let number = storage.allocate_file();
    storage.wal.write_again(&*fs, number, unproven, head)
}

/// A record that is intact byte for byte can still contradict the manifest.
fn check_record(storage: &Storage, record: &CommitRecord) -> Result<()> {
    let known = storage.version.keyspace_names().len() + record.new_keyspaces.len();
    let is_known = |keyspace: u32| (keyspace as usize) < known;
    if record.runs.iter().all(|(keyspace, _)| is_known(*keyspace)) {
        return Ok(());
    }
    Err(Error::damage(
        &file_name(FileKind::Wal, storage.manifest.state.oldest_wal),
        0,
        format!("keyspaces below {known} in commit {}", record.commit),
        "a higher one",
    ))
}

/// Removes our files that nothing names.
fn sweep(storage: &mut Storage, found: &Found, manifests: &[u64], wals: &[u64]) -> Result<()> {
    let manifests = manifests.iter().map(|&number| (FileKind::Manifest, number));
    let wals = wals.iter().map(|&number| (FileKind::Wal, number));
    let segments = found
        .segments
        .iter()
        .filter(|number| !storage.data_files.contains_key(number) && !planted!(OrphansNotSwept))
        .map(|&number| (FileKind::Segment, number));
    for (kind, number) in manifests.chain(wals).chain(segments) {
        match kind {
            FileKind::Manifest => mark!(OldManifestSwept),
            FileKind::Wal => mark!(LeftoverLogSwept),
            FileKind::Segment => mark!(OrphanSegmentSwept),
        }
        let name = file_name(kind, number);
        match storage.fs.remove(&name) {
            // A directory with a name like ours is somebody else's.
            Err(error) if error.kind() == ErrorKind::IsADirectory => {}
            outcome => outcome.map_err(Error::io("remove", &name))?,
        }
    }
    Ok(())
}

/// Puts an empty store on the disk: a WAL file, then a manifest that names it. The
/// manifest's name becoming durable is the moment of birth.
fn create(storage: &mut Storage) -> Result<()> {
    let number = storage.allocate_file();
    let fs = Arc::clone(&storage.fs);
    storage.wal.rotate(&*fs, number)?;
    storage.manifest.state.oldest_wal = number;
    write_manifest(storage)?;
    Ok(())
}

/// Writes the manifest's state into a new file and returns the number of the old one,
/// 0 for none.
fn write_manifest(storage: &mut Storage) -> Result<u64> {
    let fs = Arc::clone(&storage.fs);
    let number = storage.allocate_file();
    let mut switch = storage.manifest.begin_switch(&*fs, number)?;
    switch.write()?;
    switch.sync()?;
    fs.sync_dir("").map_err(Error::io("sync", ""))?;
    storage.manifest.finish_switch(switch)
}
