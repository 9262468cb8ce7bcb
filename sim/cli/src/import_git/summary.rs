//! The result of an import, for people and for programs.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::bytes::{json_path, json_perhaps_path};
use crate::store::{DEFAULT_KEYSPACE, StoredBytes};
use lithify::{History, KeyRange};
use lithify_policies::forecast::write_amplification;
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;
use lithify_sim::cli::table::{Column, Table};
use serde::Serialize;

use super::Import;

/// The summary of one import.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    #[serde(serialize_with = "json_path")]
    store: PathBuf,
    /// The source of the log; `None` for standard input.
    #[serde(serialize_with = "json_perhaps_path")]
    repository: Option<PathBuf>,
    keyspace: String,
    /// The newest commit.
    head: u64,
    /// Commits that were added; the other commits were compared.
    imported_commits: u64,
    /// Puts and deletes in the whole log.
    operations: u64,
    /// Keys that have a value at the head.
    live_keys: u64,
    live_segments: u64,
    /// Entries written to segments per committed entry, since opening.
    write_amplification: f64,
    /// The write amplification computed from the sizes of the commits. Known only for
    /// whole imports that keep all history and settle.
    predicted_write_amplification: Option<f64>,
    seconds: f64,
    /// Files on disk after closing.
    files: u64,
    bytes: u64,
    /// Unusual properties of the repository.
    notes: Vec<String>,
}

impl Summary {
    /// The summary without the measurements. Reads the tree at the head once.
    pub(super) fn of(import: &Import<'_>, notes: Vec<String>) -> Outcome<Self> {
        let store = &import.store;
        let keyspace = import.keyspace();
        let mut live_keys = 0;
        for item in store.range(keyspace, KeyRange::all())? {
            item?;
            live_keys += 1;
        }
        let stats = store.stats();
        let counters = stats.counters;
        let is_whole = import.resumed_after.get() == 0
            && store.placement().history == History::All
            && !import.arguments.no_settle;
        Ok(Self {
            store: import.arguments.store.path.clone(),
            repository: import.arguments.repository(),
            keyspace: keyspace.to_owned(),
            head: stats.head,
            imported_commits: stats.head - import.resumed_after.get(),
            operations: import.operations,
            live_keys,
            live_segments: stats.live_segments,
            write_amplification: write_amplification(
                counters.level_zero_entries,
                counters.merge_entries_written,
            ),
            predicted_write_amplification: is_whole.then(|| import.forecast.write_amplification()),
            seconds: 0.0,
            files: 0,
            bytes: 0,
            notes,
        })
    }

    /// Adds the measurements of the closed store.
    pub(super) fn measure(&mut self, store: &Path, started: Instant) -> Outcome {
        let stored = StoredBytes::of(store)?;
        self.files = stored.files();
        self.bytes = stored.bytes();
        self.seconds = started.elapsed().as_secs_f64();
        Ok(())
    }
}

impl Summary {
    /// The summary for people.
    pub(super) fn write(&self, output: &mut Output) -> Outcome {
        let head = self.head;
        let predicted = match self.predicted_write_amplification {
            Some(predicted) => format!("predicted {predicted:.3}"),
            None => "since this opening".to_owned(),
        };
        let rows = [
            (
                "commits",
                format!("{head}, {} of them new", self.imported_commits),
            ),
            ("operations", self.operations.to_string()),
            ("live keys", self.live_keys.to_string()),
            ("live segments", self.live_segments.to_string()),
            (
                "write amplification",
                format!("{:.3} ({predicted})", self.write_amplification),
            ),
            ("seconds", format!("{:.3}", self.seconds)),
            (
                "store",
                format!("{} bytes in {} files", self.bytes, self.files),
            ),
        ];
        let mut table = Table::new(&[Column::Text(""); 2]);
        rows.into_iter()
            .for_each(|(name, value)| table.row([name.to_owned(), value]));
        self.notes.iter().for_each(|note| table.row(["note", note]));
        output.table(&table)?;
        output.line(b"\nnext:")?;
        self.next()
            .iter()
            .try_for_each(|command| output.line(format!("  {command}").as_bytes()))
    }

    /// Commands that a user may want next.
    fn next(&self) -> Vec<String> {
        let (head, store) = (self.head, self.store.display());
        let keyspace = match self.keyspace.as_str() {
            DEFAULT_KEYSPACE => String::new(),
            name => format!(" --keyspace {name}"),
        };
        let mut commands = vec![
            format!("lithify scan --store {store}{keyspace} --at {head} --format tree"),
            format!("lithify layout --store {store} --pyramid"),
        ];
        commands.extend(self.repository.as_ref().map(|path| {
            let path = path.display();
            format!("lithify check-git --store {store}{keyspace} --repo {path}")
        }));
        commands
    }
}
