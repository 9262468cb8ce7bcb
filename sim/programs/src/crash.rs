//! Crashes a recording everywhere and asks the checker about every image.
//!
//! The images are made by one thread in an order that follows from the recording alone; several
//! threads write them and ask. Equal images are judged once, whatever models and moments they come
//! from. A checker that refuses the complete run, or says two things of one image, is refused itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};

use lithify_sim::disk::{Budget, Coverage, Fill, Model, Operation};
use lithify_sim::stop::Stop;
use serde::Serialize;

use crate::checker::{Checker, Verdict, Wrong};
use crate::classes::{Asked, Asking, Pruned, judge_all};
use crate::failure::Failure;
use crate::losses::{Crashes, Key, Loss, Shown};
use crate::steps::Disk;

/// What is known of images.
pub type Verdicts = BTreeMap<Key, Verdict>;

/// How to crash.
#[derive(Clone, Debug)]
pub struct Options {
    /// Under which models.
    pub models: Vec<&'static Model>,
    /// How many images of each crash point.
    pub budget: Budget,
    /// How many checkers at a time.
    pub jobs: usize,
    /// Whether to look at what the checker asks, and judge by class.
    pub by_class: bool,
    /// When to end early.
    pub stop: Stop,
}

/// What was looked at under one model.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The model.
    pub model: &'static str,
    /// Images and crash points.
    pub coverage: Coverage,
    /// Images that differ in what a checker sees.
    pub distinct: usize,
    /// Of these, those that the checker refuses.
    pub bad: usize,
    /// Of these, those that it has not been asked about.
    pub unjudged: usize,
    /// How the images were judged by class, if they were.
    pub classes: Option<Pruned>,
}

impl Row {
    fn of(model: &Model, coverage: Coverage) -> Self {
        Self {
            model: model.name,
            coverage,
            distinct: 0,
            bad: 0,
            unjudged: 0,
            classes: None,
        }
    }
}

/// Images that the checker refuses with one word, and the one of them that has lost least.
#[derive(Clone, Debug)]
pub struct Found {
    /// What is wrong.
    pub wrong: Wrong,
    /// What the checker said of the image that has lost least.
    pub message: String,
    /// How many images.
    pub images: usize,
    /// The one that has lost least.
    pub loss: Loss,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// By model.
    pub rows: Vec<Row>,
    /// What was found: the worst first.
    pub found: Vec<Found>,
    /// Every image that is refused, with its first crash under each model.
    pub bad: Vec<(Key, Loss)>,
    /// How many images were judged.
    pub judged: usize,
    /// Whether nothing ended it early.
    pub is_complete: bool,
}

/// The checker must accept what is there when nothing is lost, twice.
///
/// # Errors
/// When it does not.
pub fn check_checker(disk: &Disk, checker: &Checker, stop: &Stop) -> Result<(), Failure> {
    let (key, shown) = Crashes::of(disk).killed(disk.log().operations().len());
    for _ in 0..2 {
        let Some(verdict) = checker.judge(0, disk, key, &shown, stop)? else {
            let why = "ended before the checker had judged the complete run";
            return Err(Failure::unfinished(why.to_owned()));
        };
        match verdict {
            Verdict::Good => {}
            Verdict::Bad(Wrong::Code(code @ (126 | 127)), message) => {
                let why = "the checker cannot be run";
                return Err(Failure::input(format!(
                    "{why} (exit code {code}): {message}"
                )));
            }
            Verdict::Bad(wrong, message) => {
                let why = "the checker refuses the complete run, of which nothing is lost";
                let said = format!("{why}: {wrong}: {message}");
                return Err(Failure::input(said.trim_end_matches([':', ' ']).to_owned()));
            }
        }
    }
    Ok(())
}

/// Crashes the recording and judges its images. What is in `verdicts` is not asked again.
///
/// # Errors
/// When an image cannot be written, or the checker changes its mind.
pub fn crash(
    disk: &Disk,
    checker: &Checker,
    options: &Options,
    verdicts: &mut Verdicts,
) -> Result<Outcome, Failure> {
    if options.by_class {
        return crash_by_class(disk, checker, options, verdicts);
    }
    let crashes = Crashes::of(disk);
    let asked = verdicts.len();
    let known: BTreeSet<Key> = verdicts.keys().copied().collect();
    let answers = Mutex::new(Ok(std::mem::take(verdicts)));
    let (sender, receiver) = sync_channel::<(Key, Shown)>(2 * options.jobs);
    let receiver = Mutex::new(receiver);
    let is_over = || options.stop.is_due() || is_failed(&answers);
    let mut seen = known;
    let rows: Vec<(Row, Vec<(Key, Loss)>)> = std::thread::scope(|scope| {
        for worker in 0..options.jobs {
            let (receiver, answers) = (&receiver, &answers);
            let is_over = &is_over;
            let stop = &options.stop;
            let work = move || work(worker, disk, checker, stop, receiver, answers, is_over);
            scope.spawn(work);
        }
        let rows = options.models.iter().map(|model| {
            look(&crashes, model, options, &mut |key, shown| {
                if seen.insert(key) && sender.send((key, shown)).is_err() || is_over() {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })
        });
        let rows = rows.collect();
        drop(sender);
        rows
    });
    *verdicts = answers.into_inner().expect("workers return failures")?;
    let judged = verdicts.len() - asked;
    told(&crashes, checker, rows, verdicts, judged, &options.stop)
}

/// A checker under `strace`.
struct Noting<'run> {
    checker: &'run Checker,
    stop: &'run Stop,
}

