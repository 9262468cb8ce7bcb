//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::row::Row;
use crate::sizes::Sizes;

/// Plays the same workloads on lithify and its peers in turn, and prints ratios.
#[derive(Parser, Debug)]
#[command(name = "cargo bench -p lithify-bench --")]
pub(crate) struct Arguments {
    /// Rows to play, instead of all.
    #[arg(long, value_delimiter = ',', value_enum)]
    pub(crate) rows: Vec<Row>,
    /// Engines that play, instead of all that this build has.
    #[arg(long, value_delimiter = ',')]
    pub(crate) engines: Vec<String>,
    /// How often all engines take their turns.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) windows: u64,
    /// A hundredth of everything, in one window: shows that all rows work, not how fast.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Where stores are made, instead of the target directory. All of them are removed at the end.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Also writes results.json, table.md and plot.svg there.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Prints the report of an earlier run, from its results.json, instead of playing.
    #[arg(long, value_name = "FILE")]
    pub(crate) show: Option<PathBuf>,
    #[command(flatten)]
    sizes: Sizes,
    /// One measurement, as the harness asks for it.
    #[arg(long, hide = true)]
    pub(crate) task: Option<String>,
    /// `cargo bench` says so, and `cargo test --all-targets`, which asks for little, does not.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    /// How much to do.
    pub(crate) fn sizes(&self) -> Sizes {
        let quick = if self.is_quick() { 0.01 } else { 1.0 };
        Sizes {
            scale: self.sizes.scale * quick,
            ..self.sizes.clone()
        }
    }

    /// How often to do it.
    pub(crate) fn windows(&self) -> u64 {
        if self.is_quick() { 1 } else { self.windows }
    }

    fn is_quick(&self) -> bool {
        self.quick || !self.bench
    }
}
