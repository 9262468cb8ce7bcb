//! What the manifest says at one moment. Pure: edits in, state out.

use std::collections::BTreeMap;

use crate::commit::Commit;
use crate::manifest::edit::Edit;
use crate::options::Placement;
use crate::segment::{Place, SegmentId, SegmentMeta};

/// A file and how many segments still live in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileUse {
    pub(crate) length: u64,
    pub(crate) segments: usize,
}

/// The state after some edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestState {
    pub(crate) placement: Placement,
    pub(crate) flushed_through: Commit,
    pub(crate) oldest_wal: u64,
    pub(crate) next_file: u64,
    pub(crate) keyspaces: Vec<String>,
    pub(crate) files: BTreeMap<u64, FileUse>,
    pub(crate) segments: BTreeMap<SegmentId, (SegmentMeta, Place)>,
}

impl ManifestState {
    /// The state before the first edit.
    pub(crate) fn new(placement: Placement) -> Self {
        Self {
            placement,
            flushed_through: Commit::ZERO,
            oldest_wal: 0,
            next_file: 1,
            keyspaces: Vec::new(),
            files: BTreeMap::new(),
            segments: BTreeMap::new(),
        }
    }

    /// Applies an edit and returns the files that nothing uses any more.
    ///
    /// # Errors
    /// A sentence about what in the edit contradicts the state; the state is then
    /// unusable.
    pub(crate) fn apply(&mut self, edit: &Edit) -> Result<Vec<u64>, String> {
        if edit.flushed_through < self.flushed_through || edit.next_file < self.next_file {
            return Err(format!(
                "the edit goes back to commit {} and file {} from commit {} and file {}",
                edit.flushed_through, edit.next_file, self.flushed_through, self.next_file
            ));
        }
        self.flushed_through = edit.flushed_through;
        self.oldest_wal = edit.oldest_wal;
        self.next_file = edit.next_file;
        self.keyspaces.extend(edit.keyspaces.iter().cloned());
        for &(number, length) in &edit.files {
            if self
                .files
                .insert(
                    number,
                    FileUse {
                        length,
                        segments: 0,
                    },
                )
                .is_some()
            {
                return Err(format!("segment file {number} is added twice"));
            }
        }
        for id in &edit.removed {
            let Some((_, place)) = self.segments.remove(id) else {
                return Err(format!("{id:?} is removed but not there"));
            };
            self.file_mut(place.file)?.segments -= 1;
        }
        for (meta, place) in &edit.added {
            if self
                .segments
                .insert(meta.id(), (meta.clone(), *place))
                .is_some()
            {
                return Err(format!("{:?} is added but already there", meta.id()));
            }
            self.file_mut(place.file)?.segments += 1;
        }
        let unused: Vec<u64> = self
            .files
            .iter()
            .filter(|(_, file)| file.segments == 0)
            .map(|(&number, _)| number)
            .collect();
        for number in &unused {
            self.files.remove(number);
        }
        Ok(unused)
    }

    fn file_mut(&mut self, number: u64) -> Result<&mut FileUse, String> {
        self.files
            .get_mut(&number)
            .ok_or_else(|| format!("a segment lies in file {number}, which is not there"))
    }

    /// The edit that leads from the empty state to this one.
    pub(crate) fn as_edit(&self) -> Edit {
        Edit {
            flushed_through: self.flushed_through,
            oldest_wal: self.oldest_wal,
            next_file: self.next_file,
            keyspaces: self.keyspaces.clone(),
            files: self
                .files
                .iter()
                .map(|(&number, file)| (number, file.length))
                .collect(),
            removed: Vec::new(),
            added: self.segments.values().cloned().collect(),
        }
    }
}
