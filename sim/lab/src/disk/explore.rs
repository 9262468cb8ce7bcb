//! Chooses which legal crash images to look at.
//!
//! If there are few images, all of them. Otherwise: every prefix, the images that drop
//! or keep at most a few changes, and a random sample. Small deviations find almost all
//! ordering bugs (the small-scope hypothesis; in our own measurements, "at most one
//! dropped or kept" found what full enumeration found). The sample, with mixed
//! inclusion probabilities, looks for the remaining bugs.
//!
//! Enumeration first chooses names and lengths, and then only those bytes that a
//! process can see after the crash. Bytes beyond the end of a file, and bytes of a file
//! without a name, cannot be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use serde::{Deserialize, Serialize};

use super::change::ChangeKind;
use super::frontier::Frontier;
use super::image::{Fill, Image};
use super::oplog::InodeId;
use super::order::{dropping, keeping, requirements};
use super::remnants::{Candidate, Remnants};
use crate::keyed::Draws;

/// How many images to look at for one crash point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Enumerate all sets if there are at most this many.
    pub enumerate: usize,
    /// Otherwise drop or keep at most this many changes (0, 1 or 2) ...
    pub bound: usize,
    /// ... and sample this many sets.
    pub samples: usize,
}

impl Budget {
    /// For short runs.
    pub const SMALL: Self = Self {
        enumerate: 64,
        bound: 1,
        samples: 8,
    };
    /// For thorough searches.
    pub const LARGE: Self = Self {
        enumerate: 4096,
        bound: 2,
        samples: 64,
    };
    /// All images, at any cost.
    pub const ALL: Self = Self {
        enumerate: usize::MAX,
        bound: 0,
        samples: 0,
    };
}

/// One crash image: which pending changes are on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// One bit for each pending change of the frontier.
    pub kept: FixedBitSet,
    /// What lost bytes read as.
    pub fill: Fill,
}

/// How many of the legal images were looked at, at one crash point or at many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Crash points.
    pub points: u64,
    /// Crash points at which every legal image was looked at.
    pub enumerated_points: u64,
    /// Crash points at which the exploration ended early, because of a finding or a
    /// limit.
    pub stopped_points: u64,
    /// Images, before equal images are recognised.
    pub images: u64,
    /// The largest number of pending changes at a crash point that was sampled.
    pub max_pending: usize,
}

impl Coverage {
    /// Adds the coverage of other crash points.
    pub fn add(&mut self, other: Self) {
        self.points += other.points;
        self.enumerated_points += other.enumerated_points;
        self.stopped_points += other.stopped_points;
        self.images += other.images;
        self.max_pending = self.max_pending.max(other.max_pending);
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.points == self.enumerated_points {
            write!(
                formatter,
                "enumerated all images of {} crash points: {}",
                self.points, self.images
            )
        } else {
            write!(
                formatter,
                "{} images of {} crash points, {} of them enumerated",
                self.images, self.points, self.enumerated_points
            )?;
            if self.stopped_points > 0 {
                write!(formatter, ", {} stopped early", self.stopped_points)?;
            }
            if self.max_pending > 0 {
                write!(
                    formatter,
                    ", the largest sampled out of up to 2^{}",
                    self.max_pending
                )?;
            }
            Ok(())
        }
    }
}

/// Passes legal crash images at the position of `frontier` to `visit`, until `visit`
/// breaks. No set of changes comes twice. `draws` decides the sample. Stale bytes are
/// those of the file that most recently lost its name.
pub fn explore(
    frontier: &Frontier<'_>,
    budget: Budget,
    draws: &mut Draws,
    visit: &mut dyn FnMut(Choice, Image) -> ControlFlow<()>,
) -> Coverage {
    explore_sources(frontier, budget, Sources::Last, draws, visit)
}

