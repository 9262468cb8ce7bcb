//! A compaction policy of one's own, in one file, beside those of the project.
//!
//! Run it with `cargo run -p lithify-policies --example own_policy`.

use lithify_policies::compare::workloads::{self, Scale};
use lithify_policies::compare::{RunOptions, run};
use lithify_policies::policies::{Event, Job, Policy, Segment, View, registry};
use lithify_sim::keyed::Seed;

/// Never more than `most` segments in a keyspace: beyond that, the two neighbours that have
/// the fewest bytes together become one.
#[derive(Debug)]
struct SmallestPair {
    most: usize,
}

impl Policy for SmallestPair {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::SegmentAdded { stream, .. } = event else {
            return Vec::new();
        };
        let segments: Vec<&Segment> = view.segments(stream).collect();
        if segments.len() <= self.most {
            return Vec::new();
        }
        let bytes = |pair: &&[&Segment]| pair[0].bytes + pair[1].bytes;
        let Some(pair) = segments.windows(2).min_by_key(bytes) else {
            return Vec::new();
        };
        let reason = format!("{} segments, at most {}", segments.len(), self.most);
        vec![Job::merge(pair, 1, "too many", reason)]
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scale = Scale {
        commits: 2000,
        keyspaces: 1,
        seconds: 60,
        seed: Seed(1),
    };
    let history = workloads::build(&"ycsb-a".parse()?, scale)?;
    let mut policies: Vec<(&str, Box<dyn Policy>)> =
        vec![("smallest-pair:6", Box::new(SmallestPair { most: 6 }))];
    for name in ["aligned:4", "geometric:2"] {
        policies.push((name, registry::build(&name.parse()?)?));
    }
    println!(
        "{:<16} {:>6} {:>6} {:>6}",
        "policy", "write", "space", "most"
    );
    for (name, policy) in policies {
        let measured = run(&*policy, &history, &RunOptions::default())?.measured;
        let (write, space) = (measured.write_amplification, measured.space_amplification);
        let most = measured.max_live_segments;
        println!("{name:<16} {write:>6.2} {space:>6.2} {most:>6}");
    }
    Ok(())
}
