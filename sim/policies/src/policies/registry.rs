//! All policies by name, with their parameters, and the list that `all` stands for.

use lithify_sim::names::suggest;

use super::Policy;
use super::spec::{Parameter, Spec, Values};

/// A policy with a name.
#[derive(Debug)]
pub struct Registered {
    /// The name.
    pub name: &'static str,
    /// A description in one line.
    pub about: &'static str,
    /// The origin of the policy.
    pub source: &'static str,
    /// The parameters. A value without a name belongs to the first one.
    pub parameters: &'static [Parameter],
    /// Builds the policy, or returns an error if the values of the parameters are not
    /// valid.
    pub build: fn(&Values) -> Result<Box<dyn Policy>, String>,
}

/// All policies, in the order in which they are listed.
pub const POLICIES: &[Registered] = &[
    super::none::REGISTERED,
    super::aligned::REGISTERED,
    super::aligned_leveled::REGISTERED,
    super::aligned_lazy::REGISTERED,
    super::aligned_paced::REGISTERED,
    super::aligned::GLOBAL,
    super::count::REGISTERED,
    super::count::OPTION_A,
    super::strict::REGISTERED,
    super::intent::REGISTERED,
    super::commit_callback::REGISTERED,
    super::wal_ratio::REGISTERED,
    super::dead_ratio::REGISTERED,
    super::snapshot_truncate::REGISTERED,
    super::tiered_retention::REGISTERED,
    super::tiered::TIERED,
    super::tiered::LEVELED,
    super::lethe::REGISTERED,
    super::universal::REGISTERED,
    super::geometric::REGISTERED,
    super::aof_growth::REGISTERED,
    super::bitcask::REGISTERED,
    super::kafka::REGISTERED,
    super::delta_log::REGISTERED,
    super::litestream::REGISTERED,
    super::prometheus::REGISTERED,
    super::time_window::REGISTERED,
    super::raft_snapshot::REGISTERED,
    super::revision_keep::REGISTERED,
    super::fifo::REGISTERED,
];

/// The policies that `all` compares: each policy at least once. Where the defaults of the
/// original are made for gigabytes and would never be reached, thresholds are smaller.
pub const ALL: &[&str] = &[
    "none",
    "aligned:2:cascade=step",
    "aligned:2",
    "aligned:4",
    "aligned:4:min-inputs=4",
    "aligned:4:min-inputs=4:cascade=widest",
    "aligned:8",
    "aligned:30/10/12/24",
    "aligned-leveled:4",
    "aligned-lazy:4",
    "aligned-paced:4",
    "global:4",
    "count:2",
    "count:4",
    "option-a:4",
    "strict:4",
    "intent:4",
    "commit-callback:4",
    "wal-ratio:10",
    "wal-ratio:10:max-interval=off",
    "dead-ratio:30:min-bytes=65536",
    "snapshot-truncate:500",
    "tiered-retention:500",
    "tiered:4",
    "leveled:10",
    "lethe:100",
    "universal",
    "geometric:2",
    "aof-growth:100:min-bytes=65536",
    "bitcask:65536:small-bytes=4096",
    "kafka-dirty:50:file-bytes=4096",
    "delta-log:10",
    "delta-log:10:compact=3",
    "litestream",
    "prometheus",
    "time-window",
    "raft-snapshot:500:trailing=600",
    "revision-keep:1000",
    "fifo:65536",
];

/// The policies whose source has this name. `None` if a policy has this text in its own
/// name.
fn of_the_source(name: &str) -> Option<String> {
    let is_from = |policy: &&Registered| {
        let mut words = policy
            .source
            .split(|letter: char| !letter.is_alphanumeric());
        words.any(|word| word.len() > 3 && word.eq_ignore_ascii_case(name))
    };
    if POLICIES.iter().any(|policy| policy.name.contains(name)) {
        return None;
    }
    let names = POLICIES.iter().filter(is_from);
    let names: Vec<String> = names.map(|policy| format!("{:?}", policy.name)).collect();
    (!names.is_empty()).then(|| names.join(" or "))
}

/// Builds the policy that a spec names.
///
/// # Errors
/// For an unknown name or parameter, with the nearest known one, and for values that are
/// not valid.
pub fn build(spec: &Spec) -> Result<Box<dyn Policy>, String> {
    let names = POLICIES.iter().map(|policy| policy.name);
    let known = POLICIES.iter().find(|policy| policy.name == spec.name);
    let Some(known) = known else {
        let what = format!("no policy is called {:?}", spec.name);
        if let Some(suggestion) = of_the_source(&spec.name) {
            return Err(format!("{what}; did you mean {suggestion}?"));
        }
        return Err(suggest(&what, &spec.name, names));
    };
    (known.build)(&spec.values(known.parameters)?)
}
