//! The compactor that the commit-driven document wanted to change, reduced to its rules: how one
//! goroutine for each level of one path handles the segments that are announced to it.
//!
//! Its mistakes are kept. Each is marked with its number in the list of `old_design`. Files are
//! modelled by a map, and diffs contain only whole keys. The goroutines of the levels run in one
//! fixed order: a level gets an output after the level below has handled one more segment.

use std::collections::{BTreeMap, VecDeque};

/// Keys and values. A diff has the same form, because there are no deletions here.
pub(crate) type State = BTreeMap<&'static str, u64>;

/// A file on disk, and an entry of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) level: usize,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) diff: State,
    inputs: usize,
}

/// The state of one level.
#[derive(Clone, Debug, Default)]
pub(crate) struct Level {
    /// The state at the beginning of the window; `reference` is the current state.
    start: State,
    pub(crate) reference: State,
    inputs: usize,
    /// The range that the next output will claim.
    window: Option<(u64, u64)>,
    incoming: VecDeque<File>,
}

/// The store of one path, with its compactor.
#[derive(Clone, Debug)]
pub(crate) struct OldStore {
    path: &'static str,
    divisor: usize,
    removes_inputs: bool,
    /// The newest commit number that a commit or an output has taken.
    pub(crate) head: u64,
    pub(crate) index: Vec<File>,
    /// Whether each entry of the index still has a file.
    on_disk: Vec<bool>,
    pub(crate) levels: Vec<Level>,
    pub(crate) dropped: u64,
}

impl OldStore {
    pub(crate) fn new(path: &'static str, divisor: usize) -> Self {
        Self {
            path,
            divisor,
            removes_inputs: false,
            head: 0,
            index: Vec::new(),
            on_disk: Vec::new(),
            levels: vec![Level::default()],
            dropped: 0,
        }
    }

    pub(crate) fn removing_inputs(self) -> Self {
        Self {
            removes_inputs: true,
            ..self
        }
    }

    /// Writes a commit, and returns the content of its callback.
    pub(crate) fn write(&mut self, diff: &[(&'static str, u64)]) -> File {
        self.head += 1;
        let file = File {
            level: 0,
            first: self.head,
            last: self.head,
            diff: diff.iter().copied().collect(),
            inputs: 1,
        };
        self.add(file.clone());
        file
    }

    fn add(&mut self, file: File) {
        self.index.push(file);
        self.on_disk.push(true);
    }

    /// Delivers the callback of a segment. R8: a full channel drops it.
    pub(crate) fn notify(&mut self, segment: File) {
        let capacity = self.divisor.min(16).pow(3);
        if self.levels[0].incoming.len() < capacity {
            self.levels[0].incoming.push_back(segment);
        } else {
            self.dropped += 1;
        }
    }

    /// Every level handles the segment that has waited longest. The highest level is last.
    pub(crate) fn turn(&mut self) {
        let waiting: Vec<usize> = self.levels.iter().map(|one| one.incoming.len()).collect();
        for (level, waiting) in waiting.into_iter().enumerate() {
            if waiting > 0
                && let Some(segment) = self.levels[level].incoming.pop_front()
            {
                self.handle(level, segment);
            }
        }
    }

    /// Handles segments until no segment waits.
    pub(crate) fn settle(&mut self) {
        while self.levels.iter().any(|level| !level.incoming.is_empty()) {
            self.turn();
        }
    }

    /// Writes a commit whose callback is handled immediately.
    pub(crate) fn commit(&mut self, diff: &[(&'static str, u64)]) {
        let segment = self.write(diff);
        self.notify(segment);
        self.turn();
    }

    fn handle(&mut self, level: usize, segment: File) {
        let state = &mut self.levels[level];
        // R7: a segment that comes after a later one counts as handled.
        if state.window.is_some_and(|window| segment.last <= window.1) {
            return;
        }
        let mut now = state.reference.clone();
        now.extend(&segment.diff);
        if now == state.start {
            // R1: the reference keeps the value from before the window returned to its start.
            return;
        }
        let first = state.window.map_or(segment.first, |window| window.0);
        state.window = Some((first, segment.last));
        state.inputs += 1;
        state.reference = now;
        if state.inputs >= self.divisor {
            self.output(level);
        }
    }

    fn output(&mut self, level: usize) {
        // R5: an output takes a commit number. R3: its range ends at this number.
        self.head += 1;
        let state = &mut self.levels[level];
        let first = state.window.take().map_or(self.head, |window| window.0);
        let changed = |(key, value): &(&&str, &u64)| state.start.get(**key) != Some(*value);
        let output = File {
            level: level + 1,
            first,
            last: self.head,
            diff: state
                .reference
                .iter()
                .filter(changed)
                .map(|(key, value)| (*key, *value))
                .collect(),
            inputs: state.inputs,
        };
        state.start = state.reference.clone();
        state.inputs = 0;
        self.remove_inputs(&output);
        self.add(output.clone());
        if self.levels.len() == level + 1 {
            self.levels.push(Level::default());
        }
        self.levels[level + 1].incoming.push_back(output);
    }

    /// R4: the path of an input is read from the name of its file. The name does not contain the
    /// path, so only inputs of the root are found. R5: the index keeps the removed files.
    fn remove_inputs(&mut self, output: &File) {
        const PATH_IN_A_FILE_NAME: &str = "";
        if !self.removes_inputs || self.path != PATH_IN_A_FILE_NAME {
            return;
        }
        for (file, on_disk) in self.index.iter().zip(&mut self.on_disk) {
            if file.level + 1 == output.level && is_within(file, output) {
                *on_disk = false;
            }
        }
    }

    /// The process ends, and a new one starts with the files on disk.
    pub(crate) fn restart(&mut self) {
        let levels = 0..self.levels.len();
        self.levels = levels.map(|level| self.recovered(level)).collect();
    }

    fn recovered(&self, level: usize) -> Level {
        let of = |level: usize| self.index.iter().filter(move |file| file.level == level);
        let mut recovered = Level::default();
        for output in of(level + 1) {
            recovered.reference.extend(&output.diff);
        }
        recovered.start = recovered.reference.clone();
        if let Some(last) = of(level + 1).next_back() {
            // R2: the newest output counts as the open window, and as full.
            recovered.window = Some((last.first, last.last));
            recovered.inputs = last.inputs;
        }
        // R3: all commits in the range of an output count as part of the output.
        let is_new = |file: &&File| !of(level + 1).any(|output| is_within(file, output));
        recovered.incoming = of(level).filter(is_new).cloned().collect();
        recovered
    }

    /// The ranges of a level's files, in the order in which they were written.
    pub(crate) fn ranges(&self, level: usize) -> Vec<(u64, u64)> {
        let of_level = self.index.iter().filter(|file| file.level == level);
        of_level.map(|file| (file.first, file.last)).collect()
    }

    /// The number of level-0 files that still exist.
    pub(crate) fn level_zero_files(&self) -> usize {
        let files = self.index.iter().zip(&self.on_disk);
        files
            .filter(|(file, on_disk)| file.level == 0 && **on_disk)
            .count()
    }

    /// Reads all files in the index.
    pub(crate) fn read_index(&self) -> Result<(), String> {
        match self.on_disk.iter().position(|&on_disk| !on_disk) {
            None => Ok(()),
            Some(place) => Err(format!(
                "segment {}..{} is in the index, but its file is gone",
                self.index[place].first, self.index[place].last
            )),
        }
    }
}

fn is_within(file: &File, output: &File) -> bool {
    output.first <= file.first && file.last <= output.last
}
