//! What is durable and what is pending, at each operation of a log, under one model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use lithify::fs::name;

use super::change::{Change, ChangeKind, changes_of};
use super::image::{Fill, Image, count_draw};
use super::labels::Called;
use super::model::{DirectoryScope, Model, SyncScope};
use super::oplog::{Barrier, InodeId, Log, Mark, Operation, PathId};
use super::order::{dropping, keeping, requirements};
use super::remnants::{Candidate, Remnants, Source};

/// What clients know at a place in a log, as numbers of commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// All commits up to this number were acknowledged.
    pub acknowledged: u64,
    /// All commits up to this number were shown to a client after the store was opened.
    pub served: u64,
    /// No commit after this number was asked for.
    pub issued: u64,
}

impl Known {
    /// The knowledge after a store was opened whose newest commit is `head`: the
    /// commits after `head` did not happen.
    #[must_use]
    pub fn after_showing(self, head: u64) -> Self {
        Self {
            acknowledged: self.acknowledged.min(head),
            served: head,
            issued: head,
        }
    }

    /// What clients know before the operation at `position`, by the marks of the log.
    #[must_use]
    pub fn at(log: &Log, position: usize) -> Self {
        let mut known = Self::default();
        let passed = log.operations()[..position].iter();
        passed.for_each(|operation| known.pass(operation));
        known
    }

    fn pass(&mut self, operation: &Operation) {
        match operation {
            Operation::Mark(Mark::Issued(commit)) => self.issued = *commit,
            Operation::Mark(Mark::Acknowledged(commit)) => self.acknowledged = *commit,
            Operation::Mark(Mark::Served(commit)) => self.served = *commit,
            _ => {}
        }
    }
}

/// A walk over a log. Invariant: `durable` holds exactly what every legal crash image
/// at this position holds. `pending` holds all other changes, in the order of issue.
#[derive(Clone, Debug)]
pub struct Frontier<'log> {
    model: &'static Model,
    log: &'log Log,
    position: usize,
    durable: Image,
    pending: Vec<Change>,
    /// The last content of the file that most recently lost its name. Files that were
    /// empty do not count.
    stale: Option<Arc<Vec<u8>>>,
    /// The current name of each file that was renamed before this position, or its last
    /// name.
    renamed: BTreeMap<InodeId, PathId>,
    known: Known,
}

impl<'log> Frontier<'log> {
    /// Begins before the first operation of `log`, on a disk that holds `start`.
    #[must_use]
    pub fn new(model: &'static Model, start: Image, log: &'log Log) -> Self {
        Self {
            model,
            log,
            position: 0,
            stale: nameless(&start),
            durable: start,
            pending: Vec::new(),
            renamed: BTreeMap::new(),
            known: Known::default(),
        }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &'static Model {
        self.model
    }

