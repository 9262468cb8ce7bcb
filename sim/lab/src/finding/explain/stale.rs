//! The source of the stale bytes that a crash has put in the place of lost bytes, and
//! the operation that wrote them.

use std::fmt;

use crate::disk::oplog::{InodeId, Log, Mark, Operation};
use crate::disk::{Frontier, Source};
use crate::run::execute::CrashScene;
use crate::run::plan::{Crash, Plan};

/// Old bytes in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleBytes {
    /// The file and the range of the bytes.
    pub place: String,
    /// The remnant that held the bytes.
    pub source: Source,
    /// Whether the same file held the bytes before.
    pub is_own: bool,
    /// The operation that wrote them, if a file of this run held them.
    pub writer: Option<Writer>,
}

/// The operation that wrote bytes that have come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The operation.
    pub operation: String,
    /// The action of the plan during which the operation was done.
    pub action: Option<String>,
    /// The crash that ended the epoch of that action, counted from 1. `None` for the
    /// crash that brings the bytes back.
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

/// The stale bytes that a crash leaves in files with a name.
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
    let (image, blank) = (crash.image(frontier), blank.image(frontier));
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

/// The last operation that wrote these bytes at this place of the file, in the latest
/// epoch with such an operation. Other bytes may have been written there since.
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
                // Each earlier epoch ended with an earlier crash.
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