/// The files whose old bytes may stand in the place of lost bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sources {
    /// The file that most recently lost its name.
    Last,
    /// The file of `Last`. In addition, for each set of changes that loses bytes: one
    /// remnant of the files that lose the bytes, in rotation, and at most this many
    /// remnants of other files. Remnants with a name of a losing file come first, the
    /// newest first; the others follow in rotation.
    Earlier(usize),
    /// All remnants.
    All,
}

/// As [`explore`], with stale bytes from these sources.
pub fn explore_sources(
    frontier: &Frontier<'_>,
    budget: Budget,
    sources: Sources,
    draws: &mut Draws,
    visit: &mut dyn FnMut(Choice, Image) -> ControlFlow<()>,
) -> Coverage {
    let mut explorer = Explorer::new(frontier, sources, visit);
    let is_whole = explorer.run(budget, draws);
    Coverage {
        points: 1,
        enumerated_points: u64::from(is_whole && !explorer.stopped),
        stopped_points: u64::from(explorer.stopped),
        images: explorer.images,
        max_pending: if is_whole {
            0
        } else {
            frontier.pending().len()
        },
    }
}

struct Explorer<'run, 'log> {
    frontier: &'run Frontier<'log>,
    required: Vec<FixedBitSet>,
    fills: Vec<Fill>,
    /// The remnants that may stand in the place of lost bytes.
    candidates: Vec<Candidate>,
    sources: Sources,
    /// What the device holds besides the files of each image.
    remnants: Remnants,
    seen: BTreeSet<FixedBitSet>,
    images: u64,
    stopped: bool,
    visit: &'run mut dyn FnMut(Choice, Image) -> ControlFlow<()>,
}

impl<'run, 'log> Explorer<'run, 'log> {
    fn new(
        frontier: &'run Frontier<'log>,
        sources: Sources,
        visit: &'run mut dyn FnMut(Choice, Image) -> ControlFlow<()>,
    ) -> Self {
        Self {
            required: requirements(frontier.model(), frontier.pending()),
            fills: frontier.first_fills(),
            candidates: match sources {
                Sources::Last => Vec::new(),
                _ => frontier.candidates(),
            },
            sources,
            remnants: frontier.remnants_of_crash(),
            frontier,
            seen: BTreeSet::new(),
            images: 0,
            stopped: false,
            visit,
        }
    }

    fn len(&self) -> usize {
        self.required.len()
    }

    /// Returns whether all images are looked at, unless `visit` breaks.
    fn run(&mut self, budget: Budget, draws: &mut Draws) -> bool {
        let (none, all) = (self.none(), self.all());
        if self.frontier.model().drops_all {
            self.visit(none);
            return true;
        }
        let sets = enumerate(self.frontier, &self.required, budget.enumerate);
        if let Some(sets) = sets {
            for set in sets {
                self.visit(set);
            }
            return true;
        }
        self.visit(all);
        self.visit(none);
        self.visit_bounded(budget.bound);
        self.visit_samples(budget.samples, draws);
        false
    }

