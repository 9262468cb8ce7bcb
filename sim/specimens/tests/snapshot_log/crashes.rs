//! Every crash image at every moment, under every honest model.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use lithify_sim::disk::explore::explore;
use lithify_sim::disk::model::MODELS;
use lithify_sim::disk::{Budget, Coverage, Frontier, Image, Mark, Model, SimFs};
use lithify_sim::keyed::{Domain, Seed};

use crate::script::{Action, Run, Script, batch, nothing, scripts};
use crate::verdict::{Expected, Finding, check_image, check_lied_to};

/// One of this number of distinct images goes through a second crash.
const SECOND_CRASH_ONE_IN: u64 = 41;

/// The images at a crash point of the first incarnation. If few changes are pending,
/// all images are tried. Otherwise only the images that lack or hold one change, and a
/// sample.
pub(crate) const FIRST_LIFE: Budget = Budget {
    enumerate: 256,
    bound: 1,
    samples: 8,
};

/// The images at a crash point of the second incarnation.
const SECOND_LIFE: Budget = Budget {
    enumerate: 16,
    bound: 1,
    samples: 0,
};

/// The model, the images and the number of crashes of a search.
#[derive(Clone, Copy)]
pub(crate) struct Search {
    pub(crate) model: &'static Model,
    pub(crate) budget: Budget,
    /// The number of crashes that one history goes through.
    pub(crate) crashes: u32,
}

impl Search {
    /// A search with one crash.
    pub(crate) fn new(model: &str, budget: Budget) -> Self {
        Self {
            model: Model::named(model).expect("the model exists"),
            budget,
            crashes: 1,
        }
    }
}

/// The number of images that were tried.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Looked {
    pub(crate) coverage: Coverage,
    pub(crate) distinct: u64,
}

/// Runs a script and checks everything that a crash can leave of it.
pub(crate) fn search(script: &Script, search: Search) -> Result<Looked, Finding> {
    let search = Search {
        crashes: script.crashes,
        ..search
    };
    let mut run = Run::new(SimFs::new(), script.engine.clone(), nothing());
    let failures = run.play(&script.actions)?;
    if let Some(failure) = failures.first() {
        return Err(Finding(format!("without any fault: {failure}")));
    }
    let mut looked = Looked::default();
    images(&run, &Image::default(), 0, search, &mut looked)?;
    Ok(looked)
}

/// Checks what a crash can leave of a run that began on `start`, at all crash points
/// from position `from` of its log on.
pub(crate) fn images(
    run: &Run,
    start: &Image,
    from: usize,
    search: Search,
    looked: &mut Looked,
) -> Result<(), Finding> {
    // The process dies at the end. The page cache still has everything.
    let cached = SimFs::from_image(&run.fs.image());
    check_image(&run.engine, &cached, run.expected.clone())?;
    let log = run.fs.log();
    let mut frontier = Frontier::new(search.model, start.clone(), &log);
    let mut seen = BTreeSet::new();
    loop {
        while !frontier.is_crash_point() {
            frontier.advance();
        }
        if frontier.position() >= from {
            point(run, &frontier, search, &mut seen, looked).map_err(|Finding(text)| {
                let next = frontier.next().map(|next| log.describe(next).to_string());
                let place = next.unwrap_or_else(|| "the end".to_owned());
                Finding(format!("crash at {place}: {text}"))
            })?;
        }
        if frontier.next().is_none() {
            return Ok(());
        }
        frontier.advance();
    }
}

