//! The smallest changes that can be lost on their own.
//!
//! One operation becomes one or more changes. A write becomes one piece of data for
//! each sector that it touches, and a growth of the length. Creating, removing and
//! renaming become changes of names. The model decides which changes may be lost
//! independently.

use std::sync::Arc;

use lithify::fs::name;

use super::model::Model;
use super::oplog::{InodeId, Log, Operation};

/// What a change does to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Bytes inside one sector.
    Data {
        /// The file.
        inode: InodeId,
        /// The offset in bytes from the start of the file.
        offset: u64,
        /// What.
        bytes: Arc<[u8]>,
    },
    /// The length of a file.
    Size {
        /// The file.
        inode: InodeId,
        /// The length before.
        from: u64,
        /// The length after.
        to: u64,
    },
    /// A name is given to a file.
    Link {
        /// The name.
        name: Arc<str>,
        /// The file.
        inode: InodeId,
    },
    /// A name is removed.
    Unlink {
        /// The name.
        name: Arc<str>,
    },
    /// A name moves, and replaces the file that had the new name.
    Rename {
        /// The old name.
        from: Arc<str>,
        /// The new name.
        to: Arc<str>,
        /// The file.
        inode: InodeId,
        /// Whether another file had the new name.
        replaces: bool,
    },
}

impl ChangeKind {
    /// The file whose data or length changes; `None` for a change of names.
    #[must_use]
    pub fn content_of(&self) -> Option<InodeId> {
        match self {
            Self::Data { inode, .. } | Self::Size { inode, .. } => Some(*inode),
            _ => None,
        }
    }

    /// Whether this changes names.
    #[must_use]
    pub fn is_name(&self) -> bool {
        self.content_of().is_none()
    }

    /// The file that gets a name.
    pub(super) fn named(&self) -> Option<InodeId> {
        match self {
            Self::Link { inode, .. } | Self::Rename { inode, .. } => Some(*inode),
            _ => None,
        }
    }

    /// Whether this moves a name from one directory to another.
    pub(super) fn crosses_directories(&self) -> bool {
        match self {
            Self::Rename { from, to, .. } => name::split(from).0 != name::split(to).0,
            _ => false,
        }
    }

    /// The names that this change affects.
    pub(crate) fn names(&self) -> [Option<&Arc<str>>; 2] {
        match self {
            Self::Link { name, .. } | Self::Unlink { name } => [Some(name), None],
            Self::Rename { from, to, .. } => [Some(from), Some(to)],
            _ => [None, None],
        }
    }
}

/// A pending change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The position in the log of the operation that this change belongs to.
    pub operation: usize,
    /// What the change does.
    pub kind: ChangeKind,
    /// For a write that grows the file: the length before it. Blocks below it were
    /// allocated.
    pub(super) allocated: u64,
}

/// Divides an operation into changes. Barriers and marks have no changes.
#[must_use]
pub fn changes_of(log: &Log, position: usize, model: &Model) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut allocated = 0;
    {
        let mut push = |kind| {
            changes.push(Change {
                operation: position,
                kind,
                allocated: 0,
            });
        };
        match &log.operations()[position] {
            Operation::Create { path, inode } => push(ChangeKind::Link {
                name: Arc::clone(log.path(*path)),
                inode: *inode,
            }),
            Operation::Write {
                inode,
                offset,
                bytes,
                before,
                ..
            } => {
                allocated = *before;
                write(model, *inode, *offset, log.bytes(bytes), *before, &mut push);
            }
            Operation::SetLength {
                inode,
                before,
                after,
                ..
            } if before != after => push(ChangeKind::Size {
                inode: *inode,
                from: *before,
                to: *after,
            }),
            Operation::Rename {
                from,
                to,
                inode,
                replaced,
            } if from != to => {
                let (from, to) = (log.path(*from), log.path(*to));
                // A directory has one name at any time.
                let splits = model.splits_renames && log.directory(*inode).is_none();
                rename(splits, from, to, *inode, replaced.is_some(), &mut push);
            }
            Operation::Link { path, inode } => push(ChangeKind::Link {
                name: Arc::clone(log.path(*path)),
                inode: *inode,
            }),
            Operation::Remove { path, .. } => push(ChangeKind::Unlink {
                name: Arc::clone(log.path(*path)),
            }),
            _ => {}
        }
    }
    for change in &mut changes {
        change.allocated = allocated;
    }
    changes
}

fn write(
    model: &Model,
    inode: InodeId,
    offset: u64,
    bytes: &[u8],
    before: u64,
    push: &mut impl FnMut(ChangeKind),
) {
    let end = offset + bytes.len() as u64;
    let mut length = before;
    let mut start = offset;
    while start < end {
        let stop = model.piece_end(start).min(end);
        let piece = &bytes[(start - offset) as usize..(stop - offset) as usize];
        push(ChangeKind::Data {
            inode,
            offset: start,
            bytes: piece.into(),
        });
        // The length follows the data in steps, so that a crash can also stop a long
        // append in the middle.
        let is_step = model.length_step_bytes > 0 && stop.is_multiple_of(model.length_step_bytes);
        if stop > length && (stop == end || is_step) {
            push(ChangeKind::Size {
                inode,
                from: length,
                to: stop,
            });
            length = stop;
        }
        start = stop;
    }
}

fn rename(
    splits: bool,
    from: &Arc<str>,
    to: &Arc<str>,
    inode: InodeId,
    replaces: bool,
    push: &mut impl FnMut(ChangeKind),
) {
    if splits {
        // Three changes, each of which may be lost: the default of ALICE.
        push(ChangeKind::Unlink {
            name: Arc::clone(to),
        });
        push(ChangeKind::Link {
            name: Arc::clone(to),
            inode,
        });
        push(ChangeKind::Unlink {
            name: Arc::clone(from),
        });
    } else {
        push(ChangeKind::Rename {
            from: Arc::clone(from),
            to: Arc::clone(to),
            inode,
            replaces,
        });
    }
}
