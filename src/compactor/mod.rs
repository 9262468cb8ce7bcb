//! The compactor: brings the layout to the state that the policy asks for.
//!
//! The compactor is single-threaded and driven step by step; dropping it between two steps equals a
//! crash. It learns of commits through events, and derives its work from the watermark and the
//! version alone: the set of merges is exact, the time of a merge is best effort.
//!
//! There are two lanes. The *memory lane* handles closings whose segments are all in memory;
//! nothing is written to the disk. The *file lane* handles the other closings, one file at a time
//! and in commit order. The memory lane runs ahead of the file lane only with windows that begin at
//! or after the last commit in the file lane. So the two lanes never touch the same segment, and
//! every file job finds the settled layout up to its commit.
//!
//! Invariant: after a file job at commit `c`, the manifest holds the settled layout of the history
//! up to `c` (merges into the levels of `c` itself may still follow).

#[cfg(test)]
mod confluence;
mod file_job;
mod install;
mod memory_job;
mod moved;
mod plan;
mod retired;
mod switch_job;
mod task;
mod watermark;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::Result;
use crate::event::Event;
use crate::policy::{
    Closing, closings, last_closing_commit, next_closing_commit, plan, widest_window,
};
use crate::segment::Segment;
use crate::storage::{Lend, Storage, remove_one_obsolete};
use crate::thresholds::Thresholds;

use file_job::FileJob;
use install::install_outputs;
use memory_job::MemoryJob;
use switch_job::SwitchJob;
use task::{MergeTask, Task};
use watermark::Watermark;

/// Entries that the compactor should read for each committed entry, when commits are paced. In the
/// long run an entry is merged once for each level, so this is enough for sixteen levels.
pub(crate) const PACED_ENTRIES: usize = 16;

/// The result of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// No work is left for the commits that are known.
    Idle,
    /// A bounded piece of work.
    Worked {
        /// Entries read.
        entries: usize,
    },
}

/// Work for the file lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileWork {
    /// Windows close, and their outputs or inputs are in files.
    Close(Closing),
    /// Memory or the log is over its budget: everything up to this commit moves to a file
    /// unchanged.
    Spill(Commit),
    /// Everything up to this commit, the newest one, is in files: a new log begins.
    NewLog(Commit),
}

impl FileWork {
    fn at(self) -> Commit {
        match self {
            Self::Close(closing) => closing.at,
            Self::Spill(at) | Self::NewLog(at) => at,
        }
    }
}

/// The choice of a step.
enum Lane {
    /// Continue the job in memory.
    Memory,
    /// A closing was given to its lane; the step is done.
    HandedOut,
    /// No work is left for a handle that does not write.
    ReadOnly,
    /// Continue the file lane.
    File,
}

/// The compactor of one store.
#[derive(Debug)]
pub(crate) struct Compactor {
    watermark: Watermark,
    /// Every closing up to here is in `due`, in a lane, or done.
    closed_through: Commit,
    /// Closings of the commit `closed_through` that no lane has yet.
    due: VecDeque<Closing>,
    thresholds: Thresholds,
    memory_job: Option<MemoryJob>,
    file_queue: VecDeque<FileWork>,
    file_job: Option<(FileWork, FileJob)>,
    switch_job: Option<SwitchJob>,
    /// A file job is done, and the files that it has retired are removed before the next job
    /// begins. Under load there is always a next job, so retired files would pile up otherwise.
    /// Files are not removed before a job is done: until the record of that job in the manifest is
    /// durable, nothing proves a manifest that has replaced an old one.
    is_clearing: bool,
}

impl Compactor {
    /// A compactor for a store that was just opened. All commits are known. The closings at the
    /// last flushed commit at which windows close are examined again: a crash may have come between
    /// the levels of that commit, or before the record of the removed inputs.
    pub(crate) fn new(storage: &Storage) -> Self {
        let flushed_through = storage.manifest.state.flushed_through;
        let last_closing = last_closing_commit(&storage.placement, flushed_through);
        Self {
            watermark: Watermark::new(storage.version.head()),
            thresholds: storage.options.thresholds,
            closed_through: if planted!(RestartForgetsClosings) {
                storage.version.head()
            } else {
                last_closing.unwrap_or(flushed_through).minus(1)
            },
            due: VecDeque::new(),
            memory_job: None,
            file_queue: VecDeque::new(),
            file_job: None,
            switch_job: None,
            is_clearing: false,
        }
    }

