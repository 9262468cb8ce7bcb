//! Opening a store: the manifest, then the WAL, then a sweep.
//!
//! Rules:
//! - nothing is changed before everything was read and found sound;
//! - everything that will be served is durable first, so that a later crash cannot take back what a
//!   reader has seen. Records that no later record *proves* to be durable are written again into
//!   new files, because a sync alone would prove nothing;
//! - only our own files that are not needed are removed, one by one; foreign files stay. Files that
//!   can be removed at once are removed before anything is written: see `sweep`;
//! - opening an intact store changes nothing, so two openings equal one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::beside;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::{
    BACKUP, FileKind, IDENTITY, LOCK, NEW_IDENTITY, PROMOTED, REPLICA, RESTORING, file_name,
    parse_file_name,
};
use crate::fs::{Fs, Lock, LockKind};
use crate::identity::{self, FileId, StoreId};
use crate::limits;
use crate::manifest::{self, Loaded, Manifest, ManifestState};
use crate::options::{History, Options, Placement};
use crate::recent::Recent;
use crate::role;
use crate::segment::cache::BlockCache;
use crate::segment::file::{DataFile, Shared};
use crate::segment::open_files::OpenFiles;
use crate::segment::{Segment, SegmentId};
use crate::stats::{Counters, Histograms};
use crate::storage::Storage;
use crate::sweep::{self, Proof, Sweep};
use crate::version::{Version, forest};
use crate::wal::{CommitRecord, Replay, Wal, first_with_commits, replay};

/// Our files in the directory, by kind, ascending.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) manifests: Vec<u64>,
    pub(crate) wals: Vec<u64>,
    pub(crate) segments: Vec<u64>,
    pub(crate) highest: u64,
    is_replica: bool,
    is_backup: bool,
    is_restoring: bool,
    /// Whether a promotion may not be durable yet.
    is_promoted: bool,
    /// An opening that wrote the identity file again has left the new file under its first name.
    has_new_identity: bool,
}

/// The purpose of a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    ReadWrite,
    ReadOnly,
    /// Applies the commits of a primary. Makes the store a replica.
    Replica,
    /// Makes the commits of a backup again: see `backup`.
    Restore,
    /// Reads the intact parts of a damaged store: see `damaged`.
    Damaged,
}

impl Mode {
    fn writes(self) -> bool {
        matches!(self, Self::ReadWrite | Self::Replica | Self::Restore)
    }
}

