//! The state of the manifest at one moment. Pure: edits in, state out.

use std::collections::{BTreeMap, BTreeSet};

use crate::commit::Commit;
use crate::manifest::edit::{Edit, NewFile};
use crate::options::Placement;
use crate::segment::{Place, SegmentId, SegmentMeta};

/// A file and its live segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileUse {
    pub(crate) length: u64,
    pub(crate) fresh: u64,
    pub(crate) segments: BTreeSet<SegmentId>,
    /// The bytes of these segments.
    pub(crate) live_bytes: u64,
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

    /// Applies an edit and returns the files that are no longer used.
    ///
    /// # Errors
    /// A sentence that names the contradiction between the edit and the state. The state is
    /// unusable then.
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
        // Files first: the added segments refer to them.
        for file in &edit.files {
            let added = FileUse {
                length: file.length,
                fresh: file.fresh,
                segments: BTreeSet::new(),
                live_bytes: 0,
            };
            if self.files.insert(file.number, added).is_some() {
                return Err(format!("segment file {} is added twice", file.number));
            }
        }
        // Only these files can have lost their last segment.
        let mut touched: BTreeSet<u64> = edit.files.iter().map(|file| file.number).collect();
        // Removals before additions: a segment that moves is removed and added under the same
        // identity.
        for id in &edit.removed {
            let Some((_, place)) = self.segments.remove(id) else {
                return Err(format!("{id:?} is removed but not there"));
            };
            let file = self.file_mut(place.file)?;
            let was_there = file.segments.remove(id);
            assert!(was_there, "{id:?} was not counted in {place:?}");
            if !planted!(LiveBytesGrow) {
                file.live_bytes = file.live_bytes.saturating_sub(place.length());
            }
            touched.insert(place.file);
        }
        for (meta, place) in &edit.added {
            check_inputs(meta)?;
            if self
                .segments
                .insert(meta.id(), (meta.clone(), *place))
                .is_some()
            {
                return Err(format!("{:?} is added but already there", meta.id()));
            }
            let file = self.file_mut(place.file)?;
            file.segments.insert(meta.id());
            file.live_bytes = file.live_bytes.saturating_add(place.length());
        }
        let is_unused = |number: &u64| {
            work!(FileLookedAt);
            self.files[number].segments.is_empty()
        };
        let unused: Vec<u64> = touched.into_iter().filter(is_unused).collect();
        for number in &unused {
            let file = self.files.remove(number);
            let live_bytes = file.map_or(0, |file| file.live_bytes);
            if live_bytes > 0 {
                return Err(format!(
                    "segment file {number} has no segment, and {live_bytes} bytes of it are live"
                ));
            }
        }
        Ok(unused)
    }

    fn file_mut(&mut self, number: u64) -> Result<&mut FileUse, String> {
        self.files
            .get_mut(&number)
            .ok_or_else(|| format!("a segment lies in file {number}, which is not there"))
    }

    /// Refuses a state that no store of this library has, although each edit that leads to it can
    /// be read.
    ///
    /// # Errors
    /// A sentence that names the contradiction. O(segments + inputs + keyspaces).
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for (number, name) in self.keyspaces.iter().enumerate() {
            // Commits would go to one of the two keyspaces, and reads would find either.
            if !names.insert(name) {
                return Err(format!("keyspace {number} is called {name:?} like another"));
            }
        }
        self.check_forest()
    }

    /// Refuses a state in which a segment is an input of two others. An open store holds each input
    /// in memory once for each segment that names it, together with everything below it. So a
    /// manifest of a few hundred bytes could ask for any amount of memory.
    fn check_forest(&self) -> Result<(), String> {
        let mut named = BTreeSet::new();
        for (meta, _) in self.segments.values() {
            for input in &meta.inputs {
                let id = SegmentId {
                    keyspace: meta.keyspace,
                    end: input.end,
                    level: input.level,
                };
                if self.segments.contains_key(&id) && !named.insert(id) {
                    return Err(format!("{id:?} is an input of two segments"));
                }
            }
        }
        Ok(())
    }

    /// Keeps the names of keyspaces and where the log begins: then the log is read from its beginning.
    pub(crate) fn forget_segments(&mut self) {
        self.flushed_through = Commit::ZERO;
        self.files.clear();
        self.segments.clear();
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
                .map(|(&number, file)| NewFile {
                    number,
                    length: file.length,
                    fresh: file.fresh,
                })
                .collect(),
            removed: Vec::new(),
            added: self.segments.values().cloned().collect(),
        }
    }
}

