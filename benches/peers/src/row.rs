//! What is measured: the rows, who plays them with which options, and what they begin with.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::contestant::Variant;
use crate::engines::LITHIFY;

/// A workload that every engine plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Row {
    /// 1 million entries with random keys, 100 in a commit, not synced
    Ingest,
    /// The same with ascending keys
    IngestAscending,
    /// 5 million entries with random keys
    IngestLarge,
    /// 10,000 synced commits of 10 entries by one thread
    Durable,
    /// Synced commits of one entry by 8 and by 32 threads, for 3 seconds
    Group,
    /// Values of random keys, of 1 million
    Get,
    /// Values of keys that are absent
    Absent,
    /// The first entry at or behind a random key
    Seek,
    /// All entries, forward
    Scan,
    /// All entries, backward
    ScanBack,
    /// 10,000 keys written 1 million times, 10 in a commit, not synced
    Overwrite,
    /// 100,000 keys with 10 versions each, all of them kept
    History,
    /// Values of random keys as of random commits, of 10 versions
    AsOfGet,
    /// All entries as of random commits, of 10 versions
    AsOfScan,
    /// Opening after a kill with 100 MB of log, and the first scan after it
    Reopen,
    /// One writer at a fixed pace and seven readers on 1 million entries
    Mixed,
    /// Lithify alone: what becomes of a time when its N doubles
    Growth,
}

/// A store that rows only read, so that all windows share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// What `ingest` leaves.
    Ingested,
    /// What `history` leaves.
    Versions,
    /// What a killed process leaves: made anew for each measurement.
    Killed,
}

impl Row {
    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .expect("no row is hidden")
            .get_name()
            .to_owned()
    }

    /// With which options `engine` plays it.
    pub(crate) fn variants(self, engine: &str) -> &'static [Variant] {
        match (engine, self) {
            (LITHIFY, Row::Overwrite) => &[Variant::Default, Variant::Newest],
            (LITHIFY, Row::Reopen) => &[Variant::Default, Variant::OneLog],
            (LITHIFY, _) if self.source().is_some() => &[Variant::Default, Variant::Cached],
            ("surrealkv", Row::History | Row::AsOfGet | Row::AsOfScan) => {
                &[Variant::Default, Variant::OwnVersions]
            }
            _ => &[Variant::Default],
        }
    }

    /// What must be in the directory before the measurement begins.
    pub(crate) fn source(self) -> Option<Source> {
        match self {
            Row::Get | Row::Absent | Row::Seek | Row::Scan | Row::ScanBack => {
                Some(Source::Ingested)
            }
            Row::AsOfGet | Row::AsOfScan => Some(Source::Versions),
            Row::Reopen => Some(Source::Killed),
            _ => None,
        }
    }
}
