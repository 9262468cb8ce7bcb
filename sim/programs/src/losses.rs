//! What a crash of a recording may leave: crash points, images, and in words what each has lost.
//!
//! Images are made as the laboratory makes them for its own systems, by `lithify_sim::disk`: all of a
//! crash point when they are few, otherwise those that lose or keep little, prefixes and a sample.
//! Nothing here starts a program.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use fixedbitset::FixedBitSet;
use lithify_sim::disk::explore::explore;
use lithify_sim::disk::tree::digest;
use lithify_sim::disk::{
    Budget, ChangeKind, Coverage, Fill, Frontier, Image, Model, Operation, Place,
};
use lithify_sim::keyed::{Domain, Seed};
use lithify_sim::stop::Stop;

use crate::steps::Disk;

/// What an image shows, by path.
pub type Shown = BTreeMap<String, Place>;

/// One crash: when, under which model, and what is left of what was pending.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The model.
    pub model: &'static Model,
    /// How much of the log was over.
    pub position: usize,
    /// One bit for each pending change.
    pub kept: FixedBitSet,
    /// What stands in place of lost bytes.
    pub fill: Fill,
}

/// What makes two images one for a checker: what it can see, and what the user had seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// A digest of the paths, bytes and links.
    pub digest: u128,
    /// How many outputs the user had seen.
    pub outputs: u64,
}

/// A log to crash: of a recording, or of one to which syncs were added.
#[derive(Clone, Copy, Debug)]
pub struct Crashes<'run> {
    disk: &'run Disk,
}

impl<'run> Crashes<'run> {
    /// The crashes of this.
    #[must_use]
    pub fn of(disk: &'run Disk) -> Self {
        Self { disk }
    }

