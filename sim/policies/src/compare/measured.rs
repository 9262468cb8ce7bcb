//! The numbers of one run, and their comparison with what was predicted.

use std::collections::BTreeMap;

use lithify::predict::live;
use lithify::{Alignment, Commit};

use super::history::History;
use super::intervals::{contains, size};
use super::readable::unreadable;
use super::run::{Noted, RunOptions};
use super::store::{Store, Written};
use crate::policies::{Expectation, Metric, Segment};

/// The costs of a run. Bytes are those of keys and values, without the overhead of formats.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Measured {
    /// Commits played.
    pub commits: u64,
    /// The number of committed bytes.
    pub committed_bytes: u64,
    /// The number of bytes written for each committed byte: the commits and all merges.
    pub write_amplification: f64,
    /// The number of segments opened for each read, without filters. A point read opens
    /// segments from the newest on until the key is found. A scan opens all segments of its
    /// stream.
    pub read_amplification: f64,
    /// Bytes on disk at the end, kept inputs included, for each byte of existing keys and
    /// values.
    pub space_amplification: f64,
    /// The largest number of bytes on disk at any time.
    pub peak_bytes: u64,
    /// The largest number of records on disk at any time.
    pub peak_records: u64,
    /// Live segments at the end, of all streams.
    pub live_segments: u64,
    /// The mean number of live segments after a commit.
    pub mean_live_segments: f64,
    /// The largest number of live segments after any commit.
    pub max_live_segments: u64,
    /// The sum of the numbers of live segments after each commit.
    pub live_segments_summed: u128,
    /// The largest number of live segments of a single stream at the end.
    pub max_live_segments_of_a_stream: u64,
    /// The number of streams that have a live segment.
    pub streams: u64,
    /// Records in live segments.
    pub live_records: u64,
    /// Bytes in live segments: the number of bytes that a store reads if it loads its whole
    /// state.
    pub recovery_bytes: u64,
    /// Commits in level-0 segments, which are replayed one by one.
    pub replayed_commits: u64,
    /// The largest number of bytes that merges wrote for one commit.
    pub longest_pause_bytes: u64,
    /// The same in records.
    pub longest_pause_records: u64,
    /// The first commit with the longest pause in bytes. `None` if there was no merge.
    pub longest_pause_commit: Option<u64>,
    /// Merges that wrote a segment.
    pub merges: u64,
    /// Records written, level 0 included.
    pub records_written: u64,
    /// Bytes and records by cause.
    pub by_cause: BTreeMap<&'static str, Written>,
    /// The number of commits at which every keyspace can be read.
    pub readable_commits: u64,
    /// The number of right edges of the widest windows that make up `1..=commits`, for the
    /// boundary divisor.
    pub boundaries: u64,
    /// The number of these edges at which every keyspace can be read.
    pub readable_boundaries: u64,
    /// The percentage of live segments above level 0 that fit into a single aligned window
    /// of their own level.
    pub exact_windows_percent: f64,
    /// The number of syncs: one for each commit, two for each merge, one for each removal.
    pub syncs: u64,
    /// The largest distance of the head from the watermark, in commits.
    pub lag: u64,
    /// Existing records that the policy has dropped.
    pub lost_records: u64,
    /// The largest number of commits for which a tombstone stayed live, measured at the
    /// watermark.
    pub oldest_tombstone: u64,
}

/// One prediction and its measurement.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Compared {
    /// The prediction.
    #[serde(flatten)]
    pub expectation: Expectation,
    /// The measured value.
    pub measured: u128,
    /// Measured minus expected.
    pub difference: f64,
    /// Whether the measurement contradicts the prediction. A mean is never contradicted.
    pub is_broken: bool,
}

impl Measured {
    /// The measured value of a metric.
    #[must_use]
    pub fn of(&self, metric: Metric) -> u128 {
        match metric {
            Metric::LiveSegments => self.live_segments.into(),
            Metric::MostLiveSegments => self.max_live_segments.into(),
            Metric::LiveSegmentsSummed => self.live_segments_summed,
            Metric::LiveRecords => self.live_records.into(),
            Metric::Merges => self.merges.into(),
            Metric::RecordsWritten => self.records_written.into(),
            Metric::LongestPauseRecords => self.longest_pause_records.into(),
            Metric::ReadableCommits => self.readable_commits.into(),
            Metric::ReplayedCommits => self.replayed_commits.into(),
            Metric::Lag => self.lag.into(),
            Metric::PeakRecords => self.peak_records.into(),
            Metric::OldestTombstone => self.oldest_tombstone.into(),
            Metric::BytesWritten => self
                .by_cause
                .values()
                .map(|one| u128::from(one.bytes))
                .sum(),
            Metric::LiveBytes => self.recovery_bytes.into(),
            Metric::PeakBytes => self.peak_bytes.into(),
        }
    }

