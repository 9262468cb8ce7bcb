//! Whose bytes a crash with stale bytes has put in the place of lost ones, and what wrote
//! them.

use std::fmt;

use crate::disk::oplog::{InodeId, Log, Mark, Operation};
use crate::disk::{Frontier, Source};
use crate::run::execute::CrashScene;
use crate::run::plan::{Crash, Plan};

/// Bytes of one file that stand in another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleBytes {
    /// Where they stand: a file and a place in it.
    pub place: String,
    /// Whose they are.
    pub source: Source,
    /// The operation that wrote them and the action of the plan during which it did, when a
    /// file of this run had them.
    pub writer: Option<(String, Option<String>)>,
}

impl fmt::Display for StaleBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            source,
            writer,
        } = self;
        write!(formatter, "{place} reads as what {source} held there")?;
        match writer {
            Some((operation, Some(action))) => {
                write!(formatter, ", written by {operation} during \"{action}\"")
            }
            Some((operation, None)) => write!(formatter, ", written by {operation}"),
            None => formatter.write_str(", which was on the device before this run"),
        }
    }
}

/// The stale bytes that a crash leaves where a name leads to them.
pub(super) fn stale_bytes(
    plan: &Plan,
    scene: &CrashScene,
    frontier: &Frontier<'_>,
    crash: &Crash,
) -> Vec<StaleBytes> {
    let Some((source, file)) = frontier.stale_file(&crash.fill) else {
        return Vec::new();
    };
    let blank = Crash {
        fill: "zero".to_owned(),
        ..crash.clone()
    };
    let (stale, blank) = (scene.image(frontier, crash), scene.image(frontier, &blank));
    let pairs = stale.files().zip(blank.files());
    pairs
        .filter_map(|((name, stale), (_, blank))| {
            let differs = |&place: &usize| stale[place] != blank[place];
            let start = (0..stale.len()).find(differs)?;
            let end = (0..stale.len()).rfind(differs)? + 1;
            Some(StaleBytes {
                place: format!("{name}[{start}..{end}]"),
                source: source.clone(),
                writer: file.and_then(|file| writer(plan, scene, file, start..end)),
            })
        })
        .collect()
}

/// What has written last to this place of a file, in the latest life in which anything has.
fn writer(
    plan: &Plan,
    scene: &CrashScene,
    file: InodeId,
    place: std::ops::Range<usize>,
) -> Option<(String, Option<String>)> {
    let here = (&scene.log, scene.position);
    let earlier = scene.earlier.iter().rev();
    let logs = [here]
        .into_iter()
        .chain(earlier.map(|log| (log, log.operations().len())));
    let place = place.start as u64..place.end as u64;
    for (log, end) in logs {
        let operations = &log.operations()[..end];
        let found = operations.iter().rposition(|operation| match operation {
            Operation::Write {
                inode,
                offset,
                bytes,
                ..
            } => {
                let end = offset + bytes.len() as u64;
                *inode == file && *offset < place.end && place.start < end
            }
            _ => false,
        });
        if let Some(position) = found {
            let operation = log.describe(&operations[position]).to_string();
            return Some((operation, action_at(plan, log, position)));
        }
    }
    None
}

/// The action during which an operation was done.
fn action_at(plan: &Plan, log: &Log, position: usize) -> Option<String> {
    let mut before = log.operations()[..position].iter().rev();
    let action = before.find_map(|operation| match operation {
        Operation::Mark(Mark::Action(action)) => Some(*action as usize),
        _ => None,
    });
    plan.actions.get(action?).map(ToString::to_string)
}
