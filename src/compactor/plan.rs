//! The content of the file that a file job writes.
//!
//! Three kinds of segments go into the file: the outputs of the closing's merges, every other
//! segment up to the closing commit that is only in memory, and segments that would keep a mostly
//! dead file alive. A plan examines those segments and no others in files: there may be any number
//! of keyspaces without new writes, and retention may keep any number of segments.
//!
//! The order in the file is the order of the forest: by keyspace and commit, each segment before
//! the segments below it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::align::Level;
use crate::commit::Commit;
use crate::compactor::task::{MergeTask, Task};
use crate::policy::PlannedMerge;
use crate::retention::removes;
use crate::segment::{KeyspaceId, Segment, SegmentId};
use crate::storage::Storage;
use crate::version::{Input, Node, Version};

/// The content of the file that a file job writes.
pub(crate) struct Plan {
    pub(crate) tasks: VecDeque<Task>,
    /// The merge outputs, and the number of inputs of each.
    pub(crate) merges: BTreeMap<SegmentId, usize>,
    /// Segments in files whose place in the manifest the job replaces.
    pub(crate) replaced: Vec<SegmentId>,
}

/// The place of a task in the file.
type Position = (KeyspaceId, Commit, Reverse<Level>);

/// A plan that is being made.
struct Planner<'a> {
    storage: &'a Storage,
    at: Commit,
    tasks: Vec<(Position, Task)>,
    merges: BTreeMap<SegmentId, usize>,
    replaced: Vec<SegmentId>,
    /// Bytes of each file that become dead through this job.
    lost_bytes: BTreeMap<u64, u64>,
}

impl Plan {
    /// The plan of a job that brings everything up to `at` into files. `merges` are in order of
    /// keyspace.
    pub(crate) fn new(storage: &Storage, at: Commit, merges: &[PlannedMerge]) -> Self {
        assert!(
            merges.is_sorted_by(|a, b| a.keyspace < b.keyspace),
            "a closing merges once in each keyspace: {merges:?}"
        );
        let mut planner = Planner {
            storage,
            at,
            tasks: Vec::new(),
            merges: BTreeMap::new(),
            replaced: Vec::new(),
            lost_bytes: BTreeMap::new(),
        };
        for merge in merges {
            planner.add_merge(merge);
        }
        for keyspace in storage.recent.since(storage.manifest.state.flushed_through) {
            work!(KeyspaceVisited);
            let merge = merges.binary_search_by_key(&keyspace, |merge| merge.keyspace);
            let merge = merge.ok().map(|position| &merges[position]);
            let is_skipped = planted!(FlushSkipsKeyspace) && merge.is_none() && !merges.is_empty();
            if !is_skipped {
                planner.add_memory(keyspace, merge);
            }
        }
        // Last, because it needs the lost bytes of all merges.
        planner.empty_mostly_dead_files();
        planner.tasks.sort_by_key(|(position, _)| *position);
        Self {
            tasks: planner.tasks.into_iter().map(|(_, task)| task).collect(),
            merges: planner.merges,
            replaced: planner.replaced,
        }
    }
}

impl Planner<'_> {
    /// Adds a merge, and the segments in files that it makes dead.
    fn add_merge(&mut self, merge: &PlannedMerge) {
        let task = MergeTask::new(&self.storage.version, &self.storage.placement, merge);
        let window = merge.window;
        let id = SegmentId {
            keyspace: merge.keyspace,
            end: window.end,
            level: window.level,
        };
        self.merges.insert(id, merge.inputs.len());
        let position = (merge.keyspace, window.start, Reverse(window.level));
        self.tasks.push((position, Task::Merge(task)));
        let roots = self.storage.version.roots(merge.keyspace);
        for node in roots.range(merge.inputs.clone()) {
            if !self.goes(node) {
                continue;
            }
            node.for_each(&mut |segment| {
                work!(SegmentVisited);
                if let Some(file) = segment.file() {
                    let lost = self.lost_bytes.entry(file.data().number()).or_default();
                    *lost += file.place().length();
                    self.replaced.push(segment.meta.id());
                }
            });
        }
    }

    /// Whether an input is removed together with its merge.
    fn goes(&self, input: &Node) -> bool {
        removes(self.storage.placement.remove_inputs, self.at, input.meta())
    }

    /// Adds the segments that are only in memory, except inputs that are removed together with the
    /// merge. Segments in memory follow those in files, and no segment below a segment in a file is
    /// in memory.
    fn add_memory(&mut self, keyspace: KeyspaceId, merge: Option<&PlannedMerge>) {
        let roots = self.storage.version.roots(keyspace);
        let start = roots.partition_point(|node| node.segment.file().is_some());
        for (position, node) in (start..).zip(roots.from(start)) {
            if node.meta().last > self.at {
                break;
            }
            let is_input = merge.is_some_and(|merge| merge.inputs.contains(&position));
            if is_input && self.goes(node) {
                continue;
            }
            node.for_each(&mut |segment| {
                work!(SegmentVisited);
                if segment.file().is_none() {
                    self.add_move(segment);
                }
            });
        }
    }

    fn add_move(&mut self, segment: &Arc<Segment>) {
        let meta = &segment.meta;
        let position = (meta.keyspace, meta.window.start, Reverse(meta.window.level));
        self.tasks.push((position, Task::Move(Arc::clone(segment))));
    }

    /// Empties the files that lose segments to this job and keep less than half of their bytes:
    /// their live segments move to the new file.
    fn empty_mostly_dead_files(&mut self) {
        let state = &self.storage.manifest.state;
        let losing: Vec<u64> = self.lost_bytes.keys().copied().collect();
        // Segments that left the version before, and segments that are removed with this job's
        // merges.
        let removed = self.storage.removed_since_edit.iter();
        let mut gone: BTreeSet<SegmentId> = removed.copied().collect();
        for (_, place) in gone.iter().filter_map(|id| state.segments.get(id)) {
            *self.lost_bytes.entry(place.file).or_default() += place.length();
        }
        gone.extend(self.replaced.iter().copied());
        let is_mostly_dead = |number: &u64| {
            let file = &state.files[number];
            let kept = file.live_bytes.saturating_sub(self.lost_bytes[number]);
            kept > 0 && kept < file.length / 2
        };
        let emptied: Vec<u64> = match planted!(EverythingRewritten) {
            true => state.files.keys().copied().collect(),
            false => losing.into_iter().filter(is_mostly_dead).collect(),
        };
        for number in emptied {
            for &id in state.files[&number].segments.difference(&gone) {
                // A segment that no live segment lists is in the manifest only.
                let Some(segment) = find(&self.storage.version, id, state.segments[&id].0.first)
                else {
                    continue;
                };
                mark!(MostlyDeadFileEmptied);
                self.replaced.push(id);
                self.add_move(&segment);
            }
        }
    }
}

