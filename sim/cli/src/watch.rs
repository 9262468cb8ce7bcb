//! `stats --watch`: the numbers of a store that change, a line for each look.
//!
//! Each look opens the store for reading, beside its writer, and closes it again. So a look sees one
//! commit, and the writer never waits.

use std::time::{Duration, Instant};

use clap::Args;
use indicatif::HumanBytes;
use lithify_sim::cli::args::Format;
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;

use super::stats::Report;
use super::store::StoreArgument;

/// On a terminal the titles are printed again behind this many lines.
const LINES: u64 = 20;

const TITLES: [&str; 7] = [
    "commit",
    "commits/s",
    "unflushed",
    "segments",
    "memory",
    "wal",
    "files",
];

/// How often, and how many times.
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// Look again and again, with a pause of this many seconds, and print a line each time
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1")]
    #[arg(value_parser = seconds)]
    pub(crate) watch: Option<Duration>,
    /// End after this many looks [default: at Ctrl-C]
    #[arg(long, value_name = "N", requires = "watch")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(Duration::try_from_secs_f64);
    let in_range =
        |pause: &Duration| *pause >= Duration::from_millis(1) && pause.as_secs() <= 86_400;
    let pause = seconds.and_then(Result::ok).filter(in_range);
    pause.ok_or_else(|| "a number of seconds from 0.001 to 86400 is needed".to_owned())
}

/// Looks until the number of looks is reached, or an error or Ctrl-C ends it.
pub(crate) fn run(
    store: &StoreArgument,
    format: Format,
    pause: Duration,
    times: Option<u64>,
) -> Outcome {
    let mut output = Output::for_reading();
    let mut before = None;
    for look in 0..times.unwrap_or(u64::MAX) {
        if look > 0 {
            wait(pause);
        }
        let (report, now) = (Report::of(store)?, Instant::now());
        if format == Format::Json {
            output.json(&report)?;
        } else {
            let is_titled = look == 0 || output.screen().is_terminal() && look % LINES == 0;
            if is_titled {
                output.line(cells(TITLES.map(str::to_owned)).as_bytes())?;
            }
            let rate =
                before.map(|(head, then)| rate(report.stats.head.saturating_sub(head), now - then));
            output.line(cells(row(&report, rate)).as_bytes())?;
            before = Some((report.stats.head, now));
        }
        output.flush()?;
    }
    output.finish()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a look at a store of another process follows its clock"
)]
fn wait(pause: Duration) {
    std::thread::sleep(pause);
}

/// Commits in a second.
fn rate(commits: u64, time: Duration) -> f64 {
    commits as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn row(report: &Report, rate: Option<f64>) -> [String; 7] {
    let (stats, disk) = (&report.stats, &report.disk);
    let bytes = |bytes: u64| HumanBytes(bytes).to_string();
    [
        stats.head.to_string(),
        rate.map_or("-".to_owned(), |rate| format!("{rate:.0}")),
        (stats.head - stats.flushed_through).to_string(),
        stats.live_segments.to_string(),
        bytes(stats.memory_bytes),
        bytes(disk.wal_bytes),
        bytes(disk.segment_bytes),
    ]
}

fn cells(cells: [String; 7]) -> String {
    let aligned = cells.map(|cell| format!("{cell:>10}"));
    aligned.join(" ")
}
