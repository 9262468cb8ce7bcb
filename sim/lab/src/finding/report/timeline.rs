//! What happened, event by event, and to whom: clients, tasks, faults, the power, and
//! each file by identity.

use std::collections::BTreeMap;

use serde::Serialize;

use super::blow::Blow;
use super::disks;
use super::fates::{Fate, fates};
use crate::disk::oplog::{InodeId, Log, Mark, Operation};
use crate::disk::{Image, Known};
use crate::run::execute::Execution;
use crate::run::plan::{Action, Plan};

/// Who or what events belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// What it is.
    pub kind: LaneKind,
    /// Its name for people. For a file: all names that it has had.
    pub name: String,
    /// The number of the file, which never changes and is never used twice.
    pub file: Option<u32>,
    /// The names of the file, from the event on; no name after it was removed.
    pub names: Vec<Naming>,
}

/// The kinds of [`Lane`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaneKind {
    /// What clients ask for.
    Client,
    /// Background tasks and callbacks.
    Tasks,
    /// Faults of the disk.
    Faults,
    /// Losses of power.
    Power,
    /// A directory.
    Directory,
    /// A file.
    File,
}

/// The name of a file from an event on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Naming {
    /// The event.
    pub event: usize,
    /// The name; `None` if the file has none.
    pub name: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The epoch of the disk, counted from 1; each loss of power ends one.
    pub epoch: usize,
    /// The line of the trace behind `begin` to which it belongs, counted from 1.
    pub line: Option<usize>,
    /// What kind of event it is.
    pub what: What,
    /// The number of its lane.
    pub lane: usize,
    /// The event for people.
    pub text: String,
    /// What became of it; `None` if it changes nothing on the disk.
    #[serde(flatten)]
    pub fate: Option<Fate>,
}

/// The kinds of [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A line of the trace begins.
    Action,
    /// The store is opened behind a loss of power.
    Opening,
    /// All commits up to a number were acknowledged to clients.
    Acknowledged,
    /// All commits up to a number were shown to clients after an opening.
    Shown,
    /// A fault strikes.
    Fault,
    /// Bits of a file change on the device.
    Rot,
    /// A file or a directory is created.
    Create,
    /// Bytes are written, or the length is set.
    Write,
    /// A file gets another name, or one more.
    Rename,
    /// A file loses its name.
    Remove,
    /// A sync.
    Barrier,
    /// The power fails.
    PowerFailure,
}

/// The events, and where they came from.
pub(super) struct Told {
    pub(super) lanes: Vec<Lane>,
    pub(super) events: Vec<Event>,
    /// By epoch and position in its log: the event.
    pub(super) places: BTreeMap<(usize, usize), usize>,
    /// By epoch: its loss of power.
    pub(super) failures: BTreeMap<usize, usize>,
    /// The lane of each file.
    pub(super) files: BTreeMap<InodeId, usize>,
}

/// The order of lanes on a page.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Client,
    Tasks,
    Faults,
    Power,
    Directory(String),
    File(InodeId),
}

/// Tells an execution. A last opening without faults is added behind a loss of power at
/// the end, because the judge does not log its own.
pub(super) fn tell(plan: &Plan, execution: &Execution, blows: &[Blow<'_>]) -> Told {
    let mut teller = Teller::new(plan);
    for (number, epoch) in execution.epochs.iter().enumerate() {
        let end = epoch.crashed_at.unwrap_or(epoch.end);
        teller.epoch(number, &epoch.log, end);
        let blow = blows.get(number).filter(|_| epoch.crashed_at.is_some());
        if let Some(blow) = blow {
            teller.power_failure(blow);
        }
        let kept = blow.map(|blow| |index: usize| blow.kept.contains(index));
        let kept = kept.as_ref().map(|kept| kept as &dyn Fn(usize) -> bool);
        let found = fates(plan.model, (&epoch.start, &epoch.log), end, kept);
        teller.take_fates(number, end, &found);
    }
    if let Some(blow) = blows.last().filter(|_| plan.ends_with_crash()) {
        let (fs, _) = disks::opened(plan, &blow.settings, &blow.image);
        let (number, log) = (blow.epoch + 1, fs.log());
        let is_told = |event: &Event| event.epoch == number + 1;
        if !teller.events.iter().any(|(event, _)| is_told(event)) {
            teller.opening(number, &log);
            let end = log.operations().len();
            let found = fates(plan.model, (&blow.image, &log), end, None);
            teller.take_fates(number, end, &found);
        }
    }
    teller.finish()
}

struct Teller<'run> {
    plan: &'run Plan,
    events: Vec<(Event, Owner)>,
    namings: BTreeMap<InodeId, Vec<Naming>>,
    places: BTreeMap<(usize, usize), usize>,
    failures: BTreeMap<usize, usize>,
    known: Known,
    epoch: usize,
    line: Option<usize>,
}

