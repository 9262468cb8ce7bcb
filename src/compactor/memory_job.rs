//! Merges whose inputs and outputs are all in memory.
//!
//! Nothing is written to the disk: the WAL already holds every entry, and a replay leads to the
//! same merges.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::compactor::install::{Output, install_outputs};
use crate::compactor::task::{RunningTask, Task};
use crate::error::Result;
use crate::policy::Closing;
use crate::segment::run::Run;
use crate::segment::{Segment, Tally};
use crate::storage::Lend;
use crate::thresholds::Thresholds;

/// The merges of one closing.
#[derive(Debug)]
pub(crate) struct MemoryJob {
    closing: Closing,
    waiting: VecDeque<Task>,
    running: Option<(RunningTask, Run, Tally)>,
    outputs: Vec<Output>,
}

impl MemoryJob {
    /// `outputs`: outputs that need no work.
    pub(crate) fn new(closing: Closing, tasks: VecDeque<Task>, outputs: Vec<Output>) -> Self {
        assert!(
            tasks.iter().all(Task::is_in_memory),
            "a merge with inputs in files belongs to the file lane: {closing:?}"
        );
        Self {
            closing,
            waiting: tasks,
            running: None,
            outputs,
        }
    }

    /// Merges as many entries as a step may. Returns the number of entries read, and whether the
    /// job is done and its outputs are in the version.
    pub(crate) fn step(
        &mut self,
        storage: &mut impl Lend,
        thresholds: &Thresholds,
    ) -> Result<(usize, bool)> {
        if self.running.is_none() {
            let Some(task) = self.waiting.pop_front() else {
                // All outputs of a closing are installed at once: a reader never sees half of a
                // closing.
                let outputs = std::mem::take(&mut self.outputs);
                storage.lend(|storage| install_outputs(storage, self.closing.at, outputs));
                return Ok((0, true));
            };
            let task = RunningTask::begin(task, thresholds)?;
            let run = Run::with_capacity(task.max_entries as usize, task.max_bytes as usize);
            self.running = Some((task, run, Tally::default()));
        }
        let (task, run, tally) = self.running.as_mut().expect("a task was begun");
        let (read, exhausted) = task.pump(thresholds.step_entries, |entry| {
            tally.add(entry, !run.ends_with(entry.key));
            run.push(entry);
            true
        })?;
        let filter = storage.lend(|storage| {
            storage.counters.merge_entries_read += read as u64;
            storage.options.filter_rule()
        });
        if !exhausted {
            mark!(MergeInSteps);
        }
        if exhausted && let Some((mut task, mut run, tally)) = self.running.take() {
            tally.fill(&mut task.meta);
            // Thinning can leave far fewer entries than the inputs had.
            if tally.entries < task.max_entries / 2 {
                run.shrink();
            }
            if planted!(EmptyOutputDropped) && run.is_empty() {
                return Ok((read, false));
            }
            let segment = Arc::new(Segment::in_memory(task.meta, run, filter));
            self.outputs.push(Output {
                segment,
                inputs: task.inputs,
            });
        }
        Ok((read, false))
    }
}
