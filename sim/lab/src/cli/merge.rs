//! `sim merge`: the results of shards, added up.
//!
//! Invariant: what is printed depends on the set of results only. The order of files has no
//! effect, and a shard that has several results counts once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use clap::Args;

use super::args::FormatArgument;
use super::exit::{Exit, Outcome};
use super::formats::IntegrationArguments;
use super::known::Known;
use super::report_file::CampaignReportArgument;
use super::shard_result::{self, CampaignOf, ShardResult, difference};
use super::told::{self, End, Told};
use super::{Laboratory, trace_file};
use crate::finding::gathered::Gathered;
use crate::search::campaign::Ledger;

const EXAMPLES: &str = "\
Examples:
  lithify sim run --seeds 64000 --shard 3/64 --out results   # on each machine, with its number
  lithify sim merge results
  lithify sim merge results --report campaign.html
  lithify sim merge results --format json --fail-on-incomplete --known tests/known.txt";

/// Adds up the results of `sim run --shard`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Merge {
    /// Results of shards, or directories that hold them. Of several results of one shard the
    /// most complete one counts
    #[arg(required = true, value_name = "RESULT")]
    results: Vec<PathBuf>,
    /// A file of known findings, as of `run --known`
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// Exit with 7 if a shard is missing or has not run all its seeds
    #[arg(long)]
    fail_on_incomplete: bool,
    /// The directory for traces of findings, which are named seed-SEED.sim
    #[arg(long, value_name = "DIRECTORY", default_value = "sim-findings")]
    out: PathBuf,
    #[command(flatten)]
    report: CampaignReportArgument,
    #[command(flatten)]
    integration: IntegrationArguments,
    #[command(flatten)]
    format: FormatArgument,
}

/// Runs the command.
pub(super) fn run(arguments: &Merge, laboratory: Laboratory<'_>) -> Outcome {
    let known = match &arguments.known {
        Some(path) => Known::read(path)?,
        None => Known::default(),
    };
    let page = arguments.report.place()?;
    let places = arguments.integration.places(&arguments.format)?;
    let (campaign, results) = gather(&arguments.results)?;
    let (mut ledger, mut gathered) = (Ledger::default(), Gathered::default());
    for (path, result) in results.values() {
        ledger.add(&result.covered);
        let found = result
            .gathered(laboratory)
            .map_err(|message| Exit::Usage.because(format!("{}: {message}", path.display())))?;
        gathered.merge(found);
    }
    if gathered.count() > 0 {
        trace_file::check_directory(&arguments.out)?;
    }
    let results = results.into_values().map(|(_, result)| result).collect();
    told::tell(
        laboratory,
        &Told {
            system: &campaign.system,
            models: campaign.models.clone(),
            ledger: &ledger,
            gathered: &gathered,
            known: &known,
            asked: campaign.seeds.unwrap_or(u64::MAX),
            end: end_of(&campaign, results),
            time: None,
            reach: campaign.reach,
            out: arguments.out.clone(),
            format: arguments.format.format,
            must_be_complete: arguments.fail_on_incomplete,
        },
        page,
        places,
    )
}

/// The best result of each shard, with its file, by the number of the shard.
type Results = BTreeMap<u64, (PathBuf, ShardResult)>;

/// Reads the results, which must be of one campaign.
fn gather(paths: &[PathBuf]) -> Outcome<(CampaignOf, Results)> {
    let mut first: Option<(PathBuf, CampaignOf)> = None;
    let mut results = Results::new();
    for path in shard_result::expand(paths)? {
        let result = shard_result::read(&path)?;
        let (known, campaign) =
            first.get_or_insert_with(|| (path.clone(), result.campaign.clone()));
        if let Some(difference) = difference(campaign, &result.campaign) {
            return Err(Exit::Usage.because(format!(
                "{} and {} are of two campaigns: {difference} here",
                known.display(),
                path.display()
            )));
        }
        match results.entry(result.shard) {
            Entry::Vacant(place) => {
                place.insert((path, result));
            }
            Entry::Occupied(mut place) => {
                if result.is_better_than(&place.get().1) {
                    place.insert((path, result));
                }
            }
        }
    }
    let (_, campaign) = first.expect("`expand` refuses directories without results");
    Ok((campaign, results))
}

/// Whether the shards have done all that the campaign asked for.
fn end_of(campaign: &CampaignOf, results: Vec<ShardResult>) -> End {
    let done: Vec<u64> = results.iter().map(|result| result.shard).collect();
    let missing: Vec<u64> = (1..=campaign.shards)
        .filter(|shard| done.binary_search(shard).is_err())
        .collect();
    let cut: Vec<u64> = results
        .iter()
        .filter(|result| !result.complete)
        .map(|result| result.shard)
        .collect();
    let of = campaign.shards;
    let parts = [(missing, "are missing"), (cut, "ended early")];
    let sentences: Vec<String> = parts
        .into_iter()
        .filter(|(shards, _)| !shards.is_empty())
        .map(|(shards, what)| format!("of {of} shards these {what}: {}", ranges(&shards)))
        .collect();
    match sentences.is_empty() {
        true => End::Done,
        false => End::ShardsMissing(sentences.join("; ")),
    }
}

/// Ascending numbers in short: `1, 4-7, 9`.
fn ranges(numbers: &[u64]) -> String {
    let runs = numbers.chunk_by(|before, after| before + 1 == *after);
    let texts: Vec<String> = runs
        .map(|run| match run {
            [one] => one.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => unreachable!("chunks hold something"),
        })
        .collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn numbers_are_told_in_short() {
        assert_eq!(ranges(&[1]), "1");
        assert_eq!(ranges(&[1, 4, 5, 6, 9, 10]), "1, 4-6, 9-10");
    }
}
