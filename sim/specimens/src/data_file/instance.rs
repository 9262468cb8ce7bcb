//! An open store, driven by the laboratory.
//!
//! Time is virtual. The task `timer` lets an interval pass and asks the policy, as the
//! background thread does when it wakes up. The task exists only if something has changed
//! since the last check, because another check would have no effect. The task `compact`
//! does one step of the running compaction, so commits can happen between any two steps of
//! the copy. During a swap, a commit waits for the end of the swap.
//!
//! A replica gets its commits in the way a primary would send them. Before each group of
//! commits, three wrong requests are made, and the replica must refuse them: a write of its
//! own, a commit with a gap, and a commit of another history.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lithify::fs::Fs;
use lithify_sim::history::{Batch, State};
use lithify_sim::planted;
use lithify_sim::system::{Account, Equality, Failure, Instance, Pinned};

use super::compaction::Compaction;
use super::expected::{self, Counted, Done, key, split, writes};
use super::names;
use super::order::Phase;
use super::policy::{Decision, Role, decide};
use super::reader::Reader;
use super::record::Write;
use super::replica::Change;
use super::settings::Chosen;
use super::store::{Options, Store};
use crate::parts::disk::Disk;

const TIMER: &str = "timer";
const COMPACT: &str = "compact";

/// More steps than any history of the laboratory needs.
const SETTLE_STEPS: u64 = 20_000;

/// The duration of a step on the virtual clock.
const STEP: Duration = Duration::from_millis(1);

pub(super) struct Open {
    store: Store,
    disk: Disk,
    now: Duration,
    /// Whether something has changed since the last check.
    is_unchecked: bool,
    compaction: Option<Compaction>,
    compactions: Vec<Done>,
}

/// Opens the store in the drawn role. The disk keeps the role of the last opening, so to
/// become a primary, the store may have to open as a replica and be promoted.
fn open(disk: &Disk, fs: Arc<dyn Fs>, options: &Options) -> Result<Store, Failure> {
    let is_replica = disk.list()?.iter().any(|name| name == names::REPLICA);
    if !is_replica || options.role == Role::Replica {
        return Store::open(fs, options);
    }
    let options = Options {
        role: Role::Replica,
        ..*options
    };
    let mut store = Store::open(fs, &options)?;
    store.promote()?;
    Ok(store)
}

impl Open {
    pub(super) fn new(fs: Arc<dyn Fs>, chosen: Chosen) -> Result<Self, Failure> {
        let disk = Disk::new(fs.clone());
        Ok(Self {
            store: open(&disk, fs, &chosen.options)?,
            disk,
            now: Duration::ZERO,
            is_unchecked: true,
            compaction: None,
            compactions: Vec::new(),
        })
    }

    /// Lets an interval pass and asks the policy.
    fn timer(&mut self) -> Result<(), Failure> {
        let options = self.store.options();
        self.now += options.policy.interval;
        self.is_unchecked = false;
        if decide(&options.policy, options.role, self.store.space()) == Decision::Compact {
            self.compaction = Some(self.store.begin_compaction(self.now)?);
        }
        Ok(())
    }

    /// Does one step of the compaction. Drops the compaction if the step fails.
    fn compact(&mut self) -> Result<(), Failure> {
        let Some(mut compaction) = self.compaction.take() else {
            return Ok(());
        };
        self.now += STEP;
        let is_swap = compaction.phase() == Some(Phase::Swap);
        match is_swap {
            true => compaction.swap_step(&mut self.store, self.now)?,
            false => compaction.step()?,
        }
        if is_swap && compaction.phase() != Some(Phase::Swap) {
            self.compactions.push(Done {
                base: compaction.base(),
                head: self.store.head(),
                report: compaction.report(self.now),
            });
        }
        if compaction.phase().is_some() {
            self.compaction = Some(compaction);
        } else {
            self.is_unchecked = true;
        }
        Ok(())
    }

    /// Finishes a swap that has begun.
    fn finish_swap(&mut self) -> Result<(), Failure> {
        while self
            .compaction
            .as_ref()
            .is_some_and(Compaction::holds_store)
        {
            self.compact()?;
        }
        Ok(())
    }

