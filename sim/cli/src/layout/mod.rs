//! `layout`: the live segments, as canonical text, as a table, as JSON or as a drawing,
//! or the difference between two layouts; or as a page with the layouts of all commits.

mod lifetimes;
mod page;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use lithify::Commit;
use lithify::layout::{Layout, SegmentLayout};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use lithify_sim::cli::report_file;
use lithify_sim::cli::table::{Column, Table};
use lithify_sim::cli::terminal::{Colour, Screen};
use serde::Serialize;

use self::lifetimes::Lifetimes;
use super::store::StoreArgument;

/// The width of the drawing in a pipe.
const PIPE_COLUMNS: usize = 80;

/// The beginning of a row of the drawing.
const ROW_BEGINS: &str = "  level 00 |";

/// The colours of the levels, from the lowest level on, repeated.
const LEVEL_COLOURS: [Colour; 5] = [
    Colour::Cyan,
    Colour::Green,
    Colour::Yellow,
    Colour::Blue,
    Colour::Magenta,
];

const EXAMPLES: &str = "\
Examples:
  lithify layout --store S
  lithify layout --store S --pyramid
  lithify layout --store S --format json
  lithify layout --store S --against T       # exits with 1 when they differ
  lithify layout --store S --report layout.html   # a page with a slider over every commit

In a pipe the text is canonical: two stores with the same history and placement print the same \
text, once both are settled. A terminal shows the same numbers as a table. A window is the range \
from its first to its last commit.";

/// Prints the live segments
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowLayout {
    #[command(flatten)]
    store: StoreArgument,
    /// Draw the levels instead, as wide as the terminal
    #[arg(long)]
    pyramid: bool,
    /// Print the differences from this other store instead: - is only here, + is only there
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "pyramid")]
    against: Option<PathBuf>,
    /// Also write a page in HTML: the layout at every commit, as predicted, and as the engine has it
    /// when it plays the history again. With --format json the output has the same numbers
    #[arg(long, value_name = "FILE", conflicts_with_all = ["against", "pyramid"])]
    report: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgument,
}

/// A layout, and those of all commits.
#[derive(Serialize)]
struct WithHistory<'run> {
    #[serde(flatten)]
    layout: &'run Layout,
    #[serde(skip_serializing_if = "Option::is_none")]
    over_commits: Option<Lifetimes>,
}

/// The segments that only one of two layouts has.
#[derive(Serialize)]
struct Difference<'a> {
    equal: bool,
    head_here: Commit,
    head_there: Commit,
    only_here: Vec<&'a Named<'a>>,
    only_there: Vec<&'a Named<'a>>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Named<'a> {
    keyspace: &'a str,
    #[serde(flatten)]
    segment: &'a SegmentLayout,
}

/// Runs the command.
pub(crate) fn run(arguments: &ShowLayout) -> Outcome {
    let is_json = arguments.format.format == Format::Json;
    if is_json && arguments.pyramid {
        return Err(Exit::Usage.because("--pyramid is a drawing and has no JSON form"));
    }
    let place = report_file::place(arguments.report.as_deref())?;
    let store = arguments.store.open()?;
    let layout = store.layout();
    if let Some(path) = &arguments.against {
        let other = StoreArgument { path: path.clone() }.open()?.layout();
        return differences(&layout, &other, is_json);
    }
    let over_commits = match place {
        Some(place) => {
            let found = lifetimes::lifetimes(&store)?;
            place.keep_text(&page::draw(
                &found,
                &arguments.store.path.display().to_string(),
            ))?;
            Some(found)
        }
        None => None,
    };
    let mut output = Output::for_reading();
    let screen = output.screen();
    match (is_json, arguments.pyramid) {
        (true, _) => output.json(&WithHistory {
            layout: &layout,
            over_commits,
        })?,
        (_, true) => output.bytes(pyramid(&layout, screen).as_bytes())?,
        _ if screen.is_terminal() => tables(&mut output, &layout)?,
        _ => output.bytes(layout.to_string().as_bytes())?,
    }
    output.finish()
}

fn differences(here: &Layout, there: &Layout, is_json: bool) -> Outcome {
    let mut output = Output::for_reading();
    let difference = here.diff(there);
    if is_json {
        let (ours, theirs) = (named(here), named(there));
        output.json(&Difference {
            equal: difference.is_empty(),
            head_here: here.head,
            head_there: there.head,
            only_here: ours.difference(&theirs).collect(),
            only_there: theirs.difference(&ours).collect(),
        })?;
    } else {
        for line in difference.lines() {
            let colour = match line.starts_with('-') {
                true => Colour::Red,
                false => Colour::Green,
            };
            let line = output.screen().paint(colour, line);
            output.line(line.as_bytes())?;
        }
    }
    output.finish()?;
    match difference.lines().count() {
        0 => Ok(()),
        lines => Err(Exit::Negative.because(format!("the layouts differ in {lines} lines"))),
    }
}

fn named(layout: &Layout) -> BTreeSet<Named<'_>> {
    let keyspaces = layout.keyspaces.iter();
    let segments = keyspaces.flat_map(|keyspace| {
        keyspace.segments.iter().map(|segment| Named {
            keyspace: &keyspace.name,
            segment,
        })
    });
    segments.collect()
}

/// A table for each keyspace.
fn tables(output: &mut Output, layout: &Layout) -> Outcome {
    output.line(format!("commit {}", layout.head).as_bytes())?;
    for keyspace in &layout.keyspaces {
        output.line(format!("\nkeyspace {:?}", keyspace.name).as_bytes())?;
        let titles = [
            "window",
            "level",
            "commits",
            "first",
            "last",
            "read from",
            "entries",
            "deletions",
            "keys",
            "bytes",
        ];
        let mut table = Table::new(&titles.map(Column::Number));
        for segment in &keyspace.segments {
            let window = segment.window;
            let numbers = [
                window.level.into(),
                segment.commits,
                segment.first.get(),
                segment.last.get(),
                segment.readable_from.get(),
                segment.entries,
                segment.tombstones,
                segment.keys,
                segment.bytes,
            ];
            let window = format!("{}..{}", window.start.next(), window.end);
            let numbers = numbers.map(|number| number.to_string());
            table.row([window].into_iter().chain(numbers));
        }
        output.table(&table)?;
    }
    output.line(b"\ncommits, first, last: those in the window that wrote to the keyspace")?;
    output.line(b"read from: the first commit as of which the segment can be read")
}

/// The drawing, as wide as the screen, with a colour for each level.
fn pyramid(layout: &Layout, screen: Screen) -> String {
    let segments = layout
        .keyspaces
        .iter()
        .map(|keyspace| keyspace.segments.len());
    let count = segments.max().unwrap_or(0).to_string();
    let width = screen.width().unwrap_or(PIPE_COLUMNS);
    let beside = ROW_BEGINS.len() + "| ".len() + count.len();
    let drawing = layout.pyramid(width.saturating_sub(beside));
    let lines = drawing.lines().map(|line| painted(line, screen) + "\n");
    lines.collect()
}

/// A line of the drawing. The part between its bars has the colour of the level.
fn painted(line: &str, screen: Screen) -> String {
    let level = line
        .strip_prefix("  level ")
        .and_then(|line| line.split_once(" |"));
    let Some((level, row)) = level else {
        return screen.heading(line);
    };
    let (row, count) = row.rsplit_once('|').unwrap_or((row, ""));
    let number: usize = level.trim().parse().unwrap_or(0);
    let row = screen.paint(LEVEL_COLOURS[number % LEVEL_COLOURS.len()], row);
    format!("  level {level} |{row}|{count}")
}
