//! The arguments of `sim run` about crashes: how many images, and how many crashes in a
//! row.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::exit::{Exit, Outcome};
use crate::disk::Budget;
use crate::search::crashes::Reach;

/// How far crashes go. What is not given is as in [`Reach::SMALL`].
#[derive(Args, Debug)]
#[command(next_help_heading = "Crashes")]
pub(super) struct ReachArguments {
    /// Maximum number of crash images for one execution and model. A larger number visits more
    /// crash points and takes longer; 0 means no crashes [default: 4000]
    #[arg(long, value_name = "N", conflicts_with = "trace")]
    images: Option<u64>,
    /// Maximum number of images of one crash point that is enumerated. At other points the
    /// images that lose or keep one change are taken, and a sample. A larger number uses up
    /// --images sooner [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 20), conflicts_with = "trace")]
    point_images: Option<u32>,
    /// Maximum number of crashes in a row: 1 crashes no recovery, 2 crashes some recoveries.
    /// Each further one costs about twenty times as much for these recoveries [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8), conflicts_with = "trace")]
    depth: Option<u32>,
    /// Crash one of this number of recoveries. A recovery that is crashed costs as much as about
    /// forty others [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "trace")]
    recoveries_one_in: Option<u64>,
}

/// The values that were used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReachLine {
    pub(super) images: u64,
    pub(super) point_images: usize,
    pub(super) depth: u32,
    pub(super) recoveries_one_in: u64,
}

impl ReachArguments {
    /// Fails if one argument makes another one meaningless.
    pub(super) fn check(&self) -> Outcome {
        let refused = |message: &str| Err(Exit::Usage.because(message));
        let is_about_crashes =
            self.point_images.is_some() || self.depth.is_some() || self.recoveries_one_in.is_some();
        if self.images == Some(0) && is_about_crashes {
            return refused(
                "--images 0 means no crashes: it cannot be used with --point-images, --depth or --recoveries-one-in",
            );
        }
        if self.depth == Some(1) && self.recoveries_one_in.is_some() {
            return refused(
                "--depth 1 means that no recovery is crashed: it cannot be used with --recoveries-one-in",
            );
        }
        Ok(())
    }

    pub(super) fn reach(&self) -> Reach {
        let small = Reach::SMALL;
        let images = self.point_images.map(|images| images as usize);
        Reach {
            budget: Budget {
                enumerate: images.unwrap_or(small.budget.enumerate),
                ..small.budget
            },
            max_images: self.images.unwrap_or(small.max_images),
            depth: self.depth.unwrap_or(small.depth),
            recoveries_one_in: self.recoveries_one_in.unwrap_or(small.recoveries_one_in),
            ..small
        }
    }
}

impl From<Reach> for ReachLine {
    fn from(reach: Reach) -> Self {
        Self {
            images: reach.max_images,
            point_images: reach.budget.enumerate,
            depth: reach.depth,
            recoveries_one_in: reach.recoveries_one_in,
        }
    }
}
