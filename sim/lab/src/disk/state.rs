//! What a running process sees: coherent, atomic, and without losses.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::Arc;

use lithify::fs::{LockKind, name};

use super::bound::Bound;
use super::fault::{Class, FaultKind, Faults};
use super::image::{Draws, Image, count_draw};
use super::oplog::{Barrier, InodeId, Log, Mark, Operation};
use super::places::Places;
use super::remnants::Remnants;
use super::skipped::SkippedBarrier;

/// The state of a file, independent of its name.
#[derive(Debug, Default)]
pub(super) struct Inode {
    pub(super) bytes: Arc<Vec<u8>>,
    shared_locks: u32,
    is_locked: bool,
    pub(super) bad_sectors: BTreeSet<u64>,
    /// The next sync must report an error.
    pub(super) late_error: bool,
    /// The offset of the last write and the content that it replaced, for stale reads.
    pub(super) last_write: Option<(u64, Vec<u8>)>,
}

/// A device that has become full. Removing a file makes room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full {
    /// The number of bytes that fit on the device.
    pub(super) capacity: u64,
    /// The position in the log behind which the device is full.
    pub(super) since: usize,
}

impl Full {
    /// The same device in a later log.
    pub(super) fn before(self) -> Self {
        Self { since: 0, ..self }
    }
}

/// Everything behind the lock of a [`super::SimFs`].
#[derive(Debug, Default)]
pub(super) struct DiskState {
    pub(super) inodes: Vec<Inode>,
    pub(super) names: BTreeMap<Arc<str>, InodeId>,
    directories: BTreeSet<Arc<str>>,
    /// See [`Image::draws`].
    draws: Arc<Draws>,
    /// See [`Image::machine`].
    machine: u64,
    /// See [`Image::remnants`]: the remnants of the image that this state began with.
    remnants: Remnants,
    pub(super) log: Log,
    pub(super) bound: Bound,
    pub(super) faults: Faults,
    pub(super) skipped: Vec<SkippedBarrier>,
    /// Set when the device first becomes full.
    pub(super) full: Option<Full>,
    /// Whether stale reads may happen.
    pub(super) keeps_last_writes: bool,
    /// Whether misdirected reads may happen.
    pub(super) keeps_places: bool,
    pub(super) places: Places,
    /// The number of reads and other calls that are not logged.
    pub(super) reads: u64,
    /// The places of flipped bits. A bit that has flipped never flips back.
    pub(super) rotten: BTreeSet<(InodeId, u64)>,
}

impl DiskState {
    pub(super) fn from_image(image: &Image) -> Self {
        let mut state = Self {
            directories: (*image.directories).clone(),
            draws: Arc::clone(&image.draws),
            machine: image.machine,
            remnants: image.remnants.clone(),
            ..Self::default()
        };
        // Numbers continue after the last number of the image, so that files keep their
        // numbers. A file that was lost in a crash but left a remnant keeps its number
        // too.
        let files = image.files.keys().next_back().copied();
        let next = files.max(image.remnants.last_file());
        let next = next.map_or(0, |last| last + 1);
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

    /// The state after the first `end` entries of `log`, which began on `start`. All
    /// operations are performed again, so files keep their numbers and the new log is a
    /// prefix of the old log.
    pub(super) fn from_log(start: &Image, log: &Log, end: usize) -> Self {
        let mut state = Self::from_image(start);
        for operation in &log.operations()[..end] {
            let redone = state.redo(log, operation);
            redone.expect("what a log says was done can be done again");
        }
        debug_assert_eq!(state.log.operations(), &log.operations()[..end]);
        state
    }

    pub(super) fn redo(&mut self, log: &Log, operation: &Operation) -> io::Result<()> {
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
            Operation::Link { path, inode } => {
                let name = log.path(*path);
                self.names.insert(Arc::clone(name), *inode);
                let path = self.log.intern(name);
                let inode = *inode;
                self.log.push(Operation::Link { path, inode });
            }
            Operation::Remove { path, .. } => self.remove(log.path(*path))?,
            Operation::CreateDirectory { path } => self.create_dir(log.path(*path))?,
            Operation::Rot { inode, offset, .. } => self.rot(*inode, *offset),
            Operation::SyncDirectory { path, .. } => {
                self.log.intern(log.path(*path));
                self.log.push(operation.clone());
            }
            Operation::Mark(Mark::Draw(path)) => _ = self.fresh_number(log.path(*path))?,
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
            draws: Arc::clone(&self.draws),
            machine: self.machine,
            remnants: self.remnants.clone(),
        }
    }

    /// The fault that strikes an operation on `path`, if any. Marks the fault in the
    /// log.
    pub(super) fn strike(&mut self, class: Class, path: &str) -> Option<FaultKind> {
        self.strike_call(class, class.verb(), path)
    }

    /// As [`DiskState::strike`], for a call whose name differs from the name of its class.
    pub(super) fn strike_call(
        &mut self,
        class: Class,
        verb: &'static str,
        path: &str,
    ) -> Option<FaultKind> {
        let struck = self.faults.strike(class, path);
        if let Some(kind) = struck {
            let path = self.log.intern(path);
            self.log
                .push(Operation::Mark(Mark::Fault { kind, verb, path }));
        }
        struck
    }

    fn has_directory(&self, path: &str) -> bool {
        path.is_empty() || self.directories.contains(path)
    }

    /// Checks that the parent of `path` is a directory.
    fn check_parent(&self, path: &str) -> io::Result<()> {
        let mut parent = name::split(path).0;
        if self.has_directory(parent) {
            return Ok(());
        }
        // If any parent is a file, the error is `NotADirectory`.
        while !parent.is_empty() {
            if self.names.contains_key(parent) {
                return Err(ErrorKind::NotADirectory.into());
            }
            parent = name::split(parent).0;
        }
        Err(ErrorKind::NotFound.into())
    }

    /// The file with this name.
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

    /// The number depends on the name and on how many numbers were drawn for the name,
    /// in this incarnation and in earlier ones. So no other decision of a plan changes
    /// it.
    pub(super) fn fresh_number(&mut self, path: &str) -> io::Result<u64> {
        name::check_file(path)?;
        let draws = self.draws.get(path).copied().unwrap_or_default();
        count_draw(&mut self.draws, &path.into());
        let drawn = Mark::Draw(self.log.intern(path));
        self.log.push(Operation::Mark(drawn));
        let key = (self.machine << 32) + u64::from(draws);
        Ok(xxhash_rust::xxh3::xxh3_64_with_seed(path.as_bytes(), key))
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
            .filter(|path| !path.is_empty())
            .map(|path| name::split(path))
            .filter(|(parent, _)| *parent == dir)
            .map(|(_, leaf)| leaf.to_owned())
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

    /// Creates files that do not belong to the store, with names that test how it reads
    /// names.
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
}

/// The outcome of a completed operation: some faults report an error although the
/// operation was performed.
fn done<T>(fault: Option<FaultKind>, outcome: T) -> io::Result<T> {
    match fault {
        Some(kind @ (FaultKind::FalseError | FaultKind::DirectorySyncError)) => Err(injected(kind)),
        _ => Ok(outcome),
    }
}

pub(super) fn injected(kind: FaultKind) -> io::Error {
    io::Error::other(format!("injected {kind}"))
}