impl Asking for Noting<'_> {
    fn ask(
        &self,
        worker: usize,
        disk: &Disk,
        key: Key,
        shown: &Shown,
    ) -> Result<Option<Asked>, Failure> {
        let calls = crate::reads::CALLS;
        self.checker
            .judge_noting(worker, disk, key, shown, calls, self.stop)
    }
}

fn crash_by_class(
    disk: &Disk,
    checker: &Checker,
    options: &Options,
    verdicts: &mut Verdicts,
) -> Result<Outcome, Failure> {
    let (crashes, stop) = (Crashes::of(disk), &options.stop);
    let noting = Noting { checker, stop };
    let (key, shown) = crashes.killed(disk.log().operations().len());
    if let Some(asked) = noting.ask(0, disk, key, &shown)?
        && let Verdict::Bad(wrong, message) = asked.verdict
    {
        let why = "under strace the checker refuses the complete run, of which nothing is lost";
        return Err(Failure::input(format!("{why}: {wrong}: {message}")));
    }
    let (points, judged) = judge_all(disk, &noting, options, verdicts)?;
    let mut rows: Vec<(Row, Vec<(Key, Loss)>)> = (options.models.iter())
        .map(|model| (Row::of(model, Coverage::default()), Vec::new()))
        .collect();
    for point in points {
        let (row, images) = &mut rows[point.model];
        row.coverage.add(point.coverage);
        row.unjudged += point.unjudged;
        row.classes.get_or_insert_default().add(point.pruned);
        images.extend(point.judged.into_iter().map(|it| (it.key, it.loss)));
    }
    for (row, images) in &mut rows {
        // Of each image the crash that has lost least.
        images.sort_by_key(|(key, loss)| (*key, loss.kept.count_zeroes(..)));
        images.dedup_by_key(|(key, _)| *key);
        row.distinct = images.len();
    }
    told(&crashes, checker, rows, verdicts, judged, stop)
}

fn is_failed(answers: &Mutex<Result<Verdicts, Failure>>) -> bool {
    answers.lock().expect("workers return failures").is_err()
}

/// The images of one model, each once.
fn look(
    crashes: &Crashes<'_>,
    model: &'static Model,
    options: &Options,
    hand: &mut dyn FnMut(Key, Shown) -> ControlFlow<()>,
) -> (Row, Vec<(Key, Loss)>) {
    let mut own: BTreeMap<Key, Loss> = BTreeMap::new();
    let coverage = crashes.visit(
        model,
        options.budget,
        &options.stop,
        &mut |loss, key, shown| {
            let is_less = |known: &Loss| loss.kept.count_zeroes(..) < known.kept.count_zeroes(..);
            match own.get(&key) {
                Some(known) if !is_less(known) => ControlFlow::Continue(()),
                Some(_) => {
                    own.insert(key, loss);
                    ControlFlow::Continue(())
                }
                None => {
                    own.insert(key, loss);
                    hand(key, shown)
                }
            }
        },
    );
    let row = Row {
        distinct: own.len(),
        ..Row::of(model, coverage)
    };
    (row, own.into_iter().collect())
}

/// Judges what comes, until nothing does.
fn work(
    worker: usize,
    disk: &Disk,
    checker: &Checker,
    stop: &Stop,
    receiver: &Mutex<Receiver<(Key, Shown)>>,
    answers: &Mutex<Result<Verdicts, Failure>>,
    is_over: &dyn Fn() -> bool,
) {
    loop {
        let next = receiver.lock().expect("workers return failures").recv();
        let Ok((key, shown)) = next else { return };
        // What is still in the queue is taken out of it, so that nobody waits for room.
        if is_over() {
            continue;
        }
        let verdict = checker.judge(worker, disk, key, &shown, stop);
        let mut answers = answers.lock().expect("workers return failures");
        match (&mut *answers, verdict) {
            (Ok(known), Ok(Some(verdict))) => _ = known.insert(key, verdict),
            (Ok(_), Ok(None)) => {}
            (Ok(_), Err(failure)) => *answers = Err(failure),
            (Err(_), _) => {}
        }
    }
}

