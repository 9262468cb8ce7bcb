//! The operations on a simulated file system, in order.
//!
//! The log holds every operation that changed something or asked for durability, and
//! the marks that the user of the file system put between them. All payloads are in one
//! arena, so logging a write costs one copy and no allocation. Reads and listings are
//! not logged.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::fault::FaultKind;

/// The number of a file, independent of its name. No number is used twice in one
/// simulation.
pub type InodeId = u32;
/// The number of an interned path.
pub type PathId = u32;

/// A marker in the log that the user of the file system wants to find again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The client has asked for all commits up to this number.
    Issued(u64),
    /// All commits up to this number were acknowledged as durable.
    Acknowledged(u64),
    /// All commits up to this number were shown to a client after the store was opened.
    Served(u64),
    /// A fault strikes the next operation on this file or directory.
    Fault {
        /// Its kind.
        kind: FaultKind,
        /// The call of the process: `read`, `sync_data`.
        verb: &'static str,
        /// The name of the file or directory.
        path: PathId,
    },
    /// The numbered action of a plan begins.
    Action(u32),
    /// A number was drawn for a file with this name.
    Draw(PathId),
}

/// The effect of a call that asks for durability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// The barrier did what it promises.
    Kept,
    /// Nothing became durable, and the changes stay pending: a failed sync that leaves
    /// pages dirty, a sync that lies, or a barrier that a test removed.
    Ignored,
    /// The pending data is discarded: it will never become durable, although the
    /// process still reads it. This is what ext4 and XFS do after a failed sync
    /// (Rebello et al., ATC 2020).
    Dropped,
}

/// One logged operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A file was created.
    Create {
        /// Its name.
        path: PathId,
        /// The file.
        inode: InodeId,
    },
    /// Bytes were written.
    Write {
        /// The file.
        inode: InodeId,
        /// The name of the file at that moment, or its last name.
        path: PathId,
        /// The offset in bytes from the start of the file.
        offset: u64,
        /// The bytes, in the arena of the log.
        bytes: Range<usize>,
        /// The length of the file before the write.
        before: u64,
    },
    /// The length was set.
    SetLength {
        /// The file.
        inode: InodeId,
        /// The name of the file at that moment, or its last name.
        path: PathId,
        /// The length before.
        before: u64,
        /// The length after.
        after: u64,
    },
    /// A file was renamed.
    Rename {
        /// The old name.
        from: PathId,
        /// The new name.
        to: PathId,
        /// The file.
        inode: InodeId,
        /// The file that had the new name before.
        replaced: Option<InodeId>,
    },
    /// A file got one more name. Only a [`Tree`](super::Tree) does this.
    Link {
        /// The name.
        path: PathId,
        /// The file.
        inode: InodeId,
    },
    /// A name was removed.
    Remove {
        /// The name.
        path: PathId,
        /// The file.
        inode: InodeId,
    },
    /// A directory was created. It is durable at once, by the contract of `Fs`.
    CreateDirectory {
        /// Its name.
        path: PathId,
    },
    /// A file was synced.
    Sync {
        /// The file.
        inode: InodeId,
        /// The name of the file at that moment, or its last name.
        path: PathId,
        /// Whether metadata was left out (`sync_data`).
        data_only: bool,
        /// The effect of the sync.
        barrier: Barrier,
    },
    /// A directory was synced.
    SyncDirectory {
        /// Its name.
        path: PathId,
        /// The effect of the sync.
        barrier: Barrier,
    },
    /// A byte was corrupted on the device.
    Rot {
        /// The file.
        inode: InodeId,
        /// The name of the file at that moment, or its last name.
        path: PathId,
        /// The offset in bytes from the start of the file.
        offset: u64,
        /// The bits that changed.
        mask: u8,
    },
    /// A mark that the user of the file system set.
    Mark(Mark),
}

impl Operation {
    /// Whether a process called the file system for this operation.
    #[must_use]
    pub fn is_call(&self) -> bool {
        !matches!(self, Self::Mark(_) | Self::Rot { .. })
    }

    /// Whether this asks for durability.
    #[must_use]
    pub fn is_barrier(&self) -> bool {
        matches!(self, Self::Sync { .. } | Self::SyncDirectory { .. })
    }
}

/// The log of one simulated file system.
#[derive(Clone, Debug, Default)]
pub struct Log {
    operations: Vec<Operation>,
    arena: Vec<u8>,
    paths: Vec<Arc<str>>,
    /// The first name of each file.
    first_names: Vec<PathId>,
    /// The current name of each file, or its last name.
    names: Vec<PathId>,
    /// The files that are directories, each with what the names in it begin with. Empty unless
    /// a [`Tree`](super::Tree) has made this log.
    directories: BTreeMap<InodeId, Arc<str>>,
    /// The barriers that began before the operation in front of them was over: by position,
    /// the first operation that each does not cover.
    entered: BTreeMap<usize, usize>,
}

