//! Reading a damaged store: intact data is served, lost data is named.
//!
//! [`Store::open`](crate::Store::open) refuses a store with a damaged log or manifest, because it
//! is about to write, and because a program must not mistake a part of the data for all of it. A
//! user without a backup wants that part: [`Store::open_damaged`](crate::Store::open_damaged)
//! returns it.
//!
//! | damaged | still readable | refused |
//! |---|---|---|
//! | a block of a segment | everything else in the segment | keys in that block, from the segment's first commit on, unless a later commit wrote them |
//! | the index of a segment, or its file | all other segments, and the segment's inputs if they were kept | everything that needs the segment |
//! | filter, table, preamble or footer of a segment file | everything | nothing |
//! | a record of the log | every commit before it; of later commits the keys that they wrote | the lost commits, the keys without a later write, keyspaces that were first named later, differences and streams across the lost commits |
//! | the first bytes of a log file | every commit before that file | the same |
//! | the end of the log | every commit before it | the newest state: the number of following commits is unknown |
//! | an edit of the manifest | the state before it, and the remaining log | data that only later edits name |
//! | the end of the manifest | the same | the same, and the newest state, when files that the manifest names are gone and other files are there |
//! | the whole manifest | the log, if it goes back to the first commit | everything that was in segments |
//!
//! Invariants: nothing is written. Every segment and every record is checked before it is served,
//! so the losses are known when the store is open. An answer never depends on lost data.
//!
//! This module does not guess. Segments that no manifest names are not used, because a failed merge
//! leaves such segments too; only [`salvage`](salvage()), which writes what is left into a new store,
//! uses them and says so. Blocks are not searched for without their index.

mod loss;
mod salvage;
mod segments;
mod tables;

pub use loss::{Loss, Takes};
pub use salvage::{Salvage, Salvaged, Unproven, salvage};

use std::sync::Arc;

use crate::commit::Commit;
use crate::error::{Damage, Result};
use crate::files::{FileKind, IDENTITY, file_name};
use crate::fs::Fs;
use crate::identity::{self, FileId, StoreId};
use crate::manifest::{self, Manifest, ManifestState};
use crate::options::{Options, Placement};
use crate::recover::{self, Found, Mode};
use crate::storage::Storage;
use crate::wal::{CommitRecord, Piece, first_with_commits, replay_whole};
use crate::whole_file::{or_damage, read_or_damage};

/// How far an opening goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// To what is proven: every answer is right.
    Proven,
    /// To everything that can be found, for [`salvage`].
    All,
    /// To the log alone, for the same: it may still have commits that are in segments, too.
    Log,
}

/// A damaged store.
#[derive(Debug)]
struct Opened {
    storage: Storage,
    /// Of the identity, the manifest and the log.
    losses: Vec<Loss>,
    segments: segments::Damaged,
    /// The first damage of the manifest, after which what files it names is not known.
    manifest_damage: Option<Damage>,
    has_manifest: bool,
    /// What was found beside the manifest.
    found: tables::Found,
    /// From here on the log has every commit, up to the newest that is known.
    log_from: Commit,
}

/// Opens the intact part of the store at the root of `fs`.
///
/// # Errors
/// The errors of opening for reading in [`Error`](crate::Error), except damage.
pub(crate) fn open(fs: Arc<dyn Fs>, options: Options) -> Result<(Storage, Vec<Loss>)> {
    let opened = open_as_far(fs, options, Reach::Proven)?;
    let mut losses = opened.losses;
    losses.extend(opened.segments.losses);
    Ok((opened.storage, losses))
}

fn open_as_far(fs: Arc<dyn Fs>, options: Options, reach: Reach) -> Result<Opened> {
    options.check()?;
    let found = Found::list(&*fs)?.filter(|found| !found.is_empty());
    if found.is_none() {
        return Err(recover::not_a_store(
            "the directory holds no files of a store",
        ));
    }
    let lock = recover::lock(&*fs, Mode::Damaged)?;
    // Another process may have changed the directory between the first look and the lock.
    let found = Found::list(&*fs)?.unwrap_or_default();
    let mut losses = Vec::new();
    let identity = identity::load_store_id(&*fs)?;
    let store = match identity {
        Some(store) => Some(store),
        None => identity::store_of_files(found.files().map(|file| readable_id(&*fs, file)))?,
    };
    let store = store.ok_or_else(|| recover::not_a_store("nothing says which store this is"))?;
    if identity.is_none() {
        losses.extend(identity_loss(&*fs)?);
        if planted!(DamagedIdentityMended) {
            identity::restore_store_id(&*fs, store)?;
        }
    }
    let whole = manifest::load_whole(&*fs, &found.manifests, store)?;
    let mut causes = whole.damages;
    let mut manifest = match whole.manifest {
        Some(manifest) => manifest,
        None => {
            if causes.is_empty() {
                must_be_born(&*fs, store, &found)?;
                causes.push(no_manifest(&found));
            }
            // It is not known that any commit is in segments, nor that any log is retired.
            Manifest::new(ManifestState::new(Placement::default()))
        }
    };
    causes.extend(older_manifest(&manifest, &found));
    let has_manifest = manifest.number() > 0;
    if let Some(placement) = options.placement.as_ref().filter(|_| has_manifest) {
        placement.must_equal(&manifest.state.placement)?;
    }
    let manifest_damage = causes.first().cloned();
    let beside = match reach {
        Reach::Proven => tables::Found::default(),
        Reach::All | Reach::Log => tables::add(&*fs, store, &found, &mut manifest.state, &causes)?,
    };
    if reach == Reach::Log {
        manifest.state.forget_segments();
    }
    let mut storage = recover::assemble(fs, store, options, Mode::Damaged, lock, manifest, &found)?;
    // Segments before the log: this check rebuilds the version, and the log adds its commits behind
    // it.
    let mut segments = segments::check(&mut storage)?;
    if planted!(LossOfSegmentsUnnamed) {
        segments.losses.clear();
        segments.segments.clear();
    }
    let (in_log, log_from) = read_log(&mut storage, &found, causes)?;
    losses.extend(in_log.into_iter().filter(|_| !planted!(LossOfLogUnnamed)));
    Ok(Opened {
        storage,
        losses,
        segments,
        manifest_damage,
        has_manifest,
        found: beside,
        log_from,
    })
}

