//! All images of a recording, judged by class.
//!
//! The checker is run on one image, and what its program asks is noted. Every image that would have given the
//! same answers has the same verdict, so the images of a crash point are cut ([`crate::cubes`]) until
//! each part is of one class. The checker runs again only where a part has an image of no class that
//! is known. So all images of a crash point are decided, also where nobody could make them all.
//!
//! Where too many runs would be needed for a crash point, or what the checker asks cannot be seen, the
//! images of that point are chosen as they are without classes, and judged by class where one is
//! known.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use lithify_sim::disk::{Coverage, Model};
use serde::Serialize;

use crate::checker::Verdict;
use crate::crash::{Options, Verdicts};
use crate::cubes::{Part, Point};
use crate::failure::Failure;
use crate::losses::{Crashes, Key, Loss, Shown};
use crate::questions::{Answering, Classes, Questions};
use crate::steps::Disk;

/// How many parts are made for each run of the checker that there may be.
const PARTS_FOR_A_RUN: usize = 64;

/// Who judges an image, and says what was asked of it.
pub trait Asking: Sync {
    /// Judges an image. `None` when the work was to stop; no questions when they could not be seen.
    ///
    /// # Errors
    /// When it cannot be judged.
    fn ask(
        &self,
        worker: usize,
        disk: &Disk,
        key: Key,
        shown: &Shown,
    ) -> Result<Option<Asked>, Failure>;
}

/// A verdict, and what it depends on.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The verdict.
    pub verdict: Verdict,
    /// What was asked, or why nobody knows.
    pub questions: Result<Questions, String>,
}

/// What is told of the images of a model.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pruned {
    /// Crash points of which all images are decided.
    pub whole_points: u64,
    /// How many sets of lost changes these have, in all.
    pub sets: f64,
    /// Whether that could not be counted for some: there are more.
    pub more_sets: bool,
    /// Parts with one verdict.
    pub parts: u64,
    /// Why what was asked of an image could not be seen, the first time.
    pub unseen: Option<String>,
}

impl Pruned {
    /// Adds those of another crash point.
    pub fn add(&mut self, other: Self) {
        self.whole_points += other.whole_points;
        self.sets += other.sets;
        self.more_sets |= other.more_sets;
        self.parts += other.parts;
        if self.unseen.is_none() {
            self.unseen = other.unseen;
        }
    }
}

/// A part of the images of a crash point, and what is said of all of them.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Which; `None` for a single image.
    pub part: Option<Part>,
    /// One of them.
    pub key: Key,
    /// The same, as a loss.
    pub loss: Loss,
    /// What is said.
    pub verdict: Verdict,
}

/// What came of a crash point.
#[derive(Clone, Debug, Default)]
pub struct OfPoint {
    /// The model's place among the models.
    pub model: usize,
    /// In parts, or image by image.
    pub judged: Vec<Judged>,
    /// Images that were not judged, because the time was over.
    pub unjudged: usize,
    /// How much was looked at.
    pub coverage: Coverage,
    /// What is told of it.
    pub pruned: Pruned,
}

/// Classes that are known, by what the user had seen.
type Known = BTreeMap<u64, Classes<Verdict>>;

/// Why the cutting of a point ended early.
enum Ended {
    /// Too many runs, or parts.
    Budget,
    /// What was asked could not be seen.
    Unseen(String),
    /// The time was over.
    Stopped,
    Failed(Failure),
}

struct Search<'run> {
    crashes: Crashes<'run>,
    asking: &'run dyn Asking,
    options: &'run Options,
    known: Mutex<Known>,
    verdicts: Mutex<&'run mut Verdicts>,
    asked: AtomicUsize,
}

