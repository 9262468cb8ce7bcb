//! Goal: each number of a comparison agrees with the meaning of its column. Method: histories
//! that are small enough to count by hand.

use lithify_policies::compare::{History, Measured, Read, RunOptions};

use super::support::{keyed, play, play_with, put, synthetic, touched};

/// Three commits of one record. The first two are merged.
fn three_commits(spec: &str, boundary_divisor: u64) -> Measured {
    let options = RunOptions {
        boundary_divisor,
        ..RunOptions::default()
    };
    play_with(spec, &touched(&[1, 2, 3], 3), &options).measured
}

#[test]
fn what_is_written_live_and_on_disk() {
    let measured = three_commits("aligned:2:cascade=step", 4);
    // Three records of 100 bytes, and a merge of two records.
    assert_eq!(measured.committed_bytes, 300);
    assert_eq!(measured.write_amplification, 5.0 / 3.0);
    assert_eq!((measured.records_written, measured.merges), (5, 1));
    assert_eq!(measured.by_cause["window closed"].bytes, 200);
    // The numbers of segments are one, one and two.
    assert_eq!(measured.live_segments_summed, 4);
    assert_eq!(measured.mean_live_segments, 4.0 / 3.0);
    assert_eq!(measured.max_live_segments, 2);
    // The peak is at the merge: the inputs and the output together. Later there are three
    // records.
    assert_eq!((measured.peak_bytes, measured.peak_records), (400, 4));
    assert_eq!(measured.space_amplification, 1.0);
    assert_eq!(measured.recovery_bytes, 300);
    assert_eq!(measured.replayed_commits, 1);
    let kept = three_commits("aligned:2:cascade=step:remove=never", 4);
    assert_eq!(kept.space_amplification, 5.0 / 3.0);
    assert_eq!(kept.peak_bytes, 500);
}

#[test]
fn pauses_and_syncs() {
    let measured = three_commits("aligned:2:cascade=step", 4);
    assert_eq!(measured.longest_pause_bytes, 200);
    assert_eq!(measured.longest_pause_records, 2);
    assert_eq!(measured.longest_pause_commit, Some(2));
    // Three commits, the output of the merge, and the record that makes the output valid.
    assert_eq!(measured.syncs, 5);
    let none = three_commits("none", 4);
    assert_eq!((none.syncs, none.longest_pause_commit), (3, None));
    // A removal is one sync. 100 bytes may stay, so two segments are removed.
    assert_eq!(three_commits("fifo:100", 4).syncs, 5);
}

#[test]
fn commits_and_boundaries_that_can_be_read() {
    // Commit 1 is inside 1..2. With 3 = 1 + 1 + 1, the right edges are 1, 2 and 3.
    let measured = three_commits("aligned:2:cascade=step", 4);
    assert_eq!(measured.readable_commits, 2);
    assert_eq!((measured.readable_boundaries, measured.boundaries), (2, 3));
    // For divisor 2, 3 = 2 + 1, and the right edges are 2 and 3.
    let measured = three_commits("aligned:2:cascade=step", 2);
    assert_eq!((measured.readable_boundaries, measured.boundaries), (2, 2));
}

/// A log that is rewritten at each commit makes a chain of as many segments as commits.
/// Whether a segment can be read depends on its inputs, and a recursion of this depth would
/// overflow the stack.
#[test]
fn a_chain_of_fifty_thousand_rewrites() {
    let history = synthetic("hot-key", 50_000, 1, 0);
    let measured = play("dead-ratio:30:check=0:min-bytes=0", &history).measured;
    assert_eq!((measured.merges, measured.readable_commits), (49_999, 1));
}

#[test]
fn segments_that_fit_a_window_of_their_level() {
    let percent = |spec: &str, commits: &[u64]| {
        let options = RunOptions {
            boundary_divisor: 2,
            ..RunOptions::default()
        };
        let history = touched(commits, 8);
        play_with(spec, &history, &options)
            .measured
            .exact_windows_percent
    };
    assert_eq!(percent("aligned:2", &[2, 3, 5, 6]), 100.0);
    // 2..3 crosses the edge at 2. Of 2..3 and 5..6, one fits.
    assert_eq!(percent("count:2", &[2, 3]), 0.0);
    assert_eq!(percent("tiered:2:flush-bytes=50", &[5, 6]), 100.0);
}

#[test]
fn segments_that_reads_open() {
    let opened = |spec: &str, reads: &[Read]| {
        let mut history = touched(&[1, 2, 3], 3);
        for &read in reads {
            history.read(read);
        }
        play(spec, &history).measured.read_amplification * reads.len() as f64
    };
    // Newest first: 3, then 1..2. The key of commit n is n - 1.
    let aligned = "aligned:2:cascade=step";
    assert_eq!(opened(aligned, &[Read::Point(2)]), 1.0);
    assert_eq!(opened(aligned, &[Read::Point(0)]), 2.0);
    assert_eq!(opened(aligned, &[Read::Scan(0)]), 2.0);
    assert_eq!(
        opened("none", &[Read::Point(0), Read::Scan(2), Read::Point(2)]),
        7.0
    );
    // The index in memory leads to the only file.
    assert_eq!(opened("wal-ratio", &[Read::Point(0), Read::Point(2)]), 2.0);
}

#[test]
fn streams_and_what_is_lost() {
    let scrape = synthetic("scrape", 3, 2, 0);
    let measured = play("none", &scrape).measured;
    assert_eq!(
        (measured.streams, measured.max_live_segments_of_a_stream),
        (2, 3)
    );
    let mut one_of_two = History::new("one of two", 2);
    let key = one_of_two.new_key(1);
    one_of_two.push(1, vec![put(key)]);
    assert_eq!(play("none", &one_of_two).measured.streams, 1);
    // The two oldest of three segments are removed: one has a record, the other a tombstone
    // without effect.
    assert_eq!(
        play("fifo:100", &keyed(&[vec![1], vec![-2], vec![3]]))
            .measured
            .lost_records,
        1
    );
}

/// A log is checked when a multiple of the interval has passed. With one commit per minute and
/// a check every ten minutes, there are ten checks in a hundred commits, and the log is long
/// enough at each of them.
#[test]
fn checks_are_due_at_multiples() {
    let spec = "wal-ratio:2:check=600:min-interval=0:max-interval=off";
    assert_eq!(
        play(spec, &synthetic("hot-key", 100, 1, 0)).measured.merges,
        10
    );
    let spec = "wal-ratio:2:check=0:min-interval=0:max-interval=off";
    assert_eq!(
        play(spec, &synthetic("hot-key", 100, 1, 0)).measured.merges,
        99
    );
}

/// Tombstones stay for their retention time, even at the bottom.
#[test]
fn retained_tombstones() {
    let tombstones = |retention: u64| {
        let spec = format!("kafka-dirty:50:file-bytes=100:delete-retention={retention}");
        let live = play(&spec, &keyed(&[vec![1], vec![-1], vec![2], vec![3]])).live;
        live.iter().map(|one| one.tombstones).sum::<u64>()
    };
    assert_eq!((tombstones(0), tombstones(86400)), (0, 1));
}
