//! The images of one crash point as parts that one verdict decides, instead of one by one.
//!
//! A [`Part`] says of some pending changes that they are kept, of some that they are lost, and leaves
//! the others free. It stands for all images that the model's order allows within that. If none of the
//! free changes can alter an answer to what a checker has asked of one of these images, all of them have
//! its verdict. Otherwise the part is cut in two by a change that can.
//!
//! Whether a change can is answered with "yes" in doubt: more parts cost time, fewer cost findings. A
//! change of names can alter what is asked of a path if it touches a name on the path; where no free
//! change does, the path leads to one file in all images of the part. Bytes count when their place
//! was read and the file's length, which no free change alters then, covers them.
//!
//! Nothing here asks a checker.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;
use lithify_sim::disk::{ChangeKind, Fill, Frontier, Image, Log, Operation, Place};

use crate::losses::{Crashes, Loss};
use crate::questions::{Question, Questions};

/// How many steps counting may take, before the number of images is not known.
const MAX_COUNTING: usize = 20_000;

/// Some images of a crash point, with one fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What is kept in all of them, with what it requires.
    pub kept: FixedBitSet,
    /// What may be kept or lost. What is in neither set is lost in all of them, with what requires it.
    pub free: FixedBitSet,
    /// What lost bytes read as.
    pub fill: Fill,
}

impl Part {
    /// What its image with the least loss keeps.
    #[must_use]
    pub fn most(&self) -> FixedBitSet {
        let mut kept = self.kept.clone();
        kept.union_with(&self.free);
        kept
    }

    /// Whether an image that keeps these changes is one of it.
    #[must_use]
    pub fn contains(&self, kept: &FixedBitSet) -> bool {
        self.kept.is_subset(kept) && kept.is_subset(&self.most())
    }
}

/// A crash point whose images are cut into parts.
#[derive(Debug)]
pub struct Point<'run> {
    crashes: Crashes<'run>,
    frontier: Frontier<'run>,
    required: Vec<FixedBitSet>,
    /// For each change, those that require it.
    requiring: Vec<FixedBitSet>,
    /// Files that may have two names.
    several: BTreeSet<u32>,
}

impl<'run> Point<'run> {
    /// The crash point of a frontier.
    #[must_use]
    pub fn new(crashes: Crashes<'run>, frontier: Frontier<'run>) -> Self {
        let required = frontier.required();
        let count = required.len();
        let mut requiring = vec![FixedBitSet::with_capacity(count); count];
        for (later, set) in required.iter().enumerate() {
            for earlier in set.ones() {
                requiring[earlier].insert(later);
            }
        }
        Self {
            several: several(crashes, &frontier),
            crashes,
            frontier,
            required,
            requiring,
        }
    }

