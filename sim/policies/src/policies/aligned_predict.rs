//! The costs of the aligned policy, predicted with the closed forms of `lithify::predict`.
//!
//! - Dense streams: all metrics.
//! - Streams without tombstones: the live segments.
//! - Streams whose merges drop nothing: the records written.
//! - Drawn histories: the means.

use lithify::predict::{Assumptions, Prediction, dense, predict as predict_dense, sparse};
use lithify::{Cascade, Commit, History};

use super::aligned::Aligned;
use super::expectation::{Expectation, Metric};
use super::profile::Profile;
use super::retention::Remove;

pub(super) fn predict(policy: &Aligned, profile: &Profile) -> Vec<Expectation> {
    let mut expected = vec![if profile.reordering == 0 {
        Expectation::exactly(Metric::Lag, 0_u64)
    } else {
        Expectation::at_most(Metric::Lag, profile.reordering)
    }];
    let Some(cascade) = policy.predicted_as() else {
        return expected;
    };
    expected.extend(live_segments(policy, profile));
    if let Some(dense) = dense_facts(policy, cascade, profile) {
        expected.extend(dense);
    } else if let Some(records) =
        profile.aligned_records(&policy.alignment, cascade, policy.min_inputs)
    {
        expected.push(Expectation::exactly(Metric::RecordsWritten, records));
    }
    if let Some(probability) = profile.touch_probability
        && policy.min_inputs == 2
    {
        expected.extend(means(policy, cascade, profile, probability));
    }
    expected
}

/// The settled layout depends only on the touched commits, so its size is known for every
/// history. If a merge contains tombstones, its output can be empty, and then there are
/// fewer segments.
fn live_segments(policy: &Aligned, profile: &Profile) -> Option<Expectation> {
    let head = Commit::new(profile.commits);
    let layouts = profile.streams.iter().map(|stream| {
        let minimum = policy.min_inputs as usize;
        let layout = policy.alignment.layout_of(&stream.commits(), head, minimum);
        layout.len() as u128
    });
    let segments: u128 = layouts.sum();
    let can_be_empty = |stream: &super::StreamProfile| stream.has_tombstones;
    if profile.keeps_all_versions || !profile.streams.iter().any(can_be_empty) {
        return Some(Expectation::exactly(Metric::LiveSegments, segments));
    }
    // With two inputs, fewer touched commits in a window never lead to more segments.
    let is_bound = policy.min_inputs == 2;
    is_bound.then(|| Expectation::at_most(Metric::LiveSegments, segments))
}

fn dense_facts(policy: &Aligned, cascade: Cascade, profile: &Profile) -> Option<Vec<Expectation>> {
    let (keys, records) = profile.dense()?;
    let fits = |radix: u64| u64::from(policy.min_inputs) <= radix;
    if profile.reordering > 0 || !policy.alignment.radices().all(fits) {
        return None;
    }
    let history = if profile.keeps_all_versions {
        History::All
    } else {
        History::Newest
    };
    let assumptions = Assumptions {
        distinct_keys: keys.and_then(std::num::NonZeroU64::new),
        history,
        remove_inputs: match policy.remove {
            Remove::Rule(rule) => rule,
            Remove::HeadWindowAsWritten { .. } => return None,
        },
    };
    let commits = profile.commits;
    let one = predict_dense(&policy.alignment, cascade, commits, &assumptions);
    let streams = profile.stream_count();
    let records = u128::from(records);
    Some(facts(
        &one,
        streams,
        records,
        dense::live_entries(&policy.alignment, commits, &assumptions),
    ))
}

/// The prediction for this number of equal dense streams, whose commits have this number of
/// records.
fn facts(one: &Prediction, streams: u128, records: u128, live: u128) -> Vec<Expectation> {
    let exactly = |metric, value: u128| Expectation::exactly(metric, value);
    vec![
        exactly(
            Metric::MostLiveSegments,
            streams * u128::from(one.max_live_segments),
        ),
        exactly(
            Metric::LiveSegmentsSummed,
            streams * one.live_segments_summed,
        ),
        exactly(Metric::LiveRecords, streams * records * live),
        exactly(Metric::Merges, streams * u128::from(one.merges)),
        exactly(
            Metric::RecordsWritten,
            streams * records * one.entries_written,
        ),
        exactly(
            Metric::LongestPauseRecords,
            streams * records * one.longest_pause_entries,
        ),
        exactly(
            Metric::ReadableCommits,
            u128::from(one.readable_commits_when_thinned.count),
        ),
    ]
}

fn means(
    policy: &Aligned,
    cascade: Cascade,
    profile: &Profile,
    probability: f64,
) -> [Expectation; 2] {
    let (alignment, commits) = (&policy.alignment, profile.commits);
    let streams = profile.streams.len() as f64;
    let live = sparse::live_segments(alignment, commits, probability);
    let written = sparse::entries_written(alignment, cascade, commits, probability);
    [
        Expectation::on_average(Metric::LiveSegments, streams * live),
        Expectation::on_average(Metric::RecordsWritten, streams * written),
    ]
}
