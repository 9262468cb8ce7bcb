//! `litestream`: merges the files of a level when a multiple of the next level's interval has
//! passed, and merges all files into a snapshot once a day.

use super::segment::Segment;
use super::spec::Parameter;
use super::{Event, Job, Policy, Registered, Streams, View};

#[derive(Debug)]
struct Litestream {
    /// The intervals of levels 1 and up in seconds. The last one is the interval of
    /// snapshots.
    intervals: Vec<u64>,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "litestream",
    about: "merges by the clock: files of 30 s, 5 min and 1 h, and a daily snapshot",
    source: "Litestream 0.5: levels and snapshot interval",
    parameters: &[Parameter {
        name: "seconds",
        default: "30/300/3600/86400",
        about: "the interval of each level in seconds of the commit clock; the last is the snapshot",
    }],
    build: |values| {
        let text = values.text("seconds");
        let numbers = text.split('/').map(str::parse::<u64>);
        let intervals: Vec<u64> = numbers
            .collect::<Result<_, _>>()
            .map_err(|error| values.refuse(format!("seconds={text}: {error}")))?;
        let is_rising = intervals.windows(2).all(|pair| pair[0] < pair[1]);
        if intervals[0] == 0 || !is_rising {
            return Err(values.refuse(format!("seconds={text}: each must be above the one before")));
        }
        Ok(Box::new(Litestream { intervals }))
    },
};

impl Litestream {
    fn merge(&self, view: &View<'_>, place: usize, edge: u64) -> Option<Job> {
        let is_snapshot = place + 1 == self.intervals.len();
        let level = place as u8 + 1;
        let inputs: Vec<&Segment> = view
            .segments(0)
            .filter(|file| file.last_seconds < edge)
            .filter(|file| is_snapshot || file.level == level - 1)
            .collect();
        // A snapshot without newer files is not written again.
        if inputs.iter().all(|file| file.level == level) {
            return None;
        }
        let cause = if is_snapshot { "snapshot" } else { "interval" };
        let reason = format!(
            "{edge} s, a multiple of {} s, has passed",
            self.intervals[place]
        );
        Some(Job::merge(&inputs, level, cause, reason))
    }
}

impl Policy for Litestream {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Tick { before, now } = event else {
            return Vec::new();
        };
        let passed = |&(_, &interval): &(usize, &u64)| before / interval < now / interval;
        let mut due = self.intervals.iter().enumerate().filter(passed);
        let job = due.find_map(|(place, interval)| self.merge(view, place, now - now % interval));
        job.into_iter().collect()
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }
}