    /// What is pending there.
    #[must_use]
    pub fn frontier(&self) -> &Frontier<'run> {
        &self.frontier
    }

    /// All images, a part for each fill.
    #[must_use]
    pub fn whole(&self) -> Vec<Part> {
        let none = FixedBitSet::with_capacity(self.required.len());
        let mut free = none.clone();
        free.insert_range(..);
        if self.frontier.model().drops_all {
            free.clear();
        }
        let mut fills = self.frontier.first_fills();
        if fills.is_empty() {
            fills.push(Fill::Zero);
        }
        let part = |fill| Part {
            kept: none.clone(),
            free: free.clone(),
            fill,
        };
        fills.into_iter().map(part).collect()
    }

    /// The image of a part that has lost least, as a loss.
    #[must_use]
    pub fn loss(&self, part: &Part) -> Loss {
        Loss {
            model: self.frontier.model(),
            position: self.frontier.position(),
            kept: part.most(),
            fill: part.fill.clone(),
        }
    }

    /// A free change that may alter an answer, if one may. `questions` were asked of an image of the
    /// part.
    #[must_use]
    pub fn splitting(&self, part: &Part, questions: &Questions) -> Option<usize> {
        let kept = part.most();
        let image = self
            .frontier
            .image(|index| kept.contains(index), &part.fill);
        let looked = Looked::of(questions, &image, self.crashes.disk().log());
        let changes = self.frontier.pending();
        let is_several = looked.files.keys().any(|file| self.several.contains(file));
        let is_name = |index: &usize| {
            let change = &changes[*index].kind;
            change.is_name() && (is_several || looked.touches_name(change))
        };
        if let Some(found) = part.free.ones().find(is_name) {
            return Some(found);
        }
        let is_length = |index: &usize| looked.touches_length(&changes[*index].kind);
        if let Some(found) = part.free.ones().find(is_length) {
            return Some(found);
        }
        let is_read = |index: &usize| looked.touches_bytes(&changes[*index].kind);
        part.free.ones().find(is_read)
    }

    /// The part in which a free change is lost, and the one in which it is kept.
    #[must_use]
    pub fn cut(&self, part: &Part, change: usize) -> [Part; 2] {
        let mut lost = part.clone();
        lost.free.difference_with(&self.requiring[change]);
        lost.free.set(change, false);
        let mut kept = part.clone();
        for index in self.required[change].ones().chain([change]) {
            if kept.free.contains(index) {
                kept.free.set(index, false);
                kept.kept.insert(index);
            }
        }
        [lost, kept]
    }

    /// How many sets of kept changes a part has, if that can be counted in time.
    #[must_use]
    pub fn count(&self, part: &Part) -> Option<f64> {
        let mut steps = MAX_COUNTING;
        self.count_free(&part.free, &mut steps)
    }

    /// The sets of free changes that hold all that is required: the product over what is not
    /// connected, and of what is, those with one change and those without.
    fn count_free(&self, free: &FixedBitSet, steps: &mut usize) -> Option<f64> {
        let mut product = 1.0;
        let mut rest = free.clone();
        while let Some(first) = rest.ones().next() {
            *steps = steps.checked_sub(1)?;
            let part = self.connected(&rest, first);
            rest.difference_with(&part);
            product *= match part.count_ones(..) {
                1 => 2.0,
                _ => {
                    let relations = |index: &usize| {
                        let both = [&self.required[*index], &self.requiring[*index]];
                        let counts = both.map(|set| set.intersection_count(&part));
                        counts[0] + counts[1]
                    };
                    let pivot = part.ones().max_by_key(relations)?;
                    let (mut without, mut with) = (part.clone(), part);
                    without.difference_with(&self.requiring[pivot]);
                    without.set(pivot, false);
                    with.difference_with(&self.required[pivot]);
                    with.set(pivot, false);
                    self.count_free(&without, steps)? + self.count_free(&with, steps)?
                }
            };
        }
        Some(product)
    }

    /// What is connected with a change by requirements.
    fn connected(&self, free: &FixedBitSet, first: usize) -> FixedBitSet {
        let mut reached = FixedBitSet::with_capacity(free.len());
        let mut waiting = vec![first];
        reached.insert(first);
        while let Some(index) = waiting.pop() {
            let near = self.required[index].union(&self.requiring[index]);
            for other in near.filter(|other| free.contains(*other)) {
                if !reached.put(other) {
                    waiting.push(other);
                }
            }
        }
        reached
    }
}

/// Files that have two names in some image: by links, or because a rename can be lost in parts.
fn several(crashes: Crashes<'_>, frontier: &Frontier<'_>) -> BTreeSet<u32> {
    let disk = crashes.disk();
    let mut several = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for place in disk.tree().show(disk.tree().start()).values() {
        if let Place::File { inode, .. } = place
            && !seen.insert(*inode)
        {
            several.insert(*inode);
        }
    }
    for operation in disk.log().operations() {
        match operation {
            Operation::Link { inode, .. } => _ = several.insert(*inode),
            Operation::Rename { inode, .. } if frontier.model().splits_renames => {
                several.insert(*inode);
            }
            _ => {}
        }
    }
    several
}

