//! What a running process sees: coherent, atomic, and nothing is ever lost.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::Arc;

use lithify::fs::{LockKind, name};

use super::fault::{Class, FaultKind, Faults};
use super::image::Image;
use super::oplog::{Barrier, InodeId, Log, Mark, Operation};

/// The longest file in bytes. A longer one is `FileTooLarge`, as on `MemFs`.
const MAX_FILE_BYTES: u64 = 1 << 34;
/// What a latent error makes unreadable at once.
const SECTOR_BYTES: u64 = 512;

/// A file without its name.
#[derive(Debug, Default)]
pub(super) struct Inode {
    pub(super) bytes: Arc<Vec<u8>>,
    shared_locks: u32,
    is_locked: bool,
    bad_sectors: BTreeSet<u64>,
    /// What the next sync has to report.
    late_error: bool,
    /// The place of the last write and what it replaced, for stale reads.
    last_write: Option<(u64, Vec<u8>)>,
}

/// Barriers that do nothing: how a missing sync is planted, or shown to be superfluous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedBarrier {
    /// `sync`, `sync_data` or `sync_dir`; empty for all.
    pub verb: String,
    /// Files whose names begin with this; for directories, their own name.
    pub file: String,
    /// Only where the two operations before were these, as [`context`] writes them;
    /// empty for everywhere.
    pub after: String,
}

/// The two operations before the end of a log, without numbers: what a barrier follows
/// tells one place in the code of a store from another.
#[must_use]
pub fn context(log: &Log, end: usize) -> String {
    let calls = log.operations()[..end].iter().rev();
    let mut texts: Vec<String> = calls
        .filter(|operation| operation.is_call())
        .take(2)
        .map(|operation| without_numbers(&log.describe(operation).to_string()))
        .collect();
    texts.reverse();
    texts.join(",").replace(' ', ":")
}

/// An operation's text up to the first digit: which kind of file, not which one.
#[must_use]
pub fn without_numbers(text: &str) -> String {
    let end = text.find(|letter: char| letter.is_ascii_digit());
    text[..end.unwrap_or(text.len())].trim_end().to_owned()
}

/// Everything behind the lock of a [`super::SimFs`].
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) inodes: Vec<Inode>,
    names: BTreeMap<Arc<str>, InodeId>,
    directories: BTreeSet<Arc<str>>,
    pub(super) log: Log,
    pub(super) faults: Faults,
    pub(super) skipped: Vec<SkippedBarrier>,
    pub(super) is_full: bool,
    /// Whether stale reads may come.
    pub(super) keeps_last_writes: bool,
    /// Reads and other calls that are not logged.
    pub(super) reads: u64,
    /// Where bits have flipped: none flips back.
    rotten: BTreeSet<(InodeId, u64)>,
}

impl State {
    pub(super) fn from_image(image: &Image) -> Self {
        let mut state = Self {
            directories: (*image.directories).clone(),
            ..Self::default()
        };
        // Numbers continue where the image's end, so that they stay the same files.
        let next = image.files.keys().next_back().map_or(0, |&last| last + 1);
        state.inodes.resize_with(next as usize, Inode::default);
        for (&inode, bytes) in &image.files {
            state.inodes[inode as usize].bytes = Arc::clone(bytes);
        }
        let mut first_names: Vec<Option<Arc<str>>> = vec![None; next as usize];
        for (path, &inode) in &image.names {
            first_names[inode as usize].get_or_insert_with(|| Arc::clone(path));
            state.names.insert(Arc::clone(path), inode);
        }
        for (inode, path) in first_names.iter().enumerate() {
            let path = state.log.intern(path.as_deref().unwrap_or("(removed)"));
            state.log.name_inode(inode as InodeId, path);
        }
        state
    }

    /// What the first `end` entries of `log` have made of `start`. All of it is done again,
    /// so files keep their numbers and the new log is a beginning of the old one.
    pub(super) fn from_log(start: &Image, log: &Log, end: usize) -> Self {
        let mut state = Self::from_image(start);
        for operation in &log.operations()[..end] {
            let redone = state.redo(log, operation);
            redone.expect("what a log says was done can be done again");
        }
        debug_assert_eq!(state.log.operations(), &log.operations()[..end]);
        state
    }

