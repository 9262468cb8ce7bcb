//! `none`: never merges.

use super::expectation::{Expectation, Metric};
use super::{Event, Job, Policy, Profile, Registered, View};

#[derive(Debug)]
struct NoMerges;

pub(super) const REGISTERED: Registered = Registered {
    name: "none",
    about: "never merges: the fewest writes, the most segments",
    source: "baseline",
    parameters: &[],
    build: |_| Ok(Box::new(NoMerges)),
};

impl Policy for NoMerges {
    fn plan(&self, _: &View<'_>, _: Event) -> Vec<Job> {
        Vec::new()
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        let segments: usize = profile.streams.iter().map(|one| one.touched.len()).sum();
        vec![
            Expectation::exactly(Metric::LiveSegments, segments as u128),
            Expectation::exactly(Metric::MostLiveSegments, segments as u128),
            Expectation::exactly(Metric::RecordsWritten, profile.records()),
            Expectation::exactly(Metric::ReadableCommits, profile.commits),
            Expectation::exactly(Metric::LongestPauseRecords, 0_u64),
        ]
    }
}
