//! An open engine, driven one callback and one step at a time.

use std::collections::BTreeSet;
use std::rc::Rc;

use lithify::files::FileKind;
use lithify::{
    Cascade, Commit, Error, Event, KeyRange, Layout, Options, Placement, Snapshot, Stats, Step,
    Store, WriteBatch,
};

use super::placement::Held;
use super::settings::Promise;
use super::{costs, failure, forecast, placement, reads};
use crate::disk::usage::FileUse;
use crate::history::{Batch, State};
use crate::reads::{Answer, Question};
use crate::system::{Account, Equality, Failure, Instance, Piece, Pinned};

/// More steps than settling can need: a base, and steps for each commit.
pub(in crate::systems) const SETTLE_STEPS: u64 = 60_000;
pub(in crate::systems) const SETTLE_STEPS_OF_A_COMMIT: u64 = 200;

pub(super) struct Open {
    store: Store,
    options: Options,
    promise: Promise,
    /// Whether a step may find work.
    may_work: bool,
    /// The newest commit that was last read without an error, and its state.
    served: Option<(u64, State)>,
    /// Shared with every reader, to count the readers.
    readers: Rc<()>,
    retired: Retired,
}

/// Segment files that are no longer needed and were not removed yet.
#[derive(Clone, Copy, Default)]
struct Retired {
    files: u64,
    /// Whether a reader may have delayed their removal.
    is_held: bool,
    /// The number of manifest records at that time.
    edits: u64,
}

impl Open {
    pub(super) fn new(store: Store, options: &Options, promise: Promise) -> Self {
        Self {
            store,
            options: options.clone(),
            promise,
            may_work: true,
            served: None,
            readers: Rc::default(),
            retired: Retired::default(),
        }
    }

    /// Checks that the files that one file job has retired are removed before the next
    /// job publishes its file, unless a reader holds them. Otherwise files would pile
    /// up under load.
    fn check_retired(&mut self) -> Result<(), Failure> {
        let before = self.retired;
        self.retired = self.look_for_retired(before.is_held);
        let is_published = self.retired.edits > before.edits;
        match is_published && before.files > 0 && !before.is_held {
            false => Ok(()),
            true => Err(Failure::Other(format!(
                "{} retired segment files are there when the next one is published",
                before.files
            ))),
        }
    }

    /// The retired files that are there. `was_held`: a reader held one of them before.
    fn look_for_retired(&self, was_held: bool) -> Retired {
        let stats = self.store.stats();
        let files = self.store.files().into_iter();
        let segments = files.filter(|name| name.starts_with("segment-")).count() as u64;
        let files = segments.saturating_sub(stats.segment_files);
        Retired {
            files,
            is_held: files > 0 && (was_held || Rc::strong_count(&self.readers) > 1),
            edits: stats.counters.edits,
        }
    }

    /// Checks that while scans fail, a get also fails or finds the earlier value.
    fn check_honest(&self, snapshot: &Snapshot) -> Result<(), Failure> {
        match &self.served {
            Some((commit, state)) if *commit == snapshot.commit().get() => {
                let mut keys = state.iter();
                keys.try_for_each(|((keyspace, key), value)| {
                    let Ok(got) = snapshot.get(keyspace, key) else {
                        return Ok(());
                    };
                    same_as("earlier", snapshot, (keyspace, key), value, got.as_deref())
                })
            }
            _ => Ok(()),
        }
    }

    fn held(&self, task: &str) -> Option<usize> {
        self.store
            .held_events()
            .iter()
            .position(|event| task_of(event) == task)
    }
}

/// The number of keyspaces that a batch writes to.
fn keyspaces_of(batch: &Batch) -> u64 {
    let keyspaces = batch.writes.iter().map(|write| write.key.keyspace);
    keyspaces.collect::<BTreeSet<u16>>().len() as u64
}

/// The name of the task that delivers an event.
fn task_of(event: &Event) -> String {
    match event {
        Event::SegmentAdded { keyspace, commit } => format!("segment-{keyspace}-{commit}"),
        Event::Committed { commit } => format!("committed-{commit}"),
        Event::Merged {
            keyspace, window, ..
        } => format!("merged-{keyspace}-{}-{}", window.level, window.end),
        Event::Published { flushed_through } => format!("published-{flushed_through}"),
        Event::FileRemoved { file } => format!("removed-{file}"),
    }
}

pub(in crate::systems) fn batch_of(batch: &Batch) -> WriteBatch {
    let mut writes = WriteBatch::new();
    for write in &batch.writes {
        let (keyspace, key) = (write.key.keyspace_name(), write.key.bytes());
        match write.value {
            Some(value) => writes.put(keyspace, &key, &value.bytes()),
            None => writes.delete(keyspace, &key),
        }
    }
    writes
}

