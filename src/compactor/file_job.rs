//! A job that moves the line between memory and files: it writes one segment file, and one manifest
//! record puts the file into force.
//!
//! The file holds the merge outputs of a closing, and every other segment up to the closing commit
//! that is still only in memory and in the WAL. So after the job every commit up to the closing
//! commit is in files, and the older WAL files can be removed. Segments that would keep a mostly
//! dead file alive move to the new file as well.
//!
//! Each step performs at most one operation that matters for durability, in this order: create,
//! append (several), sync, sync directory, append to manifest, sync manifest. Only then does the
//! version change, and only then are files removed. A large file is also synced after every few
//! appends, so that no step waits for the sync of all of its bytes. Beginning a new log is one
//! step, as in a commit that begins one.
//!
//! Inputs that a later closing has removed are missing from the file or from the manifest. The WAL
//! is synced before the record is written, so that no crash can undo that closing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::commit::Commit;
use crate::compactor::install::{Output, install_outputs};
use crate::compactor::moved::install_moved;
use crate::compactor::plan::Plan;
use crate::compactor::task::{RunningTask, Task};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::files::{FileKind, file_name};
use crate::log::LogIo;
use crate::manifest::{Edit, NewFile};
use crate::options::Durability;
use crate::policy::PlannedMerge;
use crate::retention::removes_later;
use crate::segment::{KeyspaceId, Place, Segment, SegmentFileWriter, SegmentId, SegmentMeta};
use crate::storage::{Lend, Obsolete, Storage};

/// The next operation.
#[derive(Debug)]
enum Phase {
    BeginLog,
    Create,
    Write,
    Sync,
    SyncDirectory,
    SyncLog,
    /// The log was synced; other threads may have appended commits since.
    NoteSync(Commit, Option<LogIo>),
    WriteEdit,
    SyncEdit(Edit),
    Done,
}

/// A segment file that is being written.
#[derive(Debug)]
pub(crate) struct FileJob {
    at: Commit,
    waiting: VecDeque<Task>,
    running: Option<RunningTask>,
    writer: Option<SegmentFileWriter>,
    appends: u32,
    /// The number of these appends that were synced while the file was written.
    synced_appends: u32,
    phase: Phase,
    /// The closing up to which the WAL was synced for this job.
    log_synced_for: Commit,
    /// The merge outputs, and the number of inputs of each.
    merges: BTreeMap<SegmentId, usize>,
    /// Segments in files whose place in the manifest this job replaces.
    replaced: Vec<SegmentId>,
    segments: Vec<Arc<Segment>>,
}

impl FileJob {
    /// The job that brings everything up to `at` into files, with these merges; `None` when there
    /// is nothing to write. A spill whose commits have left no segment in memory writes no file:
    /// the manifest record alone moves the line.
    pub(crate) fn new(
        storage: &Storage,
        at: Commit,
        merges: &[PlannedMerge],
        is_spill: bool,
    ) -> Option<Self> {
        let flushed_through = storage.manifest.state.flushed_through;
        assert!(
            at <= storage.version.head(),
            "a file up to commit {at}, and the newest is {}",
            storage.version.head()
        );
        assert!(
            !is_spill || at >= flushed_through,
            "a spill up to commit {at} goes back behind {flushed_through}"
        );
        #[allow(unused_mut, reason = "a planted bug changes it")]
        let mut plan = Plan::new(storage, at, merges);
        let moves_line = is_spill && at > flushed_through;
        if plan.tasks.is_empty() && !moves_line {
            return None;
        }
        let phase = match plan.tasks.is_empty() {
            true => Phase::WriteEdit,
            false => Phase::Create,
        };
        #[cfg(feature = "planted-bugs")]
        crate::planted::shuffle(&mut plan.tasks);
        Some(Self {
            waiting: plan.tasks,
            merges: plan.merges,
            replaced: plan.replaced,
            ..Self::begin(at, phase)
        })
    }

    /// The job that begins a new log when everything up to `at`, the newest commit, is in files.
    /// The manifest record then retires the old log.
    pub(crate) fn new_log(at: Commit) -> Self {
        Self::begin(at, Phase::BeginLog)
    }

