//! `diff`: what differs between two commits.

use clap::Args;
use lithify::Commit;
use lithify_policies::git::quote::quote;
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;
use serde::Serialize;

use super::bytes::{BYTES_HELP, JsonBytes};
use super::store::{KeyspaceArgument, ReadArgument};

const EXAMPLES: &str = "\
Examples:
  lithify diff --store S 10 20
  lithify diff --store S 0 20 --format json

Text is a line for each key: A key value, D key value, or M key before after, with tabs between
them. In JSON an absent value is null. FROM may be the later one. Exits with 0 in any case.";

/// Prints the keys whose values differ between two commits
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{BYTES_HELP}"))]
pub(crate) struct Diff {
    #[command(flatten)]
    store: ReadArgument,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    /// The commit on the left
    from: u64,
    /// The commit on the right
    to: u64,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Item<'a> {
    key: JsonBytes<'a>,
    before: Option<JsonBytes<'a>>,
    after: Option<JsonBytes<'a>>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Diff) -> Outcome {
    let store = arguments.store.open_keyspace(&arguments.keyspace)?;
    let (from, to) = (Commit::new(arguments.from), Commit::new(arguments.to));
    let mut output = Output::for_reading();
    for change in store.diff(&arguments.keyspace.keyspace, from, to)? {
        let change = change?;
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        if arguments.format.format == Format::Json {
            output.json(&Item {
                key: JsonBytes(&change.key),
                before: before.map(JsonBytes),
                after: after.map(JsonBytes),
            })?;
            continue;
        }
        let letter: &[u8] = match (before, after) {
            (None, _) => b"A",
            (_, None) => b"D",
            _ => b"M",
        };
        let (key, values) = (
            quote(&change.key),
            [before, after].map(|value| value.map(quote)),
        );
        let mut fields: Vec<&[u8]> = vec![letter, &key];
        fields.extend(values.iter().flatten().map(|value| &**value));
        output.fields(&fields)?;
    }
    output.finish()
}
