//! What an opened store must serve before it does anything else.

use std::collections::BTreeSet;

use lithify::fs::Fs as _;

use super::difference::{difference, kind_of, misplaced};
use super::{Bounds, Checked, Judge};
use crate::disk::SimFs;
use crate::history::State;
use crate::judge::oracle::Oracle;
use crate::system::Instance;

impl Judge<'_> {
    pub(super) fn check_open(
        &self,
        fs: &SimFs,
        instance: &mut dyn Instance,
        bounds: Bounds,
    ) -> Checked<u64> {
        let head = self.check_head(instance, bounds)?;
        self.check_windows(instance)?;
        if let Some(needed) = instance.files() {
            self.check_dangling(&needed, &present_files(fs))?;
        }
        let state = instance.state_at(head)?;
        let Some(state) = state else {
            self.enabled.object(
                Oracle::TimeTravel,
                format!("the newest commit, {head}, cannot be read"),
            )?;
            return Ok(head);
        };
        self.check_state(&state, head, bounds)?;
        self.check_past(instance, head, bounds)?;
        Ok(head)
    }

    fn check_head(&self, instance: &dyn Instance, bounds: Bounds) -> Checked<u64> {
        let head = instance.head();
        bounds.check_head(head, self.enabled)?;
        Ok(head.min(self.history.head()))
    }

    pub(super) fn check_state(&self, state: &State, head: u64, bounds: Bounds) -> Checked<()> {
        if state == &**self.history.state(head) {
            return Ok(());
        }
        let kind = kind_of(self.history, head, state);
        let difference = difference(self.history.state(head), state);
        Ok(self.enabled.object_to_value(
            bounds,
            Oracle::State,
            format!("{kind} at commit {head}: {difference}"),
        )?)
    }

    fn check_past(&self, instance: &mut dyn Instance, head: u64, bounds: Bounds) -> Checked<()> {
        for commit in 0..head {
            match instance.state_at(commit)? {
                Some(state) if state == **self.history.state(commit) => {}
                Some(state) => {
                    let difference = difference(self.history.state(commit), &state);
                    self.enabled.object_to_value(
                        bounds,
                        Oracle::TimeTravel,
                        format!("as of commit {commit}, at head {head}: {difference}"),
                    )?;
                }
                None if commit > 0 && self.engine.is_readable(commit, head) == Some(true) => {
                    self.enabled.object(
                        Oracle::TimeTravel,
                        format!("commit {commit} cannot be read at head {head}, and nothing thins it out"),
                    )?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Checks at any moment that all windows are aligned and in order, and do not
    /// overlap.
    pub(super) fn check_windows(&self, instance: &dyn Instance) -> Checked<()> {
        if let Some(message) = instance.layout().as_deref().and_then(misplaced) {
            self.enabled.object(Oracle::Layout, message)?;
        }
        Ok(())
    }

    pub(super) fn check_dangling(
        &self,
        needed: &BTreeSet<String>,
        present: &BTreeSet<String>,
    ) -> Checked<()> {
        if let Some(missing) = needed.iter().find(|file| !present.contains(*file)) {
            self.enabled.object(
                Oracle::Dangling,
                format!("the store needs {missing}, which is not there"),
            )?;
        }
        Ok(())
    }
}

pub(super) fn present_files(fs: &SimFs) -> BTreeSet<String> {
    fs.list("").unwrap_or_default().into_iter().collect()
}