    /// Takes note of an event. Events change the time of merges, never their result.
    pub(crate) fn receive(&mut self, event: &Event) {
        if let Event::Committed { commit } = event {
            self.watermark.learn(*commit);
        }
    }

    /// Learns from the version the commits whose events were lost.
    pub(crate) fn reconcile(&mut self, storage: &Storage) {
        if !planted!(LostEventsStayLost) {
            self.watermark.learn_all(storage.version.head());
        }
    }

    /// Every commit up to here is known.
    pub(crate) fn known_through(&self) -> Commit {
        self.watermark.through()
    }

    /// Every closing up to here is due, in a lane, or done.
    pub(crate) fn closed_through(&self) -> Commit {
        self.closed_through
    }

    /// Commits that the compactor does not know of yet.
    pub(crate) fn lag(&self, storage: &Storage) -> u64 {
        let (head, through) = (storage.version.head(), self.watermark.through());
        head.get().saturating_sub(through.get()) + u64::from(planted!(LagOneHigh))
    }

    /// Does one bounded piece of work. Narrow windows come first.
    ///
    /// # Errors
    /// When the disk fails, or stored bytes are damaged. A failed disk poisons the storage; damage
    /// will be found again by the next attempt.
    pub(crate) fn step(&mut self, storage: &mut impl Lend) -> Result<Step> {
        match storage.lend(|storage| self.choose(storage))? {
            Lane::Memory => self.step_memory_lane(storage),
            Lane::HandedOut => Ok(Step::Worked { entries: 0 }),
            // Segments in memory may be merged in memory; the disk is not changed.
            Lane::ReadOnly => Ok(Step::Idle),
            Lane::File => self.step_file_lane(storage),
        }
    }

    /// Chooses the next step. One loan answers all questions to the storage.
    fn choose(&mut self, storage: &Storage) -> Result<Lane> {
        storage.check_healthy()?;
        // The memory job first: the next closing is planned from a version that holds its outputs.
        if self.memory_job.is_some() {
            return Ok(Lane::Memory);
        }
        if let Some(closing) = self.next_closing(storage) {
            self.hand_out(storage, closing);
            return Ok(Lane::HandedOut);
        }
        Ok(match storage.read_only {
            true => Lane::ReadOnly,
            false => Lane::File,
        })
    }

    /// The next closing that no lane has yet, if the watermark has reached it.
    fn next_closing(&mut self, storage: &Storage) -> Option<Closing> {
        if self.due.is_empty() {
            let through = match self.watermark.through() {
                through if planted!(ClosesOneEarly) => through.next(),
                through if planted!(ClosesOneLate) => through.minus(1),
                through => through,
            };
            let next = next_closing_commit(&storage.placement, self.closed_through)
                .filter(|&next| next <= through)?;
            assert!(
                next > self.closed_through,
                "the windows of commit {next} close again: closed through {}",
                self.closed_through
            );
            self.due = closings(&storage.placement, storage.options.cascade, next).into();
            // Advances together with `due`: every closing up to here is in `due`, in a lane, or
            // done.
            self.closed_through = next;
        }
        self.due.pop_front()
    }

    /// Gives a closing to the lane it belongs to.
    fn hand_out(&mut self, storage: &Storage, closing: Closing) {
        let window = widest_window(&storage.placement, closing);
        assert!(
            window.end == closing.at && window.start < window.end,
            "{window} does not close at commit {}",
            closing.at
        );
        // The fence is the newest commit of the file lane. A window that begins before the fence
        // can have inputs that the file lane still replaces.
        let queued = self
            .file_queue
            .back()
            .or(self.file_job.as_ref().map(|(work, _)| work));
        let fence = queued.map_or(Commit::ZERO, |work| work.at());
        if closing.highest >= storage.file_level || window.start < fence {
            if closing.highest < storage.file_level {
                mark!(ClosedBehindFence);
            }
            self.file_queue.push_back(FileWork::Close(closing));
            return;
        }
        let version = &storage.version;
        let merges = plan(version, &storage.recent, &storage.placement, closing);
        let needs_file = merges.iter().any(|merge| {
            let mut inputs = version.roots(merge.keyspace).range(merge.inputs.clone());
            inputs.any(|node| node.segment.file().is_some())
        });
        if needs_file {
            mark!(NarrowWindowNeedsFile);
            self.file_queue.push_back(FileWork::Close(closing));
            return;
        }
        mark!(ClosedInMemory);
        let (mut tasks, mut outputs) = (VecDeque::new(), Vec::new());
        for merge in &merges {
            let task = MergeTask::new(version, &storage.placement, merge);
            match task.can_wait(self.thresholds.unmerged_entries) {
                true => outputs.push(task.left_unmerged(storage.options.filter_rule())),
                false => tasks.push_back(Task::Merge(task)),
            }
        }
        self.memory_job = Some(MemoryJob::new(closing, tasks, outputs));
    }

