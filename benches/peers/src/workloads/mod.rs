//! What the rows do. Each file holds one kind of work; all of them use only the traits of `engine`.
//!
//! Every workload checks what it reads against what was written, as far as that costs nothing:
//! the number of entries of a scan, that a key is found or absent. `conformance` checks values.

mod as_of;
mod commit;
mod ingest;
mod mixed;
mod overwrite;
mod read;
mod reopen;
mod write;

use crate::Result;
use crate::child::Stage;
use crate::figure::Figure;
use crate::row::{Row, Source};

/// Makes the store that rows with this source begin with.
pub(crate) fn load(stage: &Stage<'_>, source: Source) -> Result<()> {
    match source {
        Source::Ingested => read::load(stage),
        Source::Versions => as_of::load(stage).map(drop),
        Source::Killed => reopen::load(stage),
    }
}

/// Plays `row` and returns its figures; the first one is what the row is about.
pub(crate) fn play(stage: &Stage<'_>, row: Row) -> Result<Vec<Figure>> {
    match row {
        Row::Ingest => ingest::play(stage, ingest::Plan::RANDOM),
        Row::IngestAscending => ingest::play(stage, ingest::Plan::ASCENDING),
        Row::IngestLarge => ingest::play(stage, ingest::Plan::LARGE),
        Row::Durable => commit::durable(stage),
        Row::Group => commit::group(stage),
        Row::Get => read::get(stage),
        Row::Absent => read::absent(stage),
        Row::Seek => read::seek(stage),
        Row::Scan => read::scan(stage, crate::engine::Direction::Forward),
        Row::ScanBack => read::scan(stage, crate::engine::Direction::Backward),
        Row::Overwrite => overwrite::play(stage),
        Row::History => as_of::load(stage),
        Row::AsOfGet => as_of::get(stage),
        Row::AsOfScan => as_of::scan(stage),
        Row::Reopen => reopen::play(stage),
        Row::Mixed => mixed::play(stage),
        Row::Growth => Err("growth is played case by case".into()),
    }
}