    fn none(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.len())
    }

    fn all(&self) -> FixedBitSet {
        let mut set = self.none();
        set.insert_range(..);
        set
    }

    fn visit(&mut self, kept: FixedBitSet) {
        if self.stopped || !self.seen.insert(kept.clone()) {
            return;
        }
        let losers = self.losers(&kept);
        let fills = match losers.is_empty() {
            true => vec![Fill::Zero],
            false => self.fills_for(&losers),
        };
        for fill in fills {
            let mut image = self.frontier.durable().with(
                self.frontier.pending(),
                |index| kept.contains(index),
                &fill,
            );
            image.remnants = self.remnants.clone();
            self.images += 1;
            let choice = Choice {
                kept: kept.clone(),
                fill,
            };
            if (self.visit)(choice, image).is_break() {
                self.stopped = true;
                return;
            }
        }
    }

    /// The files with a kept length that covers bytes that were not kept, each with the
    /// first offset of such bytes.
    fn losers(&self, kept: &FixedBitSet) -> BTreeMap<InodeId, u64> {
        let changes = self.frontier.pending();
        let mut losers = BTreeMap::new();
        for lost in kept.zeroes() {
            let ChangeKind::Data {
                inode: file,
                offset,
                ..
            } = &changes[lost].kind
            else {
                continue;
            };
            let covered = kept.ones().filter_map(|index| match &changes[index].kind {
                ChangeKind::Size { inode, from, to } if inode == file && to > offset => {
                    Some((*from).max(*offset))
                }
                _ => None,
            });
            if let Some(place) = covered.min() {
                let first = losers.entry(*file).or_insert(place);
                *first = (*first).min(place);
            }
        }
        losers
    }

    /// The fills to try for the lost bytes of these files.
    fn fills_for(&self, losers: &BTreeMap<InodeId, u64>) -> Vec<Fill> {
        let mut fills = self.fills.clone();
        let newest = fills.iter().find_map(|fill| match fill {
            Fill::Stale { bytes, .. } => Some(Arc::clone(bytes)),
            _ => None,
        });
        let first_place = losers.values().min().copied().unwrap_or_default();
        let names: Vec<_> = losers
            .keys()
            .flat_map(|&file| self.frontier.names_of(file))
            .collect();
        let (most, most_own) = match self.sources {
            Sources::Last => (0, 0),
            Sources::Earlier(most) => (most, 1),
            Sources::All => (usize::MAX, usize::MAX),
        };
        // A remnant that ends before the lost place reads as zeros there. The newest is
        // in `fills` already.
        let is_meant = |candidate: &&Candidate| {
            candidate.bytes.len() as u64 > first_place && newest.as_ref() != Some(&candidate.bytes)
        };
        let is_loser = |candidate: &&Candidate| {
            let file = candidate.file;
            file.is_some_and(|file| losers.contains_key(&file))
        };
        let (mut own, foreign): (Vec<_>, Vec<_>) = (self.candidates.iter())
            .filter(is_meant)
            .partition(is_loser);
        let (same, mut others): (Vec<_>, Vec<_>) = foreign
            .into_iter()
            .partition(|candidate| names.iter().any(|name| candidate.source.had_name(name)));
        for in_turn in [&mut own, &mut others] {
            if !in_turn.is_empty() {
                let turn = self.frontier.position() % in_turn.len();
                in_turn.rotate_left(turn);
            }
        }
        // Reserves a third of the places for remnants with other names.
        let most_same = (most - most / 3).max(most.saturating_sub(others.len()));
        let chosen = same.into_iter().take(most_same).chain(others).take(most);
        let chosen = own.into_iter().take(most_own).chain(chosen);
        fills.extend(chosen.map(|candidate| Fill::Stale {
            source: Some(candidate.source.clone()),
            bytes: Arc::clone(&candidate.bytes),
        }));
        fills
    }

    /// Sets with at most `bound` changes dropped or kept, and all prefixes.
    fn visit_bounded(&mut self, bound: usize) {
        for one in 0..self.len() {
            let mut prefix = self.none();
            prefix.insert_range(..one);
            self.visit(prefix);
            if bound >= 1 {
                let (without, with) = (
                    dropping(&self.required, &[one]),
                    keeping(&self.required, &[one]),
                );
                self.visit(without);
                self.visit(with);
            }
            if bound >= 2 {
                for other in 0..one {
                    let (without, with) = (
                        dropping(&self.required, &[one, other]),
                        keeping(&self.required, &[one, other]),
                    );
                    self.visit(without);
                    self.visit(with);
                }
            }
            if self.stopped {
                return;
            }
        }
    }

    /// Random sets, with inclusion probabilities between rare and nearly certain.
    fn visit_samples(&mut self, samples: usize, draws: &mut Draws) {
        const PERCENT: [u64; 5] = [5, 25, 50, 75, 95];
        for sample in 0..samples {
            let percent = PERCENT[sample % PERCENT.len()];
            let mut set = self.none();
            for index in 0..self.len() {
                if draws.below(100) < percent {
                    // Half of the samples add what a kept change requires. The other
                    // half drop a change that lacks a requirement.
                    if sample % 2 == 0 {
                        set.insert(index);
                        set.union_with(&self.required[index]);
                    } else if self.required[index].is_subset(&set) {
                        set.insert(index);
                    }
                }
            }
            self.visit(set);
        }
    }
}

