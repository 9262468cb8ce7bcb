//! Reads the intact part of a damaged WAL.
//!
//! The files of the log are the files that `replay` would take, if their readable bytes still show
//! this: the file that the manifest names, every file whose marks prove its creation, and every
//! file that one of these files names as its predecessor. The intact records of each file count, up
//! to the end that the next file states. Where commit numbers leave a gap, the commits in the gap
//! are lost. Every damage that was found since the last known commit is named as the cause.
//!
//! A file without a proof is not part of the log, even if the file is intact. Records behind a torn
//! tail are not part of the log either: their commits were never acknowledged, and other commits
//! may have the same numbers.
//!
//! This file does not decide what a lost commit means for a reader, and writes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::record::{self, CommitRecord, WalHeader, WalRecord};
use crate::commit::Commit;
use crate::damaged::{Loss, Takes};
use crate::error::{Damage, Error, Result};
use crate::files::{FileKind, file_name};
use crate::fs::Fs;
use crate::identity::{FileId, StoreId};
use crate::log::{Record, Tail, first_record, scan, scan_whole, was_written};
use crate::whole_file::read_or_damage;

/// The next piece of the log.
#[derive(Debug)]
pub(crate) enum Piece {
    Commit(CommitRecord),
    /// The commits up to this one are lost.
    Lost(Commit, Arc<Damage>),
    /// An unknown number of commits after this point is lost.
    EndUnknown(Arc<Damage>),
}

/// Reads the WAL files with these numbers, ascending, and hands out the commits after `through` in
/// order, each intact or lost. `oldest` is the first file that the manifest needs; 0 without a
/// manifest. `causes` are damages that may have cut the manifest short.
///
/// Memory: one file. Reads each file twice.
///
/// # Errors
/// [`Error::UnsupportedFormat`], and the errors of `take`.
pub(crate) fn replay_whole(
    fs: &dyn Fs,
    store: StoreId,
    (numbers, oldest): (&[u64], u64),
    through: Commit,
    causes: Vec<Damage>,
    take: &mut dyn FnMut(Piece) -> Result<()>,
) -> Result<Vec<Loss>> {
    let files = files(fs, store, numbers, oldest, causes.is_empty())?;
    let mut reader = Reader {
        last: through,
        losses: Vec::new(),
        open: Vec::new(),
        causes: causes.len(),
        take,
    };
    causes.into_iter().for_each(|cause| reader.note(cause));
    for (position, file) in files.iter().enumerate() {
        let next = files
            .get(position + 1)
            .and_then(|next| next.header.as_ref());
        let end = next.filter(|next| next.previous == file.number);
        reader.file(fs, file, end.map(|next| next.previous_end))?;
    }
    reader.end(files.is_empty())
}

/// The facts about a file that its first bytes show.
#[derive(Debug)]
struct Known {
    number: u64,
    /// The identity of the file, or the damage that hides it.
    id: Result<FileId, Damage>,
    header: Option<WalHeader>,
    /// Whether the file proves that it is part of the log.
    is_proven: bool,
}

/// The files that are part of the log, oldest first. `wants_all` when a missing file that the
/// manifest needs counts as missing, because no later record of the manifest can have removed it.
fn files(
    fs: &dyn Fs,
    store: StoreId,
    numbers: &[u64],
    oldest: u64,
    wants_all: bool,
) -> Result<Vec<Known>> {
    let mut known = BTreeMap::new();
    for &number in numbers {
        if let Some(file) = look(fs, store, number)? {
            known.insert(number, file);
        }
    }
    let mut files = Vec::new();
    let mut named = 0;
    let newest = known.keys().next_back().copied().unwrap_or(0).max(oldest);
    // From the newest file on, because each file may name its predecessor.
    let candidates: Vec<u64> = known.keys().copied().chain([oldest]).collect();
    let mut next = Some(newest);
    while let Some(number) = next.filter(|&number| number > 0) {
        let file = known.remove(&number);
        let is_named = number == named || number == oldest;
        if let Some(file) = file.filter(|file| file.is_proven || is_named) {
            named = file.header.as_ref().map_or(0, |header| header.previous);
            files.push(file);
        } else if is_named && wants_all {
            files.push(missing(number));
        }
        let before = candidates.iter().copied().chain([named]);
        next = before
            .filter(|&before| before < number && before >= oldest)
            .max();
    }
    files.reverse();
    Ok(files)
}

/// A missing file that another file or the manifest names.
fn missing(number: u64) -> Known {
    let name = file_name(FileKind::Wal, number);
    Known {
        number,
        id: Err(Damage {
            file: name,
            offset: 0,
            expected: "a file of the log".to_owned(),
            found: "no such file".to_owned(),
        }),
        header: None,
        is_proven: false,
    }
}

