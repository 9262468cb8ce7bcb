//! Goal: the policy models the later design of the commit-driven project, including its
//! mistakes. Method: a reader with the rules of that store (the newest snapshot up to a commit,
//! and the later patches) is compared with the committed data.

use std::collections::BTreeSet;

use lithify_policies::compare::{History, Outcome};
use lithify_policies::policies::Segment;
use proptest::prelude::*;

use super::support::{play, put, synthetic};

/// Commit n writes key n at the n-th of these times.
fn at_times(seconds: &[u64]) -> History {
    let mut history = History::new("times", 1);
    for &seconds in seconds {
        let key = history.new_key(0);
        history.push(seconds, vec![put(key)]);
    }
    history
}

/// The commits whose keys a read at this commit finds.
fn read(outcome: &Outcome, at: u64) -> BTreeSet<u64> {
    let files = || outcome.live.iter().chain(&outcome.kept);
    let files_up_to = |is_snapshot: bool| {
        files().filter(move |file| (file.level > 0) == is_snapshot && file.last <= at)
    };
    let base = files_up_to(true)
        .map(|snapshot| snapshot.last)
        .max()
        .unwrap_or(0);
    let patches = files_up_to(false).map(|patch| patch.last);
    (1..=base)
        .chain(patches.filter(|&patch| patch > base))
        .collect()
}

/// H1. Commit 3 is inside the cutoff, but the snapshot that a read needs does not exist, and
/// the patches that could replace it were removed because of their age. Of three keys, one is
/// left.
#[test]
fn history_inside_the_cutoff_is_wrong() {
    let history = at_times(&[0, 1, 5000, 5001]);
    let spec = |patches: &str| format!("tiered-retention:4:cutoff=3600:patches={patches}");
    let as_written = play(&spec("as-written"), &history);
    assert_eq!(read(&as_written, 3), BTreeSet::from([3]), "all three exist");
    // The laboratory does not count commit 3 as readable.
    assert_eq!(as_written.measured.readable_commits, 1);
    let with_base = play(&spec("with-base"), &history);
    assert_eq!(read(&with_base, 3), BTreeSet::from([1, 2, 3]));
    assert_eq!(with_base.measured.readable_commits, 4);
}

proptest! {
    /// If patches are kept with their base, all commits inside the cutoff are read exactly.
    #[test]
    fn with_their_base_reads_inside_the_cutoff_are_exact(
        steps in proptest::collection::vec(0_u64..900, 1..80),
        max_commits in 1_u64..12,
        slots in 1_u64..4,
    ) {
        let seconds: Vec<u64> = steps
            .iter()
            .scan(0, |now, step| { *now += step; Some(*now) })
            .collect();
        let spec = format!(
            "tiered-retention:{max_commits}:cutoff=3600:slots={slots}:patches=with-base"
        );
        let outcome = play(&spec, &at_times(&seconds));
        let now = seconds[seconds.len() - 1];
        for (place, seconds) in seconds.iter().enumerate() {
            let commit = place as u64 + 1;
            if seconds + 3600 > now {
                prop_assert_eq!(read(&outcome, commit), (1..=commit).collect(), "{}", commit);
            }
        }
    }
}

/// The ages of the kept snapshots in units of the interval, oldest first.
fn ages(spec: &str, commits: u64, step: u64) -> Vec<u64> {
    let times: Vec<u64> = (1..=commits).map(|commit| commit * step).collect();
    let outcome = play(spec, &at_times(&times));
    let snapshots = outcome.kept.iter().filter(|file| file.level > 0);
    let age = |file: &Segment| (commits * step - file.last_seconds) / step;
    let mut ages: Vec<u64> = snapshots.map(age).collect();
    ages.sort_unstable_by(|left, right| right.cmp(left));
    ages
}

/// Tiers of 1, 2 and 4 hours beyond the cutoff, with two snapshots in each. Hourly snapshots
/// are kept at ages 1 (not beyond the cutoff), 2 (tier 0), 3 and 4 (tier 1), 5 and 6 (tier 2).
#[test]
fn tiers_keep_the_newest() {
    let spec = "tiered-retention:1:slots=2";
    assert_eq!(ages(spec, 6, 3600), [5, 4, 3, 2, 1]);
    assert_eq!(ages(spec, 30, 3600), [6, 5, 4, 3, 2, 1]);
}

/// H4. The text promises snapshots that are distributed evenly over each tier. But the newest
/// snapshots of a tier stay, so no snapshot becomes old enough for the tiers after the first
/// full one. With the defaults and one snapshot per hour, the history ends after 24 hours. With
/// one snapshot per minute, it ends 8 minutes beyond the cutoff.
#[test]
fn tiers_that_keep_the_newest_starve_those_behind() {
    let hourly = ages("tiered-retention:1", 500, 3600);
    assert_eq!((hourly[0], hourly.len()), (24, 24));
    let each_minute = ages("tiered-retention:1", 500, 60);
    assert_eq!((each_minute[0], each_minute.len()), (68, 68));
}

/// H4. Commits are counted since the start of the process. A process that restarts every 999
/// commits never writes the snapshot that is due at 1000.
#[test]
fn a_count_since_the_start_is_forgotten() {
    let merges = |restart: u64| {
        let spec = format!("tiered-retention:1000:restart={restart}");
        play(&spec, &synthetic("dense", 5000, 1, 0)).measured.merges
    };
    assert_eq!((merges(0), merges(1000), merges(999)), (5, 5, 0));
}

/// At exactly the age of the cutoff, a patch is removed and a snapshot stays.
#[test]
fn the_edge_of_the_cutoff() {
    let outcome = play("tiered-retention:2:cutoff=10", &at_times(&[0, 5, 10, 15]));
    let kept = outcome.kept.iter().map(|file| (file.level, file.last));
    let mut kept: Vec<(u8, u64)> = kept.collect();
    kept.sort_unstable();
    assert_eq!(kept, [(0, 3), (0, 4), (1, 2)]);
}

/// The number of bytes since the last snapshot can also lead to a snapshot.
#[test]
fn a_full_log_brings_a_snapshot() {
    let spec = "tiered-retention:1000:max-bytes=1000";
    let measured = play(spec, &synthetic("dense", 35, 1, 0)).measured;
    assert_eq!((measured.merges, measured.replayed_commits), (3, 5));
}