/// The segment with this identity and this first commit, if the version has it.
fn find(version: &Version, id: SegmentId, first: Commit) -> Option<Arc<Segment>> {
    let roots = version.roots(id.keyspace);
    let position = roots.partition_point(|node| node.meta().first <= first);
    let mut node = roots.get(position.checked_sub(1)?)?;
    loop {
        work!(SegmentVisited);
        if node.meta().id() == id {
            return Some(Arc::clone(&node.segment));
        }
        let inputs = &node.inputs;
        let position = inputs.partition_point(|input| input.first() <= first);
        match inputs.get(position.checked_sub(1)?)? {
            Input::Kept(below) => node = below,
            Input::Removed { .. } => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::Alignment;
    use crate::batch::WriteBatch;
    use crate::fs::MemFs;
    use crate::options::{History, Options, Pacing, Placement, RemoveInputs};
    use crate::store::Store;
    use crate::work::{Work, count};

    fn in_files() -> Options {
        Options {
            file_level: Some(1),
            ..Options::default()
        }
    }

    fn spills() -> Options {
        Options {
            memory_budget_bytes: 500,
            ..Options::default()
        }
    }

    /// The number of segments that are visited for 64 commits after `behind` earlier commits.
    fn visited(behind: u64, remove_inputs: RemoveInputs, options: &Options) -> u64 {
        let placement = Placement {
            alignment: Alignment::uniform(4).unwrap(),
            min_inputs: 2,
            history: History::Newest,
            remove_inputs,
        };
        let options = Options {
            placement: Some(placement),
            pacing: Pacing::Settle,
            cache_bytes: 0,
            ..options.clone()
        };
        let mut store = Store::open(Arc::new(MemFs::new()), options).unwrap();
        let mut commit = |key: u64| {
            let mut batch = WriteBatch::new();
            batch.put("keyspace", &(key % 100).to_be_bytes(), b"value");
            store.commit(&batch).unwrap();
        };
        (0..behind).for_each(&mut commit);
        count(Work::SegmentVisited, || (0..64).for_each(&mut commit))
    }

    /// Every file job once examined every segment that retention keeps: 100,000 commits, all of
    /// them kept, took 3 s in memory, and twice as many took 12 s.
    #[test]
    fn what_lies_in_files_costs_a_job_nothing() {
        for options in [in_files(), spills()] {
            for rule in [RemoveInputs::Never, RemoveInputs::UpToLevel(1)] {
                let (early, late) = (visited(256, rule, &options), visited(4096, rule, &options));
                assert!(early > 20, "{early} segments for 64 commits, {rule:?}");
                assert!(
                    late <= early + early / 2,
                    "{rule:?}: {early} segments behind 256 commits, {late} behind 4096"
                );
            }
        }
    }

    /// 16,000 commits with one new keyspace each once took 2 s. Nearly all of the time went into
    /// asking each keyspace at each closing whether it has something to merge.
    #[test]
    fn keyspaces_that_nobody_writes_to_cost_nothing() {
        let visited = |idle: u64, options: &Options| {
            let options = Options {
                placement: Some(Placement::with_divisor(4).unwrap()),
                pacing: Pacing::Settle,
                ..options.clone()
            };
            let mut store = Store::open(Arc::new(MemFs::new()), options).unwrap();
            let mut batch = WriteBatch::new();
            for keyspace in 0..idle {
                batch.put(&format!("idle {keyspace}"), b"key", b"value");
            }
            // Far enough in the past, and in files.
            store.commit(&batch).unwrap();
            for _ in 1..256 {
                store.commit(&WriteBatch::new()).unwrap();
            }
            batch.clear();
            batch.put("busy", b"key", b"value");
            count(Work::KeyspaceVisited, || {
                for _ in 0..64 {
                    store.commit(&batch).unwrap();
                }
            })
        };
        for options in [Options::default(), in_files(), spills()] {
            let (few, many) = (visited(3, &options), visited(3000, &options));
            assert!(few >= 16, "only {few}");
            // The manifest is longer, so a spill may come at another commit.
            assert!(many < 2 * few, "{many} keyspaces, {few} if few are idle");
        }
    }
}
