//! Simulators of the other policies, and the mean over all sparse histories.

use lithify::align::{Alignment, Cascade};

fn widths(alignment: &Alignment) -> Vec<u64> {
    let mut widths = vec![1];
    for radix in alignment.radices() {
        widths.push(widths[widths.len() - 1] * radix);
    }
    widths
}

/// Live segments and entries written by the leveled variant.
pub(crate) fn leveled(alignment: &Alignment, commits: u64) -> (u64, u128) {
    let widths = widths(alignment);
    let mut live: Vec<(u64, u64)> = Vec::new();
    let mut entries = 0;
    for commit in 1..=commits {
        let level = (0..widths.len())
            .rev()
            .find(|&level| commit % widths[level] == 0)
            .unwrap();
        let edge = widths
            .get(level + 1)
            .map_or(0, |&next| (commit - 1) / next * next);
        live.retain(|&(start, _)| start < edge);
        live.push((edge, commit));
        entries += u128::from(commit - edge);
    }
    (live.len() as u64, entries)
}

/// What the paced simulation counted.
pub(crate) struct Paced {
    pub(crate) live_per_level: Vec<u64>,
    pub(crate) entries_written: u128,
    /// Entries merged at each commit.
    pub(crate) work: Vec<u64>,
}

/// One merge in progress: it accumulates credit for each beat and must have
/// merged its whole window when its output is due.
struct Job {
    level: usize,
    start: u64,
    end: u64,
    due: u64,
    credit: u64,
    merged: u64,
}

/// Replays the paced variant. It panics when a merge would begin before its
/// inputs exist, or would not be finished in time.
pub(crate) fn paced(alignment: &Alignment, commits: u64) -> Paced {
    let widths = widths(alignment);
    let mut live: Vec<(usize, u64, u64)> = Vec::new();
    let mut jobs: Vec<Job> = Vec::new();
    let mut work = Vec::new();
    for commit in 1..=commits {
        live.push((0, commit - 1, commit));
        let mut merged_now = 0;
        for job in &mut jobs {
            let (below, width) = (widths[job.level - 1], widths[job.level]);
            if job.end + below >= commit {
                continue;
            }
            let inputs = live.iter().filter(|input| {
                input.0 + 1 == job.level && input.1 >= job.start && input.2 <= job.end
            });
            assert_eq!(
                inputs.count() as u64,
                width / below,
                "inputs exist when the merge begins"
            );
            job.credit += width;
            while job.credit >= width - below {
                job.credit -= width - below;
                job.merged += 1;
                merged_now += 1;
            }
        }
        for job in jobs.extract_if(.., |job| job.due == commit) {
            assert_eq!(
                job.merged, widths[job.level],
                "the merge is finished when it is due"
            );
            live.retain(|segment| segment.1 < job.start || segment.2 > job.end);
            live.push((job.level, job.start, job.end));
        }
        for (level, &width) in widths.iter().enumerate().skip(1) {
            if commit % width == 0 {
                jobs.push(Job {
                    level,
                    start: commit - width,
                    end: commit,
                    due: commit + width,
                    credit: 0,
                    merged: 0,
                });
            }
        }
        work.push(merged_now);
    }
    let count = |level: usize| live.iter().filter(|segment| segment.0 == level).count() as u64;
    let live_per_level = (0..widths.len()).map(count).collect();
    let merged: u64 = work.iter().sum();
    Paced {
        live_per_level,
        entries_written: u128::from(commits + merged),
        work,
    }
}

/// What the ratio simulation counted.
pub(crate) struct Ratio {
    pub(crate) entries_written: u128,
    pub(crate) log: u64,
    pub(crate) peak: u128,
    pub(crate) pause: u64,
}

/// Overwrites in a log that is rewritten when it reaches `trigger` entries.
pub(crate) fn ratio(live: u64, trigger: u64, updates: u64) -> Ratio {
    let mut counted = Ratio {
        entries_written: 0,
        log: live,
        peak: u128::from(live),
        pause: 0,
    };
    for _ in 0..updates {
        counted.log += 1;
        counted.entries_written += 1;
        counted.peak = counted.peak.max(u128::from(counted.log));
        if counted.log >= trigger {
            counted.peak = counted.peak.max(u128::from(counted.log + live));
            counted.entries_written += u128::from(live);
            counted.log = live;
            counted.pause = live;
        }
    }
    counted
}

/// Entries written, entries to replay, and files of the snapshot rule.
pub(crate) fn snapshot(every: u64, keys: u64, commits: u64) -> (u128, u64, u64) {
    let (mut written, mut log, mut snapshots) = (0_u128, 0, 0);
    let mut known = std::collections::BTreeSet::new();
    for commit in 1..=commits {
        known.insert(commit % keys);
        written += 1;
        log += 1;
        if log == every {
            written += known.len() as u128;
            log = 0;
            snapshots = 1;
        }
    }
    (written, log, snapshots + log)
}

/// The mean of (live segments, entries written) over every set of touched
/// commits, weighted by its probability.
pub(crate) fn mean_over_all_histories(
    alignment: &Alignment,
    cascade: Cascade,
    commits: u64,
    q: f64,
) -> (f64, f64) {
    let (mut live, mut entries) = (0.0, 0.0);
    for touched in 0_u64..1 << commits {
        let touches = touched.count_ones();
        let untouched = u32::try_from(commits).unwrap() - touches;
        let probability = q.powi(touches as i32) * (1.0 - q).powi(untouched as i32);
        let (segments, written) = sparse(&widths(alignment), cascade, commits, touched);
        live += probability * segments as f64;
        entries += probability * written as f64;
    }
    (live, entries)
}

/// Live segments and entries written for one set of touched commits (bit n - 1
/// is commit n): two or more segments in a window that closes are merged.
fn sparse(widths: &[u64], cascade: Cascade, commits: u64, touched: u64) -> (u64, u64) {
    let mut live: Vec<(u64, u64)> = Vec::new();
    let mut written = 0;
    for commit in 1..=commits {
        if touched >> (commit - 1) & 1 == 1 {
            live.push((commit, 1));
            written += 1;
        }
        let closing: Vec<u64> = widths
            .iter()
            .copied()
            .skip(1)
            .filter(|width| commit % width == 0)
            .collect();
        let outputs = if cascade == Cascade::Direct {
            &closing[closing.len().saturating_sub(1)..]
        } else {
            &closing[..]
        };
        for width in outputs {
            let inside = live.partition_point(|&(last, _)| last <= commit - width);
            if live.len() - inside >= 2 {
                let inputs = live.split_off(inside);
                let entries: u64 = inputs.iter().map(|input| input.1).sum();
                live.push((inputs[inputs.len() - 1].0, entries));
                written += entries;
            }
        }
    }
    (live.len() as u64, written)
}