impl Log {
    /// The operations in order.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The bytes that a write has written.
    #[must_use]
    pub fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.arena[range.clone()]
    }

    /// The text of a path.
    #[must_use]
    pub fn path(&self, path: PathId) -> &Arc<str> {
        &self.paths[path as usize]
    }

    /// The first name that a file had.
    #[must_use]
    pub fn first_name(&self, inode: InodeId) -> &Arc<str> {
        self.path(self.first_names[inode as usize])
    }

    /// What the names in a directory begin with; `None` for a file.
    #[must_use]
    pub fn directory(&self, inode: InodeId) -> Option<&Arc<str>> {
        self.directories.get(&inode)
    }

    /// The directory in which these names are.
    #[must_use]
    pub fn directory_named(&self, key: &str) -> Option<InodeId> {
        let mut directories = self.directories.iter();
        directories.find_map(|(inode, name)| (&**name == key).then_some(*inode))
    }

    pub(super) fn make_directory(&mut self, inode: InodeId, key: Arc<str>) {
        self.directories.insert(inode, key);
    }

    /// The first operation that the barrier at `position` does not cover.
    #[must_use]
    pub fn covers_up_to(&self, position: usize) -> usize {
        self.entered.get(&position).copied().unwrap_or(position)
    }

    /// A barrier that was entered before the operation at `entered` was over.
    pub(super) fn push_barrier(&mut self, barrier: Operation, entered: usize) {
        if entered < self.operations.len() {
            self.entered.insert(self.operations.len(), entered);
        }
        self.push(barrier);
    }

    pub(super) fn first_path(&self, inode: InodeId) -> PathId {
        self.first_names[inode as usize]
    }

    /// The number of files that exist or existed.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.first_names.len()
    }

    /// The name of a file at the end of the log, or its last name.
    pub(super) fn last_name(&self, inode: InodeId) -> PathId {
        self.names[inode as usize]
    }

    /// The number of a path. The search is linear in the number of distinct paths,
    /// which is small, and finds recent paths first.
    pub(super) fn intern(&mut self, path: &str) -> PathId {
        if let Some(position) = self.paths.iter().rposition(|known| &**known == path) {
            return position as PathId;
        }
        self.paths.push(path.into());
        (self.paths.len() - 1) as PathId
    }

    pub(super) fn name_inode(&mut self, inode: InodeId, path: PathId) {
        debug_assert_eq!(
            self.names.len(),
            inode as usize,
            "inodes are numbered in order"
        );
        self.first_names.push(path);
        self.names.push(path);
    }

    pub(super) fn push(&mut self, operation: Operation) {
        if let Operation::Rename { to, inode, .. } = &operation {
            self.names[*inode as usize] = *to;
        }
        self.operations.push(operation);
    }

    pub(super) fn push_write(&mut self, inode: InodeId, offset: u64, bytes: &[u8], before: u64) {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.push(Operation::Write {
            inode,
            path: self.last_name(inode),
            offset,
            bytes: start..self.arena.len(),
            before,
        });
    }

    /// Forgets all operations. For long runs that simulate no crash.
    pub(super) fn clear(&mut self) {
        self.operations.clear();
        self.entered.clear();
        self.arena.clear();
    }

    /// The text of one operation for people: `sync_data wal-000001`.
    #[must_use]
    pub fn describe<'log>(&'log self, operation: &'log Operation) -> impl fmt::Display + 'log {
        Described {
            log: self,
            operation,
        }
    }
}

struct Described<'log> {
    log: &'log Log,
    operation: &'log Operation,
}

impl fmt::Display for Described<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.log;
        let note = |barrier: Barrier| match barrier {
            Barrier::Kept => "",
            Barrier::Ignored => " (without effect)",
            Barrier::Dropped => " (forgets)",
        };
        match self.operation {
            Operation::Create { path, .. } => write!(formatter, "create {}", log.path(*path)),
            Operation::Write {
                path,
                offset,
                bytes,
                ..
            } => {
                let end = offset + bytes.len() as u64;
                write!(formatter, "write {}[{offset}..{end}]", log.path(*path))
            }
            Operation::SetLength { path, after, .. } => {
                write!(formatter, "set_len {} {after}", log.path(*path))
            }
            Operation::Rename { from, to, .. } => {
                write!(formatter, "rename {} {}", log.path(*from), log.path(*to))
            }
            Operation::Link { path, inode } => {
                let first = log.first_name(*inode);
                write!(formatter, "link {first} {}", log.path(*path))
            }
            Operation::Remove { path, .. } => write!(formatter, "remove {}", log.path(*path)),
            Operation::CreateDirectory { path } => {
                write!(formatter, "create_dir {}", directory(log.path(*path)))
            }
            Operation::Sync {
                path,
                data_only,
                barrier,
                ..
            } => {
                let verb = if *data_only { "sync_data" } else { "sync" };
                write!(formatter, "{verb} {}{}", log.path(*path), note(*barrier))
            }
            Operation::SyncDirectory { path, barrier } => {
                let path = directory(log.path(*path));
                write!(formatter, "sync_dir {path}{}", note(*barrier))
            }
            Operation::Rot { path, offset, .. } => {
                write!(formatter, "rot {}[{offset}]", log.path(*path))
            }
            Operation::Mark(Mark::Issued(commit)) => write!(formatter, "issued {commit}"),
            Operation::Mark(Mark::Acknowledged(commit)) => {
                write!(formatter, "acknowledged {commit}")
            }
            Operation::Mark(Mark::Served(commit)) => write!(formatter, "served {commit}"),
            Operation::Mark(Mark::Fault { kind, verb, path }) => {
                let place = place_of(verb, log.path(*path));
                write!(formatter, "{kind} strikes {place}")
            }
            Operation::Mark(Mark::Action(action)) => write!(formatter, "action {action}"),
            Operation::Mark(Mark::Draw(path)) => {
                write!(formatter, "draw a number for {}", log.path(*path))
            }
        }
    }
}

/// The text of an operation on a file or directory for people.
#[must_use]
pub fn place_of(verb: &str, path: &str) -> String {
    format!("{verb} {}", directory(path))
}

/// The name of a directory for people: the root is `/`.
fn directory(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}
