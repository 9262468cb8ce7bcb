//! The manifest as a file: loading it, appending edits, switching to a new file.

use std::collections::BTreeSet;

use crate::codec::Decoder;
use crate::error::{Damage, Error, Result};
use crate::files::{FileKind, file_name};
use crate::fs::Fs;
use crate::identity::{FileId, StoreId};
use crate::log::{LogIo, LogWriter, Room, Tail, scan, was_written};
use crate::manifest::edit::{Edit, decode_placement, encode_placement};
use crate::manifest::state::ManifestState;
use crate::sweep::Proof;
use crate::whole_file::{read_or_damage, read_whole};

/// The first record: placement and the whole state.
const SNAPSHOT: u8 = 0;
/// A further record: one edit.
const EDIT: u8 = 1;
/// A further record: everything before it is durable.
const MARK: u8 = 2;

/// The manifest in force.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) state: ManifestState,
    /// `None` until the first edit after opening: an old manifest is never appended to, so a torn
    /// tail of it can never be mistaken for later records.
    writer: Option<LogWriter>,
    pub(crate) number: u64,
    snapshot_bytes: u64,
}

/// The result of loading.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) store: StoreId,
    pub(crate) manifest: Manifest,
    pub(crate) proof: Proof,
}

/// A manifest file that may be in force.
struct Candidate {
    id: FileId,
    state: ManifestState,
    /// Whether a later record proves the first one. An earlier file of this number, whose bytes may
    /// be here, had no durable name and so no such record.
    is_begun: bool,
    proof: Proof,
}

impl Candidate {
    /// A contradiction that no manifest of this library contains, although each record can be read.
    fn contradiction(&self) -> Option<Damage> {
        let found = self.state.check().err()?;
        Some(Damage {
            file: self.id.name(),
            offset: 0,
            expected: "names that differ and a forest of segments".to_owned(),
            found,
        })
    }
}

/// Loads the manifest in force from the files with these numbers, ascending. `None` when no file
/// has an intact first record and every file may be a torn creation. A manifest of
/// another store than `store` does not count.
///
/// # Errors
/// [`Error::Damage`] and [`Error::UnsupportedFormat`].
pub(crate) fn load(fs: &dyn Fs, numbers: &[u64], store: StoreId) -> Result<Option<Loaded>> {
    let mut best: Option<Candidate> = None;
    let mut newest_first: Vec<u64> = numbers.iter().rev().copied().collect();
    if planted!(LowestManifestWins) {
        newest_first.reverse();
    }
    for &number in &newest_first {
        let name = file_name(FileKind::Manifest, number);
        let bytes = match read_whole(fs, &name) {
            Err(_) if planted!(UnreadableManifestSkipped) => continue,
            outcome => outcome?,
        };
        let candidate = read_candidate(number, &bytes, store, &mut |damage| {
            Err(Error::Damage(damage))
        });
        let Some(candidate) = candidate? else {
            continue;
        };
        if candidate.is_begun || planted!(UnprovenManifestWins) {
            best = Some(candidate);
            // Older manifests are not read: they may be damaged, and they are not needed.
            break;
        }
        mark!(ManifestWithoutProof);
        best.get_or_insert(candidate);
    }
    let Some(candidate) = best else {
        return Ok(None);
    };
    if let Some(damage) = candidate.contradiction() {
        return Err(Error::Damage(damage));
    }
    let state = candidate.state;
    let in_force = candidate.id.number;
    Ok(Some(Loaded {
        store: candidate.id.store,
        manifest: Manifest {
            state,
            writer: None,
            number: in_force,
            snapshot_bytes: 0,
        },
        proof: candidate.proof,
    }))
}

/// The intact part of damaged manifests.
#[derive(Debug)]
pub(crate) struct Whole {
    /// The state of the manifest in force, or its state before the place of the damage.
    pub(crate) manifest: Option<Manifest>,
    pub(crate) damages: Vec<Damage>,
}