/// What questions are about, in an image of a log.
#[derive(Default)]
struct Looked {
    /// Entries of the log on the way to what was asked for.
    entries: BTreeSet<String>,
    /// Keys of directories of which more than single entries were seen.
    listed: BTreeSet<String>,
    /// Files, with the places that were read.
    files: BTreeMap<u32, Vec<(u64, u64)>>,
    /// Files whose length was asked for.
    measured: BTreeSet<u32>,
    /// The lengths of files.
    lengths: BTreeMap<u32, u64>,
}

impl Looked {
    fn of(questions: &Questions, image: &Image, log: &Log) -> Self {
        let mut looked = Self::default();
        for question in questions.iter() {
            match question {
                Question::Entry(path) => {
                    if let Some(Reached::File(file)) = looked.walk(path, image, log) {
                        looked.files.entry(file).or_default();
                    }
                }
                Question::Listing(path) => {
                    if let Some(Reached::Directory(key)) = looked.walk(path, image, log) {
                        looked.listed.insert(key);
                    }
                }
                Question::Status(path) => match looked.walk(path, image, log) {
                    Some(Reached::Directory(key)) => _ = looked.listed.insert(key),
                    Some(Reached::File(file)) => {
                        looked.files.entry(file).or_default();
                        looked.measured.insert(file);
                    }
                    None => {}
                },
                Question::Bytes { path, start, end } => {
                    if let Some(Reached::File(file)) = looked.walk(path, image, log) {
                        looked.files.entry(file).or_default().push((*start, *end));
                    }
                }
            }
        }
        for &file in looked.files.keys() {
            let length = image.content(file).map_or(0, |bytes| bytes.len() as u64);
            looked.lengths.insert(file, length);
        }
        looked
    }

    /// What a path leads to, with the entries on the way.
    fn walk(&mut self, path: &str, image: &Image, log: &Log) -> Option<Reached> {
        let mut key = String::new();
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        while let Some(part) = parts.next() {
            let entry = match &*key {
                "" => part.to_owned(),
                key => format!("{key}/{part}"),
            };
            let found = image.file(&entry);
            self.entries.insert(entry);
            let found = found?;
            match log.directory(found) {
                Some(next) => key = next.to_string(),
                None => return parts.next().is_none().then_some(Reached::File(found)),
            }
        }
        Some(Reached::Directory(key))
    }

    fn touches_name(&self, change: &ChangeKind) -> bool {
        let touches = |name: &str| {
            let above = name.rfind('/').map_or("", |place| &name[..place]);
            self.entries.contains(name) || self.listed.contains(above)
        };
        match change {
            ChangeKind::Link { name, .. } | ChangeKind::Unlink { name } => touches(name),
            ChangeKind::Rename { from, to, .. } => touches(from) || touches(to),
            _ => false,
        }
    }

    /// Lengths only alter bytes behind the shorter one.
    fn touches_length(&self, change: &ChangeKind) -> bool {
        let ChangeKind::Size { inode, from, to } = change else {
            return false;
        };
        let read = self.files.get(inode).into_iter().flatten();
        let shorter = (*from).min(*to);
        self.measured.contains(inode) || read.into_iter().any(|(_, end)| *end > shorter)
    }

    /// Asked when no free change of length matters any more: the lengths are those of all images.
    fn touches_bytes(&self, change: &ChangeKind) -> bool {
        let ChangeKind::Data {
            inode,
            offset,
            bytes,
        } = change
        else {
            return false;
        };
        let (Some(read), Some(length)) = (self.files.get(inode), self.lengths.get(inode)) else {
            return false;
        };
        let last = offset + bytes.len() as u64;
        read.iter()
            .any(|(start, end)| *start < last && *offset < (*end).min(*length))
    }
}

enum Reached {
    Directory(String),
    File(u32),
}
