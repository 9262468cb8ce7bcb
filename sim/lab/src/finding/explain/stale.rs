//! Whose bytes a crash with stale bytes has put in the place of lost ones, and what wrote
//! them.

use std::fmt;

use crate::disk::oplog::{InodeId, Log, Mark, Operation};
use crate::disk::{Frontier, Source};
use crate::run::execute::CrashScene;
use crate::run::plan::{Crash, Plan};

/// Bytes of an earlier time that stand in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleBytes {
    /// Where they stand: a file and a place in it.
    pub place: String,
    /// Whose they are.
    pub source: Source,
    /// Whether they are its own.
    pub is_own: bool,
    /// What wrote them, when a file of this run had them.
    pub writer: Option<Writer>,
}

/// What wrote bytes that have come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The operation.
    pub operation: String,
    /// The action of the plan during which it was done.
    pub action: Option<String>,
    /// The crash that ended the life of that action, counted from 1; `None` for the crash that
    /// brings the bytes back.
    pub ended_by: Option<usize>,
}

impl fmt::Display for StaleBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, source, .. } = self;
        match self.is_own {
            true => write!(
                formatter,
                "{place} reads as what the file itself held there before ({source})"
            )?,
            false => write!(formatter, "{place} reads as what {source} held there")?,
        }
        let Some(writer) = &self.writer else {
            return formatter.write_str(", which was on the device before this run");
        };
        write!(formatter, ", written by {}", writer.operation)?;
        if let Some(action) = &writer.action {
            write!(formatter, " during \"{action}\"")?;
        }
        match writer.ended_by {
            Some(crash) if self.is_own => write!(formatter, ", lost at crash {crash}"),
            None if self.is_own => formatter.write_str(", replaced or cut off since"),
            _ => Ok(()),
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
    let (image, blank) = (scene.image(frontier, crash), scene.image(frontier, &blank));
    let pairs = image.files().zip(blank.files());
    pairs
        .filter_map(|((name, stale), (_, blank))| {
            let differs = |&place: &usize| stale[place] != blank[place];
            let start = (0..stale.len()).find(differs)?;
            let end = (0..stale.len()).rfind(differs)? + 1;
            Some(StaleBytes {
                place: format!("{name}[{start}..{end}]"),
                source: source.clone(),
                is_own: file.is_some() && file == image.file(name),
                writer: file
                    .and_then(|file| writer(plan, scene, file, (start, &stale[start..end]))),
            })
        })
        .collect()
}

/// What has written last what stands at this place of a file now, in the latest life in which
/// anything has. The file may have been given other bytes since.
fn writer(
    plan: &Plan,
    scene: &CrashScene,
    file: InodeId,
    (start, stale): (usize, &[u8]),
) -> Option<Writer> {
    let here = (&scene.log, scene.position);
    let earlier = scene.earlier.iter().rev();
    let logs = [here]
        .into_iter()
        .chain(earlier.map(|log| (log, log.operations().len())));
    let wrote_it = |offset: u64, bytes: &[u8]| {
        let offset = offset as usize;
        let from = start.max(offset);
        let to = (start + stale.len()).min(offset + bytes.len());
        from < to && bytes[from - offset..to - offset] == stale[from - start..to - start]
    };
    for (age, (log, end)) in logs.enumerate() {
        let operations = &log.operations()[..end];
        let found = operations.iter().rposition(|operation| match operation {
            Operation::Write {
                inode,
                offset,
                bytes,
                ..
            } => *inode == file && wrote_it(*offset, log.bytes(bytes)),
            _ => false,
        });
        if let Some(position) = found {
            return Some(Writer {
                operation: log.describe(&operations[position]).to_string(),
                action: action_at(plan, log, position),
                // The lives before end with the crashes before.
                ended_by: (age > 0).then(|| scene.earlier.len() + 1 - age),
            });
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