/// The identity of a file whose preamble can be read and is intact.
fn readable_id(fs: &dyn Fs, (kind, number): (FileKind, u64)) -> Result<Option<FileId>> {
    let id = identity::load_file_id(fs, kind, number);
    let id = or_damage(id, &file_name(kind, number), 0, "a file that can be read")?;
    Ok(id.ok().flatten())
}

/// The identity file is missing or damaged: the manifest holds the same information.
fn identity_loss(fs: &dyn Fs) -> Result<Option<Loss>> {
    let damage = match read_or_damage(fs, IDENTITY)? {
        Err(damage) => damage,
        Ok(bytes) => Damage {
            file: IDENTITY.to_owned(),
            offset: 0,
            expected: "the preamble of a store".to_owned(),
            found: format!("{} other bytes", bytes.len()),
        },
    };
    Ok(Some(Loss {
        damage,
        takes: Takes::Nothing,
    }))
}

/// Without a manifest, the leftovers of an interrupted creation are no store.
fn must_be_born(fs: &dyn Fs, store: StoreId, found: &Found) -> Result<()> {
    let has_commits = first_with_commits(fs, Some(store), &found.wals)?.is_some();
    if has_commits || !found.segments.is_empty() {
        return Ok(());
    }
    Err(recover::not_a_store(
        "no manifest is intact, and nothing holds a commit",
    ))
}

fn no_manifest(found: &Found) -> Damage {
    let newest = found.manifests.last();
    Damage {
        file: newest.map_or("manifest".to_owned(), |&number| {
            file_name(FileKind::Manifest, number)
        }),
        offset: 0,
        expected: "an intact manifest".to_owned(),
        found: "none".to_owned(),
    }
}

/// A manifest that has lost its end looks like one whose last edits never became durable. The files
/// show the difference: files that the manifest names are gone, and files that it does not name are
/// there.
fn older_manifest(manifest: &Manifest, found: &Found) -> Option<Damage> {
    let (named, log) = (&manifest.state.files, manifest.state.oldest_wal);
    let is_gone = |number: &&u64| found.segments.binary_search(number).is_err();
    let segment = |number: &u64| file_name(FileKind::Segment, *number);
    let log_is_gone = log > 0 && found.wals.binary_search(&log).is_err();
    let gone = (named.keys().find(is_gone).map(segment))
        .or_else(|| log_is_gone.then(|| file_name(FileKind::Wal, log)))?;
    let unnamed = (found.segments.iter()).find(|number| !named.contains_key(number))?;
    Some(Damage {
        file: file_name(FileKind::Manifest, manifest.number()),
        offset: 0,
        expected: format!("no need of {gone}, which is not there"),
        found: format!("nothing of {}, which is there", segment(unnamed)),
    })
}

/// Adds the commits of the log behind those in segments, lost commits among them.
fn read_log(
    storage: &mut Storage,
    found: &Found,
    causes: Vec<Damage>,
) -> Result<(Vec<Loss>, Commit)> {
    let fs = Arc::clone(&storage.fs);
    let state = &storage.manifest.state;
    let (oldest, through) = (state.oldest_wal, state.flushed_through);
    let numbers: Vec<u64> = (found.wals.iter().copied())
        .filter(|&number| number >= oldest)
        .collect();
    let store = storage.store;
    let mut log_from = through.next();
    let losses = replay_whole(
        &*fs,
        store,
        (&numbers, oldest),
        through,
        causes,
        &mut |piece| {
            if let Piece::Lost(last, _) = &piece {
                log_from = last.next();
            }
            take(storage, piece);
            Ok(())
        },
    )?;
    storage.events.clear();
    Ok((losses, log_from))
}

fn take(storage: &mut Storage, piece: Piece) {
    match piece {
        Piece::Commit(mut record) => {
            // Before `apply`, which panics at a keyspace number that the version does not have.
            keep_known(storage, &mut record);
            storage.apply(record);
        }
        Piece::Lost(last, damage) => {
            let version = Arc::make_mut(&mut storage.version);
            if planted!(LostCommitsAreEmpty) {
                while version.head() < last {
                    version.add_commit(version.head().next(), Vec::new());
                }
                return;
            }
            version.add_lost(last, &damage);
        }
        Piece::EndUnknown(damage) => {
            Arc::make_mut(&mut storage.version).hide_end(&damage);
        }
    }
}

/// Drops writes to keyspaces that a lost commit may have named, because their numbers are unknown.
/// Reads of such keyspaces are refused by their names.
fn keep_known(storage: &Storage, record: &mut CommitRecord) {
    let version = &storage.version;
    match version.hides_commits() {
        true => record.new_keyspaces.clear(),
        false => (record.new_keyspaces).retain(|name| version.keyspace(name).is_none()),
    }
    let known = version.keyspace_names().len() + record.new_keyspaces.len();
    record
        .runs
        .retain(|(keyspace, _)| (*keyspace as usize) < known);
}