/// Reads the first part of a file; `None` for a file of another store.
fn look(fs: &dyn Fs, store: StoreId, number: u64) -> Result<Option<Known>> {
    let name = file_name(FileKind::Wal, number);
    let unknown = |damage: Damage, is_proven: bool| {
        Some(Known {
            number,
            id: Err(damage),
            header: None,
            is_proven,
        })
    };
    let bytes = match read_or_damage(fs, &name)? {
        Ok(bytes) => bytes,
        Err(damage) => return Ok(unknown(damage, true)),
    };
    let id = match FileId::read(FileKind::Wal, number, &bytes) {
        Ok(id) if id.store != store => return Ok(None),
        Ok(id) => id,
        Err(Error::Damage(damage)) => {
            let is_proven = was_written(store.place_salt(FileKind::Wal, number), &bytes);
            return Ok(unknown(damage, is_proven));
        }
        Err(error) => return Err(error),
    };
    let header = first_record(id.salts(), &bytes).and_then(|record| header_of(&record));
    let scan = scan(&name, id.salts(), &bytes, 0);
    let is_begun = header.is_some() && scan.is_begun();
    Ok(Some(Known {
        number,
        id: Ok(id),
        header,
        is_proven: is_begun || matches!(scan.tail, Tail::Damaged(_)),
    }))
}

fn header_of(record: &Record<'_>) -> Option<WalHeader> {
    match record::decode(record.payload) {
        Some(WalRecord::Header(header)) => Some(header),
        _ => None,
    }
}

struct Reader<'a> {
    /// The last commit that was handed out, intact or lost.
    last: Commit,
    losses: Vec<Loss>,
    /// The losses since the last known commit. The next known commit shows which commits they have
    /// taken.
    open: Vec<usize>,
    /// The number of the first losses that are damages of the manifest.
    causes: usize,
    take: &'a mut dyn FnMut(Piece) -> Result<()>,
}

impl Reader<'_> {
    fn note(&mut self, damage: Damage) {
        self.open.push(self.losses.len());
        self.losses.push(Loss {
            damage,
            takes: Takes::Nothing,
        });
    }

    /// The record at this place shows that all commits before `next` existed. The damages since the
    /// last known commit have taken the missing commits, and no others.
    fn reach(&mut self, next: Commit, file: &str, offset: u64) -> Result<()> {
        let (first, last) = (self.last.next(), next.minus(1));
        if first <= last {
            if self.open.is_empty() {
                self.note(Damage {
                    file: file.to_owned(),
                    offset,
                    expected: format!("commits {first} to {last} before it"),
                    found: format!("commits up to {}", self.last),
                });
            }
            let damage = self.close(first, Some(last));
            (self.take)(Piece::Lost(last, damage))?;
            self.last = last;
        }
        self.open.clear();
        Ok(())
    }

    /// Records for all open losses the commits that they take, in addition to earlier ones, and
    /// returns the first damage.
    fn close(&mut self, first: Commit, last: Option<Commit>) -> Arc<Damage> {
        for &position in &self.open {
            let takes = &mut self.losses[position].takes;
            let first = match takes {
                Takes::Commits { first, .. } => *first,
                _ => first,
            };
            *takes = Takes::Commits { first, last };
        }
        Arc::new(self.losses[self.open[0]].damage.clone())
    }

    fn file(&mut self, fs: &dyn Fs, file: &Known, end: Option<u64>) -> Result<()> {
        let name = file_name(FileKind::Wal, file.number);
        let id = match &file.id {
            Ok(id) => *id,
            Err(damage) => {
                self.note(damage.clone());
                return Ok(());
            }
        };
        let bytes = match read_or_damage(fs, &name)? {
            Ok(bytes) => bytes,
            Err(damage) => {
                self.note(damage);
                return Ok(());
            }
        };
        let whole = scan_whole(&name, id.salts(), &bytes, end);
        if file.header.is_none()
            && whole.damages.is_empty()
            && let Tail::Damaged(damage) = scan(&name, id.salts(), &bytes, u64::MAX).tail
        {
            // The manifest or another file proves that the header was durable.
            self.note(damage);
        }
        let mut damages = whole.damages.into_iter().peekable();
        for record in &whole.records {
            while let Some(damage) = damages.next_if(|damage| damage.offset < record.offset) {
                self.note(damage);
            }
            self.record(&name, record)?;
        }
        damages.for_each(|damage| self.note(damage));
        Ok(())
    }

    fn record(&mut self, name: &str, record: &Record<'_>) -> Result<()> {
        match record::decode(record.payload) {
            Some(WalRecord::Header(header)) => self.reach(header.after.next(), name, record.offset),
            Some(WalRecord::Commit(commit)) => {
                self.reach(commit.commit, name, record.offset)?;
                if commit.commit > self.last {
                    self.last = self.last.next();
                    (self.take)(Piece::Commit(commit))?;
                }
                Ok(())
            }
            Some(WalRecord::Close) => Ok(()),
            None => {
                self.note(Damage {
                    file: name.to_owned(),
                    offset: record.offset,
                    expected: "a record of the log".to_owned(),
                    found: "something else".to_owned(),
                });
                Ok(())
            }
        }
    }

    /// The losses that are still open have taken an unknown number of commits. So have the damages
    /// of the manifest: segments can hold commits that a power failure took from a buffered log.
    fn end(mut self, is_empty: bool) -> Result<Vec<Loss>> {
        if is_empty && self.open.is_empty() {
            self.note(missing(0).id.expect_err("no file has number 0"));
        }
        if !planted!(LogEndsHistory) {
            self.open.extend(0..self.causes);
        }
        if !self.open.is_empty() {
            let damage = self.close(self.last.next(), None);
            (self.take)(Piece::EndUnknown(damage))?;
        }
        Ok(self.losses)
    }
}
