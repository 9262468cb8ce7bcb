//! Every moment of a run at which its process can die or the power can fail, for tests
//! with their own checks.
//!
//! Run anything on a [`SimFs`], use [`SimFs::mark`] to record what clients know, and
//! make a [`Run`] of it. One run is enough for all moments and for every persistence
//! model:
//!
//! ```
//! use lithify::fs::Fs;
//! use lithify_sim::disk::power_loss::Run;
//! use lithify_sim::disk::{Budget, Image, Mark, Model, SimFs};
//!
//! let fs = SimFs::new();
//! let file = fs.create("log")?;
//! file.append(b"one")?;
//! file.sync()?;
//! fs.sync_dir("")?;
//! fs.mark(Mark::Acknowledged(1));
//!
//! let run = Run::new(Image::default(), &fs);
//! run.power_fails(Model::DEFAULT, .., Budget::ALL, |loss| {
//!     let is_there = loss.image().files().any(|file| file == ("log", b"one"));
//!     assert!(is_there || loss.known().acknowledged == 0, "{loss}");
//! });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! This module has no plans, oracles or systems. [`crate::search::crashes`] has them,
//! for stores that implement the traits of [`crate::system`].

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{ControlFlow, RangeBounds};

use crate::disk::explore::explore;
use crate::disk::{Budget, Choice, Coverage, Frontier, Image, Known, Log, Model, Operation, SimFs};
use crate::keyed::{Domain, Seed};

/// The operations on a disk, and the content of the disk before them.
#[derive(Clone, Debug)]
pub struct Run {
    start: Image,
    log: Log,
}

impl Run {
    /// The operations on `fs` so far. `fs` began as `start`.
    #[must_use]
    pub fn new(start: Image, fs: &SimFs) -> Self {
        Self {
            start,
            log: fs.log(),
        }
    }

    /// The moments, as positions in the log: before each operation, and the end.
    pub fn moments(&self) -> impl Iterator<Item = usize> {
        let operations = self.log.operations();
        (0..=operations.len())
            .filter(|&position| operations.get(position).is_none_or(Operation::is_call))
    }

    /// What clients know at a moment.
    #[must_use]
    pub fn known(&self, moment: usize) -> Known {
        let mut frontier = Frontier::new(Model::DEFAULT, self.start.clone(), &self.log);
        frontier.advance_to(moment);
        frontier.known()
    }

    /// The process dies at a moment, and the machine keeps running: the next process
    /// sees all that was written, and pending changes stay pending. The log continues
    /// from there.
    #[must_use]
    pub fn process_dies(&self, moment: usize) -> SimFs {
        SimFs::from_log(&self.start, &self.log, moment)
    }

    /// A text that says before which operation a moment is.
    #[must_use]
    pub fn describe(&self, moment: usize) -> String {
        match self.log.operations().get(moment) {
            Some(operation) => format!("before {}", self.log.describe(operation)),
            None => "at the end".to_owned(),
        }
    }

    /// The power fails at each moment in `positions`. Calls `check` with every image
    /// that `budget` allows for the moment. Images that a process cannot tell apart are
    /// checked once for the same knowledge of clients.
    pub fn power_fails(
        &self,
        model: &'static Model,
        positions: impl RangeBounds<usize>,
        budget: Budget,
        mut check: impl FnMut(&PowerLoss<'_>),
    ) -> Coverage {
        let mut frontier = Frontier::new(model, self.start.clone(), &self.log);
        let mut seen: BTreeSet<(u128, Known)> = BTreeSet::new();
        let mut coverage = Coverage::default();
        for moment in self.moments().filter(|moment| positions.contains(moment)) {
            frontier.advance_to(moment);
            let mut draws = Seed(0).draws(Domain::CrashImages, moment as u64);
            let looked_at = explore(&frontier, budget, &mut draws, &mut |choice, image| {
                if seen.insert((image.digest(), frontier.known())) {
                    check(&PowerLoss {
                        run: self,
                        frontier: &frontier,
                        choice,
                        image,
                    });
                }
                ControlFlow::Continue(())
            });
            coverage.add(looked_at);
        }
        coverage
    }
}

/// One possible content of the disk after a power failure. Its text says when the power
/// failed and what was lost.
#[derive(Debug)]
pub struct PowerLoss<'run> {
    run: &'run Run,
    frontier: &'run Frontier<'run>,
    choice: Choice,
    image: Image,
}

impl PowerLoss<'_> {
    /// What clients knew.
    #[must_use]
    pub fn known(&self) -> Known {
        self.frontier.known()
    }

    /// What the disk holds.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// A machine that starts with this content.
    #[must_use]
    pub fn disk(&self) -> SimFs {
        SimFs::from_image(&self.image)
    }
}

impl fmt::Display for PowerLoss<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = self.frontier.position();
        let labels = self.frontier.labels();
        let lost: Vec<&str> = (self.choice.kept.zeroes())
            .map(|index| labels[index].as_str())
            .collect();
        write!(
            formatter,
            "the power fails {} (position {moment} of the log, model {}); of {} pending changes these are lost: {}; lost bytes read as {}",
            self.run.describe(moment),
            self.frontier.model().name,
            labels.len(),
            if lost.is_empty() {
                "none".to_owned()
            } else {
                lost.join(", ")
            },
            self.choice.fill.name(),
        )
    }
}