    fn redo(&mut self, log: &Log, operation: &Operation) -> io::Result<()> {
        match operation {
            Operation::Create { path, .. } => {
                self.new_inode(log.path(*path));
            }
            Operation::Write {
                inode,
                offset,
                bytes,
                ..
            } => {
                self.write(*inode, *offset, log.bytes(bytes))?;
            }
            Operation::SetLength { inode, after, .. } => self.set_len(*inode, *after)?,
            Operation::Rename { from, to, .. } => self.rename(log.path(*from), log.path(*to))?,
            Operation::Remove { path, .. } => self.remove(log.path(*path))?,
            Operation::CreateDirectory { path } => self.create_dir(log.path(*path))?,
            Operation::Rot { inode, offset, .. } => self.rot(*inode, *offset),
            Operation::SyncDirectory { path, .. } => {
                self.log.intern(log.path(*path));
                self.log.push(operation.clone());
            }
            Operation::Sync { .. } | Operation::Mark(_) => self.log.push(operation.clone()),
        }
        Ok(())
    }

    /// The content as if everything were durable.
    pub(super) fn image(&self) -> Image {
        let files = self.names.values().map(|&inode| {
            let bytes = Arc::clone(&self.inodes[inode as usize].bytes);
            (inode, bytes)
        });
        Image {
            files: files.collect(),
            names: self.names.clone(),
            directories: Arc::new(self.directories.clone()),
        }
    }

    /// The fault that strikes an operation on `path`, if one does. Leaves a mark.
    fn strike(&mut self, class: Class, path: &str) -> Option<FaultKind> {
        let struck = self.faults.strike(class, path);
        if let Some(kind) = struck {
            let path = self.log.intern(path);
            self.log.push(Operation::Mark(Mark::Fault { kind, path }));
        }
        struck
    }

    fn has_directory(&self, path: &str) -> bool {
        path.is_empty() || self.directories.contains(path)
    }

    /// Checks that `path` is inside a directory.
    fn check_parent(&self, path: &str) -> io::Result<()> {
        let mut parent = name::split(path).0;
        if self.has_directory(parent) {
            return Ok(());
        }
        // A file anywhere above is what makes a name impossible.
        while !parent.is_empty() {
            if self.names.contains_key(parent) {
                return Err(ErrorKind::NotADirectory.into());
            }
            parent = name::split(parent).0;
        }
        Err(ErrorKind::NotFound.into())
    }

    /// The file behind a name.
    pub(super) fn find(&self, path: &str) -> io::Result<InodeId> {
        if let Some(&inode) = self.names.get(path) {
            return Ok(inode);
        }
        if self.has_directory(path) {
            return Err(ErrorKind::IsADirectory.into());
        }
        self.check_parent(path)?;
        Err(ErrorKind::NotFound.into())
    }