/// Checks what a crash at this point can leave, against the promises that the marks
/// record.
fn point(
    run: &Run,
    frontier: &Frontier<'_>,
    search: Search,
    seen: &mut BTreeSet<(u128, u64, u64)>,
    looked: &mut Looked,
) -> Result<(), Finding> {
    let mut expected = run.expected.clone();
    expected.acknowledged = frontier.known().acknowledged;
    let issued = frontier.known().issued.min(expected.history.head());
    expected.history.truncate(issued);
    let mut draws = Seed(7).draws(Domain::CrashImages, frontier.position() as u64);
    let mut verdict = Ok(());
    let coverage = explore(frontier, search.budget, &mut draws, &mut |_, image| {
        if !seen.insert((image.digest(), expected.acknowledged, issued)) {
            return ControlFlow::Continue(());
        }
        looked.distinct += 1;
        let fs = SimFs::from_image(&image);
        verdict = match search.model.honest {
            true => check_image(&run.engine, &fs, expected.clone()),
            false => check_lied_to(&run.engine, &fs, expected.clone()),
        };
        let goes_on = search.crashes > 1 && search.model.honest;
        if verdict.is_ok() && goes_on && looked.distinct % SECOND_CRASH_ONE_IN == 1 {
            verdict = second_epoch(run, &image, &expected, search, looked);
        }
        match verdict {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    looked.coverage.add(coverage);
    verdict
}

/// Continues on what a crash has left, and crashes again. The first of these crashes
/// are during recovery.
fn second_epoch(
    first: &Run,
    image: &Image,
    expected: &Expected,
    search: Search,
    looked: &mut Looked,
) -> Result<(), Finding> {
    let fs = SimFs::from_image(image);
    // The promises of the first incarnation hold until the second one makes its own.
    fs.mark(Mark::Acknowledged(expected.acknowledged));
    fs.mark(Mark::Issued(expected.history.head()));
    let mut run = Run::new(fs, first.engine.clone(), expected.clone());
    let mut actions = vec![Action::Step];
    for tag in 50..54 {
        actions.push(Action::Commit(vec![batch(tag, 15)]));
        actions.extend(vec![Action::Step; 6]);
    }
    run.play(&actions)?;
    let search = Search {
        crashes: search.crashes - 1,
        budget: SECOND_LIFE,
        ..search
    };
    // A crash during the opening is judged by the commits issued before it. No commit
    // of the second incarnation is issued then, so such an image can only hold commits
    // that both histories have in common. If the second history is shorter than the
    // first one, crashes during the opening are skipped.
    let from = if run.expected.history.head() >= expected.history.head() {
        0
    } else {
        run.serves_since
    };
    images(&run, image, from, search, looked)
        .map_err(|Finding(text)| Finding(format!("second epoch: {text}")))
}

/// The number of distinct images is part of the snapshot. If it changes, then the
/// written bytes have changed, or the thoroughness of this test.
fn look_everywhere(is_meant: impl Fn(&Model) -> bool) -> String {
    let mut text = String::new();
    for model in MODELS.iter().filter(|model| is_meant(model)) {
        for script in scripts() {
            let looked = search(&script, Search::new(model.name, FIRST_LIFE))
                .unwrap_or_else(|Finding(text)| panic!("{}, {}: {text}", model.name, script.name));
            let (distinct, coverage) = (looked.distinct, looked.coverage);
            text += &format!(
                "{}, {}: {distinct} distinct; {coverage}\n",
                model.name, script.name
            );
        }
    }
    text
}

#[test]
fn every_crash_image_holds_what_was_promised() {
    let text = look_everywhere(|model| model.honest && !model.is_comparison);
    insta::assert_snapshot!(text);
}

#[test]
fn a_disk_that_lies_is_noticed_or_answered_with_a_prefix() {
    insta::assert_snapshot!(look_everywhere(|model| !model.honest));
}

/// The same with a budget that tries almost all images.
#[test]
#[ignore = "a larger search, for quiet hours"]
fn larger_budgets_find_nothing_either() {
    for model in ["posix-min", "paranoid"] {
        for script in scripts() {
            search(&script, Search::new(model, Budget::LARGE))
                .unwrap_or_else(|Finding(text)| panic!("{model}, {}: {text}", script.name));
        }
    }
}
