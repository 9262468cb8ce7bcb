//! The disk around each loss of power: as processes saw it, as the loss left it, and as
//! the store made it whole again. Without a loss of power: the disk at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::blow::Blow;
use crate::disk::{Fill, Frontier, Image, SimFs};
use crate::history::State;
use crate::panics::caught;
use crate::run::execute::Execution;
use crate::run::plan::{Action, Plan};
use crate::system::{Engine, Failure, Settings};

/// The disk at several moments around one loss of power.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disks {
    /// The number of the loss of power, counted from 1; `None` for the end of a run
    /// that does not end with one.
    pub crash: Option<usize>,
    /// The moments, in order.
    pub stages: Vec<Stage>,
    /// What an opening without faults makes of the disk.
    pub opened: Opened,
}

/// The disk at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// The moment.
    pub name: &'static str,
    /// The files, sorted by name.
    pub files: Vec<DiskFile>,
    /// What the system's own check of the files says, line by line.
    pub check: Vec<String>,
}

/// A file at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskFile {
    /// Its name.
    pub name: String,
    /// The number of the file, which never changes; files of one name may have several.
    pub file: u32,
    /// Its length in bytes.
    pub bytes: usize,
    /// A hash of its bytes.
    pub hash: String,
    /// How it differs from the file of this name at the moment before.
    pub change: Option<String>,
}

/// What a store shows when it is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Opened {
    /// Its newest commit, if it opens.
    pub newest: Option<u64>,
    /// Why it does not open, or cannot be read.
    pub failure: Option<String>,
    /// The newest commit of the model with which the keys are compared.
    pub compared_with: u64,
    /// The number of keys that are as they should be.
    pub right: usize,
    /// The keys that are not.
    pub differences: Vec<Difference>,
    /// The number of further such keys.
    pub more_differences: usize,
}

/// A key with another value than the model's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The keyspace.
    pub keyspace: String,
    /// The key.
    pub key: String,
    /// The value of the model; `None` if the key should not be there.
    pub expected: Option<String>,
    /// The value of the store; `None` if the key is not there.
    pub found: Option<String>,
}