    /// Replicates commits. The laboratory is the primary.
    fn replicate(&mut self, batches: &[Vec<Write>]) -> Result<u64, Failure> {
        let (head, mut chain) = (self.store.head(), self.store.chain());
        let foreign = vec![Write {
            key: key("a", b"foreign"),
            value: Some(Vec::new()),
        }];
        let gap = Change::new(head + 2, chain, foreign.clone());
        let other = Change::new(head + 1, !chain, foreign.clone());
        let attempts = [
            ("a write of its own", self.store.commit(&[foreign])),
            ("a commit with a gap", self.store.replicate(&[gap])),
            ("another history", self.store.replicate(&[other])),
        ];
        for (what, outcome) in attempts {
            match outcome {
                Err(Failure::Other(_)) => {}
                Err(failure) => return Err(failure),
                Ok(_) => return Err(Failure::Other(format!("the replica took {what}"))),
            }
        }
        let mut changes = Vec::new();
        for (number, writes) in (head + 1..).zip(batches) {
            let change = Change::new(number, chain, writes.clone());
            chain = change.chain;
            changes.push(change);
        }
        self.store.replicate(&changes)
    }

    fn step(&mut self) -> Result<bool, Failure> {
        if self.compaction.is_some() {
            self.compact()?;
        } else if self.is_unchecked {
            self.timer()?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

impl Instance for Open {
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        // A failed swap is not an error of this commit: for a real store, the background
        // thread gets the error. If the failure has stopped the store, the commit below
        // returns an error.
        let _ = self.finish_swap();
        let batches: Vec<Vec<Write>> = batches.iter().map(writes).collect();
        let outcome = match self.store.options().role {
            Role::Primary => self.store.commit(&batches),
            Role::Replica => self.replicate(&batches),
        };
        self.is_unchecked = true;
        outcome
    }

    fn head(&self) -> u64 {
        self.store.head()
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.finish_swap()?;
        self.store.sync()
    }

    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        if commit != self.head() {
            return Ok(None);
        }
        state(&self.store.reader()).map(Some)
    }

    fn pin(&mut self, commit: u64) -> Result<Option<Box<dyn Pinned>>, Failure> {
        if commit != self.head() {
            return Ok(None);
        }
        let reader = self.store.reader();
        let disk = self.disk.clone();
        Ok(Some(Box::new(Pin { reader, disk })))
    }

    fn tasks(&self) -> Vec<String> {
        let task = match (&self.compaction, self.is_unchecked) {
            (Some(_), _) => COMPACT,
            (None, true) => TIMER,
            (None, false) => return Vec::new(),
        };
        vec![task.to_owned()]
    }

    fn run(&mut self, task: &str) -> Result<(), Failure> {
        match task {
            TIMER if self.compaction.is_none() => self.timer()?,
            COMPACT => self.compact()?,
            _ => {}
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<bool, Failure> {
        for _ in 0..SETTLE_STEPS {
            if !self.step()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn progress(&self) -> String {
        let compaction = self.compaction.as_ref().map(Compaction::progress);
        let is_synced = self.store.is_synced();
        format!("{compaction:?} {} {is_synced}", self.is_unchecked)
    }

    fn files(&self) -> Option<BTreeSet<String>> {
        let mut files = self.store.files();
        if self
            .compaction
            .as_ref()
            .is_some_and(Compaction::has_temporary)
        {
            files.insert(names::TEMPORARY.to_owned());
        }
        Some(files)
    }

    fn equalities(&self, account: &Account<'_>) -> Vec<Equality> {
        let counted = Counted {
            options: self.store.options(),
            space: self.store.space(),
            base: self.store.base(),
            keys: self.store.keys(),
            compactions: &self.compactions,
        };
        expected::equalities(&counted, account.history)
    }

    fn close(mut self: Box<Self>) -> Result<(), Failure> {
        self.finish_swap()?;
        self.store.close()
    }
}

fn state(reader: &Reader) -> Result<State, Failure> {
    reader
        .pairs()
        .map(|pair| {
            let (key, value) = pair?;
            Ok((split(&key)?, value))
        })
        .collect()
}

struct Pin {
    reader: Reader,
    disk: Disk,
}

impl Pinned for Pin {
    fn state(&self) -> Result<State, Failure> {
        if planted::is_active("reader-follows-the-name") {
            let file = self.disk.open(names::DATA)?;
            return state(&Reader {
                file,
                ..self.reader.clone()
            });
        }
        state(&self.reader)
    }
}
