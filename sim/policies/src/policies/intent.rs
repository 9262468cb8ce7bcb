//! `intent`: as `count`, with the additional condition that an alignment point is pending:
//! a point after the last output of the next level and not after the newest input.
//!
//! The condition is always true when there are `divisor` inputs: inputs of level l contain
//! at least `divisor^l` commits each, so together they cross a multiple of
//! `divisor^(l+1)`. So `intent` makes the same merges as `count`. With `race=yes` a point
//! becomes pending only when the callback of its commit has come. This models the design
//! with two channels and a random choice between them, in which the same history has
//! several layouts.

use super::aligned::REMOVE;
use super::arrivals::{alignment, end, levels, stream_of, waiting};
use super::count::DIVISOR;
use super::retention::Remove;
use super::segment::Segment;
use super::spec::Parameter;
use super::{Event, Expectation, Job, Policy, Profile, Registered, View};

#[derive(Debug)]
struct Intent {
    divisor: u64,
    races: bool,
    remove: Remove,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "intent",
    about: "count with pending alignment points, a condition that is always true",
    source: "the intent variant of the commit-driven design",
    parameters: &[
        DIVISOR,
        Parameter {
            name: "race",
            default: "no",
            about: "yes: a point is pending only when its callback came before the segment",
        },
        REMOVE,
    ],
    build: |values| {
        let races = match values.text("race") {
            "yes" => true,
            "no" => false,
            other => return Err(values.refuse(format!("race={other}: it is yes or no"))),
        };
        Ok(Box::new(Intent {
            divisor: values.at_least("divisor", 2)?,
            races,
            remove: values.parse("remove")?,
        }))
    },
};

impl Intent {
    /// The newest pending alignment point in `(after, end]`.
    fn pending(&self, view: &View<'_>, point: u64, after: u64, end: u64) -> Option<u64> {
        let mut points = (after / point + 1..=end / point).map(|number| number * point);
        // A segment that ends at the point makes the point known itself.
        points.rfind(|&at| !self.races || at == end || view.has_heard_of(at))
    }

    fn merge(&self, view: &View<'_>, stream: usize, level: u8) -> Option<Job> {
        let inputs = waiting(view, stream, level);
        if (inputs.len() as u64) < self.divisor {
            return None;
        }
        let outputs: Vec<&Segment> = view
            .announced(stream)
            .filter(|segment| segment.level > level)
            .collect();
        let point = alignment(self.divisor, level);
        let pending = self.pending(view, point, end(&outputs), end(&inputs))?;
        let reason = format!(
            "level {level} has {} segments, and {pending} is pending, a multiple of {point}",
            inputs.len()
        );
        Some(Job::merge(&inputs, level + 1, "count, intent", reason))
    }
}

impl Policy for Intent {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Some(stream) = stream_of(event) else {
            return Vec::new();
        };
        let jobs = levels(view, stream)
            .into_iter()
            .filter_map(|level| self.merge(view, stream, level));
        jobs.take(1).collect()
    }

    fn keeps_input(&self, at: u64, input: &Segment) -> bool {
        self.remove.keeps(at, input)
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        if self.races {
            return Vec::new();
        }
        super::count::counted(profile, self.divisor, lithify::Cascade::Step)
    }
}
