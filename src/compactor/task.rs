//! One output of a job: its inputs, its metadata, and the progress of its merge.

use std::sync::Arc;

use crate::align::Window;
use crate::commit::Commit;
use crate::compactor::install::Output;
use crate::error::Result;
use crate::options::{Placement, RemoveInputs};
use crate::policy::PlannedMerge;
use crate::segment::run::{EntryRef, Run};
use crate::segment::{
    Direction, Fetch, FilterRule, InputMeta, MergeCursor, Segment, SegmentMeta, SortedRuns,
    Thinning, floor,
};
use crate::thresholds::Thresholds;
use crate::version::{Node, Version};

/// One piece of a job's output.
#[derive(Debug)]
pub(crate) enum Task {
    /// Several segments become one.
    Merge(MergeTask),
    /// A segment moves to another place unchanged.
    Move(Arc<Segment>),
}

impl Task {
    /// Whether all inputs are in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        match self {
            Self::Merge(task) => task.inputs.iter().all(|input| input.file().is_none()),
            Self::Move(segment) => segment.file().is_none(),
        }
    }
}

/// A merge that is planned but not begun.
#[derive(Debug)]
pub(crate) struct MergeTask {
    meta: SegmentMeta,
    inputs: Vec<Arc<Segment>>,
    thinning: Thinning,
}

impl MergeTask {
    /// The task of a planned merge.
    pub(crate) fn new(version: &Version, placement: &Placement, planned: &PlannedMerge) -> Self {
        let nodes = version
            .roots(planned.keyspace)
            .range(planned.inputs.clone());
        let nodes: Vec<&Arc<Node>> = nodes.collect();
        assert!(
            nodes.len() > 1,
            "{} of keyspace {} is merged from {} segments",
            planned.window,
            planned.keyspace,
            nodes.len()
        );
        let is_inside = |node: &&Arc<Node>| {
            node.meta().first > planned.window.start && node.meta().last <= planned.window.end
        };
        assert!(
            nodes.iter().all(is_inside),
            "an input lies outside of {}",
            planned.window
        );
        let meta = output_meta(placement, planned.window, &nodes);
        let is_oldest = planned.inputs.start == 0 || planted!(TombstoneDropped);
        Self {
            thinning: Thinning::new((meta.first, meta.floor), placement.remove_inputs, is_oldest),
            meta,
            inputs: nodes.iter().map(|node| Arc::clone(&node.segment)).collect(),
        }
    }

    /// Whether the output can be left unmerged: the output has all entries of its inputs, and at
    /// most `max_entries`. The inputs are in memory.
    pub(crate) fn can_wait(&self, max_entries: u64) -> bool {
        let entries: u64 = self.inputs.iter().map(|input| input.meta.entries).sum();
        let drops_nothing = self.thinning.keeps_all() || planted!(UnmergedInspiteOfThinning);
        entries <= max_entries && drops_nothing
    }

    /// The output, whose entries stay in the runs of its inputs.
    pub(crate) fn left_unmerged(self, filter: FilterRule) -> Output {
        mark!(LeftUnmerged);
        let mut meta = self.meta;
        for input in &self.inputs {
            meta.entries += input.meta.entries;
            meta.tombstones += input.meta.tombstones;
            meta.keys += input.meta.keys;
            meta.bytes += input.meta.bytes;
        }
        Output {
            inputs: self.inputs.len(),
            segment: Arc::new(Segment::unmerged(meta, &self.inputs, filter)),
        }
    }
}

/// The metadata of an output that is known before it is written.
fn output_meta(placement: &Placement, window: Window, nodes: &[&Arc<Node>]) -> SegmentMeta {
    let first = nodes.first().map_or(Commit::ZERO, |node| node.meta().first);
    let last = nodes.last().map_or(Commit::ZERO, |node| node.meta().last);
    let last = if planted!(RangeOverClaims) {
        window.end
    } else {
        last
    };
    let inputs = match placement.remove_inputs {
        RemoveInputs::Always => Vec::new(),
        _ => nodes
            .iter()
            .map(|node| node.meta())
            .map(|meta| InputMeta {
                end: meta.window.end,
                level: meta.window.level,
                first: meta.first,
            })
            .collect(),
    };
    SegmentMeta {
        keyspace: nodes[0].meta().keyspace,
        window,
        first,
        last,
        floor: floor(placement.history, window, first, last),
        commits: nodes.iter().map(|node| node.meta().commits).sum(),
        entries: 0,
        tombstones: 0,
        keys: 0,
        bytes: 0,
        inputs,
    }
}

/// A task that has begun.
#[derive(Debug)]
pub(crate) struct RunningTask {
    pub(crate) meta: SegmentMeta,
    /// An upper bound for the distinct keys of the output.
    pub(crate) max_keys: u64,
    /// An upper bound for the entries of the output.
    pub(crate) max_entries: u64,
    /// An upper bound for the key and value bytes of the output.
    pub(crate) max_bytes: u64,
    pub(crate) is_merge: bool,
    pub(crate) inputs: usize,
    source: Source,
    thinning: Thinning,
}

/// The source of a task's entries.
#[derive(Debug)]
enum Source {
    /// Inputs of which some are unmerged. The unmerged inputs are merged first, one in each step.
    Unmerged(Vec<Arc<Segment>>),
    Merge(MergeCursor),
    Sorted(SortedRuns),
}

