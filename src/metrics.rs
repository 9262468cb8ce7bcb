//! The numbers of a store for a registry of the crate `prometheus-client`, with the feature
//! `prometheus`.
//!
//! The names are `lithify_` and the name of the number in [`Stats`]. Numbers that only grow while a
//! store is open are counters; a scrape shows them with `_total` behind the name. Help texts give the
//! meaning and the unit.
//!
//! This file reads no clock and keeps no number: each scrape asks the store.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::{MetricType, TypedMetric};

use crate::stats::{Histogram, Stats};

/// Gives the numbers of one store to a registry. Each scrape calls the function once, which costs
/// O(live segments).
///
/// ```
/// # fn main() -> lithify::Result<()> {
/// use lithify::metrics::Metrics;
/// use prometheus_client::{encoding::text::encode, registry::Registry};
///
/// let db = lithify::Db::builder("stones").open_in_memory()?;
/// db.keyspace("files")?.put("README.md", "...")?;
/// let mut registry = Registry::default();
/// let store = db.clone();
/// registry.register_collector(Box::new(Metrics::new(move || store.stats())));
///
/// let mut text = String::new();
/// encode(&mut text, &registry).expect("a string takes all text");
/// assert!(text.contains("lithify_commits_total 1\n"));
/// # Ok(())
/// # }
/// ```
pub struct Metrics<F> {
    stats: F,
    has_work: bool,
}

impl<F> Metrics<F>
where
    F: Fn() -> Stats + Send + Sync + 'static,
{
    /// Metrics of the store that `stats` asks. Stores in one registry need a prefix or a label each:
    /// see `Registry::sub_registry_with_label`.
    pub fn new(stats: F) -> Self {
        Self {
            stats,
            has_work: true,
        }
    }

    /// The same metrics without counters and histograms, which count the work since opening: for a
    /// handle that only reads.
    #[must_use]
    pub fn without_work(self) -> Self {
        Self {
            has_work: false,
            ..self
        }
    }
}

impl<F> fmt::Debug for Metrics<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl<F> Collector for Metrics<F>
where
    F: Fn() -> Stats + Send + Sync + 'static,
{
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = (self.stats)();
        for (name, help, value) in gauges(&stats) {
            metric(&mut encoder, name, help, &ConstGauge::new(value))?;
        }
        if !self.has_work {
            return Ok(());
        }
        for (name, help, value) in counters(&stats) {
            metric(&mut encoder, name, help, &ConstCounter::new(value))?;
        }
        for (name, help, value) in histograms(&stats) {
            histogram(&mut encoder, name, help, value)?;
        }
        Ok(())
    }
}

type Named<T> = (&'static str, &'static str, T);

fn gauges(stats: &Stats) -> [Named<u64>; 9] {
    [
        ("head", "The newest commit", stats.head),
        (
            "flushed_through",
            "Every commit up to this one is in segment files",
            stats.flushed_through,
        ),
        (
            "lag",
            "Commits that the compactor does not know of yet",
            stats.lag,
        ),
        ("live_segments", "Live segments", stats.live_segments),
        (
            "kept_inputs",
            "Inputs of merges that retention keeps",
            stats.kept_inputs,
        ),
        (
            "live_entries",
            "Entries of live segments",
            stats.live_entries,
        ),
        (
            "memory_bytes",
            "Bytes of segments in memory",
            stats.memory_bytes,
        ),
        (
            "live_segment_files",
            "Segment files that the store refers to",
            stats.segment_files,
        ),
        (
            "live_segment_file_bytes",
            "Bytes of segment files that the store refers to",
            stats.segment_file_bytes,
        ),
    ]
}

fn counters(stats: &Stats) -> [Named<u64>; 14] {
    let counters = &stats.counters;
    [
        (
            "wal_bytes_written",
            "Bytes of records written to WAL files",
            stats.wal_bytes_written,
        ),
        (
            "wal_room_bytes_written",
            "Bytes of zeros written ahead of records",
            stats.wal_room_bytes_written,
        ),
        (
            "commits",
            "Commits applied, replayed ones included",
            counters.commits,
        ),
        (
            "level_zero_segments",
            "Level-0 segments: one for each keyspace that a commit touches",
            counters.level_zero_segments,
        ),
        (
            "level_zero_entries",
            "Entries of level-0 segments",
            counters.level_zero_entries,
        ),
        ("merges", "Merge outputs", counters.merges),
        (
            "merge_inputs",
            "Segments that were inputs of merges",
            counters.merge_inputs,
        ),
        (
            "merge_entries_read",
            "Entries that were read for merges",
            counters.merge_entries_read,
        ),
        (
            "merge_entries_written",
            "Entries that merges have written",
            counters.merge_entries_written,
        ),
        (
            "moved_entries",
            "Entries of segments that were copied to another place without a merge",
            counters.moved_entries,
        ),
        (
            "segment_files",
            "Segment files published",
            counters.segment_files,
        ),
        (
            "segment_file_bytes",
            "Bytes of published segment files",
            counters.segment_file_bytes,
        ),
        ("edits", "Manifest records made durable", counters.edits),
        (
            "steps",
            "Steps in which the compactor had work",
            counters.steps,
        ),
    ]
}

fn histograms(stats: &Stats) -> [Named<&Histogram>; 3] {
    let histograms = &stats.histograms;
    [
        (
            "commit_bytes",
            "Bytes of each commit in the log",
            &histograms.commit_bytes,
        ),
        (
            "group_commits",
            "Commits that were written together",
            &histograms.group_commits,
        ),
        (
            "merge_output_entries",
            "Entries of each merge output",
            &histograms.merge_entries,
        ),
    ]
}

fn metric<M: EncodeMetric + TypedMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &M,
) -> fmt::Result {
    let name = format!("lithify_{name}");
    metric.encode(encoder.encode_descriptor(&name, help, None, metric.metric_type())?)
}

fn histogram(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    histogram: &Histogram,
) -> fmt::Result {
    let name = format!("lithify_{name}");
    let last = (f64::INFINITY, 0);
    let buckets = histogram
        .buckets()
        .map(|(upper, count)| (upper as f64, count));
    let buckets: Vec<_> = buckets.chain([last]).collect();
    let mut encoder = encoder.encode_descriptor(&name, help, None, MetricType::Histogram)?;
    encoder.encode_histogram::<NoLabelSet>(
        histogram.sum() as f64,
        histogram.count(),
        &buckets,
        None,
    )
}
