//! `count` and `option-a`: merge as soon as a level of a keyspace has `divisor` segments.
//!
//! The trigger of the design that this project replaces. Option A looks at alignment when
//! it merges and promises nothing, so it merges exactly the same; it only says whether the
//! output happens to end at an alignment point.

use lithify::predict::{dense, live};
use lithify::{Alignment, Cascade};

use super::aligned::REMOVE;
use super::arrivals::{alignment, end, levels, stream_of, waiting};
use super::expectation::{Expectation, Metric};
use super::profile::Keys;
use super::retention::Remove;
use super::segment::Segment;
use super::spec::{Parameter, Values};
use super::{Event, Job, Policy, Profile, Registered, StreamProfile, View};

#[derive(Debug)]
struct Count {
    divisor: u64,
    remove: Remove,
    tells_alignment: bool,
}

/// The divisor of the count-driven policies.
pub(super) const DIVISOR: Parameter = Parameter {
    name: "divisor",
    default: "2",
    about: "so many segments of a level become one of the next",
};

pub(super) const REGISTERED: Registered = Registered {
    name: "count",
    about: "each keyspace merges when a level has so many segments, whatever their commits",
    source: "the design before the commit-driven document",
    parameters: &[DIVISOR, REMOVE],
    build: |values| Ok(Box::new(Count::new(values, false)?)),
};

pub(super) const OPTION_A: Registered = Registered {
    name: "option-a",
    about: "count, saying whether the output ends at an alignment point: the same merges",
    source: "option A of the commit-driven document",
    parameters: &[DIVISOR, REMOVE],
    build: |values| Ok(Box::new(Count::new(values, true)?)),
};

impl Count {
    fn new(values: &Values, tells_alignment: bool) -> Result<Self, String> {
        Ok(Self {
            divisor: values.at_least("divisor", 2)?,
            remove: values.parse("remove")?,
            tells_alignment,
        })
    }

    fn merge(&self, inputs: &[&Segment], level: u8) -> Job {
        let reason = format!("level {level} has {} segments", inputs.len());
        let aligned = end(inputs).is_multiple_of(alignment(self.divisor, level));
        let cause = match (self.tells_alignment, aligned) {
            (true, true) => "count, aligned",
            (true, false) => "count, not aligned",
            (false, _) => "count",
        };
        Job::merge(inputs, level + 1, cause, reason)
    }

    fn records(
        &self,
        stream: &StreamProfile,
        profile: &Profile,
        alone: &Alignment,
    ) -> Option<u128> {
        let commits = stream.touched.len() as u64;
        let assumptions = |keys| {
            dense::entries_written(
                alone,
                Cascade::Step,
                commits,
                &lithify::predict::Assumptions {
                    distinct_keys: std::num::NonZeroU64::new(keys),
                    history: lithify::History::Newest,
                    ..Default::default()
                },
            )
        };
        match stream.keys {
            _ if profile.keeps_all_versions || stream.merges_drop_nothing => {
                Some(stream.counted_records(alone))
            }
            Keys::InTurn(keys) => Some(u128::from(stream.touched[0].1) * assumptions(keys)),
            _ => None,
        }
    }
}

/// Live segments and merges of a policy that merges every `divisor` segments of a level, for
/// histories in order whose merges never come out empty.
pub(super) fn counted(profile: &Profile, divisor: u64) -> Vec<Expectation> {
    let can_be_empty = |stream: &StreamProfile| stream.has_tombstones;
    let is_exact = profile.keeps_all_versions || !profile.streams.iter().any(can_be_empty);
    if profile.reordering > 0 || !is_exact {
        return Vec::new();
    }
    let alignment = Alignment::uniform(divisor).expect("the divisor was checked");
    let commits = |stream: &StreamProfile| stream.touched.len() as u64;
    let streams = || profile.streams.iter().map(commits);
    let segments: u64 = streams().map(|n| live::segments(&alignment, n)).sum();
    let merges: u64 = streams()
        .map(|n| dense::merges(&alignment, Cascade::Step, n))
        .sum();
    vec![
        Expectation::exactly(Metric::LiveSegments, segments),
        Expectation::exactly(Metric::Merges, merges),
    ]
}

impl Policy for Count {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Some(stream) = stream_of(event) else {
            return Vec::new();
        };
        let jobs = levels(view, stream).into_iter().filter_map(|level| {
            let inputs = waiting(view, stream, level);
            let inputs = inputs.get(..self.divisor as usize)?;
            Some(self.merge(inputs, level))
        });
        jobs.take(1).collect()
    }

    fn keeps_input(&self, at: u64, input: &Segment) -> bool {
        self.remove.keeps(at, input)
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        let mut expected = counted(profile, self.divisor);
        if profile.reordering == 0 {
            let alone = Alignment::uniform(self.divisor).expect("the divisor was checked");
            let records = profile
                .streams
                .iter()
                .map(|stream| self.records(stream, profile, &alone))
                .sum::<Option<u128>>();
            expected.extend(
                records.map(|records| Expectation::exactly(Metric::RecordsWritten, records)),
            );
        }
        expected
    }
}
