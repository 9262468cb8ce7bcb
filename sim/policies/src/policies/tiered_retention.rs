//! `tiered-retention`: writes a snapshot when N commits were logged since the last one. Older
//! snapshots stay, but fewer of them with increasing age. Patches stay for some time.
//!
//! A snapshot that is older than the cutoff belongs to a tier. The tier depends on the age
//! beyond the cutoff: the tiers are contiguous, and tier n is `base-interval * multiplier^n`
//! long. The newest `slots` snapshots of each tier stay. As written, the design removes a
//! patch that is older than the cutoff, although a read inside the cutoff may begin at an even
//! older snapshot and need the patch. `with-base` keeps these patches too. As written, the
//! design also counts commits since the start of the process.
//!
//! Not modelled: schemas, scopes, and the two alternating log files, each of which is thinned
//! separately. The cost of copying the rest of a log at a removal is not counted.

use lithify::predict::ratio::SnapshotRule;

use super::expectation::{Expectation, Metric};
use super::segment::Segment;
use super::spec::{Parameter, Values};
use super::view::Moment;
use super::{Event, Job, Policy, Profile, Registered, Streams, View};

#[derive(Debug)]
struct TieredRetention {
    max_commits: u64,
    max_bytes: u64,
    cutoff: u64,
    base_interval: u64,
    multiplier: u64,
    slots: usize,
    restart: u64,
    keeps_base: bool,
}

const fn parameter(name: &'static str, default: &'static str, about: &'static str) -> Parameter {
    Parameter {
        name,
        default,
        about,
    }
}

pub(super) const REGISTERED: Registered = Registered {
    name: "tiered-retention",
    about: "snapshots by the number of commits; old ones are thinned in tiers, old patches go",
    source: "the later design of the commit-driven document's project",
    parameters: &[
        parameter("max-commits", "1000", "commits since the last snapshot"),
        parameter(
            "max-bytes",
            "0",
            "bytes since the last snapshot that bring the next one; 0: any",
        ),
        parameter(
            "cutoff",
            "3600",
            "seconds of the commit clock for which patches and snapshots stay",
        ),
        parameter(
            "base-interval",
            "3600",
            "the length of the first tier beyond the cutoff in seconds",
        ),
        parameter("multiplier", "2", "how much longer the next tier is"),
        parameter("slots", "8", "snapshots that stay in each tier: the newest"),
        parameter(
            "patches",
            "as-written",
            "which patches stay: as-written, those inside the cutoff; with-base, also those \
             that reads inside the cutoff need",
        ),
        parameter(
            "restart",
            "0",
            "commits after which the process restarts and counts from 0 again; 0: never",
        ),
    ],
    build: |values| Ok(Box::new(TieredRetention::new(values)?)),
};

impl TieredRetention {
    fn new(values: &Values) -> Result<Self, String> {
        Ok(Self {
            max_commits: values.at_least("max-commits", 1)?,
            max_bytes: values.parse("max-bytes")?,
            cutoff: values.parse("cutoff")?,
            base_interval: values.at_least("base-interval", 1)?,
            multiplier: values.at_least("multiplier", 2)?,
            slots: usize::try_from(values.at_least("slots", 1)?).unwrap_or(usize::MAX),
            restart: values.parse("restart")?,
            keeps_base: match values.text("patches") {
                "as-written" => false,
                "with-base" => true,
                other => {
                    return Err(
                        values.refuse(format!("patches={other}: it is as-written or with-base"))
                    );
                }
            },
        })
    }

    /// The tier of a snapshot that is this number of seconds beyond the cutoff.
    fn tier(&self, beyond: u64) -> u32 {
        let (mut tier, mut end) = (0, self.base_interval);
        let mut length = self.base_interval;
        while end < beyond {
            length = length.saturating_mul(self.multiplier);
            end = end.saturating_add(length);
            tier += 1;
        }
        tier
    }

    /// The last commits of the snapshots that stay.
    fn snapshots(&self, now: Moment, inputs: &[&Segment]) -> Vec<u64> {
        let mut snapshots: Vec<&Segment> = inputs.to_vec();
        snapshots.retain(|input| input.level > 0);
        snapshots.sort_unstable_by_key(|snapshot| std::cmp::Reverse(snapshot.last));
        let tier = |snapshot: &Segment| {
            let beyond = now.seconds.checked_sub(self.cutoff)?;
            let beyond = beyond.checked_sub(snapshot.last_seconds)?;
            (beyond > 0).then(|| self.tier(beyond))
        };
        // Newest first, so the snapshots of one tier are adjacent.
        let tiers = snapshots.chunk_by(|newer, older| tier(newer) == tier(older));
        let kept = tiers.flat_map(|of_tier| {
            let slots = tier(of_tier[0]).map_or(usize::MAX, |_| self.slots);
            of_tier.iter().take(slots)
        });
        kept.map(|snapshot| snapshot.last).collect()
    }

    /// The commit after which reads inside the cutoff need all patches.
    fn base(&self, now: Moment, inputs: &[&Segment]) -> u64 {
        let is_base = |input: &&&Segment| input.level > 0 && !self.is_recent(now, input);
        let bases = inputs.iter().filter(is_base);
        bases.map(|base| base.last).max().unwrap_or(0)
    }

    fn is_recent(&self, now: Moment, input: &Segment) -> bool {
        input.last_seconds.saturating_add(self.cutoff) > now.seconds
    }
}

impl Policy for TieredRetention {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { commit } = event else {
            return Vec::new();
        };
        let files = view.segments(0).filter(|file| file.last <= commit);
        let files: Vec<&Segment> = files.collect();
        let began = match self.restart {
            0 => 0,
            every => (commit - 1) / every * every,
        };
        let patches = || files.iter().filter(|file| file.level == 0);
        let counted = patches().filter(|patch| patch.first > began).count() as u64;
        let bytes: u64 = patches().map(|patch| patch.bytes).sum();
        let is_full = self.max_bytes > 0 && bytes >= self.max_bytes;
        if counted < self.max_commits && !is_full {
            return Vec::new();
        }
        let reason = format!("{counted} commits and {bytes} bytes since the last snapshot");
        vec![Job::merge(&files, 1, "snapshot", reason)]
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }

    fn reads_through_memory(&self) -> bool {
        true
    }

    fn kept_inputs(&self, now: Moment, inputs: &[&Segment]) -> Vec<bool> {
        let snapshots = self.snapshots(now, inputs);
        let base = match self.keeps_base {
            true => self.base(now, inputs),
            false => u64::MAX,
        };
        let keeps = |input: &&Segment| match input.level {
            0 => self.is_recent(now, input) || input.last > base,
            _ => snapshots.contains(&input.last),
        };
        inputs.iter().map(keeps).collect()
    }

    /// Snapshots depend only on the number of commits, unless `max-bytes` or `restart` is set.
    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        if self.max_bytes > 0 || self.restart > 0 {
            return Vec::new();
        }
        let touched = profile.streams.iter().flat_map(|stream| &stream.touched);
        let replayed = touched.count() as u64 % self.max_commits;
        let mut expected = vec![Expectation::exactly(Metric::ReplayedCommits, replayed)];
        if let Some((keys, records)) = profile.dense_single() {
            let keys = keys.unwrap_or(profile.commits);
            let rule = SnapshotRule::new(self.max_commits, keys).expect("both are at least 1");
            let written = u128::from(records) * rule.entries_written(profile.commits);
            expected.push(Expectation::exactly(Metric::RecordsWritten, written));
            let files = rule.files(profile.commits);
            expected.push(Expectation::exactly(Metric::LiveSegments, files));
        }
        expected
    }
}