/// Opens the store at the root of `fs`, or creates it.
///
/// # Errors
/// The errors of opening in [`Error`].
pub(crate) fn open(fs: Arc<dyn Fs>, options: Options, mode: Mode) -> Result<Storage> {
    span!(INFO, "open", mode = format_args!("{mode:?}"));
    options.check()?;
    let writes = mode.writes();
    let creates = options.create && writes;
    let found = match Found::list(&*fs)? {
        Some(found) if !found.is_empty() || creates => found,
        Some(_) => return Err(not_a_store("the directory holds no manifest")),
        None if creates => {
            fs.create_dir("").map_err(Error::io("create", ""))?;
            Found::default()
        }
        None => return Err(not_a_store("there is no such directory")),
    };
    let lock = match lock(&*fs, mode) {
        Err(Error::Locked) if mode == Mode::ReadOnly && !found.is_restoring => {
            return beside::open(&fs, &options);
        }
        lock => lock?,
    };
    // Another process may have changed the directory between the first look and the lock.
    let found = Found::list(&*fs)?.unwrap_or_default();
    found.must_be_open_to(mode)?;
    let identity = identity::load_store_id(&*fs)?;
    let store = found.store(&*fs, identity)?;
    let Some(loaded) = load_manifest(&*fs, store, &found)? else {
        if !creates || planted!(FirstOpenRefused) && !found.is_empty() {
            return Err(not_a_store("no manifest is intact"));
        }
        found.must_be_unborn(&*fs, identity, store)?;
        mark!(StoreCreated);
        if !found.is_empty() {
            mark!(CreationRepeated);
        }
        let placement = options.placement.clone().unwrap_or_default();
        let manifest = Manifest::new(ManifestState::new(placement));
        // The role first: a crash during the creation must not leave a primary where a replica was
        // asked for.
        take_role(&*fs, mode, &found)?;
        found.sweep_unborn(&*fs)?;
        // The identity is durable before any numbered file is created: see `design/format.md`.
        let store = identity::create_store_id(&*fs)?;
        let mut storage = assemble(fs, store, options, mode, lock, manifest, &found)?;
        create(&mut storage)?;
        event!(INFO, "created");
        return Ok(storage);
    };
    if let Some(placement) = &options.placement {
        // Checked before anything is written: a refused opening changes nothing.
        placement.must_equal(&loaded.manifest.state.placement)?;
    }
    let (store, manifest) = (loaded.store, loaded.manifest);
    let mut storage = assemble(fs, store, options, mode, lock, manifest, &found)?;
    let replay = replay_wal(&mut storage, &found)?;
    assert!(
        storage.version.head() >= storage.manifest.state.flushed_through,
        "the newest commit is {}, and files hold {}",
        storage.version.head(),
        storage.manifest.state.flushed_through
    );
    assert!(
        storage.next_file > found.highest || planted!(FileNumberReused),
        "file {} is there, and the next one gets number {}",
        found.highest,
        storage.next_file
    );
    // The first write comes after everything was read and found sound.
    if writes {
        // The role is durable before any commit can be written in it.
        take_role(&*storage.fs, mode, &found)?;
        if identity.is_none() {
            mark!(IdentityWrittenAgain);
            identity::restore_store_id(&*storage.fs, store)?;
        } else if found.has_new_identity {
            remove_new_identity(&*storage.fs)?;
        }
        write_again(&mut storage, &found, &loaded.proof, replay)?;
    }
    event!(
        INFO,
        "opened",
        head = storage.version.head(),
        flushed_through = storage.manifest.state.flushed_through,
        segment_files = storage.data_files.len()
    );
    Ok(storage)
}

/// Reads the store at the root of `fs` without a lock; `None` when no manifest is intact. Nothing is
/// written. While a writer has the store open (`is_beside_writer`), every error may come from a change
/// that the writer has made meanwhile: see `beside`.
pub(crate) fn look(
    fs: Arc<dyn Fs>,
    options: Options,
    is_beside_writer: bool,
) -> Result<Option<Storage>> {
    span!(DEBUG, "look");
    let mut found = Found::list(&*fs)?.unwrap_or_default();
    found.must_be_open_to(Mode::ReadOnly)?;
    let store = found.store(&*fs, identity::load_store_id(&*fs)?)?;
    let Some(loaded) = load_manifest(&*fs, store, &found)? else {
        return Ok(None);
    };
    if is_beside_writer && !planted!(OlderListOfLogs) {
        // Listed again behind the manifest: retention depends on later commits than those in files, so
        // a reader must know every log that was there when the manifest was written.
        found = Found::list(&*fs)?.unwrap_or_default();
    }
    if planted!(NewestLogLeftOut) && found.wals.len() > 1 {
        found.wals.pop();
    }
    let (store, manifest) = (loaded.store, loaded.manifest);
    if let Some(placement) = &options.placement {
        placement.must_equal(&manifest.state.placement)?;
    }
    let mut storage = assemble(fs, store, options, Mode::ReadOnly, None, manifest, &found)?;
    if is_beside_writer && !planted!(FilesBesideNotKept) {
        // Before the log is read: the writer can remove files meanwhile.
        let mut files = storage.data_files.values();
        files.try_for_each(|file| file.keep_open())?;
    }
    storage.is_beside_writer = is_beside_writer;
    match replay_wal(&mut storage, &found) {
        Err(_) if planted!(LogBesideIsOptional) => {}
        outcome => _ = outcome?,
    }
    Ok(Some(storage))
}

/// The manifest in force; `None` when no manifest is intact, or when no file says which store this is.
fn load_manifest(fs: &dyn Fs, store: Option<StoreId>, found: &Found) -> Result<Option<Loaded>> {
    let load = |store| manifest::load(fs, &found.manifests, store);
    Ok(store.map(load).transpose()?.flatten())
}

