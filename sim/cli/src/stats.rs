//! `stats`: the options, sizes and counts of a store, once or again and again.

use clap::Args;
use lithify::metrics::Metrics;
use lithify::{Placement, Stats};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;
use lithify_sim::cli::table::{Column, Table};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde::Serialize;

use super::placement::{shown_history, shown_remove_inputs};
use super::store::{StoreArgument, StoredBytes};
use super::watch::{self, Watch};

const EXAMPLES: &str = "\
Examples:
  lithify stats --store S
  lithify stats --store S --format json
  lithify stats --store S --watch          # a line each second, beside a writer
  lithify stats --store S --prometheus     # for a scraper of text files

The counters and histograms in JSON begin at zero when a store is opened. This command only opens the store, so \
here they show the work of opening.";

/// Prints the options, sizes and counts of a store
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowStats {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    format: FormatArgument,
    /// Print the numbers in the text format of Prometheus
    #[arg(long, conflicts_with_all = ["format", "watch"])]
    prometheus: bool,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Serialize)]
pub(crate) struct Report {
    placement: Placement,
    keyspaces: usize,
    /// The first and last commit of each range that can be read in every keyspace.
    readable_commits: Vec<(u64, u64)>,
    pub(crate) disk: StoredBytes,
    pub(crate) stats: Stats,
}

impl Report {
    /// Opens the store and reads its numbers.
    pub(crate) fn of(argument: &StoreArgument) -> Outcome<Self> {
        let store = argument.open()?;
        let readable = store.readable_commits();
        Ok(Self {
            placement: store.placement().clone(),
            keyspaces: store.snapshot().keyspaces().len(),
            readable_commits: readable
                .iter()
                .map(|range| (range.start().get(), range.end().get()))
                .collect(),
            disk: StoredBytes::of(&argument.path)?,
            stats: store.stats(),
        })
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &ShowStats) -> Outcome {
    let format = arguments.format.format;
    if let Some(pause) = arguments.watch.watch {
        return watch::run(&arguments.store, format, pause, arguments.watch.times);
    }
    let report = Report::of(&arguments.store)?;
    let mut output = Output::for_reading();
    match format {
        _ if arguments.prometheus => output.bytes(prometheus(report.stats).as_bytes())?,
        Format::Json => output.json(&report)?,
        Format::Text => output.table(&table(&report))?,
    }
    output.finish()
}

fn prometheus(stats: Stats) -> String {
    let mut registry = Registry::default();
    // This process does no work on the store, so counters of its work say nothing.
    let metrics = Metrics::new(move || stats.clone()).without_work();
    registry.register_collector(Box::new(metrics));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes all text");
    text
}

fn table(report: &Report) -> Table {
    let (placement, disk, stats) = (&report.placement, &report.disk, &report.stats);
    let readable: u64 = report
        .readable_commits
        .iter()
        .map(|(first, last)| last - first + 1)
        .sum();
    let file_kind = |files: u64, bytes: u64| match files {
        1 => format!("1 file, {bytes} bytes"),
        _ => format!("{files} files, {bytes} bytes"),
    };
    let rows = [
        ("head", stats.head.to_string()),
        ("readable commits", readable.to_string()),
        ("keyspaces", report.keyspaces.to_string()),
        ("divisor", placement.alignment.to_string()),
        ("highest level", placement.alignment.max_level().to_string()),
        ("min inputs", placement.min_inputs.to_string()),
        ("history", shown_history(placement.history)),
        (
            "remove inputs",
            shown_remove_inputs(placement.remove_inputs),
        ),
        ("live segments", stats.live_segments.to_string()),
        ("live entries", stats.live_entries.to_string()),
        ("kept inputs", stats.kept_inputs.to_string()),
        (
            "in files through",
            format!("commit {}", stats.flushed_through),
        ),
        ("memory", format!("{} bytes", stats.memory_bytes)),
        ("wal", file_kind(disk.wal_files, disk.wal_bytes)),
        (
            "manifests",
            file_kind(disk.manifest_files, disk.manifest_bytes),
        ),
        (
            "segments",
            file_kind(disk.segment_files, disk.segment_bytes),
        ),
    ];
    let mut table = Table::new(&[Column::Text(""); 2]);
    rows.into_iter()
        .for_each(|(name, value)| table.row([name.to_owned(), value]));
    table
}