impl<'run> Teller<'run> {
    fn new(plan: &'run Plan) -> Self {
        Self {
            plan,
            events: Vec::new(),
            namings: BTreeMap::new(),
            places: BTreeMap::new(),
            failures: BTreeMap::new(),
            known: Known::default(),
            epoch: 0,
            line: None,
        }
    }

    fn push(&mut self, what: What, owner: Owner, text: String) {
        let event = Event {
            epoch: self.epoch + 1,
            line: self.line,
            what,
            lane: 0,
            text,
            fate: None,
        };
        self.events.push((event, owner));
    }

    fn epoch(&mut self, number: usize, log: &Log, end: usize) {
        self.epoch = number;
        for position in 0..end {
            self.operation(log, position);
        }
    }

    /// An opening that is in no log of the execution.
    fn opening(&mut self, number: usize, log: &Log) {
        self.epoch = number;
        self.push(
            What::Opening,
            Owner::Client,
            "the store is opened again".to_owned(),
        );
        for position in 0..log.operations().len() {
            self.operation(log, position);
        }
    }

    fn operation(&mut self, log: &Log, position: usize) {
        let operation = &log.operations()[position];
        let before = self.events.len();
        let text = || log.describe(operation).to_string();
        match operation {
            Operation::Mark(mark) => self.mark(*mark, text()),
            Operation::Sync { inode, .. } => {
                self.push(What::Barrier, Owner::File(*inode), text());
            }
            Operation::SyncDirectory { path, .. } => {
                let directory = Owner::Directory(log.path(*path).to_string());
                self.push(What::Barrier, directory, text());
            }
            Operation::CreateDirectory { path } => {
                let directory = Owner::Directory(log.path(*path).to_string());
                self.push(What::Create, directory, text());
            }
            Operation::Rot { inode, .. } => self.push(What::Rot, Owner::File(*inode), text()),
            Operation::Create { inode, path } => {
                self.names(*inode, Some(log.path(*path).to_string()));
                self.push(What::Create, Owner::File(*inode), text());
            }
            Operation::Link { inode, path } => {
                self.names(*inode, Some(log.path(*path).to_string()));
                self.push(What::Rename, Owner::File(*inode), text());
            }
            Operation::Rename {
                to,
                inode,
                replaced,
                ..
            } => {
                self.names(*inode, Some(log.path(*to).to_string()));
                if let Some(replaced) = replaced {
                    self.names(*replaced, None);
                }
                self.push(What::Rename, Owner::File(*inode), text());
            }
            Operation::Remove { inode, .. } => {
                self.names(*inode, None);
                self.push(What::Remove, Owner::File(*inode), text());
            }
            Operation::Write { inode, .. } | Operation::SetLength { inode, .. } => {
                self.push(What::Write, Owner::File(*inode), text());
            }
        }
        if self.events.len() > before {
            self.places.insert((self.epoch, position), before);
        }
    }

    /// From the next event on, the file has this name.
    fn names(&mut self, file: InodeId, name: Option<String>) {
        let event = self.events.len();
        let namings = self.namings.entry(file).or_default();
        namings.push(Naming { event, name });
    }

    fn mark(&mut self, mark: Mark, text: String) {
        match mark {
            Mark::Action(index) => self.action(index as usize),
            // What was known before is marked again at the beginning of each epoch.
            Mark::Acknowledged(commit) if commit > self.known.acknowledged => {
                self.known.acknowledged = commit;
                let text = format!("commit {commit} is acknowledged");
                self.push(What::Acknowledged, Owner::Client, text);
            }
            Mark::Served(commit) if commit > self.known.served => {
                self.known.served = commit;
                let text = format!("commit {commit} is shown");
                self.push(What::Shown, Owner::Client, text);
            }
            Mark::Fault { .. } => self.push(What::Fault, Owner::Faults, text),
            _ => {}
        }
    }

    fn action(&mut self, index: usize) {
        let Some(action) = self.plan.actions.get(index) else {
            return;
        };
        self.line = Some(index + 1);
        let owner = match action {
            Action::Run(_) | Action::Lose(_) => Owner::Tasks,
            Action::Fault(_) | Action::Heal => Owner::Faults,
            _ => Owner::Client,
        };
        match action {
            Action::Crash(_) => {
                let text = "the store is opened again".to_owned();
                self.push(What::Opening, owner, text);
            }
            action => self.push(What::Action, owner, action.to_string()),
        }
    }