    fn new_inode(&mut self, path: &str) -> InodeId {
        let inode = self.inodes.len() as InodeId;
        self.inodes.push(Inode::default());
        let path_id = self.log.intern(path);
        self.log.name_inode(inode, path_id);
        self.names.insert(path.into(), inode);
        self.log.push(Operation::Create {
            path: path_id,
            inode,
        });
        inode
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<InodeId> {
        name::check_file(path)?;
        self.check_parent(path)?;
        if self.names.contains_key(path) || self.has_directory(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let fault = self.metadata_fault(Class::Create, path)?;
        let inode = self.new_inode(path);
        done(fault, inode)
    }

    pub(super) fn open(&mut self, path: &str) -> io::Result<InodeId> {
        name::check_file(path)?;
        let inode = self.find(path)?;
        self.metadata_fault(Class::Open, path)?;
        Ok(inode)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        name::check_file(from)?;
        name::check_file(to)?;
        let inode = self.find(from)?;
        self.check_parent(to)?;
        if self.has_directory(to) {
            return Err(ErrorKind::IsADirectory.into());
        }
        let fault = self.metadata_fault(Class::Rename, to)?;
        let replaced = self.names.insert(to.into(), inode);
        if from != to {
            self.names.remove(from);
        }
        let (from, to) = (self.log.intern(from), self.log.intern(to));
        self.log.push(Operation::Rename {
            from,
            to,
            inode,
            replaced: replaced.filter(|&replaced| replaced != inode),
        });
        done(fault, ())
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        name::check_file(path)?;
        let inode = self.find(path)?;
        let fault = self.metadata_fault(Class::Remove, path)?;
        self.names.remove(path);
        let path = self.log.intern(path);
        self.log.push(Operation::Remove { path, inode });
        done(fault, ())
    }

    pub(super) fn create_dir(&mut self, path: &str) -> io::Result<()> {
        name::check_dir(path)?;
        if path.is_empty() {
            return Ok(());
        }
        let ends = path.match_indices('/').map(|(end, _)| end);
        for end in ends.chain([path.len()]) {
            let prefix = &path[..end];
            if self.names.contains_key(prefix) {
                let is_last = end == path.len();
                return Err(if is_last {
                    ErrorKind::AlreadyExists.into()
                } else {
                    ErrorKind::NotADirectory.into()
                });
            }
            if self.directories.insert(prefix.into()) {
                let path = self.log.intern(prefix);
                self.log.push(Operation::CreateDirectory { path });
            }
        }
        Ok(())
    }

    pub(super) fn list(&mut self, dir: &str) -> io::Result<Vec<String>> {
        name::check_dir(dir)?;
        self.reads += 1;
        self.check_directory(dir)?;
        if self.metadata_fault(Class::List, dir)? == Some(FaultKind::StrayFiles) {
            self.stray(dir)?;
        }
        let paths = self.names.keys().chain(self.directories.iter());
        let mut names: Vec<String> = paths
            .filter(|path| !path.is_empty() && name::split(path).0 == dir)
            .map(|path| name::split(path).1.to_owned())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn check_directory(&self, dir: &str) -> io::Result<()> {
        if self.has_directory(dir) {
            return Ok(());
        }
        if self.names.contains_key(dir) {
            return Err(ErrorKind::NotADirectory.into());
        }
        self.check_parent(dir)?;
        Err(ErrorKind::NotFound.into())
    }

    /// Files that are none of the store's business, with names that test its rules.
    fn stray(&mut self, dir: &str) -> io::Result<()> {
        let at = |leaf: &str| {
            if dir.is_empty() {
                leaf.to_owned()
            } else {
                format!("{dir}/{leaf}")
            }
        };
        for leaf in [
            ".DS_Store",
            "wal-1",
            "wal-000001.tmp",
            "manifest-",
            "segment-18446744073709551615",
        ] {
            if self.find(&at(leaf)).is_err() {
                let inode = self.new_inode(&at(leaf));
                self.write(inode, 0, b"not yours")?;
            }
        }
        self.create_dir(&at("lost+found"))
    }

    pub(super) fn sync_dir(&mut self, dir: &str) -> io::Result<()> {
        name::check_dir(dir)?;
        self.check_directory(dir)?;
        let fault = self.strike(Class::SyncDirectory, dir);
        let is_ignored = fault.is_some() || self.skips("sync_dir", dir);
        let path = self.log.intern(dir);
        self.log.push(Operation::SyncDirectory {
            path,
            barrier: if is_ignored {
                Barrier::Ignored
            } else {
                Barrier::Kept
            },
        });
        done(fault, ())
    }

    fn skips(&self, verb: &str, path: &str) -> bool {
        let is_meant = |skip: &SkippedBarrier| {
            (skip.verb.is_empty() || skip.verb == verb)
                && path.starts_with(&skip.file)
                && (skip.after.is_empty()
                    || skip.after == context(&self.log, self.log.operations().len()))
        };
        self.skipped.iter().any(is_meant)
    }

    pub(super) fn lock(&mut self, path: &str, kind: LockKind) -> io::Result<InodeId> {
        name::check_file(path)?;
        let inode = match self.find(path) {
            Err(error) if error.kind() == ErrorKind::NotFound && kind == LockKind::Exclusive => {
                self.check_parent(path)?;
                self.new_inode(path)
            }
            found => found?,
        };
        let file = &mut self.inodes[inode as usize];
        if file.is_locked || (kind == LockKind::Exclusive && file.shared_locks > 0) {
            return Err(ErrorKind::WouldBlock.into());
        }
        match kind {
            LockKind::Shared => file.shared_locks += 1,
            LockKind::Exclusive => file.is_locked = true,
        }
        Ok(inode)
    }

    pub(super) fn unlock(&mut self, inode: InodeId, kind: LockKind) {
        let file = &mut self.inodes[inode as usize];
        match kind {
            LockKind::Shared => file.shared_locks -= 1,
            LockKind::Exclusive => file.is_locked = false,
        }
    }

    fn metadata_fault(&mut self, class: Class, path: &str) -> io::Result<Option<FaultKind>> {
        match self.strike(class, path) {
            Some(FaultKind::MetadataError) => Err(injected(FaultKind::MetadataError)),
            fault => Ok(fault),
        }
    }

    /// Writes and returns how many bytes were taken. Offsets were checked.
    pub(super) fn write_with_faults(
        &mut self,
        inode: InodeId,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<usize> {
        let fault = if self.faults.is_waiting() {
            let path = Arc::clone(self.log.name_of(inode));
            self.strike(Class::Write, &path)
        } else {
            None
        };
        let half = bytes.len() / 2;
        match fault {
            _ if self.is_full && !bytes.is_empty() => Err(ErrorKind::StorageFull.into()),
            Some(FaultKind::Interrupted) => Err(ErrorKind::Interrupted.into()),
            Some(FaultKind::WriteError) => {
                self.write(inode, offset, &bytes[..half])?;
                Err(injected(FaultKind::WriteError))
            }
            Some(FaultKind::DiskFull) => {
                self.is_full = true;
                self.write(inode, offset, &bytes[..half])?;
                Err(ErrorKind::StorageFull.into())
            }
            Some(FaultKind::ShortWrite) => self.write(inode, offset, &bytes[..half.max(1)]),
            Some(FaultKind::MisdirectedWrite) if offset == 0 => {
                // There is no earlier place: the first half goes where the second half
                // lands, which covers it.
                self.write(inode, 0, &vec![0; half])?;
                self.write(inode, half as u64, &bytes[half..])?;
                Ok(bytes.len())
            }
            Some(FaultKind::MisdirectedWrite) => {
                self.write(inode, offset, &vec![0; bytes.len()])?;
                let elsewhere = offset.saturating_sub(bytes.len() as u64);
                self.write(inode, elsewhere, bytes)?;
                Ok(bytes.len())
            }
            _ => self.write(inode, offset, bytes),
        }
    }

    fn write(&mut self, inode: InodeId, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let end = offset.saturating_add(bytes.len() as u64);
        check_signed(end)?;
        if bytes.is_empty() {
            return Ok(0);
        }
        check_length(end)?;
        let file = &mut self.inodes[inode as usize];
        let before = file.bytes.len() as u64;
        if self.keeps_last_writes {
            let start = (offset as usize).min(file.bytes.len());
            let stop = (end as usize).min(file.bytes.len());
            file.last_write = Some((offset, file.bytes[start..stop].to_vec()));
        }
        if !file.bad_sectors.is_empty() {
            let sectors = offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES);
            file.bad_sectors.retain(|sector| !sectors.contains(sector));
        }
        let content = Arc::make_mut(&mut file.bytes);
        let start = offset as usize;
        if start > content.len() {
            content.resize(start, 0);
        }
        let (over, beyond) = bytes.split_at(bytes.len().min(content.len() - start));
        content[start..start + over.len()].copy_from_slice(over);
        content.extend_from_slice(beyond);
        self.log.push_write(inode, offset, bytes, before);
        Ok(bytes.len())
    }

    pub(super) fn append_with_faults(&mut self, inode: InodeId, bytes: &[u8]) -> io::Result<usize> {
        let end = self.inodes[inode as usize].bytes.len() as u64;
        self.write_with_faults(inode, end, bytes)
    }

    pub(super) fn set_len(&mut self, inode: InodeId, length: u64) -> io::Result<()> {
        check_signed(length)?;
        check_length(length)?;
        let file = &mut self.inodes[inode as usize];
        let before = file.bytes.len() as u64;
        Arc::make_mut(&mut file.bytes).resize(length as usize, 0);
        self.log.push(Operation::SetLength {
            inode,
            before,
            after: length,
        });
        Ok(())
    }

    pub(super) fn read(
        &mut self,
        inode: InodeId,
        offset: u64,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        self.reads += 1;
        let range = self.readable(inode, offset, buffer.len());
        let file = &self.inodes[inode as usize];
        if !self.faults.is_waiting() && file.bad_sectors.is_empty() {
            buffer[..range.len()].copy_from_slice(&file.bytes[range.clone()]);
            return Ok(range.len());
        }
        self.read_with_faults(inode, range, buffer)
    }

    fn readable(&self, inode: InodeId, offset: u64, most: usize) -> Range<usize> {
        let length = self.inodes[inode as usize].bytes.len();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(length);
        start..start + most.min(length - start)
    }

    /// Another file whose name begins in the same way, of at least this length.
    fn sibling(&self, path: &str, length: usize) -> Option<InodeId> {
        let prefix = path.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let others = self.names.range(Arc::<str>::from(prefix)..);
        others
            .take_while(|(name, _)| name.starts_with(prefix))
            .filter(|(name, _)| ***name != *path)
            .map(|(_, &inode)| inode)
            .find(|&inode| self.inodes[inode as usize].bytes.len() >= length)
    }

    fn read_with_faults(
        &mut self,
        mut inode: InodeId,
        mut range: Range<usize>,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let path = Arc::clone(self.log.name_of(inode));
        // Only bytes can rot, and only a file that is read: empty reads do not count.
        let fault = match range.is_empty() {
            true => None,
            false => self.strike(Class::Read, &path),
        };
        let middle = (range.start + range.end) / 2;
        match fault {
            Some(FaultKind::ReadError) => return Err(injected(FaultKind::ReadError)),
            Some(FaultKind::Interrupted) => return Err(ErrorKind::Interrupted.into()),
            Some(FaultKind::LatentSector) => {
                let sector = middle as u64 / SECTOR_BYTES;
                self.inodes[inode as usize].bad_sectors.insert(sector);
            }
            Some(FaultKind::BitRot) => self.rot(inode, middle as u64),
            Some(FaultKind::ShortRead) => range.end = range.start + range.len().div_ceil(2),
            Some(FaultKind::MisdirectedRead) => match self.sibling(&path, range.end) {
                // Every other time it is another file, if there is one that is as long.
                Some(sibling) if self.reads.is_multiple_of(2) => inode = sibling,
                _ => {
                    let shift = range.len().min(range.start);
                    range = range.start - shift..range.end - shift;
                }
            },
            _ => {}
        }
        let file = &self.inodes[inode as usize];
        let sectors = range.start as u64 / SECTOR_BYTES..(range.end as u64).div_ceil(SECTOR_BYTES);
        if file.bad_sectors.iter().any(|bad| sectors.contains(bad)) {
            return Err(injected(FaultKind::LatentSector));
        }
        buffer[..range.len()].copy_from_slice(&file.bytes[range.clone()]);
        if fault == Some(FaultKind::StaleRead)
            && let Some((offset, old)) = &file.last_write
        {
            let stale_end = *offset as usize + old.len();
            for place in range.clone() {
                if place >= *offset as usize {
                    buffer[place - range.start] = if place < stale_end {
                        old[place - *offset as usize]
                    } else {
                        0
                    };
                }
            }
        }
        Ok(range.len())
    }

    /// Flips a bit of the stored byte, for every later read and in every crash image.
    pub(super) fn rot(&mut self, inode: InodeId, offset: u64) {
        if !self.rotten.insert((inode, offset)) {
            return;
        }
        let mask = 1 << (offset % 8);
        let bytes = Arc::make_mut(&mut self.inodes[inode as usize].bytes);
        if let Some(byte) = bytes.get_mut(offset as usize) {
            *byte ^= mask;
            self.log.push(Operation::Rot {
                inode,
                offset,
                mask,
            });
        }
    }

    pub(super) fn sync(&mut self, inode: InodeId, data_only: bool) -> io::Result<()> {
        let verb = if data_only { "sync_data" } else { "sync" };
        let (mut barrier, mut fault) = (Barrier::Kept, None);
        if self.faults.is_waiting() || !self.skipped.is_empty() {
            let path = Arc::clone(self.log.name_of(inode));
            fault = self.strike(Class::Sync, &path);
            if self.skips(verb, &path) {
                barrier = Barrier::Ignored;
            }
        }
        let file = &mut self.inodes[inode as usize];
        match fault {
            Some(FaultKind::SyncErrorDirty | FaultKind::LyingSync) => barrier = Barrier::Ignored,
            Some(FaultKind::SyncErrorClean) => barrier = Barrier::Dropped,
            Some(FaultKind::SyncErrorLate) => {
                barrier = Barrier::Dropped;
                file.late_error = true;
            }
            _ if file.late_error => {
                file.late_error = false;
                fault = Some(FaultKind::SyncErrorDirty);
            }
            _ => {}
        }
        self.log.push(Operation::Sync {
            inode,
            data_only,
            barrier,
        });
        match fault {
            Some(FaultKind::SyncErrorDirty | FaultKind::SyncErrorClean) => {
                Err(injected(FaultKind::SyncErrorDirty))
            }
            _ => Ok(()),
        }
    }
}

/// The outcome of something that was done: some faults report an error even so.
fn done<T>(fault: Option<FaultKind>, outcome: T) -> io::Result<T> {
    match fault {
        Some(kind @ (FaultKind::FalseError | FaultKind::DirectorySyncError)) => Err(injected(kind)),
        _ => Ok(outcome),
    }
}

fn injected(kind: FaultKind) -> io::Error {
    io::Error::other(format!("injected {kind}"))
}

/// The system's offsets are signed; beyond them nothing exists, not even sparsely.
fn check_signed(offset: u64) -> io::Result<()> {
    if offset > i64::MAX as u64 {
        Err(ErrorKind::InvalidInput.into())
    } else {
        Ok(())
    }
}

fn check_length(length: u64) -> io::Result<()> {
    if length > MAX_FILE_BYTES {
        Err(ErrorKind::FileTooLarge.into())
    } else {
        Ok(())
    }
}