/// Checks the inputs of a segment: they are narrower than their output, lie in its window, and
/// ascend in order of commits, each once. Inputs are looked up by level and end. So an input as
/// wide as its output could be the output itself, and building the forest would never end.
fn check_inputs(meta: &SegmentMeta) -> Result<(), String> {
    let mut before = meta.window.start;
    for input in &meta.inputs {
        let (level, end) = (input.level, input.end);
        if level >= meta.window.level || end <= before || end > meta.window.end {
            return Err(format!(
                "{:?} is added with an input of level {level} that ends at commit {end}, where \
                 a lower level and an end behind {before} and up to {} are expected",
                meta.id(),
                meta.window.end
            ));
        }
        before = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::{Alignment, Window};
    use crate::codec::Decoder;
    use crate::manifest::edit::{decode_placement, encode_placement};
    use crate::options::{History, RemoveInputs};
    use crate::segment::InputMeta;
    use crate::segment::block::BlockHandle;
    use crate::work::{Work, count};

    fn segment(end: u64, level: u8, file: u64) -> (SegmentMeta, Place) {
        let window = Window {
            level,
            start: Commit::new(end - 1),
            end: Commit::new(end),
        };
        let input = InputMeta {
            end: window.end,
            level: 0,
            first: window.end,
        };
        let meta = SegmentMeta {
            keyspace: 0,
            window,
            first: window.end,
            last: window.end,
            floor: window.end,
            commits: 1,
            entries: 300,
            tombstones: 2,
            keys: 298,
            bytes: 70_000,
            inputs: (level > 0).then_some(input).into_iter().collect(),
        };
        let handle = |offset| BlockHandle { offset, length: 20 };
        (
            meta,
            Place {
                file,
                start: 16,
                filter: handle(100),
                index: handle(120),
            },
        )
    }

    fn edit(through: u64, files: &[u64], added: Vec<(SegmentMeta, Place)>) -> Edit {
        Edit {
            flushed_through: Commit::new(through),
            oldest_wal: 1,
            next_file: 10,
            keyspaces: vec![format!("keyspace of {through}")],
            files: files
                .iter()
                .map(|&number| NewFile {
                    number,
                    length: 4096,
                    fresh: number + 70,
                })
                .collect(),
            removed: Vec::new(),
            added,
        }
    }

    #[test]
    fn edits_and_placements_round_trip() {
        let mut edit = edit(300, &[4], vec![segment(300, 1, 4)]);
        edit.removed = vec![segment(5, 1, 4).0.id()];
        let mut bytes = Vec::new();
        edit.encode(&mut bytes);
        assert_eq!(Edit::decode(&mut Decoder::new(&bytes)), Some(edit));
        for length in 0..bytes.len() {
            assert_eq!(
                Edit::decode(&mut Decoder::new(&bytes[..length])),
                None,
                "{length} bytes"
            );
        }
        for (history, remove_inputs) in [
            (History::All, RemoveInputs::Never),
            (History::Last(9), RemoveInputs::UpToLevel(3)),
            (
                History::Newest,
                RemoveInputs::HeadWindowUpToLevel {
                    keep: 300,
                    level: 2,
                },
            ),
        ] {
            let alignment = Alignment::mixed(&[30, 10, 12, 24]).unwrap();
            let placement = Placement {
                alignment,
                min_inputs: 3,
                history,
                remove_inputs,
            };
            let mut bytes = Vec::new();
            encode_placement(&placement, &mut bytes);
            assert_eq!(decode_placement(&mut Decoder::new(&bytes)), Some(placement));
        }
    }

    #[test]
    fn a_state_is_the_edit_that_leads_to_it() {
        let mut state = ManifestState::new(Placement::default());
        state
            .apply(&edit(2, &[4], vec![segment(1, 0, 4), segment(2, 0, 4)]))
            .unwrap();
        state.apply(&edit(3, &[5], vec![segment(3, 0, 5)])).unwrap();
        let mut again = ManifestState::new(Placement::default());
        again.apply(&state.as_edit()).unwrap();
        assert_eq!(again, state);
    }

    #[test]
    fn a_file_goes_with_its_last_segment() {
        let mut state = ManifestState::new(Placement::default());
        state
            .apply(&edit(2, &[4], vec![segment(1, 0, 4), segment(2, 0, 4)]))
            .unwrap();
        let mut moved = edit(2, &[5], vec![segment(1, 0, 5)]);
        moved.removed = vec![segment(1, 0, 4).0.id()];
        assert_eq!(state.apply(&moved), Ok(vec![]), "segment 2 is still there");
        let mut last = edit(2, &[], vec![]);
        last.removed = vec![segment(2, 0, 4).0.id()];
        assert_eq!(state.apply(&last), Ok(vec![4]));
    }

    /// The cost of an edit does not depend on files that it does not name.
    #[test]
    fn an_edit_looks_at_its_own_files() {
        let mut state = ManifestState::new(Placement::default());
        for commit in 1..=500 {
            let mut edit = edit(commit, &[commit], vec![segment(commit, 0, commit)]);
            edit.next_file = commit + 1;
            if commit > 100 {
                edit.removed = vec![segment(commit - 100, 0, 1).0.id()];
            }
            let looked_at = count(Work::FileLookedAt, || {
                let unused = state.apply(&edit).unwrap();
                assert_eq!(
                    unused.first().copied(),
                    commit.checked_sub(100).filter(|&it| it > 0)
                );
            });
            assert!(looked_at <= 2, "{looked_at} files at commit {commit}");
        }
        assert_eq!(state.files.len(), 100);
    }

    /// Each level would double the number of segments below it.
    #[test]
    fn a_segment_below_two_others_is_refused() {
        let mut state = ManifestState::new(Placement::default());
        let mut outer = segment(4, 2, 4);
        outer.0.inputs = vec![InputMeta {
            end: Commit::new(4),
            level: 0,
            first: Commit::new(4),
        }];
        let mut inner = segment(4, 1, 4);
        inner.0.inputs = outer.0.inputs.clone();
        let segments = vec![outer, inner, segment(4, 0, 4)];
        state.apply(&edit(4, &[4], segments)).unwrap();
        let refused = state.check().unwrap_err();
        assert!(refused.contains("an input of two segments"), "{refused}");
        let mut twice = segment(4, 1, 4);
        twice.0.inputs.push(twice.0.inputs[0]);
        let again = edit(4, &[4], vec![twice]);
        assert!(
            ManifestState::new(Placement::default())
                .apply(&again)
                .is_err()
        );
    }

    /// A commit to a name that two keyspaces have went to one of them, and a read found either.
    #[test]
    fn keyspaces_of_one_name_are_refused() {
        let mut state = ManifestState::new(Placement::default());
        for commit in [1, 2] {
            state.apply(&edit(commit, &[], vec![])).unwrap();
            assert_eq!(state.check(), Ok(()));
        }
        state.apply(&edit(2, &[], vec![])).unwrap();
        let refused = state.check().unwrap_err();
        assert_eq!(
            refused,
            "keyspace 2 is called \"keyspace of 2\" like another"
        );
    }

    #[test]
    fn contradictions_are_refused() {
        let base = {
            let mut state = ManifestState::new(Placement::default());
            state.apply(&edit(2, &[4], vec![segment(1, 0, 4)])).unwrap();
            state
        };
        let removed = Edit {
            removed: vec![segment(9, 0, 4).0.id()],
            ..edit(2, &[], vec![])
        };
        let mut circular = segment(2, 1, 4);
        circular.0.inputs[0].level = 1;
        for (contradiction, edit) in [
            (
                "a segment that goes into itself",
                edit(2, &[], vec![circular]),
            ),
            ("back in time", edit(1, &[], vec![])),
            ("a file twice", edit(2, &[4], vec![])),
            ("a segment twice", edit(2, &[], vec![segment(1, 0, 4)])),
            ("a segment in no file", edit(2, &[], vec![segment(2, 0, 9)])),
            ("removing nothing", removed),
        ] {
            assert!(base.clone().apply(&edit).is_err(), "{contradiction}");
        }
    }
}