impl Source {
    fn of(inputs: Vec<Arc<Segment>>, thresholds: &Thresholds) -> Result<Self> {
        // Tried first: a sort takes the runs of unmerged inputs as they are, so they are not merged
        // twice.
        if let Some(runs) = runs_to_sort(&inputs, thresholds) {
            return Ok(Self::Sorted(SortedRuns::new(runs)));
        }
        if inputs.iter().any(|input| input.is_unmerged()) {
            return Ok(Self::Unmerged(inputs));
        }
        Self::merge(&inputs)
    }

    fn merge(inputs: &[Arc<Segment>]) -> Result<Self> {
        let mut cursors = Vec::with_capacity(inputs.len());
        for input in inputs {
            let mut cursor = input.cursor(Fetch::Ahead);
            let outcome = cursor.seek_first();
            if !planted!(MergeReadErrorIsEnd) {
                outcome?;
            }
            cursors.push(cursor);
        }
        Ok(Self::Merge(MergeCursor::new(cursors, Direction::Forward)))
    }

    /// Merges one unmerged input. Returns false when all inputs are merged and entries can be read.
    fn merge_input(&mut self) -> Result<bool> {
        let Self::Unmerged(inputs) = self else {
            return Ok(false);
        };
        if let Some(input) = inputs.iter().find(|input| input.is_unmerged()) {
            mark!(InputMergedFirst);
            input.merge_entries();
            return Ok(true);
        }
        *self = Self::merge(inputs)?;
        Ok(false)
    }

    /// Gives at most `most` entries that `thinning` keeps to `take`, until `take` returns false.
    /// Returns the number of entries read, and whether the inputs are exhausted.
    fn pump(
        &mut self,
        thinning: &mut Thinning,
        most: usize,
        take: impl FnMut(EntryRef<'_>) -> bool,
    ) -> Result<(usize, bool)> {
        match self {
            Self::Unmerged(_) => unreachable!("inputs are merged before their entries are read"),
            Self::Merge(cursor) => pump(cursor, thinning, most, take),
            Self::Sorted(sorted) => pump(sorted, thinning, most, take),
        }
    }
}

/// Entries in run order, one after the other.
trait Entries {
    /// The next entry, or `None` behind the last one.
    fn entry(&self) -> Option<EntryRef<'_>>;

    /// Moves past the next entry.
    fn advance(&mut self) -> Result<()>;
}

impl Entries for MergeCursor {
    #[inline]
    fn entry(&self) -> Option<EntryRef<'_>> {
        Self::entry(self)
    }

    #[inline]
    fn advance(&mut self) -> Result<()> {
        Self::advance(self)
    }
}

impl Entries for SortedRuns {
    #[inline]
    fn entry(&self) -> Option<EntryRef<'_>> {
        Self::entry(self)
    }

    #[inline]
    fn advance(&mut self) -> Result<()> {
        Self::advance(self);
        Ok(())
    }
}

/// See [`Source::pump`]. Compiled once for each kind of source: the loop runs once for each entry
/// of each merge, and the kind is asked for outside of the loop.
fn pump(
    entries: &mut impl Entries,
    thinning: &mut Thinning,
    most: usize,
    mut take: impl FnMut(EntryRef<'_>) -> bool,
) -> Result<(usize, bool)> {
    let mut read = 0;
    while read < most
        && let Some(entry) = entries.entry()
    {
        read += 1;
        let goes_on = !thinning.keeps(entry) || take(entry);
        entries.advance()?;
        if !goes_on {
            break;
        }
    }
    if read == most && planted!(StepLosesEntry) && entries.entry().is_some() {
        entries.advance()?;
    }
    Ok((read, entries.entry().is_none()))
}

/// The runs of the inputs, if all are in memory and together short enough for sorting.
fn runs_to_sort(inputs: &[Arc<Segment>], thresholds: &Thresholds) -> Option<Vec<Arc<Run>>> {
    let entries: u64 = inputs.iter().map(|input| input.meta.entries).sum();
    if entries > thresholds.sorted_entries || !inputs.iter().all(|input| input.is_in_memory()) {
        return None;
    }
    let mut runs = Segment::runs_of(inputs);
    if planted!(UnmergedTakenHalf) && runs.len() > inputs.len() {
        runs.truncate(2);
    }
    Some(runs)
}

impl RunningTask {
    /// Opens the inputs.
    pub(crate) fn begin(task: Task, thresholds: &Thresholds) -> Result<Self> {
        let (meta, inputs, thinning, is_merge) = match task {
            Task::Merge(task) => (task.meta, task.inputs, task.thinning, true),
            Task::Move(segment) => (segment.meta.clone(), vec![segment], Thinning::none(), false),
        };
        Ok(Self {
            meta,
            max_keys: inputs.iter().map(|segment| segment.meta.keys).sum(),
            max_entries: inputs.iter().map(|segment| segment.meta.entries).sum(),
            max_bytes: inputs.iter().map(|segment| segment.meta.bytes).sum(),
            is_merge,
            inputs: inputs.len(),
            source: Source::of(inputs, thresholds)?,
            thinning,
        })
    }

    /// Gives at most `most` entries to `take`. `take` returns false to stop. Returns the number of
    /// entries read, and whether the inputs are exhausted.
    pub(crate) fn pump(
        &mut self,
        most: usize,
        take: impl FnMut(EntryRef<'_>) -> bool,
    ) -> Result<(usize, bool)> {
        if self.source.merge_input()? {
            return Ok((0, false));
        }
        self.source.pump(&mut self.thinning, most, take)
    }
}