/// Judges all images by class. `verdicts` then has one of each part. Says also how often the checker was
/// asked.
///
/// # Errors
/// When an image cannot be judged.
pub fn judge_all(
    disk: &Disk,
    asking: &dyn Asking,
    options: &Options,
    verdicts: &mut Verdicts,
) -> Result<(Vec<OfPoint>, usize), Failure> {
    let search = Search {
        crashes: Crashes::of(disk),
        asking,
        options,
        known: Mutex::default(),
        verdicts: Mutex::new(verdicts),
        asked: AtomicUsize::new(0),
    };
    let models = options.models.iter().enumerate();
    let points = models.flat_map(|(number, model)| {
        let points = search.crashes.points(model);
        points.map(move |position| (number, *model, position))
    });
    let points: Vec<(usize, &'static Model, usize)> = points.collect();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Ok(BTreeMap::new()));
    std::thread::scope(|scope| {
        for worker in 0..options.jobs {
            let (search, next, done, points) = (&search, &next, &done, &points);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(model_number, model, position)) = points.get(number) else {
                        return;
                    };
                    let judged = search.point(worker, model, position);
                    let mut done = done.lock().expect("workers return failures");
                    match (&mut *done, judged) {
                        (Ok(all), Ok(mut point)) => {
                            point.model = model_number;
                            all.insert(number, point);
                        }
                        (Ok(_), Err(failure)) => {
                            *done = Err(failure);
                            return;
                        }
                        (Err(_), _) => return,
                    }
                }
            });
        }
    });
    let done = done.into_inner().expect("workers return failures")?;
    Ok((done.into_values().collect(), search.asked.into_inner()))
}