    /// A job that meets damage stays, as in the file lane.
    fn step_memory_lane(&mut self, storage: &mut impl Lend) -> Result<Step> {
        let job = self.memory_job.as_mut();
        let job = job.expect("this lane is chosen for its job");
        span!(TRACE, "merge");
        let (entries, done) = job.step(storage, &self.thresholds)?;
        if done {
            self.memory_job = None;
        }
        Ok(Step::Worked { entries })
    }

    fn step_file_lane(&mut self, storage: &mut impl Lend) -> Result<Step> {
        if let Some(job) = &mut self.switch_job {
            if job.step(storage)? {
                self.switch_job = None;
            }
            return Ok(Step::Worked { entries: 0 });
        }
        if let Some((_, job)) = &mut self.file_job {
            span!(TRACE, "file_job");
            let outcome = job.step(storage);
            let (entries, done) = outcome.inspect_err(|_| {
                // Work that met damage stays in the queue, in front: if the lane went on without
                // it, the lane would publish a layout that the history does not have.
                if let Some((work, _)) = self.file_job.take()
                    && !planted!(DamagedMergeForgotten)
                {
                    mark!(DamagedMergeKept);
                    self.file_queue.push_front(work);
                }
            })?;
            if done {
                self.file_job = None;
                // Only now: the durable record of the job proves the manifest that no longer names
                // these files.
                self.is_clearing = !planted!(ClearsWhenIdle);
            }
            return Ok(Step::Worked { entries });
        }
        if self.is_clearing {
            if remove_one_obsolete(storage)? {
                return Ok(Step::Worked { entries: 0 });
            }
            self.is_clearing = false;
        }
        // Closings before spills: a spill up to a later commit would publish a line whose earlier
        // windows are not merged yet.
        if let Some(&work) = self.file_queue.front() {
            storage.lend(|storage| self.begin_file_work(storage, work));
            return Ok(Step::Worked { entries: 0 });
        }
        if let Some(work) = storage.lend(|storage| self.budget_work(storage)) {
            self.file_queue.push_back(work);
            return Ok(Step::Worked { entries: 0 });
        }
        // Files that readers held when their turn came.
        if remove_one_obsolete(storage)? {
            return Ok(Step::Worked { entries: 0 });
        }
        Ok(Step::Idle)
    }

    /// Begins the first work of the file lane, or the manifest switch that has to come before it.
    fn begin_file_work(&mut self, storage: &mut Storage, work: FileWork) {
        assert!(
            self.file_job.is_none() && self.switch_job.is_none(),
            "the file lane does one thing at a time"
        );
        let closing = match work {
            FileWork::Close(closing) => Some(closing),
            FileWork::Spill(_) | FileWork::NewLog(_) => None,
        };
        let merges = closing.map_or(Vec::new(), |closing| {
            plan(
                &storage.version,
                &storage.recent,
                &storage.placement,
                closing,
            )
        });
        let always_flushes = closing.is_none_or(|closing| closing.highest >= storage.file_level);
        let job = match work {
            FileWork::NewLog(at) => Some(FileJob::new_log(at)),
            _ => (always_flushes || !merges.is_empty())
                .then(|| FileJob::new(storage, work.at(), &merges, closing.is_none()))
                .flatten(),
        };
        match job {
            Some(_) if storage.wants_manifest_switch() => {
                mark!(ManifestSwitched);
                // The work stays in the queue: it is planned again when the switch is done.
                self.switch_job = Some(SwitchJob::default());
                return;
            }
            Some(job) => self.file_job = Some((work, job)),
            // There is nothing to write. But retention counts closings, and after an opening it
            // also repeats what a crash has undone.
            None if planted!(QuietClosingSkipped) => {}
            None if closing.is_some() => {
                mark!(QuietClosing);
                install_outputs(storage, work.at(), Vec::new());
            }
            None => {}
        }
        self.file_queue.pop_front();
    }