    /// The number of operations that were passed.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// The next operation.
    #[must_use]
    pub fn next(&self) -> Option<&'log Operation> {
        self.log.operations().get(self.position)
    }

    /// What every crash image holds.
    #[must_use]
    pub fn durable(&self) -> &Image {
        &self.durable
    }

    /// The changes that a crash image may hold.
    #[must_use]
    pub fn pending(&self) -> &[Change] {
        &self.pending
    }

    /// What clients know, by the marks that were passed.
    #[must_use]
    pub fn known(&self) -> Known {
        self.known
    }

    /// Passes operations up to a position.
    pub fn advance_to(&mut self, position: usize) {
        while self.position < position {
            self.advance();
        }
    }

    /// Whether a crash here can leave every image that a crash since the previous crash
    /// point can leave: see [`Model::is_crash_point`].
    #[must_use]
    pub fn is_crash_point(&self) -> bool {
        self.model.is_crash_point(self.next())
    }

    /// All fills that the model allows here.
    #[must_use]
    pub fn fills(&self) -> Vec<Fill> {
        let mut fills = self.first_fills();
        let candidates = self.candidates().into_iter();
        fills.extend(candidates.map(|candidate| Fill::Stale {
            source: Some(candidate.source),
            bytes: candidate.bytes,
        }));
        fills
    }

    /// As [`Frontier::fills`], but the only stale fill is the file that most recently
    /// lost its name.
    #[must_use]
    pub fn first_fills(&self) -> Vec<Fill> {
        let stale = || {
            self.stale.clone().map(|bytes| Fill::Stale {
                source: None,
                bytes,
            })
        };
        let fill = |name: &&str| match *name {
            "zero" => Some(Fill::Zero),
            "garbage" => Some(Fill::Garbage),
            _ => stale(),
        };
        self.model.fills.iter().filter_map(fill).collect()
    }

    /// The remnants that lost bytes may be replaced with, if the model allows stale
    /// bytes: the newest first.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        match self.model.fills.contains(&"stale") {
            true => self.durable.remnants.candidates(),
            false => Vec::new(),
        }
    }

    /// The name of a file at this position, or its last name.
    fn name(&self, file: InodeId) -> &'log Arc<str> {
        match self.renamed.get(&file) {
            Some(path) => self.log.path(*path),
            None => self.log.first_name(file),
        }
    }

    /// The names of the pending changes in traces, in the order of the changes.
    /// O(operations).
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        Called::at(self.log, self.position).labels(&self.pending)
    }

    /// The remnant that a stale fill takes its bytes from, found by the name of the
    /// fill in traces. The number of the file is `None` if the file belonged to another
    /// store.
    #[must_use]
    pub fn stale_file(&self, fill: &str) -> Option<(Source, Option<InodeId>)> {
        let mut fills = self.fills().into_iter();
        let Fill::Stale { source, bytes } = fills.find(|known| known.name() == fill)? else {
            return None;
        };
        let mut candidates = self.candidates().into_iter();
        let found = candidates.find(|candidate| match &source {
            Some(source) => candidate.source == *source,
            None => candidate.bytes == bytes,
        });
        found.map(|candidate| (candidate.source, candidate.file))
    }

    /// The durable names, the pending names and the first name of a file.
    pub(super) fn names_of(&self, file: InodeId) -> Vec<&Arc<str>> {
        let durable = self.durable.names.iter();
        let durable = durable.filter_map(|(name, inode)| (*inode == file).then_some(name));
        let pending = self.pending.iter().filter_map(|change| match &change.kind {
            ChangeKind::Link { name, inode } => (*inode == file).then_some(name),
            ChangeKind::Rename { to, inode, .. } => (*inode == file).then_some(to),
            _ => None,
        });
        let first = self.log.first_name(file);
        durable.chain(pending).chain([first]).collect()
    }

    /// The image that a crash here leaves if `keep` selects the pending changes that
    /// are on the disk, and `fill` replaces lost bytes.
    #[must_use]
    pub fn image(&self, keep: impl Fn(usize) -> bool, fill: &Fill) -> Image {
        let mut image = self.durable.with(&self.pending, keep, fill);
        image.remnants = self.remnants_of_crash();
        image
    }

    /// The remnants after a crash here. Pending bytes may have reached the device even
    /// if the name, the length or other bytes of the file did not.
    pub(super) fn remnants_of_crash(&self) -> Remnants {
        let mut files: Vec<InodeId> = Vec::new();
        for change in &self.pending {
            let file = match &change.kind {
                ChangeKind::Data { inode, .. }
                | ChangeKind::Size { inode, .. }
                | ChangeKind::Link { inode, .. }
                | ChangeKind::Rename { inode, .. } => *inode,
                ChangeKind::Unlink { .. } => continue,
            };
            if !files.contains(&file) {
                files.push(file);
            }
        }
        let mut remnants = self.durable.remnants.clone();
        for file in files {
            remnants.leave(self.name(file), file, self.seen(file));
        }
        remnants
    }

    /// What the device would hold if all files were removed here.
    pub(super) fn all_as_remnants(&self) -> Remnants {
        let mut remnants = self.remnants_of_crash();
        let image = self.image(|_| true, &Fill::Zero);
        for (name, inode) in &image.names {
            remnants.leave(name, *inode, Arc::clone(&image.files[inode]));
        }
        remnants
    }

    /// The content of a file as a process sees it.
    fn seen(&self, file: InodeId) -> Arc<Vec<u8>> {
        let is_own = |change: &&Change| change.kind.content_of() == Some(file);
        let own: Vec<Change> = self.pending.iter().filter(is_own).cloned().collect();
        let durable = self.durable.files.get(&file).cloned();
        let only = Image {
            files: durable.map(|bytes| (file, bytes)).into_iter().collect(),
            ..Image::default()
        };
        let image = only.with(&own, |_| true, &Fill::Zero);
        image.files.get(&file).cloned().unwrap_or_default()
    }

    /// For each pending change, all those that it requires, directly or indirectly.
    #[must_use]
    pub fn required(&self) -> Vec<FixedBitSet> {
        requirements(self.model, &self.pending)
    }

    /// All pending changes except `dropped` and the changes that require one of them.
    #[must_use]
    pub fn dropping(&self, dropped: &[usize]) -> FixedBitSet {
        dropping(&requirements(self.model, &self.pending), dropped)
    }

    /// Only the pending changes in `kept` and the changes that they require.
    #[must_use]
    pub fn keeping(&self, kept: &[usize]) -> FixedBitSet {
        keeping(&requirements(self.model, &self.pending), kept)
    }

    /// Passes one operation.
    pub fn advance(&mut self) {
        let Some(operation) = self.next() else { return };
        match operation {
            Operation::Mark(Mark::Draw(path)) => {
                count_draw(&mut self.durable.draws, self.log.path(*path));
            }
            Operation::Mark(_) => self.known.pass(operation),
            Operation::CreateDirectory { path } => {
                let path = Arc::clone(self.log.path(*path));
                Arc::make_mut(&mut self.durable.directories).insert(path);
            }
            Operation::Rot {
                inode,
                offset,
                mask,
                ..
            } => self.rot(*inode, *offset, *mask),
            Operation::Sync {
                inode,
                data_only,
                barrier,
                ..
            } => self.sync(*inode, *data_only, *barrier),
            Operation::SyncDirectory { path, barrier } => {
                let directory = Arc::clone(self.log.path(*path));
                self.sync_directory(&directory, *barrier);
            }
            _ => self.change(operation),
        }
        self.position += 1;
    }

    fn change(&mut self, operation: &Operation) {
        match operation {
            Operation::Remove { inode, path }
            | Operation::Rename {
                replaced: Some(inode),
                to: path,
                ..
            } => self.leave_stale(*inode, self.log.path(*path)),
            Operation::Write {
                inode,
                offset,
                bytes,
                before,
                ..
            } if offset < before => {
                self.leave_overwritten(*inode, *offset as usize, self.log.bytes(bytes));
            }
            Operation::SetLength {
                inode,
                path,
                before,
                after,
            } if after < before => {
                let seen = self.seen(*inode);
                self.leave(self.log.path(*path), *inode, seen);
            }
            _ => {}
        }
        if let Operation::Rename { inode, to, .. } = operation {
            self.renamed.insert(*inode, *to);
        }
        self.pending
            .extend(changes_of(self.log, self.position, self.model));
        let instant = self.model.instant;
        if instant.names || instant.lengths {
            self.make_durable(|change| match change.kind {
                ChangeKind::Size { .. } => instant.lengths,
                ChangeKind::Data { .. } => false,
                _ => instant.names,
            });
        }
    }

    /// Remembers the content of a file that loses its name. It includes pending bytes,
    /// because they may have reached the disk.
    fn leave_stale(&mut self, file: InodeId, name: &Arc<str>) {
        let seen = self.seen(file);
        if !seen.is_empty() {
            self.stale = Some(Arc::clone(&seen));
        }
        self.leave(name, file, seen);
    }

    /// Remembers the content of a file before bytes are overwritten.
    fn leave_overwritten(&mut self, file: InodeId, offset: usize, bytes: &[u8]) {
        let seen = self.seen(file);
        let over = seen.get(offset..).unwrap_or_default();
        let over = &over[..over.len().min(bytes.len())];
        // Writing into preallocated zeros leaves nothing to remember.
        let was_zero = over.iter().all(|&byte| byte == 0);
        if !was_zero && !bytes.starts_with(over) {
            self.leave(self.name(file), file, seen);
        }
    }

    fn leave(&mut self, name: &Arc<str>, file: InodeId, bytes: Arc<Vec<u8>>) {
        self.durable.remnants.leave(name, file, bytes);
    }

    fn sync(&mut self, file: InodeId, data_only: bool, barrier: Barrier) {
        let log = self.log;
        let end = log.covers_up_to(self.position);
        let is_covered = |change: &Change| change.operation < end;
        let is_own = |change: &Change| change.kind.content_of() == Some(file) && is_covered(change);
        match barrier {
            Barrier::Ignored => return,
            Barrier::Dropped => {
                self.pending.retain(|change| {
                    !(is_own(change) && matches!(change.kind, ChangeKind::Data { .. }))
                });
                return;
            }
            Barrier::Kept => {}
        }
        match self.model.sync {
            SyncScope::Nothing => {}
            SyncScope::Own => self.make_durable(is_own),
            SyncScope::Everything => self.make_durable(is_covered),
            SyncScope::OwnAndItsNames => {
                let reached = self.with_ancestors(file);
                self.make_durable(|change| {
                    let is_named = (change.kind.named()).is_some_and(|it| reached.contains(&it));
                    is_own(change) || (is_named && is_covered(change))
                });
            }
            SyncScope::OwnAndJournal => {
                let writes_journal = !data_only
                    || self.pending.iter().any(|change| match change.kind {
                        ChangeKind::Size { inode, .. } => inode == file && is_covered(change),
                        // A second name is no data: only the first makes the file.
                        ChangeKind::Link { inode, .. } => {
                            let operation = &log.operations()[change.operation];
                            let is_first = !matches!(operation, Operation::Link { .. });
                            inode == file && is_first && is_covered(change)
                        }
                        _ => false,
                    });
                self.make_durable(|change| {
                    let is_name = change.kind.is_name() && is_covered(change);
                    is_own(change) || (writes_journal && is_name)
                });
            }
        }
    }

    fn sync_directory(&mut self, directory: &str, barrier: Barrier) {
        if barrier != Barrier::Kept {
            return;
        }
        let end = self.log.covers_up_to(self.position);
        let is_covered = |change: &Change| change.operation < end;
        match self.model.sync_directory {
            DirectoryScope::Nothing => {}
            DirectoryScope::Everything => self.make_durable(is_covered),
            DirectoryScope::Journal => {
                self.make_durable(|change| change.kind.is_name() && is_covered(change));
            }
            DirectoryScope::Own => {
                let own = match self.model.sync {
                    SyncScope::OwnAndItsNames => self.log.directory_named(directory),
                    _ => None,
                };
                let reached = own.map_or_else(BTreeSet::new, |own| self.with_ancestors(own));
                self.make_durable(|change| {
                    let mut names = change.kind.names().into_iter().flatten();
                    let is_in_it = names.any(|path| name::split(path).0 == directory);
                    let is_named = (change.kind.named()).is_some_and(|it| reached.contains(&it));
                    (is_in_it || is_named) && is_covered(change)
                });
            }
        }
    }

    /// A file or directory, and the directories above it by pending names.
    fn with_ancestors(&self, file: InodeId) -> BTreeSet<InodeId> {
        let mut reached = BTreeSet::from([file]);
        let mut waiting = vec![file];
        while let Some(below) = waiting.pop() {
            let names = (self.pending.iter())
                .filter(|change| change.kind.named() == Some(below))
                .flat_map(|change| change.kind.names().into_iter().flatten());
            let above = names.filter_map(|path| self.log.directory_named(name::split(path).0));
            waiting.extend(above.filter(|above| reached.insert(*above)));
        }
        reached
    }

    /// Makes the selected changes and their requirements durable.
    fn make_durable(&mut self, is_selected: impl Fn(&Change) -> bool) {
        let mut selected: Vec<bool> = self.pending.iter().map(&is_selected).collect();
        if !selected.contains(&true) {
            return;
        }
        // What one barrier selects holds all that it requires, unless a name came from another
        // directory: then what this one had there before is not selected.
        let crosses = |change: &Change| change.kind.crosses_directories();
        let is_closed_by_itself = self.model.sync == SyncScope::Own
            && !self.model.orders_all
            && !self.pending.iter().any(crosses);
        if !is_closed_by_itself {
            let required = requirements(self.model, &self.pending);
            for index in 0..selected.len() {
                if selected[index] {
                    required[index]
                        .ones()
                        .for_each(|other| selected[other] = true);
                }
            }
        }
        let (durable, pending): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending)
            .into_iter()
            .zip(selected)
            .partition(|(_, is_selected)| *is_selected);
        let durable: Vec<Change> = durable.into_iter().map(|(change, _)| change).collect();
        self.pending = pending.into_iter().map(|(change, _)| change).collect();
        self.durable.absorb(&durable, |_| true, &Fill::Zero);
    }

    /// Flips the bit in the durable bytes and in the pending writes. Otherwise a crash
    /// could bring back a byte that the process has already seen as damaged.
    fn rot(&mut self, file: InodeId, offset: u64, mask: u8) {
        if let Some(bytes) = self.durable.files.get_mut(&file)
            && let Some(byte) = Arc::make_mut(bytes).get_mut(offset as usize)
        {
            *byte ^= mask;
        }
        for change in &mut self.pending {
            if let ChangeKind::Data {
                inode,
                offset: start,
                bytes,
            } = &mut change.kind
                && *inode == file
                && (*start..*start + bytes.len() as u64).contains(&offset)
            {
                let mut rotten = bytes.to_vec();
                rotten[(offset - *start) as usize] ^= mask;
                *bytes = rotten.into();
            }
        }
    }
}

/// The content of the newest file without a name. A crash has lost its name, or the
/// file was removed before the crash.
fn nameless(image: &Image) -> Option<Arc<Vec<u8>>> {
    let is_nameless = |inode: &InodeId| !image.names.values().any(|named| named == inode);
    let mut files = image.files.iter().rev();
    let found = files.find(|(inode, bytes)| !bytes.is_empty() && is_nameless(inode));
    found.map(|(_, bytes)| Arc::clone(bytes))
}
