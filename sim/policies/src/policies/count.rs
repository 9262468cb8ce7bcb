//! `count` and `option-a`: merge as soon as a level of a keyspace has `divisor` segments.
//!
//! This is the trigger of the design that this project replaces. Option A checks the
//! alignment when it merges, but the check has no effect: it makes the same merges, and only
//! reports whether the output ends at an alignment point.

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
    cascade: Cascade,
    remove: Remove,
    tells_alignment: bool,
}

const PARAMETERS: &[Parameter] = &[
    DIVISOR,
    Parameter {
        name: "cascade",
        default: "step",
        about: "step: level after level; direct: straight into the highest level that gets full",
    },
    REMOVE,
];

/// The divisor of the count-driven policies, as a parameter.
pub(super) const DIVISOR: Parameter = Parameter {
    name: "divisor",
    default: "2",
    about: "N segments of a level become one of the next",
};

pub(super) const REGISTERED: Registered = Registered {
    name: "count",
    about: "each keyspace merges when a level has N segments, whatever their commits",
    source: "the design before the commit-driven document",
    parameters: PARAMETERS,
    build: |values| Ok(Box::new(Count::new(values, false)?)),
};

pub(super) const OPTION_A: Registered = Registered {
    name: "option-a",
    about: "count, saying whether the output ends at an alignment point: the same merges",
    source: "option A of the commit-driven document",
    parameters: PARAMETERS,
    build: |values| Ok(Box::new(Count::new(values, true)?)),
};

impl Count {
    fn new(values: &Values, tells_alignment: bool) -> Result<Self, String> {
        let cascade = values.text("cascade").parse();
        Ok(Self {
            divisor: values.at_least("divisor", 2)?,
            cascade: cascade.map_err(|error| values.refuse(error))?,
            remove: values.parse("remove")?,
            tells_alignment,
        })
    }

    /// The inputs and the output level of the merge of a full level. With `direct`, the
    /// inputs include the segments of each level above that the output would fill.
    fn full<'store>(
        &self,
        view: &View<'store>,
        stream: usize,
        level: u8,
    ) -> Option<(Vec<&'store Segment>, u8)> {
        let divisor = self.divisor as usize;
        let mut inputs = waiting(view, stream, level).get(..divisor)?.to_vec();
        let mut output = level + 1;
        while let Some(fill) = self.filled(view, stream, output) {
            inputs.splice(..0, fill);
            output += 1;
        }
        Some((inputs, output))
    }

    /// With `direct`, the segments of a level that one more segment would fill.
    fn filled<'store>(
        &self,
        view: &View<'store>,
        stream: usize,
        level: u8,
    ) -> Option<Vec<&'store Segment>> {
        let waiting = waiting(view, stream, level);
        let fill = waiting.get(..self.divisor as usize - 1)?;
        (self.cascade == Cascade::Direct).then(|| fill.to_vec())
    }

    fn merge(&self, view: &View<'_>, stream: usize, level: u8) -> Option<Job> {
        let (inputs, output) = self.full(view, stream, level)?;
        let reason = format!("level {level} has {} segments", self.divisor);
        let aligned = end(&inputs).is_multiple_of(alignment(self.divisor, output - 1));
        let cause = match (self.tells_alignment, aligned) {
            (true, true) => "count, aligned",
            (true, false) => "count, not aligned",
            (false, _) => "count",
        };
        Some(Job::merge(&inputs, output, cause, reason))
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
                self.cascade,
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
                Some(stream.counted_records(alone, self.cascade))
            }
            Keys::InTurn(keys) => Some(u128::from(stream.touched[0].1) * assumptions(keys)),
            _ => None,
        }
    }
}

/// The numbers of live segments and merges of a policy that merges every `divisor` segments
/// of a level. Valid for merges whose output is never empty.
pub(super) fn counted(profile: &Profile, divisor: u64, cascade: Cascade) -> Vec<Expectation> {
    let can_be_empty = |stream: &StreamProfile| stream.has_tombstones;
    let is_exact = profile.keeps_all_versions || !profile.streams.iter().any(can_be_empty);
    if !is_exact {
        return Vec::new();
    }
    let alignment = Alignment::uniform(divisor).expect("the divisor was checked");
    let commits = |stream: &StreamProfile| stream.touched.len() as u64;
    let streams = || profile.streams.iter().map(commits);
    let segments: u64 = streams().map(|n| live::segments(&alignment, n)).sum();
    let merges: u64 = streams()
        .map(|n| dense::merges(&alignment, cascade, n))
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
        let levels = levels(view, stream).into_iter();
        let mut jobs = levels.filter_map(|level| self.merge(view, stream, level));
        jobs.next().into_iter().collect()
    }

    fn keeps_input(&self, at: u64, input: &Segment) -> bool {
        self.remove.keeps(at, input)
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        let mut expected = counted(profile, self.divisor, self.cascade);
        let alone = Alignment::uniform(self.divisor).expect("the divisor was checked");
        let streams = profile.streams.iter();
        let records: Option<u128> = streams
            .map(|stream| self.records(stream, profile, &alone))
            .sum();
        expected
            .extend(records.map(|records| Expectation::exactly(Metric::RecordsWritten, records)));
        expected
    }
}