impl Search<'_> {
    fn point(
        &self,
        worker: usize,
        model: &'static Model,
        position: usize,
    ) -> Result<OfPoint, Failure> {
        let point = Point::new(self.crashes, self.crashes.frontier(model, position));
        let mut told = OfPoint::default();
        told.coverage.points = 1;
        match self.cut(worker, &point, &mut told) {
            Ok(()) => {
                told.pruned.whole_points = 1;
                told.coverage.enumerated_points = 1;
                return Ok(told);
            }
            Err(Ended::Failed(failure)) => return Err(failure),
            Err(Ended::Stopped) => {
                told.unjudged = 1;
                told.coverage.stopped_points = 1;
                return Ok(told);
            }
            Err(Ended::Unseen(why)) => told.pruned.unseen = Some(why),
            Err(Ended::Budget) => {}
        }
        let unseen = told.pruned.unseen.take();
        let mut told = self.one_by_one(worker, &point)?;
        told.pruned.unseen = told.pruned.unseen.or(unseen);
        Ok(told)
    }

    /// All images in parts of one class.
    fn cut(&self, worker: usize, point: &Point<'_>, told: &mut OfPoint) -> Result<(), Ended> {
        let mut runs = self.options.budget.enumerate;
        let mut parts = runs.saturating_mul(PARTS_FOR_A_RUN);
        for (number, whole) in point.whole().into_iter().enumerate() {
            let mut waiting = vec![whole];
            while let Some(part) = waiting.pop() {
                if self.options.stop.is_due() {
                    return Err(Ended::Stopped);
                }
                parts = parts.checked_sub(1).ok_or(Ended::Budget)?;
                let loss = point.loss(&part);
                let (key, shown) = self.crashes.image_at(point.frontier(), &loss);
                let (questions, verdict) = self.decide(worker, key, &shown, &mut runs)?;
                if let Some(change) = point.splitting(&part, &questions) {
                    waiting.extend(point.cut(&part, change));
                    continue;
                }
                // The fills have the same sets.
                if number == 0 {
                    match point.count(&part) {
                        Some(count) => told.pruned.sets += count,
                        None => told.pruned.more_sets = true,
                    }
                }
                told.pruned.parts += 1;
                told.coverage.images += 1;
                told.judged.push(Judged {
                    part: Some(part),
                    key,
                    loss,
                    verdict,
                });
            }
        }
        Ok(())
    }

    /// What is said of an image, and what that depends on.
    fn decide(
        &self,
        worker: usize,
        key: Key,
        shown: &Shown,
        runs: &mut usize,
    ) -> Result<(Questions, Verdict), Ended> {
        if let Some((questions, verdict)) = self.known(key, shown) {
            return Ok((questions, verdict));
        }
        *runs = runs.checked_sub(1).ok_or(Ended::Budget)?;
        match self.ask(worker, key, shown).map_err(Ended::Failed)? {
            None => Err(Ended::Stopped),
            Some(asked) => match asked.questions {
                Ok(questions) => Ok((questions, asked.verdict)),
                Err(why) => Err(Ended::Unseen(why)),
            },
        }
    }

    fn known(&self, key: Key, shown: &Shown) -> Option<(Questions, Verdict)> {
        let known = self.known.lock().expect("classes are values");
        let (questions, verdict) = known.get(&key.outputs)?.find(&Answering::new(shown))?;
        self.keep(key, &verdict);
        Some((questions, verdict))
    }

    fn keep(&self, key: Key, verdict: &Verdict) {
        let mut verdicts = self.verdicts.lock().expect("verdicts are values");
        verdicts.entry(key).or_insert_with(|| verdict.clone());
    }

    fn ask(&self, worker: usize, key: Key, shown: &Shown) -> Result<Option<Asked>, Failure> {
        if self.options.stop.is_due() {
            return Ok(None);
        }
        let disk = self.crashes.disk();
        let Some(asked) = self.asking.ask(worker, disk, key, shown)? else {
            return Ok(None);
        };
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.keep(key, &asked.verdict);
        if let Ok(questions) = &asked.questions {
            let mut known = self.known.lock().expect("classes are values");
            let classes = known.entry(key.outputs).or_default();
            classes.add(&Answering::new(shown), questions, asked.verdict.clone());
        }
        Ok(Some(asked))
    }

    /// Chosen images, as without classes.
    fn one_by_one(&self, worker: usize, point: &Point<'_>) -> Result<OfPoint, Failure> {
        let mut told = OfPoint::default();
        let mut seen: BTreeMap<Key, usize> = BTreeMap::new();
        let mut failed = None;
        let frontier = point.frontier();
        let (budget, stop) = (self.options.budget, &self.options.stop);
        let coverage = self
            .crashes
            .visit_at(frontier, budget, stop, &mut |loss, key, shown| {
                if let Some(&place) = seen.get(&key) {
                    let known: &mut Judged = &mut told.judged[place];
                    if loss.kept.count_zeroes(..) < known.loss.kept.count_zeroes(..) {
                        known.loss = loss;
                    }
                    return ControlFlow::Continue(());
                }
                let verdict = match self.known(key, &shown) {
                    Some((_, verdict)) => Some(verdict),
                    None => match self.single(worker, key, &shown, &mut told.pruned) {
                        Ok(verdict) => verdict,
                        Err(failure) => {
                            failed = Some(failure);
                            return ControlFlow::Break(());
                        }
                    },
                };
                match verdict {
                    Some(verdict) => {
                        seen.insert(key, told.judged.len());
                        told.judged.push(Judged {
                            part: None,
                            key,
                            loss,
                            verdict,
                        });
                    }
                    None => told.unjudged += 1,
                }
                ControlFlow::Continue(())
            });
        told.coverage = coverage;
        match failed {
            Some(failure) => Err(failure),
            None => Ok(told),
        }
    }

    /// One image that is of no known class.
    fn single(
        &self,
        worker: usize,
        key: Key,
        shown: &Shown,
        pruned: &mut Pruned,
    ) -> Result<Option<Verdict>, Failure> {
        {
            let verdicts = self.verdicts.lock().expect("verdicts are values");
            if let Some(known) = verdicts.get(&key) {
                return Ok(Some(known.clone()));
            }
        }
        let asked = self.ask(worker, key, shown)?;
        Ok(asked.map(|asked| {
            if let Err(why) = asked.questions {
                pruned.unseen.get_or_insert(why);
            }
            asked.verdict
        }))
    }
}
