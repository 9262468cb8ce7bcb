//! `strict`: as `count`, but only when the newest input ends at an alignment point.
//!
//! A keyspace whose commits are never at an alignment point is never merged. Example: with
//! divisor 2, a keyspace that only odd commits touch has one segment for each of these
//! commits.

use super::aligned::REMOVE;
use super::arrivals::{alignment, end, levels, stream_of, waiting};
use super::count::DIVISOR;
use super::retention::Remove;
use super::segment::Segment;
use super::{Event, Job, Policy, Registered, View};

#[derive(Debug)]
struct Strict {
    divisor: u64,
    remove: Remove,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "strict",
    about: "count, and the newest input has to end at an alignment point: unbounded in the worst case",
    source: "the strict reading of the commit-driven document",
    parameters: &[DIVISOR, REMOVE],
    build: |values| {
        Ok(Box::new(Strict {
            divisor: values.at_least("divisor", 2)?,
            remove: values.parse("remove")?,
        }))
    },
};

impl Policy for Strict {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Some(stream) = stream_of(event) else {
            return Vec::new();
        };
        let jobs = levels(view, stream).into_iter().filter_map(|level| {
            let inputs = waiting(view, stream, level);
            let (end, point) = (end(&inputs), alignment(self.divisor, level));
            let fires = inputs.len() as u64 >= self.divisor && end.is_multiple_of(point);
            fires.then(|| {
                let reason = format!(
                    "level {level} has {} segments and ends at {end}, a multiple of {point}",
                    inputs.len()
                );
                Job::merge(&inputs, level + 1, "count, aligned", reason)
            })
        });
        jobs.take(1).collect()
    }

    fn keeps_input(&self, at: u64, input: &Segment) -> bool {
        self.remove.keeps(at, input)
    }
}