/// Loads the manifest in force up to its damage, or an older manifest.
///
/// A state that was once in force stays true of the commits up to its `flushed_through`, because
/// segments do not change. But later changes are missing, and files that the state names may be
/// gone.
///
/// # Errors
/// [`Error::UnsupportedFormat`], and [`Error::Io`] when the file system denies permission.
pub(crate) fn load_whole(fs: &dyn Fs, numbers: &[u64], store: StoreId) -> Result<Whole> {
    let mut damages = Vec::new();
    let (mut best, mut unproven) = (None, None);
    for &number in numbers.iter().rev() {
        let before = damages.len();
        let bytes = match read_or_damage(fs, &file_name(FileKind::Manifest, number))? {
            Ok(bytes) => bytes,
            Err(damage) => {
                damages.push(damage);
                continue;
            }
        };
        let candidate = read_candidate(number, &bytes, store, &mut |damage| {
            damages.push(damage);
            Ok(())
        })?;
        let Some(candidate) = candidate else {
            continue;
        };
        if let Some(damage) = candidate.contradiction() {
            damages.push(damage);
            continue;
        }
        // Damage means bytes that were durable once, so a damaged file was begun.
        if candidate.is_begun || damages.len() > before {
            best = Some(candidate);
            break;
        }
        unproven.get_or_insert(candidate);
    }
    // When another file is damaged, a file without a proof may be one whose creation a crash took
    // back.
    let best = best.or(unproven.filter(|_| damages.is_empty()));
    Ok(Whole {
        manifest: best.map(|best| Manifest {
            number: best.id.number,
            state: best.state,
            writer: None,
            snapshot_bytes: 0,
        }),
        damages,
    })
}

