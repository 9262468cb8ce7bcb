//! The result of a shard, as a file: what the shard has covered and found, and which campaign
//! it belongs to.
//!
//! The file holds one JSON object: `format` (1), `crc32` of the bytes of `result`, and `result`
//! itself. It holds nothing that depends on the clock, on the machine or on the number of
//! threads, so two complete results of one shard are equal.
//!
//! Invariants:
//! - a result is written under another name, synced, and renamed: a reader never sees a part;
//! - a complete result is not replaced by one that covers less.
//!
//! This file does not add results up: see `merge`.

#![expect(
    clippy::disallowed_methods,
    reason = "people and other processes read these files, and no run does"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tempfile::NamedTempFile;

use super::Laboratory;
use super::exit::{Exit, Outcome};
use super::reach::ReachLine;
use super::shard::Shard;
use super::trace_file::name_when_whole;
use crate::finding::gathered::{Gathered, Kind};
use crate::finding::replay::Found;
use crate::finding::signature::Signature;
use crate::finding::traces::parse;
use crate::judge::oracle::{Finding, Oracle};
use crate::search::campaign::Ledger;

const FORMAT: u32 = 1;

/// What all shards of a campaign have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CampaignOf {
    /// The version of the laboratory.
    pub(super) version: String,
    pub(super) system: String,
    pub(super) models: Vec<String>,
    pub(super) workload: String,
    pub(super) faults: String,
    pub(super) order: Option<String>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) bug: Option<String>,
    pub(super) reach: ReachLine,
    pub(super) first_seed: u64,
    /// The number of seeds of all shards; none when only time ends a shard.
    pub(super) seeds: Option<u64>,
    pub(super) shards: u64,
}

/// What one shard has done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShardResult {
    pub(super) campaign: CampaignOf,
    pub(super) shard: u64,
    /// Whether the shard has done what it was asked for.
    pub(super) complete: bool,
    pub(super) covered: Ledger,
    findings: Vec<StoredKind>,
}

/// The findings with one signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKind {
    signature: Signature,
    count: u64,
    seed: u64,
    oracle: String,
    message: String,
    why: Vec<String>,
    /// The models that have shown it. Files from before this field name that of the trace only.
    #[serde(default)]
    models: BTreeSet<String>,
    /// The text of the shortest trace.
    trace: String,
}

#[derive(Serialize)]
struct Written<'file> {
    format: u32,
    crc32: u32,
    result: &'file RawValue,
}

#[derive(Deserialize)]
struct Read<'file> {
    format: u32,
    crc32: u32,
    #[serde(borrow)]
    result: &'file RawValue,
}

impl ShardResult {
    pub(super) fn new(
        campaign: CampaignOf,
        shard: Shard,
        complete: bool,
        covered: Ledger,
        gathered: &Gathered,
    ) -> Self {
        let stored = |(signature, kind): (&Signature, &Kind)| StoredKind {
            signature: signature.clone(),
            count: kind.count,
            seed: kind.cheapest.seed,
            oracle: kind.cheapest.finding.oracle.name().to_owned(),
            message: kind.cheapest.finding.message.clone(),
            why: kind.why.clone(),
            models: kind.models.clone(),
            trace: kind.cheapest.plan.to_string(),
        };
        Self {
            campaign,
            shard: shard.number,
            complete,
            covered,
            findings: gathered.kinds().into_iter().map(stored).collect(),
        }
    }

    /// The findings, with traces of systems that the laboratory knows.
    ///
    /// # Errors
    /// One line, when the laboratory cannot read a trace.
    pub(super) fn gathered(&self, laboratory: Laboratory<'_>) -> Result<Gathered, String> {
        let mut gathered = Gathered::default();
        for stored in &self.findings {
            let plan = parse(laboratory.systems, &stored.trace)
                .map_err(|error| format!("the trace of seed {}: {error}", stored.seed))?;
            let oracle = Oracle::named(&stored.oracle)
                .ok_or_else(|| format!("there is no oracle {:?}", stored.oracle))?;
            let mut models = stored.models.clone();
            models.insert(plan.model.name.to_owned());
            let kind = Kind {
                count: stored.count,
                models,
                cheapest: Found {
                    seed: stored.seed,
                    finding: Finding::new(oracle, stored.message.clone()),
                    plan,
                },
                why: stored.why.clone(),
            };
            gathered.add_kind(stored.signature.clone(), kind);
        }
        Ok(gathered)
    }

    /// Whether this result of a shard says more than another result of the same shard. Equal
    /// amounts are told apart by the text, so that the order of files has no effect.
    pub(super) fn is_better_than(&self, other: &Self) -> bool {
        let amount = |result: &Self| (result.complete, result.covered.seeds);
        let by_amount = amount(self).cmp(&amount(other));
        by_amount
            .then_with(|| self.text().cmp(&other.text()))
            .is_gt()
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("a result is text and numbers")
    }

    /// The bytes of the file.
    fn bytes(&self) -> Vec<u8> {
        let result = RawValue::from_string(self.text()).expect("the text is JSON");
        let written = Written {
            format: FORMAT,
            crc32: crc32fast::hash(result.get().as_bytes()),
            result: &result,
        };
        let mut bytes = serde_json::to_vec(&written).expect("a result is text and numbers");
        bytes.push(b'\n');
        bytes
    }

