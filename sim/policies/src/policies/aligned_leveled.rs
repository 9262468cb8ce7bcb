//! `aligned-leveled`: one segment for each level. A commit that closes level v is merged
//! with all segments after the last edge of level v + 1.

use lithify::predict::leveled;
use lithify::{Alignment, Commit};

use super::aligned::{DIVISOR, MAX_LEVEL, alignment};
use super::expectation::{Expectation, Metric};
use super::segment::Segment;
use super::{Event, Job, Policy, Profile, Registered, View};

#[derive(Debug)]
struct AlignedLeveled {
    alignment: Alignment,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "aligned-leveled",
    about: "one segment for each level: fewest segments at aligned edges, most writes",
    source: "this project; leveling after O'Neil et al., Acta Informatica 1996",
    parameters: &[DIVISOR, MAX_LEVEL],
    build: |values| {
        let alignment = alignment(values)?;
        Ok(Box::new(AlignedLeveled { alignment }))
    },
};

impl Policy for AlignedLeveled {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { commit } = event else {
            return Vec::new();
        };
        let level = self.alignment.closing_level(Commit::new(commit));
        let above = self.alignment.width(level + 1);
        let edge = above.map_or(0, |width| commit - commit % width);
        let jobs = (0..view.stream_count()).filter_map(|stream| {
            let inputs: Vec<&Segment> = view
                .segments(stream)
                .filter(|segment| segment.first > edge && segment.last <= commit)
                .collect();
            let reason =
                || format!("commit {commit} closes level {level}, the edge above is {edge}");
            (inputs.len() > 1).then(|| Job::merge(&inputs, level, "level closed", reason()))
        });
        jobs.collect()
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        // The formula is valid only if no key is written twice.
        let Some((None, records)) = profile.dense() else {
            return Vec::new();
        };
        let commits = profile.commits;
        let streams = profile.stream_count();
        // The formula writes a commit directly into its output. Here level 0 is written
        // first, and an output that would contain only this commit is not written again.
        let alone = match self.alignment.width(1) {
            Some(width) => commits.div_ceil(width),
            None => commits.min(1),
        };
        let merged = leveled::entries_written(&self.alignment, commits) - u128::from(alone);
        let written = streams * u128::from(records) * (u128::from(commits) + merged);
        let live = leveled::live_segments(&self.alignment, commits);
        vec![
            Expectation::exactly(Metric::LiveSegments, streams * u128::from(live)),
            Expectation::exactly(Metric::RecordsWritten, written),
            Expectation::exactly(Metric::Merges, streams * u128::from(commits - alone)),
        ]
    }

    fn predict_late(&self, profile: &Profile) -> Vec<Expectation> {
        self.predict(profile)
    }
}
