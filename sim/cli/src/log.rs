//! `--log`: the spans and events of the engine on standard error, with their times.

use clap::ValueEnum;
use lithify_sim::cli::terminal::Screen;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;

/// What is told: failures that end all writing; openings and closings, too; commits, syncs and files,
/// too; every append and every step of the compactor, too.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Log {
    Error,
    Info,
    Debug,
    Trace,
}

/// Writes what the engine does to standard error, until the process ends.
pub(crate) fn start(log: Log) {
    let level = match log {
        Log::Error => LevelFilter::ERROR,
        Log::Info => LevelFilter::INFO,
        Log::Debug => LevelFilter::DEBUG,
        Log::Trace => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(Screen::of_errors().has_colour())
        .with_target(false)
        .with_timer(tracing_subscriber::fmt::time::uptime())
        .with_span_events(FmtSpan::CLOSE);
    let layers = lines.with_filter(Targets::new().with_target("lithify", level));
    tracing_subscriber::registry().with(layers).init();
}
