//! `geometric`: merges the newest segments. The merge takes older segments until the next
//! older one is at least `ratio` times as large as the segments taken so far. So each
//! segment is at least `ratio` times as large as the next newer one.

use super::arrivals::stream_of;
use super::segment::Segment;
use super::spec::Parameter;
use super::{Event, Job, Policy, Registered, View};

#[derive(Debug)]
struct Geometric {
    ratio: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "geometric",
    about: "rolls up the newest segments until the next one is N times as large",
    source: "after git repack --geometric",
    parameters: &[Parameter {
        name: "ratio",
        default: "2",
        about: "how many times as large as what was rolled up",
    }],
    build: |values| {
        let ratio = values.at_least("ratio", 1)?;
        Ok(Box::new(Geometric { ratio }))
    },
};

impl Policy for Geometric {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Some(stream) = stream_of(event) else {
            return Vec::new();
        };
        let segments: Vec<&Segment> = view.segments(stream).collect();
        let Some(newest) = segments.last() else {
            return Vec::new();
        };
        let mut rolled = newest.bytes;
        let mut from = segments.len() - 1;
        while from > 0
            && u128::from(segments[from - 1].bytes) < u128::from(self.ratio) * u128::from(rolled)
        {
            from -= 1;
            rolled += segments[from].bytes;
        }
        let inputs = &segments[from..];
        if inputs.len() < 2 {
            return Vec::new();
        }
        let level = inputs.iter().map(|input| input.level).max().unwrap_or(0);
        let reason = format!("the newest {} segments have {rolled} bytes", inputs.len());
        vec![Job::merge(
            inputs,
            level.saturating_add(1),
            "geometric",
            reason,
        )]
    }
}