/// The batch, with its own durability if batches have one.
pub(in crate::systems) fn batch_with(batch: &Batch, promise: Promise) -> WriteBatch {
    let mut writes = batch_of(batch);
    if let Some(durability) = promise.own(batch) {
        writes.durability(durability);
    }
    writes
}

pub(in crate::systems) fn state_of(snapshot: &Snapshot) -> lithify::Result<State> {
    let mut state = State::new();
    for keyspace in snapshot.keyspaces() {
        for pair in snapshot.range(&keyspace, KeyRange::all())? {
            let (key, value) = pair?;
            state.insert((keyspace.clone(), key.into()), value.into());
        }
    }
    Ok(state)
}

impl Instance for Open {
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        let own = |batch: &Batch| batch_with(batch, self.promise);
        let batches: Vec<WriteBatch> = batches.iter().map(own).collect();
        let commit = self.store.commit_group(&batches).map_err(failure)?;
        Ok(commit.get())
    }

    fn head(&self) -> u64 {
        self.store.head().get()
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.store.sync().map_err(failure)
    }

    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        let snapshot = match commit == self.head() {
            true => self.store.snapshot(),
            false => self
                .store
                .snapshot_at(Commit::new(commit))
                .map_err(failure)?,
        };
        match state_of(&snapshot) {
            Ok(state) => {
                // Reading every key of every commit twice would dominate the cost.
                let head = self.head();
                if commit == head || commit == head / 2 {
                    check_single_reads(&snapshot, &state)?;
                }
                if commit == head {
                    check_backward(&snapshot, &state)?;
                    self.served = Some((commit, state.clone()));
                }
                Ok(Some(state))
            }
            Err(Error::Thinned { .. }) => Ok(None),
            Err(error) => {
                self.check_honest(&snapshot)?;
                Err(failure(error))
            }
        }
    }

    fn ask(&mut self, question: &Question) -> Result<Option<Answer>, Failure> {
        reads::of_store(&self.store, question)
    }

    fn pin(&mut self, commit: u64) -> Result<Option<Box<dyn Pinned>>, Failure> {
        let snapshot = self
            .store
            .snapshot_at(Commit::new(commit))
            .map_err(failure)?;
        let head = self.store.head().get();
        Ok(Some(Box::new(Reader::of(
            snapshot,
            head,
            Rc::clone(&self.readers),
        ))))
    }

    fn tasks(&self) -> Vec<String> {
        let events = self.store.held_events().iter();
        // The compactor only needs events about commits; the other events are for
        // observers.
        let mut tasks: Vec<String> = events
            .filter(|event| matches!(event, Event::SegmentAdded { .. } | Event::Committed { .. }))
            .map(task_of)
            .collect();
        if self.may_work {
            tasks.push("step".to_owned());
        }
        tasks
    }

    fn run(&mut self, task: &str) -> Result<(), Failure> {
        if task == "step" {
            let step = self.store.step().map_err(failure)?;
            self.may_work = step != Step::Idle;
            self.check_retired()?;
        } else if let Some(index) = self.held(task) {
            self.store.deliver(index);
            self.may_work = true;
        }
        Ok(())
    }

    fn lose(&mut self, task: &str) {
        if let Some(index) = self.held(task) {
            self.store.lose(index);
        }
    }

    fn settle(&mut self) -> Result<bool, Failure> {
        self.may_work = false;
        let steps = SETTLE_STEPS + SETTLE_STEPS_OF_A_COMMIT * self.head();
        let settled = self.store.settle_within(steps).map_err(failure);
        // Jobs end during settling, so the earlier observation says nothing about the next one. But a
        // reader that holds a file now may let go of it before the next look.
        self.retired = Retired {
            files: 0,
            ..self.look_for_retired(false)
        };
        settled
    }

    fn layout(&self) -> Option<Vec<Piece>> {
        Some(pieces_of(&self.store.layout()))
    }

    fn layout_details(&self) -> Option<String> {
        // The number of kept inputs below the live segments depends on the cascade,
        // which may change. The readable commits do not depend on it.
        let ranges = self.store.readable_commits();
        Some(format!("{}readable {ranges:?}\n", self.store.layout()))
    }

    fn progress(&self) -> String {
        format!("{} {}", self.store.stats().counters.steps, self.store.lag())
    }

    fn files(&self) -> Option<BTreeSet<String>> {
        Some(self.store.files().into_iter().collect())
    }

    fn equalities(&self, account: &Account<'_>) -> Vec<Equality> {
        let layout = self.store.layout();
        let mut equalities = counted(
            (&self.options, self.promise),
            &self.store.stats(),
            &layout,
            account,
        );
        equalities.push(Equality::new(
            "commits that the compactor does not know of",
            self.store.lag(),
            0,
        ));
        equalities.extend(listed(&layout));
        equalities.extend(budgets(&self.options, &self.store, account));
        equalities.extend(forecast::equalities(&self.options, &self.store));
        equalities
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        self.store.close().map_err(failure)
    }
}

