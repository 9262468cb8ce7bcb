//! `scan`: keys and values in key order, as of any commit.

use std::ffi::OsString;
use std::ops::Bound;

use clap::{Args, ValueEnum};
use lithify::KeyRange;
use lithify_policies::git::{quote::quote, tree};
use lithify_sim::cli::exit::{Failure, Outcome};
use lithify_sim::cli::output::Output;
use serde::Serialize;

use super::bytes::{BYTES_HELP, JsonBytes, of_argument};
use super::source::SourceArgument;
use super::store::{AtArgument, KeyspaceArgument};

const EXAMPLES: &str = "\
Examples:
  lithify scan --store S --at 10 --format tree    # as `git ls-tree -r`
  lithify scan --store S --prefix src/ --reverse --limit 3
  lithify scan --store S --from a --to b --format json
  lithify scan --archive s3://bucket/S --at 10    # an archive, without its store";

/// Prints keys and values in key order
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{BYTES_HELP}"))]
pub(crate) struct Scan {
    #[command(flatten)]
    source: SourceArgument,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    #[command(flatten)]
    at: AtArgument,
    /// Print only keys with this prefix
    #[arg(long, value_name = "KEY", conflicts_with_all = ["from", "to"])]
    prefix: Option<OsString>,
    /// Begin with this key
    #[arg(long, value_name = "KEY")]
    from: Option<OsString>,
    /// End before this key
    #[arg(long, value_name = "KEY")]
    to: Option<OsString>,
    /// Print the last key first
    #[arg(long)]
    reverse: bool,
    /// Maximum number of keys
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Text: key, tab, value. JSON: an object for each key. Tree: as `git ls-tree -r`
    #[arg(long, value_enum, default_value = "text")]
    format: ScanFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScanFormat {
    Text,
    Json,
    Tree,
}

#[derive(Serialize)]
struct Item<'a> {
    key: JsonBytes<'a>,
    value: JsonBytes<'a>,
}

impl Scan {
    fn range(&self) -> KeyRange {
        if let Some(prefix) = &self.prefix {
            return KeyRange::prefix(of_argument(prefix));
        }
        let bytes = |key: &OsString| of_argument(key).to_vec();
        KeyRange {
            start: self
                .from
                .as_ref()
                .map(bytes)
                .map_or(Bound::Unbounded, Bound::Included),
            end: self
                .to
                .as_ref()
                .map(bytes)
                .map_or(Bound::Unbounded, Bound::Excluded),
        }
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Scan) -> Outcome {
    let keyspace = &arguments.keyspace;
    let snapshot = arguments.source.open(keyspace, arguments.at.at)?;
    let mut range = snapshot.range(&keyspace.keyspace, arguments.range())?;
    let mut output = Output::for_reading();
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let item = if arguments.reverse {
            range.next_back()
        } else {
            range.next()
        };
        let Some((key, value)) = item.transpose()? else {
            break;
        };
        write(&mut output, arguments.format, &key, &value)?;
        left -= 1;
    }
    output.finish()
}

fn write(output: &mut Output, format: ScanFormat, key: &[u8], value: &[u8]) -> Outcome {
    match format {
        ScanFormat::Text => output.fields(&[&quote(key), &quote(value)]),
        ScanFormat::Json => output.json(&Item {
            key: JsonBytes(key),
            value: JsonBytes(value),
        }),
        ScanFormat::Tree => {
            let mut line = Vec::with_capacity(key.len() + value.len() + 2);
            tree::write_line(&mut line, key, value).map_err(|error| Failure::of_output(&error))?;
            output.bytes(&line)
        }
    }
}
