//! `aligned-paced`: the same windows as `aligned`, but each merge is spread over the commits
//! of the next window (pacing by operation number: TigerBeetle).
//!
//! The last input of window k of level l appears at `k * width(l) + width(l - 1)`. The merge
//! begins at this commit and ends at `(k + 1) * width(l)`.

use lithify::predict::paced;
use lithify::{Alignment, Commit, Window};

use super::aligned::{DIVISOR, MAX_LEVEL, alignment, inside};
use super::expectation::{Expectation, Metric};
use super::{Event, Job, Policy, Profile, Registered, View};

#[derive(Debug)]
struct AlignedPaced {
    alignment: Alignment,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "aligned-paced",
    about: "aligned windows whose merges are spread over the next window: short pauses",
    source: "this project; pacing after TigerBeetle",
    parameters: &[DIVISOR, MAX_LEVEL],
    build: |values| {
        let alignment = alignment(values)?;
        Ok(Box::new(AlignedPaced { alignment }))
    },
};

impl AlignedPaced {
    /// The window of this level whose merge begins at this commit.
    fn beginning(&self, level: u8, commit: u64) -> Option<Window> {
        let below = self.alignment.width(level - 1)?;
        let end = Commit::new(commit.checked_sub(below)?);
        self.alignment.window_ending(level, end)
    }
}

impl Policy for AlignedPaced {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { commit } = event else {
            return Vec::new();
        };
        let mut jobs = Vec::new();
        for level in 1..=self.alignment.max_level() {
            let Some(window) = self.beginning(level, commit) else {
                continue;
            };
            let below = commit - window.end.get();
            for stream in 0..view.stream_count() {
                let inputs = inside(view, stream, window);
                if inputs.len() > 1 {
                    let beats = window.width() - below;
                    let reason = format!(
                        "window {window} closed {below} commits ago; its {} inputs are merged in {beats} beats",
                        inputs.len()
                    );
                    let merge = Job::merge(&inputs, level, "window closed", reason);
                    jobs.push(Job { beats, ..merge });
                }
            }
        }
        jobs
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        let Some((None, 1)) = profile.dense() else {
            return Vec::new();
        };
        let commits = profile.commits;
        let streams = profile.stream_count();
        let live: u64 = paced::live_per_level(&self.alignment, commits).iter().sum();
        let written = paced::entries_written(&self.alignment, commits);
        let work = paced::work_bound(&self.alignment, commits);
        vec![
            Expectation::exactly(Metric::LiveSegments, streams * u128::from(live)),
            Expectation::exactly(Metric::RecordsWritten, streams * written),
            Expectation::at_most(Metric::LongestPauseRecords, streams * u128::from(work)),
        ]
    }
}