    /// Each prediction with its measurement.
    #[must_use]
    pub fn compare(&self, expectations: &[Expectation]) -> Vec<Compared> {
        let compared = expectations.iter().map(|&expectation| {
            let measured = self.of(expectation.metric);
            Compared {
                expectation,
                measured,
                difference: expectation.expected.difference(measured),
                is_broken: expectation.expected.is_broken_by(measured),
            }
        });
        compared.collect()
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

/// Computes the numbers of a store after its last commit.
pub(super) fn measure(
    store: &Store,
    history: &History,
    noted: &Noted,
    options: &RunOptions,
) -> Measured {
    let tally = &store.tally;
    let commits = history.commits.len() as u64;
    let all = |of: fn(&Written) -> u64| -> u64 { tally.by_cause.values().map(of).sum() };
    let committed = tally.by_cause.get("commit").copied().unwrap_or_default();
    let sum = |of: fn(&Segment) -> u64| -> u64 { store.live().map(of).sum() };
    let of_streams = store.streams.iter().map(|ids| ids.len() as u64);
    let summed: u128 = noted.live.iter().map(|&count| u128::from(count)).sum();
    let pause = (0..tally.pauses.len())
        .rev()
        .max_by_key(|&place| tally.pauses[place].1);
    let pause = pause.filter(|&place| tally.pauses[place].1 > 0);
    let gaps = unreadable(store);
    let boundaries = boundaries(options.boundary_divisor, commits);
    let readable = |edge: &&u64| !contains(&gaps, **edge);
    Measured {
        commits,
        committed_bytes: committed.bytes,
        write_amplification: ratio(all(|written| written.bytes), committed.bytes),
        read_amplification: ratio(tally.segments_read, tally.point_reads + tally.scans),
        space_amplification: ratio(store.disk_bytes(), store.logical_bytes),
        peak_bytes: tally.peak_bytes,
        peak_records: tally.peak_records,
        live_segments: of_streams.clone().sum(),
        mean_live_segments: summed as f64 / commits.max(1) as f64,
        max_live_segments: noted.live.iter().copied().max().unwrap_or(0),
        live_segments_summed: summed,
        max_live_segments_of_a_stream: of_streams.clone().max().unwrap_or(0),
        streams: of_streams.filter(|&count| count > 0).count() as u64,
        live_records: sum(|segment| segment.records),
        recovery_bytes: sum(|segment| segment.bytes),
        replayed_commits: sum(|one| if one.level == 0 { one.commits } else { 0 }),
        longest_pause_bytes: pause.map_or(0, |place| tally.pauses[place].1),
        longest_pause_records: tally.pauses.iter().map(|pause| pause.0).max().unwrap_or(0),
        longest_pause_commit: pause.map(|place| place as u64 + 1),
        merges: tally.merges,
        records_written: all(|written| written.records),
        by_cause: tally.by_cause.clone(),
        readable_commits: commits - size(&gaps),
        boundaries: boundaries.len() as u64,
        readable_boundaries: boundaries.iter().filter(readable).count() as u64,
        exact_windows_percent: exact_windows(store, options.boundary_divisor),
        syncs: tally.syncs,
        lag: noted.lag,
        lost_records: tally.lost_records,
        oldest_tombstone: noted.oldest_tombstone,
    }
}

/// The right edges of the windows of a dense layout.
fn boundaries(divisor: u64, commits: u64) -> Vec<u64> {
    let Ok(alignment) = Alignment::uniform(divisor) else {
        return Vec::new();
    };
    let groups = live::windows(&alignment, commits);
    let edges = groups
        .iter()
        .flat_map(|group| (1..=group.count).map(|number| group.start + number * group.width));
    edges.collect()
}

/// The percentage of live segments above level 0 that fit into one window of their level.
fn exact_windows(store: &Store, divisor: u64) -> f64 {
    let Ok(alignment) = Alignment::uniform(divisor) else {
        return 0.0;
    };
    let merged: Vec<&Segment> = store.live().filter(|segment| segment.level > 0).collect();
    let fits = |segment: &&&Segment| {
        let window = alignment.window(segment.level, Commit::new(segment.last));
        window.contains(Commit::new(segment.first))
    };
    if merged.is_empty() {
        return 100.0;
    }
    100.0
        * ratio(
            merged.iter().filter(fits).count() as u64,
            merged.len() as u64,
        )
}