/// Reads a manifest file. `None` for a file of another store, and for a file whose first record
/// never became durable. Damage is given to `meet`; when `meet` returns without an error, the state
/// before the damage counts.
fn read_candidate(
    number: u64,
    bytes: &[u8],
    store: StoreId,
    meet: &mut dyn FnMut(Damage) -> Result<()>,
) -> Result<Option<Candidate>> {
    let name = file_name(FileKind::Manifest, number);
    let id = match FileId::read(FileKind::Manifest, number, bytes) {
        Ok(id) => id,
        Err(Error::Damage(damage)) => {
            if was_written(store.place_salt(FileKind::Manifest, number), bytes) {
                meet(damage)?;
            }
            mark!(ManifestPassedOver);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if store != id.store && !planted!(ForeignManifestAccepted) {
        mark!(ForeignFilePassedOver);
        return Ok(None);
    }
    let scan = scan(&name, id.salts(), bytes, 0);
    if let Tail::Damaged(damage) = &scan.tail {
        meet(damage.clone())?;
    }
    let Some((first, edits)) = scan.records.split_first() else {
        mark!(ManifestPassedOver);
        return Ok(None);
    };
    if matches!(scan.tail, Tail::Torn) {
        mark!(TornTailOfManifest);
    }
    let malformed = |offset: u64, found: String| Damage {
        file: name.clone(),
        offset,
        expected: "a manifest record".to_owned(),
        found,
    };
    let something_else = || "something else".to_owned();
    let snapshot = decode_snapshot(first.payload).ok_or_else(something_else);
    let mut state = match snapshot.flatten() {
        Ok(state) => state,
        Err(found) => {
            meet(malformed(first.offset, found))?;
            return Ok(None);
        }
    };
    let mut named: BTreeSet<u64> = state.files.keys().copied().collect();
    let mut is_proven =
        scan.is_begun_for_good() || planted!(CachedManifestBelieved) && scan.is_begun();
    for record in edits.iter().filter(|record| record.payload != [MARK]) {
        let edit = decode_edit(record.payload).ok_or_else(something_else);
        let applied = edit.and_then(|edit| state.apply(&edit).map(|_| edit));
        let edit = match applied {
            Ok(edit) => edit,
            Err(found) => {
                meet(malformed(record.offset, found))?;
                return Ok(None);
            }
        };
        named.extend(edit.files.iter().map(|file| file.number));
        is_proven = record.end <= scan.proven;
    }
    Ok(Some(Candidate {
        id,
        state,
        is_begun: scan.is_begun(),
        proof: Proof {
            number,
            is_for_good: scan.is_begun_for_good(),
            is_proven,
            named,
        },
    }))
}

fn decode_snapshot(payload: &[u8]) -> Option<Result<ManifestState, String>> {
    let mut decoder = Decoder::new(payload);
    if decoder.u8()? != SNAPSHOT {
        return None;
    }
    let mut state = ManifestState::new(decode_placement(&mut decoder)?);
    let edit = Edit::decode(&mut decoder)?;
    if !decoder.is_empty() {
        return None;
    }
    Some(state.apply(&edit).map(|_| state))
}

/// Decodes any payload.
#[cfg(fuzzing)]
pub(crate) fn decode_any(payload: &[u8]) {
    let (_, _) = (decode_snapshot(payload), decode_edit(payload));
}

fn decode_edit(payload: &[u8]) -> Option<Edit> {
    let mut decoder = Decoder::new(payload);
    let edit = (decoder.u8()? == EDIT).then(|| Edit::decode(&mut decoder))??;
    decoder.is_empty().then_some(edit)
}

impl Manifest {
    /// The manifest of a new store, which is not on the disk yet: [`Manifest::begin_switch`]
    /// creates the file.
    pub(crate) fn new(state: ManifestState) -> Self {
        Self {
            state,
            writer: None,
            number: 0,
            snapshot_bytes: 0,
        }
    }

    /// Whether a switch to a new file should come before the next edit: after an opening, and when
    /// the log is longer than `shortest` and several times as long as its state.
    pub(crate) fn wants_switch(&self, shortest: u64) -> bool {
        let max_bytes = match shortest.max(4 * self.snapshot_bytes) {
            _ if planted!(EditsGetNewManifest) => self.snapshot_bytes,
            max_bytes => max_bytes,
        };
        self.writer
            .as_ref()
            .is_none_or(|writer| writer.end() > max_bytes)
    }

    /// The number of the file in force.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The name of the file in force.
    pub(crate) fn name(&self) -> String {
        file_name(FileKind::Manifest, self.number)
    }

    /// Creates manifest file `id` with the current state as its first record. The file is not
    /// durable yet.
    pub(crate) fn begin_switch(&mut self, fs: &dyn Fs, id: FileId) -> Result<Switch> {
        assert!(
            id.number > self.number && id.number >= self.state.next_file,
            "manifest {} cannot follow manifest {}, whose next file is {}",
            id.number,
            self.number,
            self.state.next_file
        );
        let mut writer = LogWriter::create(fs, id, Room::NONE)?;
        // Before the snapshot is staged: the new manifest must know that its own number is used.
        self.state.next_file = self.state.next_file.max(id.number + 1);
        writer.stage(|buffer| {
            buffer.push(SNAPSHOT);
            encode_placement(&self.state.placement, buffer);
            self.state.as_edit().encode(buffer);
        });
        Ok(Switch { writer })
    }

    /// Puts a new file in force, which is durable already, and returns the number of the old file.
    /// `relies` when the caller is about to do something that the old file would not allow.
    ///
    /// The mark proves the new file: a file without one is not preferred to an older file. While
    /// both files hold the same state, it does not matter which of them counts, and the next edit
    /// is a proof as well. After an opening the two may differ in an edit that was only in a cache.
    /// Then the mark must be durable first. A second mark tells that to the next opening, which
    /// then has nothing to write.
    pub(crate) fn finish_switch(&mut self, mut switch: Switch, relies: bool) -> Result<u64> {
        let writer = &mut switch.writer;
        writer.stage(|buffer| buffer.push(MARK));
        writer.write()?;
        if planted!(SwitchMarkSynced) {
            writer.sync()?;
        }
        if relies {
            writer.sync()?;
            writer.stage(|buffer| buffer.push(MARK));
            writer.write()?;
        }
        let old = self.number;
        assert!(
            switch.writer.number() > old && self.state.next_file > switch.writer.number(),
            "manifest {} takes the place of manifest {old}, next file {}",
            switch.writer.number(),
            self.state.next_file
        );
        // In force from here on: if an earlier operation fails, the old manifest stays in force.
        self.number = switch.writer.number();
        self.snapshot_bytes = switch.writer.end();
        self.writer = Some(switch.writer);
        Ok(old)
    }

    /// Writes a mark that proves all edits durable, if there were any since opening.
    pub(crate) fn close(&mut self) -> Result<()> {
        // Every edit was synced when it was committed, so the mark needs no sync before it.
        if let Some(writer) = &mut self.writer {
            writer.stage(|buffer| buffer.push(MARK));
            writer.write()?;
            writer.sync()?;
        }
        Ok(())
    }

    /// Appends an edit to the file. The state changes when the edit is durable: see
    /// [`Manifest::begin_sync`] and [`Manifest::commit_edit`].
    pub(crate) fn write_edit(&mut self, edit: &Edit) -> Result<()> {
        let state = &self.state;
        assert!(
            edit.flushed_through >= state.flushed_through,
            "the line goes back from commit {} to {}",
            state.flushed_through,
            edit.flushed_through
        );
        assert!(
            edit.oldest_wal >= state.oldest_wal && edit.oldest_wal < edit.next_file,
            "the oldest log goes from {} to {}, and the next file is {}",
            state.oldest_wal,
            edit.oldest_wal,
            edit.next_file
        );
        assert!(
            edit.files.iter().all(|file| file.number < edit.next_file),
            "an edit with next file {} adds {:?}",
            edit.next_file,
            edit.files
        );
        let writer = self
            .writer
            .as_mut()
            .expect("a switch came before the first edit");
        if planted!(EditSyncedLate) {
            writer.sync()?;
        }
        if planted!(EditSplit) && !edit.removed.is_empty() {
            let retire = Edit {
                flushed_through: self.state.flushed_through,
                oldest_wal: self.state.oldest_wal,
                next_file: edit.next_file,
                removed: edit.removed.clone(),
                ..Edit::default()
            };
            writer.stage(|buffer| {
                buffer.push(EDIT);
                retire.encode(buffer);
            });
            writer.write()?;
            let removed = Vec::new();
            return self.write_edit(&Edit {
                removed,
                ..edit.clone()
            });
        }
        writer.stage(|buffer| {
            buffer.push(EDIT);
            edit.encode(buffer);
        });
        writer.write()
    }

    /// Takes out the sync that makes a written edit durable.
    pub(crate) fn begin_sync(&mut self) -> Result<Option<LogIo>> {
        if planted!(EditSyncedLate) {
            return Ok(None);
        }
        let writer = self.writer.as_mut().expect("the edit was written");
        writer.begin_sync().map(Some)
    }

    /// Applies an edit to the state when its sync has succeeded. Returns the files that are no
    /// longer used.
    pub(crate) fn commit_edit(
        &mut self,
        edit: &Edit,
        io: Option<LogIo>,
        outcome: Result<()>,
    ) -> Result<Vec<u64>> {
        let writer = self.writer.as_mut().expect("the edit was written");
        if let Some(io) = io {
            // The outcome first: the state in memory must not run ahead of the durable manifest,
            // because files are removed by it.
            writer.finish(io, outcome)?;
        }
        let unused = self
            .state
            .apply(edit)
            .expect("the engine's own edits fit its state");
        Ok(unused)
    }
}

/// A new manifest file before it is in force. The caller writes it, syncs it, and then syncs the
/// directory, in this order.
#[derive(Debug)]
pub(crate) struct Switch {
    writer: LogWriter,
}

impl Switch {
    pub(crate) fn write(&mut self) -> Result<()> {
        self.writer.write()
    }

    pub(crate) fn sync(&mut self) -> Result<()> {
        self.writer.sync()
    }
}
