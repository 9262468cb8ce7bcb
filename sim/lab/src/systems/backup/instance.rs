//! The running store: commits, steps of compaction, and steps of backups between them.

use std::rc::Rc;
use std::sync::Arc;

use lithify::backup::restore;
use lithify::files;
use lithify::fs::Fs;
use lithify::{Backup, Commit, Error, Options, Step, Store};

use super::judge::{self, Told};
use super::{BACKUP, RESTORED, STORE, inside};
use crate::history::{Batch, State};
use crate::reads::{Answer, Question};
use crate::system::{Failure, Instance, Piece, Pinned};
use crate::systems::lithify::{Reader, batch_of, failure, pieces_of, reads_of_store, state_of};

const BACK_UP: &str = "backup";
const RESTORE: &str = "restore";
const STEP: &str = "step";

pub(super) struct Kept {
    fs: Arc<dyn Fs>,
    options: Options,
    store: Store,
    under_way: Option<Backup>,
    /// The number of steps of the backup in progress.
    steps: u64,
    /// The commit of the newest backup.
    held: u64,
    told: Told,
    may_work: bool,
}

impl Kept {
    /// Opens the store, and judges its backup and its restored store.
    pub(super) fn open(fs: Arc<dyn Fs>, options: &Options) -> Result<Self, Failure> {
        let store = Store::open(inside(&fs, STORE), options.clone()).map_err(failure)?;
        let told = Told::read(&fs)?;
        let held = judge::backup(&fs, &store, told)?;
        judge::restored(&fs, &store, told)?;
        Ok(Self {
            fs,
            options: options.clone(),
            store,
            under_way: None,
            steps: 0,
            held,
            told,
            may_work: true,
        })
    }

    fn head(&self) -> u64 {
        self.store.head().get()
    }

    /// Begins a backup, or continues it. A backup that fails has ended.
    fn back_up(&mut self) -> Result<(), Failure> {
        let Some(mut under_way) = self.under_way.take() else {
            self.under_way = match self.store.begin_backup(inside(&self.fs, BACKUP)) {
                // Foreign files have come into the directory since it was checked.
                Err(Error::BackupRefused { .. })
                    if !judge::takes(&self.fs, BACKUP, files::BACKUP) =>
                {
                    return Ok(());
                }
                // No other store has ever used the directory, and this one was never set back. So
                // somebody has changed what the identity or the manifest of the backup says.
                Err(error @ Error::BackupRefused { .. }) => {
                    return Err(Failure::Damage(error.to_string()));
                }
                begun => Some(begun.map_err(failure)?),
            };
            self.steps = 0;
            return Ok(());
        };
        match under_way.step().map_err(failure)? {
            None => {
                self.under_way = Some(under_way);
                self.steps += 1;
            }
            Some(done) => {
                self.held = done.commit.get();
                judge::tell(&self.fs, "backup", self.held)?;
                self.told.backup = self.held;
            }
        }
        Ok(())
    }

    fn can_back_up(&self) -> bool {
        let takes = || judge::takes(&self.fs, BACKUP, files::BACKUP);
        self.under_way.is_some() || self.head() > self.held && takes()
    }

    fn can_restore(&self) -> bool {
        let is_first = self.told.restored == 0 && self.told.backup > 0;
        is_first && self.under_way.is_none() && judge::takes(&self.fs, RESTORED, files::RESTORING)
    }

    /// Restores the newest commit, or an earlier one.
    fn restore(&mut self) -> Result<(), Failure> {
        let held = self.held;
        let at = match held.is_multiple_of(2) {
            true => None,
            false => Some(Commit::new(held.div_ceil(2))),
        };
        let restored = restore(inside(&self.fs, BACKUP), inside(&self.fs, RESTORED), at);
        let restored = match restored {
            Err(Error::BackupRefused { .. })
                if !judge::takes(&self.fs, RESTORED, files::RESTORING) =>
            {
                return Ok(());
            }
            // A reported backup has lost its newest commits.
            Err(error @ Error::NotHeld { .. }) => return Err(Failure::Damage(error.to_string())),
            restored => restored.map_err(failure)?.get(),
        };
        judge::tell(&self.fs, "restored", restored)?;
        self.told.restored = restored;
        Ok(())
    }
}

impl Instance for Kept {
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        let batches: Vec<_> = batches.iter().map(batch_of).collect();
        let commit = self.store.commit_group(&batches).map_err(failure)?;
        self.may_work = true;
        Ok(commit.get())
    }

    fn head(&self) -> u64 {
        Self::head(self)
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.store.sync().map_err(failure)
    }

    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        let snapshot = self.store.snapshot_at(Commit::new(commit));
        Ok(Some(
            state_of(&snapshot.map_err(failure)?).map_err(failure)?,
        ))
    }

    fn ask(&mut self, question: &Question) -> Result<Option<Answer>, Failure> {
        reads_of_store(&self.store, question)
    }

    fn pin(&mut self, commit: u64) -> Result<Option<Box<dyn Pinned>>, Failure> {
        let snapshot = self.store.snapshot_at(Commit::new(commit));
        let reader = Reader::of(snapshot.map_err(failure)?, self.head(), Rc::default());
        Ok(Some(Box::new(reader)))
    }

    fn tasks(&self) -> Vec<String> {
        let mut tasks = Vec::new();
        if self.can_back_up() {
            tasks.push(BACK_UP.to_owned());
        }
        if self.can_restore() {
            tasks.push(RESTORE.to_owned());
        }
        if self.may_work {
            tasks.push(STEP.to_owned());
        }
        tasks
    }

    fn run(&mut self, task: &str) -> Result<(), Failure> {
        match task {
            BACK_UP if self.can_back_up() => self.back_up(),
            RESTORE if self.can_restore() => self.restore(),
            STEP => {
                self.may_work = self.store.step().map_err(failure)? != Step::Idle;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Settles the store, finishes a backup of its newest commit, and judges the
    /// backup.
    fn settle(&mut self) -> Result<bool, Failure> {
        self.store.settle().map_err(failure)?;
        self.may_work = false;
        while self.can_back_up() {
            self.back_up()?;
        }
        if self.can_restore() {
            self.restore()?;
        }
        if self.held > 0 {
            judge::backup(&self.fs, &self.store, self.told)?;
            judge::roles(&self.fs, &self.options)?;
        }
        Ok(true)
    }

    fn layout(&self) -> Option<Vec<Piece>> {
        Some(pieces_of(&self.store.layout()))
    }

    fn layout_details(&self) -> Option<String> {
        Some(self.store.layout().to_string())
    }

    /// Steps of the compactor merge in memory and are not visible elsewhere. What a
    /// backup copies is decided when it begins.
    fn progress(&self) -> String {
        let (steps, lag) = (self.store.stats().counters.steps, self.store.lag());
        let under_way = self
            .under_way
            .as_ref()
            .map(|backup| (self.steps, backup.commit()));
        format!("{steps} {lag} {under_way:?} {} {:?}", self.held, self.told)
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        drop(self.under_way);
        self.store.close().map_err(failure)
    }
}