/// Makes durable what will be served, and removes files that are not needed: first the files that
/// can be removed at once, then the others.
fn write_again(
    storage: &mut Storage,
    found: &Found,
    proof: &Proof,
    mut replay: Replay,
) -> Result<()> {
    let unneeded = unneeded(storage, found, &replay);
    must_not_be_needed(storage, &unneeded);
    let remembered = remembered(storage, found, &unneeded);
    let files = Sweep::plan(unneeded, proof, &replay.leftovers, remembered);
    // Some removed numbers are surpassed only by names in the directory. These names become durable
    // first, or a number could be given out again.
    if files.relies_on_names {
        storage.fs.sync_dir("").map_err(Error::io("sync", ""))?;
    }
    // Removals before writes: on a full device they make the room that the writes need.
    sweep::remove(&*storage.fs, &files.first)?;
    let is_proven = proof.is_proven || planted!(UnprovenManifestServed);
    let mut replaced = None;
    if !is_proven || planted!(ManifestAlwaysRewritten) {
        mark!(ManifestWrittenAgain);
        replaced = Some((FileKind::Manifest, write_manifest(storage)?));
    }
    write_wal_again(storage, &mut replay)?;
    // A file that this opening has written has a higher number, and then no number is forgotten.
    let has_written = storage.next_file > found.highest + 1;
    if files.forgets_number && !has_written && !planted!(SweptNumberForgotten) {
        mark!(SweptNumberKept);
        replaced = Some((FileKind::Manifest, write_manifest(storage)?));
    }
    sweep::remove(&*storage.fs, replaced.as_slice())?;
    sweep::remove(&*storage.fs, &files.later)
}

/// Panics when one of these files is needed. Most openings find no such files, and then there is
/// nothing to look up.
fn must_not_be_needed(storage: &Storage, unneeded: &[sweep::File]) {
    if unneeded.is_empty() {
        return;
    }
    let needed = storage.files();
    let is_needed =
        |&(kind, number): &sweep::File| needed.binary_search(&file_name(kind, number)).is_ok();
    assert!(
        !unneeded.iter().any(is_needed),
        "opening would remove what the store needs: {unneeded:?} of {needed:?}"
    );
}

/// The highest file number that the next opening will know of, if this opening writes nothing.
fn remembered(storage: &Storage, found: &Found, unneeded: &[sweep::File]) -> u64 {
    let stays = |number: &&u64| !unneeded.contains(&(FileKind::Wal, **number));
    let newest_log = found.wals.iter().rev().find(stays).copied();
    let newest_data = storage.data_files.keys().next_back().copied();
    (newest_log.into_iter().chain(newest_data))
        .chain([
            storage.manifest.number(),
            storage.manifest.state.next_file - 1,
        ])
        .max()
        .unwrap_or_default()
}

/// Our own files that are not needed.
fn unneeded(storage: &Storage, found: &Found, replay: &Replay) -> Vec<sweep::File> {
    let in_force = storage.manifest.number();
    let oldest = storage.manifest.state.oldest_wal;
    let is_unneeded = |&(kind, number): &sweep::File| match kind {
        FileKind::Manifest => number != in_force,
        FileKind::Wal => number < oldest || replay.leftovers.contains(&number),
        FileKind::Segment => {
            !storage.data_files.contains_key(&number) && !planted!(OrphansNotSwept)
        }
    };
    found.files().filter(is_unneeded).collect()
}

pub(crate) fn not_a_store(reason: &str) -> Error {
    Error::NotAStore {
        reason: reason.to_owned(),
    }
}

/// Removes the new identity file of an opening that died while it wrote that file.
fn remove_new_identity(fs: &dyn Fs) -> Result<()> {
    let removed = fs.remove(NEW_IDENTITY);
    removed.map_err(Error::io("remove", NEW_IDENTITY))
}

/// Makes the role durable before anything else is written in that role.
fn take_role(fs: &dyn Fs, mode: Mode, found: &Found) -> Result<()> {
    match mode {
        Mode::Replica => role::make_replica(fs, found.is_replica),
        Mode::ReadWrite if found.is_promoted => {
            mark!(PromotionEnded);
            role::end_promotion(fs)
        }
        Mode::ReadWrite | Mode::ReadOnly | Mode::Restore | Mode::Damaged => Ok(()),
    }
}

