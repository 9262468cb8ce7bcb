//! `prometheus`: blocks of two hours, which are merged into aligned ranges of three times
//! the length.
//!
//! Level 0 is the head. A range of the head becomes a block half a range after its end. The
//! newest block is never merged. Of the other blocks, those of one range are merged if they
//! fill the range, or if all of them lie before the newest of the other blocks.

use super::segment::Segment;
use super::spec::Parameter;
use super::{Event, Job, Policy, Registered, Streams, View};

#[derive(Debug)]
struct Prometheus {
    /// The length of a block in seconds, for levels 1, 2, ...
    ranges: Vec<u64>,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "prometheus",
    about: "blocks of aligned time ranges, two hours times powers of three",
    source: "Prometheus TSDB: LeveledCompactor",
    parameters: &[
        Parameter {
            name: "range",
            default: "7200",
            about: "seconds of the commit clock in the smallest block",
        },
        Parameter {
            name: "factor",
            default: "3",
            about: "how many blocks make one of the next level",
        },
        Parameter {
            name: "levels",
            default: "5",
            about: "how many lengths of blocks there are, 1 to 20",
        },
    ],
    build: |values| {
        let (range, factor) = (values.at_least("range", 2)?, values.at_least("factor", 2)?);
        let levels = values.at_least("levels", 1)?;
        let range_of = |level: u64| factor.checked_pow(level as u32)?.checked_mul(range);
        let ranges: Option<Vec<u64>> = (0..levels.min(21)).map(range_of).collect();
        match ranges {
            Some(ranges) if levels <= 20 => Ok(Box::new(Prometheus { ranges })),
            _ => Err(values.refuse(format!("{levels} levels do not fit the clock"))),
        }
    },
};

impl Prometheus {
    /// The end of a block in seconds. Its range is aligned.
    fn end(&self, block: &Segment) -> u64 {
        let range = self.ranges[usize::from(block.level) - 1];
        block.first_seconds - block.first_seconds % range + range
    }

    /// Writes the oldest range of the head as a block, if the range can be written.
    fn cut(&self, view: &View<'_>, now: u64) -> Option<Job> {
        let range = self.ranges[0];
        let head = || view.segments(0).filter(|segment| segment.level == 0);
        let oldest = head().next()?.first_seconds;
        let end = oldest - oldest % range + range;
        if now < end + range / 2 {
            return None;
        }
        let inputs: Vec<&Segment> = head().filter(|one| one.last_seconds < end).collect();
        let reason = format!("the range that ends at {end} s is {} s old", now - end);
        Some(Job::merge(&inputs, 1, "head", reason))
    }

    /// Merges the oldest group of blocks in one range of `level`, if it can be merged.
    fn group(&self, blocks: &[&Segment], level: usize, newest: u64) -> Option<Job> {
        let range = self.ranges[level];
        let smaller: Vec<&Segment> = blocks
            .iter()
            .filter(|block| usize::from(block.level) <= level)
            .copied()
            .collect();
        let same = |left: &&Segment, right: &&Segment| {
            left.first_seconds / range == right.first_seconds / range
        };
        let mut groups = smaller.chunk_by(same);
        groups.find_map(|group| {
            let end = self.end(group[group.len() - 1]);
            let start = group[0].first_seconds - group[0].first_seconds % self.ranges[0];
            let is_full = start.is_multiple_of(range) && end - start == range;
            if group.len() < 2 || !(is_full || end <= newest) {
                return None;
            }
            let reason = format!(
                "{} blocks from {start} s to {end} s, the range is {range} s",
                group.len()
            );
            Some(Job::merge(group, level as u8 + 1, "range", reason))
        })
    }
}

impl Policy for Prometheus {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Tick { now, .. } = event else {
            return Vec::new();
        };
        if let Some(job) = self.cut(view, now) {
            return vec![job];
        }
        let blocks: Vec<&Segment> = view.segments(0).filter(|one| one.level > 0).collect();
        // The newest block stays unchanged for some time, for backups.
        let older = &blocks[..blocks.len().saturating_sub(1)];
        let Some(last) = older.last() else {
            return Vec::new();
        };
        let newest = last.first_seconds - last.first_seconds % self.ranges[0];
        let mut levels = 1..self.ranges.len();
        let job = levels.find_map(|level| self.group(older, level, newest));
        job.into_iter().collect()
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }
}