fn told(
    crashes: &Crashes<'_>,
    checker: &Checker,
    rows: Vec<(Row, Vec<(Key, Loss)>)>,
    verdicts: &Verdicts,
    judged: usize,
    stop: &Stop,
) -> Result<Outcome, Failure> {
    let is_complete = !stop.is_due();
    let mut outcome = Outcome {
        rows: Vec::new(),
        found: Vec::new(),
        bad: Vec::new(),
        judged,
        is_complete,
    };
    for (mut row, images) in rows {
        for (key, loss) in images {
            match verdicts.get(&key) {
                Some(Verdict::Good) => {}
                Some(Verdict::Bad(..)) => {
                    row.bad += 1;
                    outcome.bad.push((key, loss));
                }
                None => row.unjudged += 1,
            }
        }
        outcome.rows.push(row);
    }
    let mut groups: BTreeMap<(Wrong, String), Vec<&(Key, Loss)>> = BTreeMap::new();
    for bad in &outcome.bad {
        if let Some(Verdict::Bad(wrong, message)) = verdicts.get(&bad.0) {
            let group = groups.entry((*wrong, without_numbers(message)));
            group.or_default().push(bad);
        }
    }
    let mut found = Vec::new();
    for ((wrong, _), group) in groups {
        found.push(least(crashes, checker, wrong, &group, verdicts, stop)?);
    }
    found.sort_by_key(|found| std::cmp::Reverse(severity(found.wrong)));
    outcome.found = found;
    Ok(outcome)
}

/// How bad something is, for the order in which it is told.
fn severity(wrong: Wrong) -> u32 {
    match wrong {
        Wrong::Signal(_) => 5,
        Wrong::Hang => 4,
        Wrong::DoesNotOpen => 3,
        Wrong::Inconsistent => 2,
        Wrong::Code(_) => 1,
        Wrong::Lost => 0,
    }
}

/// Findings whose words differ in numbers only are one.
fn without_numbers(text: &str) -> String {
    let mut words = String::new();
    for part in text.split_inclusive(|letter: char| !letter.is_ascii_hexdigit()) {
        let has_digit = part.bytes().any(|byte| byte.is_ascii_digit());
        words.push_str(if has_digit { "0" } else { part });
    }
    words
}

/// Of some images with one verdict, the one that has lost least. It is judged twice more, unless the
/// time is over.
fn least(
    crashes: &Crashes<'_>,
    checker: &Checker,
    wrong: Wrong,
    group: &[&(Key, Loss)],
    verdicts: &Verdicts,
    stop: &Stop,
) -> Result<Found, Failure> {
    const LOOKED_AT: usize = 8;
    let mut by_loss: Vec<&&(Key, Loss)> = group.iter().collect();
    by_loss.sort_by_key(|(_, loss)| loss.kept.count_zeroes(..));
    let candidates = by_loss.into_iter().take(LOOKED_AT);
    let seen = candidates.map(|(key, loss)| (*key, crashes.seen_only(loss)));
    let least = seen.min_by_key(|(_, loss)| (crashes.words(loss).len(), loss.fill != Fill::Zero));
    let (key, loss) = least.expect("a group has an image");
    let images: BTreeSet<Key> = group.iter().map(|(key, _)| *key).collect();
    let (_, shown) = crashes.image(&loss);
    let first = &verdicts[&key];
    for _ in 0..2 {
        let Some(again) = checker.judge(0, crashes.disk(), key, &shown, stop)? else {
            break;
        };
        if !matches!((first, &again), (Verdict::Bad(one, _), Verdict::Bad(other, _)) if one == other)
        {
            let why = "the checker changes its mind about one image: first";
            let (first, again) = (said(first), said(&again));
            return Err(Failure::input(format!("{why} {first}, then {again}")));
        }
    }
    let message = match first {
        Verdict::Bad(_, message) => message.clone(),
        Verdict::Good => String::new(),
    };
    Ok(Found {
        wrong,
        message,
        images: images.len(),
        loss,
    })
}

fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Good => "good".to_owned(),
        Verdict::Bad(wrong, _) => wrong.to_string(),
    }
}

/// How many operations of the program a recording has.
#[must_use]
pub fn operations(disk: &Disk) -> usize {
    let operations = disk.log().operations().iter();
    operations
        .filter(|operation| Operation::is_call(operation))
        .count()
}
