//! `aligned-lazy`: aligned windows below the highest level, and one segment at that level
//! (lazy leveling: Dayan and Idreos, SIGMOD 2018).

use lithify::{Alignment, Commit, Window};

use super::aligned::{DIVISOR, alignment, inside};
use super::expectation::{Expectation, Metric};
use super::spec::Parameter;
use super::{Event, Job, Policy, Profile, Registered, View};

#[derive(Debug)]
struct AlignedLazy {
    alignment: Alignment,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "aligned-lazy",
    about: "aligned windows below the highest level, a single segment at it",
    source: "this project; lazy leveling after Dostoevsky, SIGMOD 2018",
    parameters: &[
        DIVISOR,
        Parameter {
            name: "max-level",
            default: "3",
            about: "the level with a single segment",
        },
    ],
    build: |values| {
        let alignment = alignment(values)?;
        if alignment.max_level() == 0 {
            return Err(values.refuse("the highest level is 0, so there is nothing to merge into"));
        }
        Ok(Box::new(AlignedLazy { alignment }))
    },
};

impl AlignedLazy {
    /// The merge of a window: its own segments, and at the highest level all older
    /// segments too.
    fn merge(&self, view: &View<'_>, stream: usize, window: Window) -> Option<Job> {
        let is_highest = window.level == self.alignment.max_level();
        let reach = Window {
            start: if is_highest {
                Commit::ZERO
            } else {
                window.start
            },
            ..window
        };
        let inputs = inside(view, stream, reach);
        let grown = inputs.iter().any(|input| input.last > window.start.get());
        (inputs.len() > 1 && grown).then(|| {
            let reason = format!("window {window} closed, merging {} segments", inputs.len());
            Job::merge(&inputs, window.level, "window closed", reason)
        })
    }

    /// The number of records that the merges of one dense stream write. A merge of `width`
    /// commits keeps `kept(width)` records.
    fn merged(&self, commits: u64, kept: impl Fn(u64) -> u64) -> u128 {
        let widths = self.alignment.widths();
        let (highest, lower) = widths.split_last().expect("level 0 exists");
        let lower = lower
            .iter()
            .skip(1)
            .map(|&width| u128::from(commits / width) * u128::from(kept(width)));
        // Each time the highest level closes, all records so far are written again.
        let rewritten = (1..=commits / highest).map(|time| u128::from(kept(time * highest)));
        lower.sum::<u128>() + rewritten.sum::<u128>()
    }
}

impl Policy for AlignedLazy {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { commit } = event else {
            return Vec::new();
        };
        let commit = Commit::new(commit);
        for level in 1..=self.alignment.closing_level(commit) {
            let window = self.alignment.window_ending(level, commit);
            let window = window.expect("the level closes here");
            let jobs: Vec<Job> = (0..view.stream_count())
                .filter_map(|stream| self.merge(view, stream, window))
                .collect();
            if !jobs.is_empty() {
                return jobs;
            }
        }
        Vec::new()
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        let Some((keys, records)) = profile.dense() else {
            return Vec::new();
        };
        let commits = profile.commits;
        let highest = self.alignment.widths().last().copied().unwrap_or(1);
        let lower = lithify::predict::live::segments(&self.alignment, commits % highest);
        let live = lower + u64::from(commits >= highest);
        let kept = |width: u64| keys.map_or(width, |keys| width.min(keys));
        let written = u128::from(commits) + self.merged(commits, kept);
        let streams = profile.stream_count();
        vec![
            Expectation::exactly(Metric::LiveSegments, streams * u128::from(live)),
            Expectation::exactly(
                Metric::RecordsWritten,
                streams * u128::from(records) * written,
            ),
        ]
    }

    fn predict_late(&self, profile: &Profile) -> Vec<Expectation> {
        self.predict(profile)
    }
}