    fn begin(at: Commit, phase: Phase) -> Self {
        Self {
            at,
            waiting: VecDeque::new(),
            running: None,
            writer: None,
            appends: 0,
            synced_appends: 0,
            phase,
            log_synced_for: at,
            merges: BTreeMap::new(),
            replaced: Vec::new(),
            segments: Vec::new(),
        }
    }

    /// Does one piece of work. Returns the number of entries read, and whether the job is done.
    pub(crate) fn step(&mut self, storage: &mut impl Lend) -> Result<(usize, bool)> {
        let outcome = self.advance(storage);
        storage.note(outcome)
    }

    fn advance(&mut self, storage: &mut impl Lend) -> Result<(usize, bool)> {
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::BeginLog => {
                storage.lend(Storage::begin_log_anew)?;
                self.phase = Phase::WriteEdit;
            }
            Phase::Create => {
                let (fs, options) =
                    storage.lend(|storage| (Arc::clone(&storage.fs), storage.writer_options()));
                let mut create = || {
                    let id = storage.lend(|storage| storage.draw_file(FileKind::Segment))?;
                    SegmentFileWriter::create(&*fs, id, options)
                };
                let mut writer = create();
                if planted!(CreateRetried) && writer.is_err() {
                    writer = create();
                }
                self.writer = Some(writer?);
                self.phase = Phase::Write;
            }
            Phase::Write => return self.write(storage),
            Phase::Sync => {
                if !self.merges.is_empty() {
                    mark!(ClosedIntoFile);
                }
                if self.synced_appends == 0 || !planted!(EarlySyncSuffices) {
                    self.writer().sync()?;
                }
                // Bytes and name are durable before the record: a durable record must never name a
                // file that a crash can take or change.
                self.phase = Phase::SyncDirectory;
            }
            Phase::SyncDirectory => {
                let fs = storage.lend(|storage| Arc::clone(&storage.fs));
                let outcome = fs.sync_dir("").map_err(Error::io("sync", ""));
                if !planted!(DirectorySyncErrorIgnored) {
                    outcome?;
                }
                self.phase = Phase::WriteEdit;
            }
            Phase::SyncLog => self.sync_log(storage)?,
            Phase::NoteSync(closing, io) => {
                if let Some(io) = io {
                    storage.lend(|storage| storage.wal.finish(io, Ok(())))?;
                }
                self.log_synced_for = closing;
                self.phase = Phase::WriteEdit;
            }
            // This check and the append of the record are one step: the memory lane cannot install
            // a closing in between.
            Phase::WriteEdit => {
                self.phase = storage.lend(|storage| match self.outruns_log(storage) {
                    true => Ok(Phase::SyncLog),
                    false => self.write_edit(storage).map(Phase::SyncEdit),
                })?;
            }
            Phase::SyncEdit(edit) => {
                let io = storage.lend(|storage| storage.manifest.begin_sync())?;
                let outcome = io.as_ref().map_or(Ok(()), LogIo::perform);
                return storage.lend(|storage| {
                    let is_undone = planted!(FailedEditUndone) && outcome.is_err();
                    let outcome = storage.manifest.commit_edit(&edit, io, outcome);
                    for file in edit.files.iter().filter(|_| is_undone) {
                        let name = file_name(FileKind::Segment, file.number);
                        let _ = storage.fs.remove(&name);
                    }
                    // The version and the removals follow the durable record. If a file were
                    // removed earlier, a crash could bring back a manifest that still names it.
                    let unused = outcome?;
                    self.install(storage, &edit, unused);
                    Ok((0, true))
                });
            }
            Phase::Done => unreachable!("a job that is done, or has failed, is dropped"),
        }
        Ok((0, false))
    }

    fn writer(&mut self) -> &mut SegmentFileWriter {
        self.writer.as_mut().expect("the file was created")
    }

    /// Merges until the chunk is full, or appends the chunk, or syncs the last appends.
    fn write(&mut self, storage: &mut impl Lend) -> Result<(usize, bool)> {
        self.phase = Phase::Write;
        let thresholds = self.writer().thresholds();
        if self.appends - self.synced_appends == thresholds.appends_for_a_sync {
            mark!(SyncedWhileWritten);
            self.writer().sync()?;
            self.synced_appends = self.appends;
            return Ok((0, false));
        }
        if self.writer().chunk_is_full() {
            self.writer().write_chunk()?;
            self.appends += 1;
            return Ok((0, false));
        }
        if self.running.is_none() {
            let Some(task) = self.waiting.pop_front() else {
                self.writer().finish_file();
                self.writer().write_chunk()?;
                self.phase = Phase::Sync;
                return Ok((0, false));
            };
            let task = RunningTask::begin(task, &thresholds)?;
            self.writer()
                .begin_segment(task.meta.clone(), task.max_keys);
            self.running = Some(task);
        }
        let task = self.running.as_mut().expect("a task was begun");
        let writer = self.writer.as_mut().expect("the file was created");
        let (read, exhausted) = task.pump(thresholds.step_entries, |entry| {
            writer.push(entry);
            !writer.chunk_is_full()
        })?;
        storage.lend(|storage| {
            let counters = &mut storage.counters;
            if task.is_merge {
                counters.merge_entries_read += read as u64;
            } else {
                counters.moved_entries += read as u64;
            }
        });
        if exhausted {
            writer.finish_segment();
            self.running = None;
        }
        Ok((read, false))
    }

    /// Whether retention has removed inputs at a closing that a crash could undo. A store that ends
    /// before that closing still needs those inputs.
    fn outruns_log(&self, storage: &Storage) -> bool {
        let has_buffered = match planted!(OptionsDecideRetention) {
            true => storage.options.durability == Durability::Buffered,
            false => storage.has_buffered,
        };
        has_buffered
            && removes_later(storage.placement.remove_inputs)
            && storage.latest_closing > self.log_synced_for
            && !planted!(RetentionOutrunsLog)
    }

    /// Makes every visible commit durable. The result is recorded in a step of its own, because
    /// other threads may commit in between, and the driver that gives turns has to show that.
    fn sync_log(&mut self, storage: &mut impl Lend) -> Result<()> {
        mark!(RetentionWaitsForLog);
        let (closing, io) =
            // One loan for both: the sync covers every commit up to the closing that it is recorded
            // for.
            storage.lend(|storage| (storage.latest_closing, storage.wal.begin_sync()));
        self.phase = match io? {
            None => Phase::NoteSync(closing, None),
            Some(io) => match io.perform() {
                Ok(()) => Phase::NoteSync(closing, Some(io)),
                failed => return storage.lend(|storage| storage.wal.finish(io, failed)),
            },
        };
        Ok(())
    }

    /// Appends the record that publishes the file to the manifest.
    fn write_edit(&mut self, storage: &mut Storage) -> Result<Edit> {
        let edit = self.edit(storage);
        let mut early = Vec::new();
        if planted!(WalRemovedEarly) {
            early = storage.wal.retire_before(edit.oldest_wal);
        }
        if planted!(InputsRemovedEarly) {
            let unused = storage.manifest.state.clone().apply(&edit);
            let unused = unused.unwrap_or_default().into_iter();
            early.extend(unused.map(|number| file_name(FileKind::Segment, number)));
        }
        for name in early {
            let outcome = storage.fs.remove(&name);
            outcome.map_err(Error::io("remove", &name))?;
        }
        storage.manifest.write_edit(&edit)?;
        Ok(edit)
    }

    /// The record that publishes the file.
    fn edit(&mut self, storage: &mut Storage) -> Edit {
        let mut files = Vec::new();
        let mut segments = Vec::new();
        if let Some(writer) = self.writer.take() {
            let (data, written) = writer.into_parts(storage.shared.clone());
            let data = Arc::new(data);
            files.push(NewFile {
                number: data.number(),
                length: data.length(),
                fresh: data.fresh(),
            });
            let open = |(meta, place): &(SegmentMeta, Place)| {
                Arc::new(Segment::in_file(meta.clone(), Arc::clone(&data), *place))
            };
            self.segments = written.iter().map(open).collect();
            storage.data_files.insert(data.number(), data);
            segments = written;
        }
        if files.is_empty() {
            mark!(LineMovedAlone);
        }
        // Drained in the step that appends the record: segments that leave the version later go
        // with the next edit.
        let mut removed: BTreeSet<SegmentId> = storage.removed_since_edit.drain(..).collect();
        removed.extend(self.replaced.iter().copied());
        if planted!(InputsRemovedByRange) {
            let is_below = |id: &SegmentId, merged: &SegmentMeta| {
                id.level < merged.window.level && merged.window.contains(id.end)
            };
            let is_inside = |id: &&SegmentId| segments.iter().any(|(meta, _)| is_below(id, meta));
            let known = &storage.manifest.state.segments;
            removed.extend(known.keys().filter(is_inside));
            removed.retain(|id| known.contains_key(id));
        }
        let flushed_through = match self.at {
            at if planted!(FlushedTooFar) && at < storage.version.head() => at.next(),
            at if planted!(FlushedTooLittle) => at.minus(1),
            at => at,
        };
        let oldest_wal = if planted!(ManifestKeepsOldWal) {
            storage.manifest.state.oldest_wal
        } else {
            storage.wal.oldest_needed(self.at)
        };
        Edit {
            flushed_through,
            oldest_wal,
            next_file: storage.next_file,
            keyspaces: new_keyspaces(storage, self.at),
            files,
            removed: removed.into_iter().collect(),
            added: segments,
        }
    }

    /// Updates the version after the manifest, and retires the files that are no longer needed.
    fn install(&mut self, storage: &mut Storage, edit: &Edit, unused: Vec<u64>) {
        let (outputs, moved): (Vec<_>, Vec<_>) = std::mem::take(&mut self.segments)
            .into_iter()
            .partition(|segment| self.merges.contains_key(&segment.meta.id()));
        if !moved.is_empty() {
            mark!(SegmentMoved);
        }
        let stale = install_moved(storage, moved);
        if !stale.is_empty() {
            mark!(MovedSegmentRetired);
        }
        let outputs = outputs
            .into_iter()
            .map(|segment| Output {
                inputs: self.merges[&segment.meta.id()],
                segment,
            })
            .collect();
        install_outputs(storage, self.at, outputs);
        // The edit has removed its own segments, and has added the moved segments again. The next
        // edit removes two kinds of segments: segments that left the version meanwhile, and moved
        // segments that were added although they had left the version.
        let is_added: BTreeSet<SegmentId> = edit.added.iter().map(|(meta, _)| meta.id()).collect();
        storage
            .removed_since_edit
            .retain(|id| edit.removed.binary_search(id).is_err() || is_added.contains(id));
        storage.removed_since_edit.extend(stale);
        assert!(
            edit.removed.windows(2).all(|pair| pair[0] < pair[1]),
            "an edit removes a segment twice: {:?}",
            edit.removed
        );
        for number in unused {
            let data = storage
                .data_files
                .remove(&number)
                .expect("the manifest's files are open");
            let is_gone = planted!(InputsRemovedEarly);
            if !is_gone && !planted!(ObsoleteFileLeaked) {
                storage.obsolete.push_back(Obsolete::Data(data));
            }
        }
        // The durable record no longer needs these logs. If a log went earlier, its commits would
        // be in no file that counts.
        let logs = match edit.oldest_wal {
            _ if planted!(WalNeverRemoved) => Vec::new(),
            _ if planted!(ManifestKeepsOldWal) => {
                let oldest = storage.wal.oldest_needed(self.at);
                storage.wal.retire_before(oldest)
            }
            oldest => storage.wal.retire_before(oldest),
        };
        storage.obsolete.extend(logs.into_iter().map(Obsolete::Log));
        storage.counters.segment_files += edit.files.len() as u64;
        storage.counters.segment_file_bytes +=
            edit.files.iter().map(|file| file.length).sum::<u64>();
        storage.counters.edits += 1;
        event!(
            DEBUG,
            "published",
            through = self.at,
            files = edit.files.len(),
            merges = self.merges.len()
        );
        storage.events.push(Event::Published {
            flushed_through: self.at,
        });
    }
}

/// The keyspaces that the manifest does not know yet and that commits up to `through` have written
/// to. Later keyspaces have to wait: a crash can still take the commits that name them.
fn new_keyspaces(storage: &Storage, through: Commit) -> Vec<String> {
    let known = storage.manifest.state.keyspaces.len();
    let names = storage.version.keyspace_names();
    let is_written = |keyspace: &usize| {
        let roots = storage.version.roots(*keyspace as KeyspaceId);
        let first = roots.first();
        first.is_some_and(|node| node.meta().first <= through) || planted!(KeyspaceNamedEarly)
    };
    (known..names.len())
        .take_while(is_written)
        .map(|keyspace| names[keyspace].to_string())
        .collect()
}
