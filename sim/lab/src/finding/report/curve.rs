//! At each operation of the last epoch: the share of the legal images that end in the
//! finding.
//!
//! Where all images were enumerated the share is exact, and counted in distinct disks:
//! disks that differ in something that a process can see. Elsewhere it is a share of
//! the images that were drawn, and the point says so.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Serialize;

use super::timeline::Told;
use crate::disk::explore::explore_sources;
use crate::disk::oplog::Operation;
use crate::disk::{Budget, Choice, Frontier, Image, Mark, SimFs};
use crate::judge::oracle::Oracle;
use crate::judge::{Bounds, Enabled, Judge, Memory};
use crate::keyed::{Domain, Seed};
use crate::run::execute::{Epoch, Execution};
use crate::run::plan::Plan;
use crate::search::crashes::sources;
use crate::system::{Engine, Settings};

/// How many images are judged for one curve.
const MAX_IMAGES: u64 = 20_000;

const BUDGET: Budget = Budget {
    enumerate: 1024,
    bound: 1,
    samples: 16,
};

/// The share of failing images along the last epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// One point for each call of the file system, in order, and one for the end.
    pub points: Vec<Point>,
    /// Whether the number of images was enough for all operations.
    pub is_complete: bool,
}

/// The images that a loss of power directly before one operation may leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The event of the operation; `None` for operations that the trace's own crash
    /// has undone, and for the end.
    pub event: Option<usize>,
    /// The operation; `None` for the end.
    pub operation: Option<String>,
    /// The number of distinct disks.
    pub images: u64,
    /// How many of them end in the finding.
    pub failing: u64,
    /// Whether these are all legal disks.
    pub is_exact: bool,
}

/// The curve of the epoch that the last crash of the plan has ended. `None` if the plan
/// does not end with a crash: then no image decides.
pub(super) fn curve(
    plan: &Plan,
    execution: &Execution,
    told: &Told,
    oracle: Oracle,
) -> Option<Curve> {
    if !plan.ends_with_crash() {
        return None;
    }
    let number = execution
        .epochs
        .iter()
        .rposition(|epoch| epoch.crashed_at.is_some())?;
    let mut settings = plan.settings.clone();
    for epoch in &execution.epochs[..number] {
        epoch.log.operations().iter().for_each(|operation| {
            plan.change_settings(operation, &mut settings);
        });
    }
    let epoch = &execution.epochs[number];
    let mut walk = Walk {
        plan,
        epoch,
        oracle,
        settings,
        judged: BTreeMap::new(),
        left: MAX_IMAGES,
    };
    let mut points = walk.points();
    for (position, point) in &mut points {
        point.event = told.places.get(&(number, *position)).copied();
    }
    Some(Curve {
        epoch: number + 1,
        points: points.into_iter().map(|(_, point)| point).collect(),
        is_complete: walk.left > 0,
    })
}

struct Walk<'run> {
    plan: &'run Plan,
    epoch: &'run Epoch,
    oracle: Oracle,
    settings: Settings,
    /// By disk, demands and history: whether it ends in the finding.
    judged: BTreeMap<(u128, Bounds, u64), bool>,
    /// The number of images that may still be judged.
    left: u64,
}

impl Walk<'_> {
    /// The points, each with its position in the log.
    fn points(&mut self) -> Vec<(usize, Point)> {
        let epoch = self.epoch;
        let model = self.plan.model;
        let mut frontier = Frontier::new(model, epoch.start.clone(), &epoch.log);
        let mut engine = self.engine();
        let mut memory = Memory::default();
        let mut trouble = epoch.trouble_at(0, model);
        let mut points = Vec::new();
        loop {
            let position = frontier.position();
            let next = frontier.next().filter(|_| position < epoch.end);
            if let Some(operation) = next
                && self.plan.change_settings(operation, &mut self.settings)
            {
                (engine, memory) = (self.engine(), Memory::default());
                self.judged.clear();
            }
            if let Some(Operation::Mark(Mark::Fault { kind, .. })) = next {
                trouble.strike(*kind);
            }
            let is_point = next.is_none_or(Operation::is_call);
            if is_point && self.left > 0 && epoch.is_decided(position, &trouble) {
                let history = epoch.history_at(position);
                let enabled = Enabled::default();
                let judge = Judge::new(&*engine, history, &enabled, &memory);
                let mut known = frontier.known();
                known.issued = known.issued.min(history.head());
                let bounds = trouble.bounds(epoch.has_lost_witness(position), known);
                let operation = next.map(|next| epoch.log.describe(next).to_string());
                let point = self.point(&frontier, &judge, bounds);
                points.push((position, Point { operation, ..point }));
            }
            if next.is_none() {
                return points;
            }
            frontier.advance();
        }
    }

    fn engine(&self) -> Arc<dyn Engine> {
        let engine = self.plan.system.configure(&self.settings);
        engine.expect("settings are checked when a plan is made")
    }

    fn point(&mut self, frontier: &Frontier<'_>, judge: &Judge<'_>, bounds: Bounds) -> Point {
        let mut draws = Seed(self.plan.seed).draws(Domain::CrashImages, frontier.position() as u64);
        let history = judge.history_digest(bounds.known.issued);
        let mut disks: BTreeMap<u128, bool> = BTreeMap::new();
        let mut visit = |_: Choice, image: Image| {
            let disk = image.digest();
            let key = (disk, bounds, history);
            let fails = match self.judged.get(&key) {
                Some(&fails) => fails,
                None if self.left == 0 => return ControlFlow::Break(()),
                None => {
                    self.left -= 1;
                    let fails = self.fails(judge, &image, bounds);
                    self.judged.insert(key, fails);
                    fails
                }
            };
            disks.insert(disk, fails);
            ControlFlow::Continue(())
        };
        let coverage = explore_sources(
            frontier,
            BUDGET,
            sources(judge.engine(), bounds),
            &mut draws,
            &mut visit,
        );
        Point {
            event: None,
            operation: None,
            images: disks.len() as u64,
            failing: disks.values().filter(|fails| **fails).count() as u64,
            is_exact: coverage.enumerated_points == 1,
        }
    }

    fn fails(&self, judge: &Judge<'_>, image: &Image, bounds: Bounds) -> bool {
        let fs = SimFs::from_image(image);
        for skip in &self.plan.skipped {
            fs.skip_barriers(skip.clone());
        }
        let check = || judge.check(&fs, bounds).map(|_| ());
        let outcome = Enabled::default().guarded(check);
        outcome.is_err_and(|finding| finding.oracle == self.oracle)
    }
}