    /// # Errors
    /// One line that says why the bytes are not a result.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let read: Read<'_> = serde_json::from_slice(bytes)
            .map_err(|error| format!("it is not the whole result of a shard: {error}"))?;
        if read.format != FORMAT {
            return Err(format!(
                "its format is {}, and this program reads format {FORMAT}",
                read.format
            ));
        }
        let crc32 = crc32fast::hash(read.result.get().as_bytes());
        if crc32 != read.crc32 {
            return Err(format!(
                "its checksum is {:08x}, and its bytes have {crc32:08x}: the file was changed",
                read.crc32
            ));
        }
        serde_json::from_str(read.result.get()).map_err(|error| error.to_string())
    }
}

/// The file of a shard in this directory. The numbers have as many digits as the last one has.
pub(super) fn path_of(directory: &Path, shard: Shard) -> PathBuf {
    let digits = shard.of.to_string().len();
    let Shard { number, of } = shard;
    directory.join(format!("shard-{number:0digits$}-of-{of}.json"))
}

/// Refuses a directory in which this shard has a result of another campaign.
pub(super) fn check(directory: &Path, campaign: &CampaignOf, shard: Shard) -> Outcome {
    let path = path_of(directory, shard);
    if path.exists() {
        let difference = difference(&read(&path)?.campaign, campaign);
        if let Some(difference) = difference {
            return Err(Exit::Usage.because(format!(
                "{} is of another campaign, and is kept: {difference} here",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Writes the result into the directory, unless a better one is there.
pub(super) fn write(directory: &Path, shard: Shard, result: &ShardResult) -> Outcome {
    let path = path_of(directory, shard);
    if path.exists() && !result.is_better_than(&read(&path)?) {
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        Exit::Io.because(format!(
            "cannot write the result {}: {error}",
            path.display()
        ))
    };
    let file = NamedTempFile::new_in(directory).map_err(failed)?;
    name_when_whole(file, &result.bytes(), &path).map_err(failed)
}

/// Reads a result.
pub(super) fn read(path: &Path) -> Outcome<ShardResult> {
    let because = |message: String| Exit::Usage.because(format!("{}: {message}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| because(error.to_string()))?;
    ShardResult::from_bytes(&bytes).map_err(because)
}

/// These files, and the results in these directories, sorted by name.
pub(super) fn expand(paths: &[PathBuf]) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error: std::io::Error| {
            Exit::Usage.because(format!("cannot list {}: {error}", path.display()))
        };
        let before = files.len();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?.path();
            let name = entry.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("shard-") && name.ends_with(".json") {
                files.push(entry);
            }
        }
        if files.len() == before {
            return Err(Exit::Usage.because(format!("{} holds no results", path.display())));
        }
    }
    files.sort();
    Ok(files)
}

/// The first field in which two campaigns differ, with both values; none when they are one.
pub(super) fn difference(left: &CampaignOf, right: &CampaignOf) -> Option<String> {
    let fields = |campaign: &CampaignOf| match serde_json::to_value(campaign) {
        Ok(serde_json::Value::Object(fields)) => fields,
        other => unreachable!("a campaign is an object, not {other:?}"),
    };
    let right = fields(right);
    let left = fields(left).into_iter();
    let mut differing = left.filter(|(name, value)| right.get(name) != Some(value));
    differing
        .next()
        .map(|(name, value)| format!("{name} is {value} there, and {}", right[&name]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> ShardResult {
        ShardResult {
            campaign: CampaignOf {
                version: "1".to_owned(),
                system: "lithify".to_owned(),
                models: vec!["posix-min".to_owned()],
                workload: "each".to_owned(),
                faults: "swarm".to_owned(),
                order: None,
                settings: BTreeMap::new(),
                bug: None,
                reach: ReachLine::from(crate::search::crashes::Reach::SMALL),
                first_seed: 7,
                seeds: Some(100),
                shards: 4,
            },
            shard: 2,
            complete: true,
            covered: Ledger {
                seeds: 25,
                ..Ledger::default()
            },
            findings: Vec::new(),
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let bytes = result().bytes();
        assert_eq!(ShardResult::from_bytes(&bytes).unwrap(), result());
        for position in 0..bytes.len() - 1 {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            let read = ShardResult::from_bytes(&changed);
            assert!(read.is_err(), "byte {position} of {}", bytes.len());
            assert!(ShardResult::from_bytes(&bytes[..position]).is_err());
        }
    }

    #[test]
    fn the_better_result_does_not_depend_on_the_order() {
        let whole = result();
        let cut = ShardResult {
            complete: false,
            ..result()
        };
        let shorter = ShardResult {
            covered: Ledger::default(),
            ..cut.clone()
        };
        for (better, worse) in [(&whole, &cut), (&whole, &shorter), (&cut, &shorter)] {
            assert!(better.is_better_than(worse) && !worse.is_better_than(better));
        }
        assert!(!whole.is_better_than(&whole));
    }

    #[test]
    fn the_difference_of_two_campaigns_is_named() {
        let mut other = result().campaign;
        assert_eq!(difference(&result().campaign, &other), None);
        other.first_seed = 8;
        assert_eq!(
            difference(&result().campaign, &other).unwrap(),
            "first_seed is 7 there, and 8"
        );
    }
}