    /// The disk.
    #[must_use]
    pub fn disk(&self) -> &'run Disk {
        self.disk
    }

    /// What is pending and durable at a position.
    #[must_use]
    pub fn frontier(&self, model: &'static Model, position: usize) -> Frontier<'run> {
        let start = self.disk.tree().start().clone();
        let mut frontier = Frontier::new(model, start, self.disk.log());
        frontier.advance_to(position);
        frontier
    }

    /// Hands every image to `visit`, as far as the budget goes. Equal ones come as often as they
    /// are found.
    pub fn visit(
        &self,
        model: &'static Model,
        budget: Budget,
        stop: &Stop,
        visit: &mut dyn FnMut(Loss, Key, Shown) -> ControlFlow<()>,
    ) -> Coverage {
        let mut coverage = Coverage::default();
        let mut frontier = self.frontier(model, 0);
        let mut is_over = false;
        for position in self.points(model) {
            frontier.advance_to(position);
            let seen = self.visit_at(&frontier, budget, stop, &mut |loss, key, shown| {
                let flow = visit(loss, key, shown);
                is_over |= flow.is_break();
                flow
            });
            coverage.add(seen);
            if is_over || stop.is_due() {
                break;
            }
        }
        coverage
    }

    /// The same for one crash point.
    pub fn visit_at(
        &self,
        frontier: &Frontier<'_>,
        budget: Budget,
        stop: &Stop,
        visit: &mut dyn FnMut(Loss, Key, Shown) -> ControlFlow<()>,
    ) -> Coverage {
        let (model, position) = (frontier.model(), frontier.position());
        let outputs = frontier.known().acknowledged;
        let mut draws = Seed(0).draws(Domain::CrashImages, position as u64);
        explore(frontier, budget, &mut draws, &mut |choice, image| {
            if stop.is_due() {
                return ControlFlow::Break(());
            }
            let shown = self.disk.tree().show(&image);
            let key = Key {
                digest: digest(&shown),
                outputs,
            };
            let loss = Loss {
                model,
                position,
                kept: choice.kept,
                fill: choice.fill,
            };
            visit(loss, key, shown)
        })
    }

    /// The positions at which a crash can show what no later one can.
    pub(crate) fn points(&self, model: &'static Model) -> impl Iterator<Item = usize> {
        let operations = self.disk.log().operations();
        (0..=operations.len()).filter(move |&position| {
            let next = operations.get(position);
            next.is_none_or(Operation::is_call) && model.is_crash_point(next)
        })
    }

    /// The position at which so many operations of the program are over, and what the user was told
    /// then.
    #[must_use]
    pub fn position_after(&self, count: usize) -> Option<usize> {
        let operations = self.disk.log().operations();
        let positions = (0..=operations.len())
            .filter(|&position| operations.get(position).is_none_or(Operation::is_call));
        positions.into_iter().nth(count)
    }

    /// How many operations of the program are over at a position.
    #[must_use]
    pub fn count_at(&self, position: usize) -> usize {
        let passed = &self.disk.log().operations()[..position];
        passed
            .iter()
            .filter(|operation| operation.is_call())
            .count()
    }

    /// The image of a loss.
    #[must_use]
    pub fn image(&self, loss: &Loss) -> (Key, Shown) {
        self.image_at(&self.frontier(loss.model, loss.position), loss)
    }

    /// The same, where the frontier is known.
    #[must_use]
    pub fn image_at(&self, frontier: &Frontier<'_>, loss: &Loss) -> (Key, Shown) {
        let image: Image = frontier.image(|index| loss.kept.contains(index), &loss.fill);
        let shown = self.disk.tree().show(&image);
        let key = Key {
            digest: digest(&shown),
            outputs: frontier.known().acknowledged,
        };
        (key, shown)
    }

    /// What is there when the program is killed at a position, and no power fails: nothing is lost.
    #[must_use]
    pub fn killed(&self, position: usize) -> (Key, Shown) {
        let frontier = self.frontier(Model::DEFAULT, position);
        let loss = Loss {
            model: Model::DEFAULT,
            position,
            kept: frontier.dropping(&[]),
            fill: Fill::Zero,
        };
        self.image_at(&frontier, &loss)
    }

    /// The same loss without what cannot be seen: bytes of a file that has lost its name.
    #[must_use]
    pub fn seen_only(&self, loss: &Loss) -> Loss {
        let frontier = self.frontier(loss.model, loss.position);
        let (key, _) = self.image_at(&frontier, loss);
        let mut loss = loss.clone();
        for index in 0..loss.kept.len() {
            if loss.kept.contains(index) {
                continue;
            }
            let mut more = loss.clone();
            more.kept.union_with(&frontier.keeping(&[index]));
            if self.image_at(&frontier, &more).0 == key {
                loss = more;
            }
        }
        loss
    }

    /// What was lost, in words: neighbouring bytes of one file as one, and of its lengths the last.
    #[must_use]
    pub fn words(&self, loss: &Loss) -> Vec<Word> {
        let frontier = self.frontier(loss.model, loss.position);
        let labels = frontier.labels();
        let mut words: Vec<(Told, Word)> = Vec::new();
        for index in loss.kept.zeroes() {
            let told = Told::of(&frontier.pending()[index].kind);
            let before = words
                .iter_mut()
                .rev()
                .find(|(known, _)| known.goes_on(&told));
            match (before, &told) {
                (Some((known, word)), Told::Data { start, end, .. }) => {
                    word.text = word
                        .text
                        .replace(&format!("..{start}]"), &format!("..{end}]"));
                    word.changes.push(index);
                    *known = told;
                }
                (Some((_, word)), _) => {
                    word.text.clone_from(&labels[index]);
                    word.changes.push(index);
                }
                (None, _) => {
                    let text = labels[index].clone();
                    let changes = vec![index];
                    words.push((told, Word { text, changes }));
                }
            }
        }
        words.into_iter().map(|(_, word)| word).collect()
    }

    /// Which pending changes are meant: by number, from 1, as `3,7-9`, or by label.
    #[must_use]
    pub fn meant(&self, frontier: &Frontier<'_>, text: &str) -> Vec<usize> {
        let count = frontier.pending().len();
        let ranges: Option<Vec<(usize, usize)>> = text.split(',').map(range).collect();
        if let Some(ranges) = ranges {
            let is_known =
                |(first, last): &(usize, usize)| (1..=count).contains(first) && *last <= count;
            let all = ranges.iter().all(is_known);
            let numbers = ranges.iter().flat_map(|(first, last)| first - 1..*last);
            return numbers.filter(|_| all).collect();
        }
        let labels = frontier.labels();
        let meant = (0..count).filter(|&index| labels[index] == text);
        meant.collect()
    }

    /// The numbers of what was lost, as [`Self::meant`] takes them.
    #[must_use]
    pub fn numbers(&self, loss: &Loss) -> String {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for number in loss.kept.zeroes().map(|index| index + 1) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        let texts = ranges.iter().map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        });
        texts.collect::<Vec<_>>().join(",")
    }

    /// The operation before which a crash is.
    #[must_use]
    pub fn describe(&self, position: usize) -> String {
        let log = self.disk.log();
        match log.operations().get(position) {
            Some(operation) => format!("before {}", log.describe(operation)),
            None => "at the end".to_owned(),
        }
    }
}

/// Pending changes under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The name: `data(f[0..4096])`.
    pub text: String,
    /// Which they are.
    pub changes: Vec<usize>,
}

/// What joins changes to one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Data { file: u32, start: u64, end: u64 },
    Size { file: u32 },
    Name,
}

impl Told {
    fn of(change: &ChangeKind) -> Self {
        match change {
            ChangeKind::Data {
                inode,
                offset,
                bytes,
            } => Self::Data {
                file: *inode,
                start: *offset,
                end: offset + bytes.len() as u64,
            },
            ChangeKind::Size { inode, .. } => Self::Size { file: *inode },
            _ => Self::Name,
        }
    }

    /// Whether `later` is told together with this.
    fn goes_on(&self, later: &Self) -> bool {
        match (self, later) {
            (
                Self::Data { file, end, .. },
                Self::Data {
                    file: other, start, ..
                },
            ) => file == other && end == start,
            (Self::Size { file }, Self::Size { file: other }) => file == other,
            _ => false,
        }
    }
}

/// `7`, `3-5`.
fn range(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}