pub(crate) fn lock(fs: &dyn Fs, mode: Mode) -> Result<Option<Box<dyn Lock>>> {
    if mode.writes() {
        return lock_exclusively(fs).map(Some);
    }
    match fs.lock(LOCK, LockKind::Shared) {
        // A copied store may lack the lock file. A reader cannot create one, and then there is no
        // writer either.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        lock => lock.map(Some).map_err(not_locked),
    }
}

/// Takes the lock of the directory for one owner alone.
pub(crate) fn lock_exclusively(fs: &dyn Fs) -> Result<Box<dyn Lock>> {
    fs.lock(LOCK, LockKind::Exclusive).map_err(not_locked)
}

fn not_locked(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::WouldBlock => Error::Locked,
        _ => Error::io("lock", LOCK)(error),
    }
}

impl Found {
    /// Our own files; `None` when there is no directory.
    pub(crate) fn list(fs: &dyn Fs) -> Result<Option<Self>> {
        let mut found = Self::default();
        let names = match fs.list("") {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(_) if planted!(ListErrorIsEmpty) => return Ok(None),
            Err(error) => return Err(Error::io("list", "")(error)),
        };
        found.is_replica = names.iter().any(|name| name == REPLICA);
        found.is_promoted = names.iter().any(|name| name == PROMOTED);
        found.is_backup = names.iter().any(|name| name == BACKUP);
        found.is_restoring = names.iter().any(|name| name == RESTORING);
        found.has_new_identity = names.iter().any(|name| name == NEW_IDENTITY);
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

    /// Refuses a directory that cannot be opened in this mode: an interrupted restore, a backup or
    /// a replica.
    pub(crate) fn must_be_open_to(&self, mode: Mode) -> Result<()> {
        if self.is_restoring && mode != Mode::Restore {
            let reason = "restoring it was interrupted: restore it again, or remove the directory";
            return Err(not_a_store(reason));
        }
        if self.is_backup && mode.writes() && !planted!(BackupTakesCommits) {
            return Err(Error::IsBackup);
        }
        match mode == Mode::ReadWrite && self.is_replica {
            true => Err(Error::IsReplica),
            false => Ok(()),
        }
    }

    /// The files that [`Found`] has by number: manifests, logs, segment files, each ascending.
    pub(crate) fn files(&self) -> impl Iterator<Item = sweep::File> {
        let of = |kind: FileKind| move |&number: &u64| (kind, number);
        (self.manifests.iter().map(of(FileKind::Manifest)))
            .chain(self.wals.iter().map(of(FileKind::Wal)))
            .chain(self.segments.iter().map(of(FileKind::Segment)))
    }

    /// The store of these files: the one in the identity file, or without an intact one the store that
    /// all files name.
    ///
    /// # Errors
    /// [`Error::NotAStore`] for files of two stores, [`Error::UnsupportedFormat`], and any error of the
    /// disk.
    pub(crate) fn store(&self, fs: &dyn Fs, identity: Option<StoreId>) -> Result<Option<StoreId>> {
        match identity {
            Some(store) => Ok(Some(store)),
            None => identity::store_of_files(
                self.files()
                    .map(|(kind, number)| identity::load_file_id(fs, kind, number)),
            ),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.manifests.is_empty() && self.wals.is_empty() && self.segments.is_empty()
    }

    /// Removes the files of an interrupted creation, durably: the next attempt is another store,
    /// and its files may get the same numbers. The manifests are removed first, because a manifest
    /// of another store without a log of this store is reported as a mistake of the user.
    fn sweep_unborn(&self, fs: &dyn Fs) -> Result<()> {
        if self.has_new_identity {
            remove_new_identity(fs)?;
        }
        for (kind, numbers) in [
            (FileKind::Manifest, &self.manifests),
            (FileKind::Wal, &self.wals),
            (FileKind::Segment, &self.segments),
        ] {
            let files: Vec<_> = numbers.iter().map(|&number| (kind, number)).collect();
            // Each kind is removed for good before the next one: no crash may bring a manifest back
            // without its log.
            sweep::remove(fs, &files)?;
            if !files.is_empty() {
                fs.sync_dir("").map_err(Error::io("sync", ""))?;
            }
        }
        Ok(())
    }

    /// Checks that the directory holds only what an interrupted creation leaves: without an intact
    /// manifest that is one WAL file without commits.
    fn must_be_unborn(
        &self,
        fs: &dyn Fs,
        identity: Option<StoreId>,
        store: Option<StoreId>,
    ) -> Result<()> {
        let lost = |what: String| Error::NotAStore {
            reason: format!("no manifest is intact, but {what} holds data: restore a backup"),
        };
        if planted!(DamagedStoreRecreated) {
            return Ok(());
        }
        // The identity is durable before the first numbered file is created. So a crash never leaves
        // such a file without an intact identity: somebody has lost or changed it, and whether the
        // files hold commits cannot be known, because their checksums depend on it.
        if identity.is_none()
            && let Some((kind, number)) = self.files().next()
        {
            let name = file_name(kind, number);
            return Err(Error::NotAStore {
                reason: format!(
                    "neither {IDENTITY} nor a manifest is intact, and {name} may hold data: restore a \
                     backup"
                ),
            });
        }
        let own = |kind, numbers: &[u64]| identity::own_files(fs, store, kind, numbers);
        if let Some(&number) = own(FileKind::Segment, &self.segments)?.first() {
            return Err(lost(file_name(FileKind::Segment, number)));
        }
        // The log of a new store is durable before its first manifest is created. So a crash never
        // leaves a manifest of another store without an intact log of this store.
        let own_manifests = own(FileKind::Manifest, &self.manifests)?;
        let foreign = |number: &&u64| !own_manifests.contains(number);
        if let Some(&number) = self.manifests.iter().find(foreign)
            && !identity::is_owner(fs, store, FileKind::Wal, &self.wals)?
            && !planted!(IdentityReplacedInPlace)
        {
            let name = file_name(FileKind::Manifest, number);
            return Err(Error::NotAStore {
                reason: format!(
                    "{IDENTITY} names one store and {name} another: restore the identity file \
                     that belongs to the others"
                ),
            });
        }
        match first_with_commits(fs, store, &self.wals)? {
            Some(number) => Err(lost(file_name(FileKind::Wal, number))),
            None => Ok(()),
        }
    }
}

/// Builds the storage from everything but the WAL: keyspaces and segments as the manifest has them.
pub(crate) fn assemble(
    fs: Arc<dyn Fs>,
    store: StoreId,
    options: Options,
    mode: Mode,
    lock: Option<Box<dyn Lock>>,
    manifest: Manifest,
    found: &Found,
) -> Result<Storage> {
    let state = &manifest.state;
    let shared = Shared {
        files: OpenFiles::new(Arc::clone(&fs), options.max_open_files),
        cache: BlockCache::new(options.cache_bytes),
        read_ahead_bytes: options.thresholds.read_ahead_bytes,
    };
    let mut data_files = BTreeMap::new();
    for (&number, file) in &state.files {
        let id = FileId {
            store,
            kind: FileKind::Segment,
            number,
            fresh: file.fresh,
        };
        let data = match mode {
            // A missing file is reported when it is read.
            Mode::Damaged => DataFile::new(id, file.length, shared.clone()),
            _ => DataFile::open(id, file.length, shared.clone())?,
        };
        data_files.insert(number, Arc::new(data));
    }
    let mut version = Version::new(options.thresholds);
    for name in &state.keyspaces {
        version.add_keyspace(name.as_str().into());
    }
    let placement: Placement = state.placement.clone();
    let keeps_all = placement.history == History::All;
    let roots = roots_of(state, &data_files);
    version.restore(state.flushed_through, roots, keeps_all);
    let last_writes = version.all_roots();
    let last_writes = last_writes.filter_map(|(keyspace, roots)| {
        let last = roots.last()?.meta().last;
        Some((last, keyspace))
    });
    let recent = Recent::new(last_writes, options.thresholds.spare_writes);
    Ok(Storage {
        file_level: options.file_level_for(&placement.alignment),
        next_file: if planted!(FileNumberReused) {
            state.next_file
        } else {
            state.next_file.max(found.highest + 1)
        },
        placement,
        version: Arc::new(version),
        recent,
        wal: Wal::new(Vec::new(), options.log_room()),
        fs,
        store,
        options,
        manifest,
        shared,
        data_files,
        obsolete: Default::default(),
        removed_since_edit: Vec::new(),
        memory_bytes: 0,
        events: Vec::new(),
        counters: Counters::default(),
        histograms: Histograms::default(),
        latest_closing: Commit::ZERO,
        pause: (Commit::ZERO, 0),
        poison: None,
        max_keyspaces: limits::KEYSPACES,
        has_buffered: false,
        read_only: !mode.writes(),
        is_beside_writer: false,
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
    span!(DEBUG, "replay");
    let oldest = storage.manifest.state.oldest_wal;
    let numbers: Vec<u64> = found
        .wals
        .iter()
        .copied()
        .filter(|&number| number >= oldest)
        .collect();
    let through = storage.manifest.state.flushed_through;
    let fs = Arc::clone(&storage.fs);
    let outcome = replay(
        &*fs,
        storage.store,
        &numbers,
        oldest,
        through,
        &mut |mut record| {
            // A manifest that names a keyspace before the commit that first names it is in files
            // would add the keyspace twice. No manifest of this library does so.
            record
                .new_keyspaces
                .retain(|name| planted!(NamedTwice) || storage.version.keyspace(name).is_none());
            // Check before the record is applied: `apply` takes an unknown keyspace for a bug and
            // panics.
            check_record(storage, &record)?;
            storage.apply(record);
            Ok(())
        },
    )?;
    storage.events.clear();
    storage.wal = Wal::new(outcome.sealed.clone(), storage.options.log_room());
    Ok(outcome)
}

/// Writes again the commits that the WAL does not prove to be durable.
fn write_wal_again(storage: &mut Storage, replay: &mut Replay) -> Result<()> {
    let unproven = std::mem::take(&mut replay.unproven);
    let needs_successor = replay.tip_needs_successor && !planted!(CachedProofBelieved);
    if unproven.is_empty() && !needs_successor && !planted!(RecoveryGrowsWal) {
        return Ok(());
    }
    mark!(UnprovenWrittenAgain);
    let (fs, head) = (Arc::clone(&storage.fs), storage.version.head());
    #[cfg(feature = "planted-bugs")]
    if (planted!(TailLeftUnsynced) || planted!(FoundLogGoneOn))
        && storage.wal.go_on(&*fs, &unproven, head)?
    {
        if planted!(FoundLogGoneOn) {
            storage.wal.sync()?;
        }
        return Ok(());
    }
    let id = storage.draw_file(FileKind::Wal)?;
    storage.wal.write_again(&*fs, id, &unproven, head)
}

/// A record with a correct checksum can still contradict the manifest.
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

/// Creates an empty store on the disk: a WAL file, then a manifest that names it. The store exists
/// from the moment when the mark behind the manifest's first record is durable.
fn create(storage: &mut Storage) -> Result<()> {
    let id = storage.draw_file(FileKind::Wal)?;
    let fs = Arc::clone(&storage.fs);
    // The log before the manifest that names it: a durable manifest without its log could not be
    // opened.
    storage.wal.rotate(&*fs, id)?;
    storage.manifest.state.oldest_wal = id.number;
    write_manifest(storage)?;
    Ok(())
}

/// Writes the manifest's state into a new file. Returns the number of the old file, 0 for none.
fn write_manifest(storage: &mut Storage) -> Result<u64> {
    let fs = Arc::clone(&storage.fs);
    let id = storage.draw_file(FileKind::Manifest)?;
    let mut switch = storage.manifest.begin_switch(&*fs, id)?;
    switch.write()?;
    // Order (3) of `design/format.md`: bytes and name are durable before `finish_switch` writes the
    // mark.
    switch.sync()?;
    fs.sync_dir("").map_err(Error::io("sync", ""))?;
    storage.manifest.finish_switch(switch, true)
}