/// The disks of an execution.
pub(super) fn disks(plan: &Plan, execution: &Execution, blows: &[Blow<'_>]) -> Vec<Disks> {
    let mut all: Vec<Disks> = blows
        .iter()
        .enumerate()
        .map(|(number, blow)| around(plan, execution, (number + 1, blow)))
        .collect();
    if !plan.ends_with_crash() {
        all.extend(at_end(plan, execution));
    }
    all
}

fn around(plan: &Plan, execution: &Execution, (number, blow): (usize, &Blow<'_>)) -> Disks {
    let before = blow.frontier.image(|_| true, &Fill::Zero);
    let epoch = &execution.epochs[blow.epoch];
    let known = blow.frontier.known();
    let history = epoch.history_at(blow.frontier.position());
    let (fs, outcome) = opened(plan, &blow.settings, &blow.image);
    let newest = outcome.as_ref().map_or(0, |(newest, _)| *newest);
    let commit = newest.max(known.acknowledged).min(history.head());
    let engine = engine(plan, &blow.settings);
    let after = fs.image();
    let stages = [
        ("before", &before),
        ("left by the crash", &blow.image),
        ("opened again", &after),
    ];
    Disks {
        crash: Some(number),
        stages: staged(&*engine, &stages),
        opened: compared(outcome, commit, history.state(commit)),
    }
}

fn at_end(plan: &Plan, execution: &Execution) -> Option<Disks> {
    let epoch = execution.epochs.last()?;
    let settings = settings_at_end(plan);
    let mut frontier = Frontier::new(plan.model, epoch.start.clone(), &epoch.log);
    frontier.advance_to(epoch.end);
    let image = frontier.image(|_| true, &Fill::Zero);
    let history = epoch.history_at(epoch.end);
    let (fs, outcome) = opened(plan, &settings, &image);
    let newest = outcome.as_ref().map_or(0, |(newest, _)| *newest);
    let known = frontier.known();
    let commit = newest.max(known.acknowledged).min(history.head());
    let after = fs.image();
    let stages = [("at the end", &image), ("opened again", &after)];
    Some(Disks {
        crash: None,
        stages: staged(&*engine(plan, &settings), &stages),
        opened: compared(outcome, commit, history.state(commit)),
    })
}

fn settings_at_end(plan: &Plan) -> Settings {
    let mut settings = plan.settings.clone();
    for action in &plan.actions {
        if let Action::Set(name, value) = action {
            settings.insert(name.clone(), value.clone());
        }
    }
    settings
}

fn engine(plan: &Plan, settings: &Settings) -> Arc<dyn Engine> {
    let engine = plan.system.configure(settings);
    engine.expect("settings are checked when a plan is made")
}

/// Opens what is on a disk, without faults. Returns the machine with the log of the
/// opening, and the newest commit with its state.
pub(super) fn opened(
    plan: &Plan,
    settings: &Settings,
    image: &Image,
) -> (SimFs, Result<(u64, State), String>) {
    let fs = SimFs::from_image(image).in_call("open");
    for skip in &plan.skipped {
        fs.skip_barriers(skip.clone());
    }
    let engine = engine(plan, settings);
    let open = || -> Result<(u64, State), Failure> {
        let mut instance = engine.open(Arc::new(fs.clone()))?;
        let newest = instance.head();
        Ok((newest, instance.state_at(newest)?.unwrap_or_default()))
    };
    let outcome = caught(open).unwrap_or_else(|panic| Err(Failure::Other(panic)));
    (fs, outcome.map_err(|failure| failure.to_string()))
}

fn staged(engine: &dyn Engine, moments: &[(&'static str, &Image)]) -> Vec<Stage> {
    let mut before: Option<&Image> = None;
    let stages = moments.iter().map(|(name, image)| {
        let files = image.files().map(|(file, bytes)| DiskFile {
            name: file.to_owned(),
            file: image.file(file).expect("its name was just listed"),
            bytes: bytes.len(),
            hash: format!("{:016x}", xxhash_rust::xxh3::xxh3_64(bytes)),
            change: before.and_then(|before| change(before, file, bytes)),
        });
        let stage = Stage {
            name,
            files: files.collect(),
            check: check(engine, image),
        };
        before = Some(image);
        stage
    });
    stages.collect()
}

fn check(engine: &dyn Engine, image: &Image) -> Vec<String> {
    let fs = SimFs::from_image(image).in_call("check");
    let text = caught(|| engine.report(&fs)).unwrap_or_else(Some);
    text.map_or(Vec::new(), |text| text.lines().map(str::to_owned).collect())
}

/// How a file differs from the file of this name on an earlier disk.
fn change(before: &Image, name: &str, bytes: &[u8]) -> Option<String> {
    let earlier = before.files().find(|(other, _)| *other == name);
    let Some((_, earlier)) = earlier else {
        return Some("new".to_owned());
    };
    let common = earlier.len().min(bytes.len());
    let differs = |place: &usize| earlier[*place] != bytes[*place];
    let first = (0..common).find(differs);
    let last = (0..common).rfind(differs);
    let mut parts = Vec::new();
    if earlier.len() != bytes.len() {
        parts.push(format!("{} bytes before", earlier.len()));
    }
    if let (Some(first), Some(last)) = (first, last) {
        parts.push(format!("bytes {first}..{} differ", last + 1));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn compared(outcome: Result<(u64, State), String>, commit: u64, expected: &State) -> Opened {
    /// The largest number of differences that are listed.
    const MOST: usize = 40;
    let (newest, found) = match outcome {
        Ok(shown) => shown,
        Err(failure) => {
            return Opened {
                failure: Some(failure),
                compared_with: commit,
                ..Opened::default()
            };
        }
    };
    let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let (mut right, mut differences) = (0, Vec::new());
    for key in keys {
        let (wanted, shown) = (expected.get(key), found.get(key));
        if wanted == shown {
            right += 1;
            continue;
        }
        differences.push(Difference {
            keyspace: key.0.clone(),
            key: shortened(&key.1),
            expected: wanted.map(|value| shortened(value)),
            found: shown.map(|value| shortened(value)),
        });
    }
    let more_differences = differences.len().saturating_sub(MOST);
    differences.truncate(MOST);
    Opened {
        newest: Some(newest),
        failure: None,
        compared_with: commit,
        right,
        differences,
        more_differences,
    }
}

/// Bytes as text, at most some of them.
fn shortened(bytes: &[u8]) -> String {
    const MOST: usize = 24;
    let start = bytes[..bytes.len().min(MOST)].escape_ascii().to_string();
    match bytes.len() {
        ..=MOST => start,
        length => format!("{start}... ({length} bytes)"),
    }
}

/// The names of the files of all moments, with each file of each moment.
impl Disks {
    /// By name: the file at each moment.
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<&str, Vec<Option<&DiskFile>>> {
        let mut names: BTreeMap<&str, Vec<Option<&DiskFile>>> = BTreeMap::new();
        for (number, stage) in self.stages.iter().enumerate() {
            for file in &stage.files {
                let row = names.entry(&file.name).or_default();
                row.resize(self.stages.len(), None);
                row[number] = Some(file);
            }
        }
        names
    }
}
