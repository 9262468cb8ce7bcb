//! `universal`: sorted runs, which are merged to bound space, then by similar size, then by
//! number.

use super::arrivals::stream_of;
use super::segment::Segment;
use super::spec::Parameter;
use super::{Event, Job, Policy, Registered, View};

#[derive(Debug)]
struct Universal {
    trigger: usize,
    amplification: u64,
    ratio: u64,
    min_width: usize,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "universal",
    about: "merges all runs when space is wasted, else neighbours of similar size, else the newest",
    source: "RocksDB universal compaction",
    parameters: &[
        Parameter {
            name: "trigger",
            default: "4",
            about: "nothing happens below this many runs",
        },
        Parameter {
            name: "amplification",
            default: "200",
            about: "all runs are merged when the newer ones are this many percent of the oldest",
        },
        Parameter {
            name: "ratio",
            default: "1",
            about: "percent that the next run may be larger than those taken",
        },
        Parameter {
            name: "min-width",
            default: "2",
            about: "the fewest runs that are merged for their size",
        },
    ],
    build: |values| {
        Ok(Box::new(Universal {
            trigger: values.at_least("trigger", 2)? as usize,
            amplification: values.at_least("amplification", 1)?,
            ratio: values.parse("ratio")?,
            min_width: values.at_least("min-width", 2)? as usize,
        }))
    },
};

impl Universal {
    fn whole(&self, runs: &[&Segment]) -> Option<Job> {
        let oldest = runs[0].bytes;
        let newer: u64 = runs[1..].iter().map(|run| run.bytes).sum();
        let wastes = u128::from(newer) * 100 >= u128::from(oldest) * u128::from(self.amplification);
        wastes.then(|| {
            let reason = format!("newer runs have {newer} bytes, the oldest {oldest}");
            Job::merge(runs, 1, "space", reason)
        })
    }

    /// Beginning with the newest run: merges adjacent runs, each at most slightly larger
    /// than the sum of the runs taken before.
    fn similar(&self, runs: &[&Segment]) -> Option<Job> {
        let limit = |taken: u64| u128::from(taken) * (100 + u128::from(self.ratio));
        for newest in (0..runs.len()).rev() {
            let mut oldest = newest;
            let mut taken = runs[newest].bytes;
            while oldest > 0 && u128::from(runs[oldest - 1].bytes) * 100 <= limit(taken) {
                oldest -= 1;
                taken += runs[oldest].bytes;
            }
            if newest - oldest + 1 >= self.min_width {
                let inputs = &runs[oldest..=newest];
                let reason = format!("{} runs of similar size, {taken} bytes", inputs.len());
                return Some(Job::merge(inputs, 1, "size ratio", reason));
            }
        }
        None
    }

    fn newest(&self, runs: &[&Segment]) -> Job {
        let width = (runs.len() - self.trigger + 2).min(runs.len());
        let inputs = &runs[runs.len() - width..];
        let reason = format!("{} runs, at most {} wanted", runs.len(), self.trigger - 1);
        Job::merge(inputs, 1, "run count", reason)
    }
}

impl Policy for Universal {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Some(stream) = stream_of(event) else {
            return Vec::new();
        };
        let runs: Vec<&Segment> = view.segments(stream).collect();
        if runs.len() < self.trigger {
            return Vec::new();
        }
        let job = self.whole(&runs).or_else(|| self.similar(&runs));
        vec![job.unwrap_or_else(|| self.newest(&runs))]
    }
}