/// Compares a layout's own differences and digest with its text, which has one line for
/// the head and one for each segment.
fn listed(layout: &Layout) -> [Equality; 4] {
    let nothing = Layout {
        head: Commit::ZERO,
        keyspaces: Vec::new(),
        ..layout.clone()
    };
    let lines = |text: String| text.lines().count() as u64;
    let segments = layout.keyspaces.iter().map(|it| it.segments.len() as u64);
    let heads = if layout.head == Commit::ZERO { 0 } else { 2 };
    let expected = heads + segments.sum::<u64>();
    let text = layout.to_string();
    let digest = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    [
        Equality::new(
            "lines of the difference from nothing",
            lines(nothing.diff(layout)),
            expected,
        ),
        Equality::new(
            "lines of the difference to nothing",
            lines(layout.diff(&nothing)),
            expected,
        ),
        Equality::new(
            "lines of the difference from itself",
            lines(layout.diff(layout)),
            0,
        ),
        Equality::new("the digest of the layout", layout.digest(), digest),
    ]
}

/// The memory and the log of a settled store, compared with their budgets.
fn budgets(options: &Options, store: &Store, account: &Account<'_>) -> [Equality; 3] {
    let stats = store.stats();
    let log = |file: &&FileUse| costs::is_of(FileKind::Wal, &file.name);
    let (files, needed) = (account.disk.files.iter(), store.files());
    let is_needed = |file: &&FileUse| needed.contains(&file.name);
    let file_bytes: u64 = (files.filter(log).filter(is_needed))
        .map(|file| file.longest_bytes)
        .sum();
    // Room after the newest records does not count for the log budget.
    let log_bytes = file_bytes.saturating_sub(costs::max_room(options));
    let memory_bytes = stats.memory_bytes;
    let is_over =
        memory_bytes > options.memory_budget_bytes as u64 || log_bytes > options.log_budget_bytes();
    let is_all_in_files = stats.flushed_through == stats.head;
    let segments = store.layout().keyspaces.into_iter();
    let segments = segments.flat_map(|keyspace| keyspace.segments);
    // At least the keys and values, as long as no segment was written to a file.
    let min_bytes = match stats.flushed_through {
        0 => segments
            .map(|segment| segment.bytes + segment.entries)
            .sum(),
        _ => 0,
    };
    [
        Equality::new(
            "bytes in memory when all is in files",
            if is_all_in_files { memory_bytes } else { 0 },
            0,
        ),
        Equality::new(
            "budgets that are exceeded although some commits are not in files",
            u64::from(is_over && !is_all_in_files),
            0,
        ),
        Equality::new(
            "bytes in memory that are not counted",
            min_bytes.saturating_sub(memory_bytes),
            0,
        ),
    ]
}

/// The contents of the first live segment that differs from the prediction.
fn held(placement: &Placement, layout: &Layout, account: &Account<'_>) -> Vec<Equality> {
    let history = account.history;
    let pieces = placement::expected(placement, history);
    let expected = placement::held(placement, history, &pieces);
    let segments = layout.keyspaces.iter().flat_map(|it| &it.segments);
    let found = segments.map(|segment| Held {
        readable_from: segment.readable_from.get(),
        commits: segment.commits,
        entries: segment.entries,
        tombstones: segment.tombstones,
        keys: segment.keys,
        bytes: segment.bytes,
    });
    let mut pairs = found.zip(expected);
    let Some((found, expected)) = pairs.find(|(found, expected)| found != expected) else {
        return Vec::new();
    };
    vec![
        Equality::new(
            "the commit from which on a segment can be read",
            found.readable_from,
            expected.readable_from,
        ),
        Equality::new("commits of a segment", found.commits, expected.commits),
        Equality::new("entries of a segment", found.entries, expected.entries),
        Equality::new(
            "deletions of a segment",
            found.tombstones,
            expected.tombstones,
        ),
        Equality::new("keys of a segment", found.keys, expected.keys),
        Equality::new("bytes of a segment", found.bytes, expected.bytes),
    ]
}

