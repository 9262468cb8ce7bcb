//! Which pending changes require which earlier changes, under a model.

use fixedbitset::FixedBitSet;

use super::change::{Change, ChangeKind};
use super::model::{Append, Model, NameOrder};

/// The block size in which file systems allocate, in bytes.
const BLOCK_BYTES: u64 = 4096;

/// For each change, all earlier changes that it requires, directly or indirectly.
/// O(changes squared).
#[must_use]
pub(super) fn requirements(model: &Model, changes: &[Change]) -> Vec<FixedBitSet> {
    let mut required: Vec<FixedBitSet> = Vec::with_capacity(changes.len());
    for (later, change) in changes.iter().enumerate() {
        let mut set = FixedBitSet::with_capacity(changes.len());
        // Backwards: the requirements of `earlier` are added with it and need no check.
        // most cases.
        for earlier in (0..later).rev() {
            if !set.contains(earlier) && requires(model, change, &changes[earlier]) {
                set.insert(earlier);
                set.union_with(&required[earlier]);
            }
        }
        required.push(set);
    }
    required
}

/// All changes except `dropped` and the changes that require one of them.
pub(super) fn dropping(required: &[FixedBitSet], dropped: &[usize]) -> FixedBitSet {
    let is_dropped = |index: usize| {
        dropped
            .iter()
            .any(|&drop| drop == index || required[index].contains(drop))
    };
    let mut set = FixedBitSet::with_capacity(required.len());
    set.extend((0..required.len()).filter(|&index| !is_dropped(index)));
    set
}

/// Only the changes in `kept` and the changes that they require.
pub(super) fn keeping(required: &[FixedBitSet], kept: &[usize]) -> FixedBitSet {
    let mut set = FixedBitSet::with_capacity(required.len());
    for &index in kept {
        set.insert(index);
        set.union_with(&required[index]);
    }
    set
}

/// Whether `later` may be on the disk only if `earlier` is.
fn requires(model: &Model, later: &Change, earlier: &Change) -> bool {
    if model.orders_all {
        return true;
    }
    match (later.kind.content_of(), earlier.kind.content_of()) {
        (Some(file), Some(other)) => file == other && content_requires(model, later, earlier),
        (None, None) => name_requires(model, later, earlier),
        (None, Some(file)) => rename_waits(model, &later.kind, file),
        (Some(_), None) => false,
    }
}

fn content_requires(model: &Model, later: &Change, earlier: &Change) -> bool {
    if model.orders_each_file {
        return true;
    }
    match (&later.kind, &earlier.kind) {
        (ChangeKind::Data { offset, .. }, ChangeKind::Data { offset: other, .. }) => {
            // The later write carries the bytes of the earlier write to the same piece.
            model.same_piece(*offset, *other)
        }
        (ChangeKind::Size { .. }, ChangeKind::Size { .. }) => true,
        (ChangeKind::Size { from, to, .. }, ChangeKind::Data { offset, bytes, .. }) => {
            let is_covered = offset < to && offset + bytes.len() as u64 > *from;
            let is_new_block = *offset >= earlier.allocated.next_multiple_of(BLOCK_BYTES);
            is_covered
                && match model.append {
                    Append::Unordered => false,
                    Append::NewBlocksFirst => is_new_block,
                    Append::DataFirst => true,
                }
        }
        _ => false,
    }
}

fn name_requires(model: &Model, later: &Change, earlier: &Change) -> bool {
    if model.names == NameOrder::Journal {
        return true;
    }
    let earlier_names = earlier.kind.names();
    later.kind.names().into_iter().flatten().any(|name| {
        earlier_names
            .into_iter()
            .flatten()
            .any(|other| other == name)
    })
}

fn rename_waits(model: &Model, rename: &ChangeKind, file: u32) -> bool {
    model.replace_waits
        && matches!(rename, ChangeKind::Rename { inode, replaces: true, .. } if *inode == file)
}
