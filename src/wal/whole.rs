//! Reading what is whole of a damaged WAL.
//!
//! The files of the log are those that `replay` would take, as far as that can still be told:
//! the file that the manifest names, every file that proves itself begun, and every file that
//! one of these names as the one before it. Of each the intact records count, up to where the
//! next file says that it ends. Where commit numbers leave a gap, the commits in it are lost,
//! and each damage that was met since the last known commit is named as the cause.
//!
//! A file that nothing proves is no part of the log, whole or not, and records behind a torn
//! tail are none either: what they hold was never acknowledged, and others may have their
//! numbers.
//!
//! What it does not do: decide what a lost commit means for a reader. Nothing is written.

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

/// The next thing in the log.
#[derive(Debug)]
pub(crate) enum Piece {
    Commit(CommitRecord),
    /// The commits up to this one are lost.
    Lost(Commit, Arc<Damage>),
    /// What follows is lost, and nobody knows how much.
    EndUnknown(Arc<Damage>),
}

/// Reads the WAL files with these numbers, ascending, and hands out the commits after
/// `through`, whole or lost, in order. `oldest` is the first file that the manifest needs; 0
/// without a manifest. `causes` are the damages by which the manifest may say too little.
///
/// Memory: one file. Reads each file twice.
///
/// # Errors
/// [`Error::UnsupportedFormat`], and whatever `take` returns.
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

/// A file, as far as its first bytes tell.
#[derive(Debug)]
struct Known {
    number: u64,
    /// Who it is, or why that cannot be told.
    id: Result<FileId, Damage>,
    header: Option<WalHeader>,
    /// Whether it proves that it is part of the log.
    is_proven: bool,
}

/// The files that are part of the log, oldest first. `wants_all` when those that the manifest
/// needs and that are not there have not been removed later.
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
    // From the newest on, because each may name the one before it.
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

/// A file that another one or the manifest names, and that is not there.
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

/// What a file says of itself; `None` for one of another store.
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
    /// The last commit that was handed out, whole or lost.
    last: Commit,
    losses: Vec<Loss>,
    /// The losses since the last known commit: what they take shows at the next one.
    open: Vec<usize>,
    /// How many of the first losses are those of the manifest.
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

    /// Commits before `next` existed, as the record at this place says. What was damaged
    /// since the last known one has taken those that are missing, and no others.
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

    /// Says of all open losses what they take, besides what they took before, and returns
    /// the first damage.
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
            // The manifest or another file says that its header was durable.
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

    /// What is still open has taken nobody knows how much. So has what happened to the
    /// manifest: segments can hold commits that a loss of power took from a buffered log.
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
