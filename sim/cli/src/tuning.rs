//! Arguments that decide where bytes are stored and when work is done. They may differ
//! at every opening and never change a settled layout.

use clap::builder::TypedValueParser;
use clap::{Args, ValueEnum};
use lithify::{Cascade, Compression, Durability, Level, Options};
use lithify_sim::cli::offering;
use lithify_sim::names::unknown;

/// How a store is written to.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tuning (may differ each time)")]
pub(crate) struct TuningArguments {
    /// How a commit reaches the levels whose windows it closes: step (level by level) or
    /// direct (the highest level only, which writes less)
    #[arg(long, default_value = "step", hide_possible_values = true, value_parser = cascade())]
    pub(crate) cascade: Cascade,
    /// When a commit is acknowledged: when it is synced, or when it is in the buffers of the
    /// operating system
    #[arg(long, value_enum, default_value = "synced")]
    pub(crate) durability: DurabilityName,
    /// Compression of new segment files
    #[arg(long, value_enum, default_value = "none")]
    pub(crate) compression: CompressionName,
    /// The lowest level whose merged segments are stored in files [default: the first level
    /// with windows of 4096 commits or more]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) file_level: Option<Level>,
    /// Maximum bytes of segments in memory; above that they move to a file [default:
    /// 33554432; for compact 0]
    #[arg(long, value_name = "BYTES")]
    pub(crate) memory_budget: Option<usize>,
    /// Length in bytes at which a new log file begins
    #[arg(long, value_name = "BYTES", default_value_t = Options::default().wal_file_bytes)]
    pub(crate) wal_file: u64,
}

impl TuningArguments {
    pub(crate) fn options(&self) -> Options {
        Options {
            cascade: self.cascade,
            durability: match self.durability {
                DurabilityName::Synced => Durability::Synced,
                DurabilityName::Buffered => Durability::Buffered,
            },
            compression: match self.compression {
                CompressionName::None => Compression::None,
                CompressionName::Lz4 => Compression::Lz4,
                CompressionName::Zstd => Compression::Zstd,
            },
            file_level: self.file_level,
            memory_budget_bytes: self
                .memory_budget
                .unwrap_or(Options::default().memory_budget_bytes),
            wal_file_bytes: self.wal_file,
            ..Options::default()
        }
    }

    /// The options of a command that compacts and commits nothing. Segments in memory
    /// are also in the log, with every version, so they move to files unless a budget
    /// is given.
    pub(crate) fn compacting(&self) -> Options {
        Options {
            memory_budget_bytes: self.memory_budget.unwrap_or(0),
            ..self.options()
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DurabilityName {
    Synced,
    Buffered,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CompressionName {
    None,
    Lz4,
    Zstd,
}

/// `step` or `direct`.
pub(crate) fn cascade() -> impl TypedValueParser<Value = Cascade> {
    let cascade = |text: &str| {
        let parsed: Result<Cascade, _> = text.parse();
        parsed.map_err(|_| unknown("cascade", text, CASCADES.into_iter()))
    };
    offering(cascade, CASCADES)
}

const CASCADES: [&str; 2] = ["step", "direct"];
