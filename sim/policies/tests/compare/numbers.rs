//! Goal: each number of a comparison means what its column says. Method: histories that are
//! small enough to count by hand.

use lithify_policies::compare::{History, Measured, Read, RunOptions};

use super::support::{keyed, play, play_with, put, synthetic, touched};

/// Three commits of one record, the first two merged at once.
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
    // Three records of 100 bytes, and a merge of two.
    assert_eq!(measured.committed_bytes, 300);
    assert_eq!(measured.write_amplification, 5.0 / 3.0);
    assert_eq!((measured.records_written, measured.merges), (5, 1));
    assert_eq!(measured.by_cause["window closed"].bytes, 200);
    // One segment, one, two.
    assert_eq!(measured.live_segments_summed, 4);
    assert_eq!(measured.mean_live_segments, 4.0 / 3.0);
    assert_eq!(measured.most_live_segments, 2);
    // Inputs and output together, then three records.
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
    // Three commits, and an output with the record that makes it count.
    assert_eq!(measured.syncs, 5);
    let none = three_commits("none", 4);
    assert_eq!((none.syncs, none.longest_pause_commit), (3, None));
    // A removal is one sync: 100 bytes may stay, so two segments go.
    assert_eq!(three_commits("fifo:100", 4).syncs, 5);
}

#[test]
fn commits_and_boundaries_that_can_be_read() {
    // Commit 1 is inside 1..2; the right edges of 3 = 1 + 1 + 1 are 1, 2 and 3.
    let measured = three_commits("aligned:2:cascade=step", 4);
    assert_eq!(measured.readable_commits, 2);
    assert_eq!((measured.readable_boundaries, measured.boundaries), (2, 3));
    // By divisor 2, 3 = 2 + 1, and its edges are 2 and 3.
    let measured = three_commits("aligned:2:cascade=step", 2);
    assert_eq!((measured.readable_boundaries, measured.boundaries), (2, 2));
}

/// A log that is rewritten at each commit is a chain of as many segments as there were
/// commits, and whether each can be read is told from its inputs: no stack is that deep.
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
    // 2..3 lies across the edge at 2; of 2..3 and 5..6 one fits.
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
    // Newest first: 3, then 1..2. A key that was written in commit n is key n - 1.
    let aligned = "aligned:2:cascade=step";
    assert_eq!(opened(aligned, &[Read::Point(2)]), 1.0);
    assert_eq!(opened(aligned, &[Read::Point(0)]), 2.0);
    assert_eq!(opened(aligned, &[Read::Scan(0)]), 2.0);
    assert_eq!(
        opened("none", &[Read::Point(0), Read::Scan(2), Read::Point(2)]),
        7.0
    );
    // An index in memory knows the one file.
    assert_eq!(opened("wal-ratio", &[Read::Point(0), Read::Point(2)]), 2.0);
}

#[test]
fn streams_and_what_is_lost() {
    let scrape = synthetic("scrape", 3, 2, 0);
    let measured = play("none", &scrape).measured;
    assert_eq!(
        (measured.streams, measured.most_live_segments_of_a_stream),
        (2, 3)
    );
    let mut one_of_two = History::new("one of two", 2);
    let key = one_of_two.new_key(1);
    one_of_two.push(1, vec![put(key)]);
    assert_eq!(play("none", &one_of_two).measured.streams, 1);
    // The oldest two of three go: a record, then the tombstone of nothing.
    assert_eq!(
        play("fifo:100", &keyed(&[vec![1], vec![-2], vec![3]]))
            .measured
            .lost_records,
        1
    );
}

/// A log is looked at when a multiple of the interval has passed: with a commit a minute and a
/// look every ten minutes, ten times in a hundred commits, and it is always long enough.
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

/// Tombstones stay as long as their retention says, though they are at the bottom.
#[test]
fn retained_tombstones() {
    let tombstones = |retention: u64| {
        let spec = format!("kafka-dirty:50:file-bytes=100:delete-retention={retention}");
        let live = play(&spec, &keyed(&[vec![1], vec![-1], vec![2], vec![3]])).live;
        live.iter().map(|one| one.tombstones).sum::<u64>()
    };
    assert_eq!((tombstones(0), tombstones(86400)), (0, 1));
}