    fn power_failure(&mut self, blow: &Blow<'_>) {
        self.line = Some(blow.action + 1);
        let event = self.events.len();
        self.failures.insert(blow.epoch, event);
        let kept = blow.kept.count_ones(..);
        let lost = blow.kept.len() - kept;
        let text = format!("the power fails: {kept} pending changes are kept, {lost} are lost");
        self.push(What::PowerFailure, Owner::Power, text);
        self.known = Known {
            issued: self.known.issued,
            ..blow.frontier.known()
        };
        self.rename_by(&blow.image, event);
    }

    /// A loss of power may give files other names, or none.
    fn rename_by(&mut self, image: &Image, event: usize) {
        let names: Vec<&str> = image.files().map(|(name, _)| name).collect();
        let names: BTreeMap<InodeId, &str> = names
            .into_iter()
            .filter_map(|name| Some((image.file(name)?, name)))
            .collect();
        for (file, namings) in &mut self.namings {
            let name = names.get(file).map(|name| (*name).to_owned());
            if namings.last().is_some_and(|last| last.name != name) {
                namings.push(Naming { event, name });
            }
        }
    }

    /// Gives events what became of them, with the numbers of events for positions.
    fn take_fates(&mut self, epoch: usize, end: usize, fates: &[Option<Fate>]) {
        let failure = self.failures.get(&epoch).copied();
        for (position, fate) in fates.iter().enumerate() {
            let (Some(&event), Some(fate)) = (self.places.get(&(epoch, position)), fate) else {
                continue;
            };
            let place = |position: usize| match position == end {
                true => failure.unwrap_or(event),
                false => self.places[&(epoch, position)],
            };
            self.events[event].0.fate = Some(match *fate {
                Fate::Durable(at) => Fate::Durable(place(at)),
                Fate::Kept(at) => Fate::Kept(place(at)),
                Fate::Lost(at) => Fate::Lost(place(at)),
                Fate::PartlyLost(at) => Fate::PartlyLost(place(at)),
                Fate::Forgotten(at) => Fate::Forgotten(place(at)),
                Fate::Pending => Fate::Pending,
            });
        }
    }

    fn finish(self) -> Told {
        let owners: BTreeMap<Owner, usize> = {
            let mut owners: Vec<Owner> = self.events.iter().map(|(_, it)| it.clone()).collect();
            owners.sort();
            owners.dedup();
            let numbered = owners.into_iter().enumerate();
            numbered.map(|(number, owner)| (owner, number)).collect()
        };
        let events = self.events.into_iter().map(|(event, owner)| Event {
            lane: owners[&owner],
            ..event
        });
        let files = owners.iter().filter_map(|(owner, lane)| match owner {
            Owner::File(file) => Some((*file, *lane)),
            _ => None,
        });
        // In the order of their numbers.
        let lanes = owners.keys().map(|owner| {
            let file = match owner {
                Owner::File(file) => Some(*file),
                _ => None,
            };
            let names = file.and_then(|file| self.namings.get(&file));
            lane(owner, names.cloned().unwrap_or_default())
        });
        Told {
            lanes: lanes.collect(),
            files: files.collect(),
            events: events.collect(),
            places: self.places,
            failures: self.failures,
        }
    }
}

fn lane(owner: &Owner, names: Vec<Naming>) -> Lane {
    let (kind, name, file) = match owner {
        Owner::Client => (LaneKind::Client, "client".to_owned(), None),
        Owner::Tasks => (LaneKind::Tasks, "tasks".to_owned(), None),
        Owner::Faults => (LaneKind::Faults, "faults".to_owned(), None),
        Owner::Power => (LaneKind::Power, "power".to_owned(), None),
        Owner::Directory(path) => (LaneKind::Directory, format!("directory /{path}"), None),
        Owner::File(file) => {
            let mut all: Vec<&str> = Vec::new();
            for name in names.iter().filter_map(|naming| naming.name.as_deref()) {
                if all.last() != Some(&name) {
                    all.push(name);
                }
            }
            let name = match all.is_empty() {
                true => format!("file {file}"),
                false => all.join(", then "),
            };
            (LaneKind::File, name, Some(*file))
        }
    };
    Lane {
        kind,
        name,
        file,
        names,
    }
}