/// All sets that the order allows, without sets that differ only in invisible bytes.
/// `None` if there are more than `most`.
fn enumerate(
    frontier: &Frontier<'_>,
    required: &[FixedBitSet],
    most: usize,
) -> Option<Vec<FixedBitSet>> {
    let changes = frontier.pending();
    let is_data = |index: &usize| matches!(changes[*index].kind, ChangeKind::Data { .. });
    let (data, rest): (Vec<usize>, Vec<usize>) = (0..changes.len()).partition(is_data);
    let none = FixedBitSet::with_capacity(changes.len());
    let mut all_data = none.clone();
    all_data.extend(data.iter().copied());
    let mut frames = Vec::new();
    subsets(&rest, required, &none, &all_data, most, &mut frames)?;
    let mut sets = Vec::new();
    for frame in frames {
        let visible = visible_data(frontier, &frame, &data);
        let is_free = |index: &usize| {
            let others_kept = (required[*index].ones())
                .all(|other| frame.contains(other) || all_data.contains(other));
            visible.contains(*index) && !frame.contains(*index) && others_kept
        };
        let free: Vec<usize> = data.iter().copied().filter(is_free).collect();
        // Invisible bytes are no choice of their own, but a visible change may require
        // them: an overwrite in the same sector as an append whose length was lost.
        let mut hidden = all_data.clone();
        hidden.difference_with(&visible);
        let left = most - sets.len();
        subsets(&free, required, &frame, &hidden, left, &mut sets)?;
    }
    Some(sets)
}

/// Adds to `found` every way to add changes of `free` to `start` so that all
/// requirements are met. A change in `along` is added when another change requires it.
/// `None` if there are more than `most` ways.
fn subsets(
    free: &[usize],
    required: &[FixedBitSet],
    start: &FixedBitSet,
    along: &FixedBitSet,
    most: usize,
    found: &mut Vec<FixedBitSet>,
) -> Option<()> {
    let limit = found.len().saturating_add(most);
    let mut stack = vec![(0, start.clone())];
    while let Some((depth, set)) = stack.pop() {
        let Some(&index) = free.get(depth) else {
            if found.len() >= limit {
                return None;
            }
            found.push(set);
            continue;
        };
        let is_allowed = required[index]
            .ones()
            .all(|other| along.contains(other) || set.contains(other));
        if is_allowed {
            let mut with = set.clone();
            with.insert(index);
            with.union_with(&required[index]);
            stack.push((depth + 1, with));
        }
        stack.push((depth + 1, set));
    }
    Some(())
}

/// The data changes that can be seen when the names and lengths of `frame` are kept.
fn visible_data(frontier: &Frontier<'_>, frame: &FixedBitSet, data: &[usize]) -> FixedBitSet {
    let changes = frontier.pending();
    let image = frontier
        .durable()
        .with(changes, |index| frame.contains(index), &Fill::Zero);
    let is_visible = |&index: &usize| match &changes[index].kind {
        ChangeKind::Data { inode, offset, .. } => {
            image.names.values().any(|named| named == inode)
                && image
                    .files
                    .get(inode)
                    .is_some_and(|bytes| *offset < bytes.len() as u64)
        }
        _ => false,
    };
    let mut visible = FixedBitSet::with_capacity(changes.len());
    visible.extend(data.iter().copied().filter(is_visible));
    visible
}