    /// The work that brings memory or the log back into its budget, if one is over it.
    fn budget_work(&self, storage: &Storage) -> Option<FileWork> {
        if !self.wants_spill(storage) {
            return wants_new_log(storage).map(FileWork::NewLog);
        }
        mark!(Spilled);
        let through = self.watermark.through();
        let at = spill_edge(storage, through);
        let flushed_through = storage.manifest.state.flushed_through;
        assert!(
            at > flushed_through && at <= through,
            "a spill up to commit {at} beyond {flushed_through}, watermark {through}"
        );
        Some(FileWork::Spill(at))
    }

    /// Whether memory or the log is over its budget and a spill would help.
    fn wants_spill(&self, storage: &Storage) -> bool {
        storage.is_over_budget()
            && storage.manifest.state.flushed_through < self.watermark.through()
    }
}

/// The length of a log that is not worth a new one: more than the length of a new file.
const SHORT_LOG_BYTES: u64 = 256;

/// The newest commit, if every commit in the log that was read back at opening is in files, and
/// that log is longer than memory may be. The next commit would begin a new log. Without a next
/// commit the old log would stay, because a store always has a log.
fn wants_new_log(storage: &Storage) -> Option<Commit> {
    let head = storage.version.head();
    let max_bytes = (storage.options.memory_budget_bytes as u64).max(SHORT_LOG_BYTES);
    let is_long = (storage.wal.read_back_bytes()).is_some_and(|bytes| bytes > max_bytes);
    (is_long && storage.manifest.state.flushed_through == head).then_some(head)
}

/// The commit up to which memory is emptied: the last right edge of the widest windows possible
/// that leaves at most half of the budget in memory. No closed window lies across such an edge, and
/// the windows that will lie across it are wide. So few merges have to read again what was just
/// written.
fn spill_edge(storage: &Storage, through: Commit) -> Commit {
    let mut ends = Vec::new();
    let visit = &mut |segment: &Arc<Segment>| {
        work!(SegmentVisited);
        ends.push((segment.meta.window.end, segment.memory_bytes()));
    };
    // Segments in memory follow those in files. Retention may keep any number of segments in files.
    let flushed_through = storage.manifest.state.flushed_through;
    for keyspace in storage.recent.since(flushed_through) {
        work!(KeyspaceVisited);
        let roots = storage.version.roots(keyspace);
        let in_memory = roots.partition_point(|node| node.segment.file().is_some());
        roots.from(in_memory).for_each(|node| node.for_each(visit));
    }
    let bytes_behind = |edge: Commit| -> usize {
        let behind = ends.iter().filter(|(end, _)| *end > edge);
        behind.map(|(_, bytes)| bytes).sum()
    };
    let max_bytes = storage.options.memory_budget_bytes / 2;
    let widths = storage.placement.alignment.widths().iter().rev();
    widths
        .map(|width| through.minus(through.get() % width))
        .find(|&edge| edge > flushed_through && bytes_behind(edge) <= max_bytes)
        .unwrap_or(through)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::Alignment;
    use crate::batch::WriteBatch;
    use crate::fs::MemFs;
    use crate::options::{Options, Placement};
    use crate::recover::{self, Mode};

    /// Files were once removed only when there was no other work: under load a store of 108 MB had
    /// 400 MB of files.
    #[test]
    fn what_jobs_retire_does_not_pile_up() {
        let placement = Placement {
            alignment: Alignment::uniform(2).unwrap(),
            ..Placement::default()
        };
        let options = Options {
            placement: Some(placement),
            file_level: Some(1),
            ..Options::default()
        };
        let fs = Arc::new(MemFs::new());
        let mut storage = recover::open(fs, options, Mode::ReadWrite).unwrap();
        let mut compactor = Compactor::new(&storage);
        let mut batch = WriteBatch::new();
        batch.put("keyspace", b"key", b"value");
        for _ in 0..256 {
            storage.commit(std::slice::from_ref(&batch)).unwrap();
        }
        compactor.reconcile(&storage);
        let (mut retired, mut most) = (0, 0);
        let mut before = 0;
        while compactor.step(&mut storage).unwrap() != Step::Idle {
            let waiting = storage.obsolete.len();
            retired += waiting.saturating_sub(before);
            most = most.max(waiting);
            before = waiting;
        }
        assert!(retired > 100, "only {retired} files were retired");
        // The inputs of one merge, and the kept inputs of other merges in the same file.
        assert!(most <= 4, "{most} of {retired} files were there at once");
    }
}