/// The counters of an undisturbed store and the use of its disk, compared with the
/// rule.
pub(in crate::systems) fn counted(
    (options, promise): (&Options, Promise),
    stats: &Stats,
    layout: &Layout,
    account: &Account<'_>,
) -> Vec<Equality> {
    let history = account.history;
    let placement = options.placement.as_ref();
    let counters = stats.counters;
    let expected = placement.map(|placement| placement::expected(placement, history));
    let live = expected.map_or(0, |layout| layout.len() as u64);
    let is_direct = options.cascade == Cascade::Direct;
    let work = placement.map(|rule| placement::work(rule, history, is_direct));
    let work = work.unwrap_or_default();
    let mut equalities = vec![
        Equality::new("commits", counters.commits, history.len() as u64),
        Equality::new("merges", counters.merges, work.merges),
        Equality::new(
            "merge outputs with a size",
            stats.histograms.merge_entries.count(),
            counters.merges,
        ),
        Equality::new(
            "sizes of merge outputs",
            stats.histograms.merge_entries.sum(),
            counters.merge_entries_written,
        ),
        Equality::new("kept inputs", stats.kept_inputs, work.kept),
        Equality::new(
            "level-0 segments",
            counters.level_zero_segments,
            history.iter().map(keyspaces_of).sum(),
        ),
        // Every merge replaces its inputs by one segment.
        Equality::new(
            "live segments",
            (counters.level_zero_segments + counters.merges).saturating_sub(counters.merge_inputs),
            live,
        ),
    ];
    let published = costs::Published {
        files: counters.segment_files,
        bytes: counters.segment_file_bytes,
        edits: counters.edits,
        sizes: stats.histograms,
    };
    equalities.extend(costs::equalities((options, promise), account, published));
    equalities.extend(placement.map_or(Vec::new(), |rule| held(rule, layout, account)));
    equalities
}

/// The live segments of a layout.
pub(in crate::systems) fn pieces_of(layout: &Layout) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for keyspace in &layout.keyspaces {
        for segment in &keyspace.segments {
            pieces.push(Piece {
                keyspace: keyspace.name.clone(),
                level: u32::from(segment.window.level),
                start: segment.window.start.get(),
                end: segment.window.end.get(),
                first: segment.first.get(),
                last: segment.last.get(),
            });
        }
    }
    pieces
}

/// A get of each key must agree with the scan. A get uses another path, through
/// filters.
fn check_single_reads(snapshot: &Snapshot, state: &State) -> Result<(), Failure> {
    for ((keyspace, key), value) in state {
        let got = snapshot.get(keyspace, key).map_err(failure)?;
        same_as("the scan", snapshot, (keyspace, key), value, got.as_deref())?;
    }
    Ok(())
}

fn same_as(
    other: &str,
    snapshot: &Snapshot,
    (keyspace, key): (&str, &[u8]),
    value: &[u8],
    got: Option<&[u8]>,
) -> Result<(), Failure> {
    if got == Some(value) {
        return Ok(());
    }
    let key = String::from_utf8_lossy(key);
    Err(Failure::Other(format!(
        "get of {keyspace}/{key} at commit {} finds {got:?}, {other} {value:?}",
        snapshot.commit()
    )))
}

/// A backward scan must agree with the forward scan.
fn check_backward(snapshot: &Snapshot, state: &State) -> Result<(), Failure> {
    let mut backward = State::new();
    for keyspace in snapshot.keyspaces() {
        let range = snapshot.range(&keyspace, KeyRange::all());
        for pair in range.map_err(failure)?.rev() {
            let (key, value) = pair.map_err(failure)?;
            backward.insert((keyspace.clone(), key.into()), value.into());
        }
    }
    if backward == *state {
        return Ok(());
    }
    Err(Failure::Other(format!(
        "a scan from the end at commit {} finds {} keys, or other values, the scan from the beginning {}",
        snapshot.commit(),
        backward.len(),
        state.len()
    )))
}

/// A reader that is kept.
pub(in crate::systems) struct Reader {
    snapshot: Snapshot,
    /// The newest commit of the store when the snapshot was taken.
    head: u64,
    _readers: Rc<()>,
}

impl Reader {
    /// `readers`: the value that all readers of a store share.
    pub(in crate::systems) fn of(snapshot: Snapshot, head: u64, readers: Rc<()>) -> Self {
        Self {
            snapshot,
            head,
            _readers: readers,
        }
    }
}

impl Pinned for Reader {
    fn head(&self) -> Option<u64> {
        Some(self.head)
    }

    fn state(&self) -> Result<State, Failure> {
        state_of(&self.snapshot).map_err(failure)
    }

    fn ask(&self, question: &Question) -> Result<Option<Answer>, Failure> {
        reads::of_reader(&self.snapshot, question)
    }
}
