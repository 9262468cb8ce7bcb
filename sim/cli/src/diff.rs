//! `diff`: the differences between two commits.

use clap::Args;
use lithify::Commit;
use lithify_policies::git::quote::quote;
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;
use lithify_sim::cli::terminal::Colour;
use serde::Serialize;

use super::bytes::{BYTES_HELP, JsonBytes};
use super::store::{KeyspaceArgument, ReadArgument};

const EXAMPLES: &str = "\
Examples:
  lithify diff --store S 10 20
  lithify diff --store S 0 20 --format json

Text output has a line for each key that differs: A (added) key value, D (deleted) key value, or \
M (modified) key before after, with tabs between them. In JSON a missing value is null. FROM may \
be the later commit. Exits with 0 also when there are differences.";

/// Prints the keys whose values differ between two commits
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{BYTES_HELP}"))]
pub(crate) struct Diff {
    #[command(flatten)]
    store: ReadArgument,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    /// Print the changes from this commit
    from: u64,
    /// to this commit
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
        let (letter, colour) = match (before, after) {
            (None, _) => ("A", Colour::Green),
            (_, None) => ("D", Colour::Red),
            _ => ("M", Colour::Yellow),
        };
        let letter = output.screen().paint(colour, letter);
        let (key, values) = (
            quote(&change.key),
            [before, after].map(|value| value.map(quote)),
        );
        let mut fields: Vec<&[u8]> = vec![letter.as_bytes(), &key];
        fields.extend(values.iter().flatten().map(|value| &**value));
        output.fields(&fields)?;
    }
    output.finish()
}
