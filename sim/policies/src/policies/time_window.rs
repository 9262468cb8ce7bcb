//! `time-window`: one segment for each closed time window, and size classes in the open
//! window.

use super::segment::Segment;
use super::spec::Parameter;
use super::tiered::SizeClasses;
use super::{Event, Job, Policy, Registered, View};

#[derive(Debug)]
struct TimeWindow {
    seconds: u64,
    within: SizeClasses,
}

/// The level of the segment of a closed window, above all size classes.
const WINDOW_LEVEL: u8 = 64;

pub(super) const REGISTERED: Registered = Registered {
    name: "time-window",
    about: "one segment for each closed window of time, tiered(4) in the open one",
    source: "Cassandra TimeWindowCompactionStrategy",
    parameters: &[Parameter {
        name: "seconds",
        default: "86400",
        about: "the length of a window in seconds of the commit clock",
    }],
    build: |values| {
        let within = SizeClasses {
            fan: 4,
            threshold: 4,
            flush_bytes: 0,
        };
        Ok(Box::new(TimeWindow {
            seconds: values.at_least("seconds", 1)?,
            within,
        }))
    },
};

impl TimeWindow {
    /// Merges the oldest closed window of a stream that has more than one segment.
    fn close(&self, view: &View<'_>, stream: usize, now: u64) -> Option<Job> {
        let window = |segment: &Segment| segment.last_seconds / self.seconds;
        let segments: Vec<&Segment> = view.segments(stream).collect();
        let mut windows = segments.chunk_by(|left, right| window(left) == window(right));
        let inputs =
            windows.find(|inputs| inputs.len() > 1 && window(inputs[0]) < now / self.seconds)?;
        let reason = format!(
            "{} segments in window {}, which is over",
            inputs.len(),
            window(inputs[0])
        );
        Some(Job::merge(inputs, WINDOW_LEVEL, "time window", reason))
    }
}

impl Policy for TimeWindow {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        match event {
            Event::Tick { before, now } if before / self.seconds < now / self.seconds => {
                let streams = 0..view.stream_count();
                streams
                    .filter_map(|stream| self.close(view, stream, now))
                    .collect()
            }
            Event::SegmentAdded { stream, .. } => {
                let open = view.segments(stream).last();
                let open = open.map(|newest| newest.last_seconds / self.seconds);
                let segments: Vec<&Segment> = view
                    .segments(stream)
                    .filter(|one| Some(one.first_seconds / self.seconds) == open)
                    .collect();
                self.within
                    .plan_among(view, &segments)
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}
