//! A store that was salvaged from a damaged one: each commit has its old state, or the report names
//! what it lacks.
//!
//! Each key at each commit is compared with the model. A key may differ from the model only if the
//! report names it, and then it must have an older value of that key. If only the manifest of a
//! closed store is damaged, all data must be there: the segment files and the log hold it, and only
//! names of keyspaces may be missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Checked, Judge};
use crate::disk::{Image, SimFs};
use crate::history::State;
use crate::system::{Failure, Gap, Instance, Salvaged};

/// The damage to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Nothing,
    /// One place is damaged, in the manifest of a closed store.
    Manifest,
    /// One place is damaged.
    Once,
    /// Two places are damaged.
    Twice,
}

/// The number of commits that are compared, unless the disk is judged alone.
const COMPARED: u64 = 8;

impl Judge<'_> {
    /// Salvages the store on `image`, whose newest commit is `head`, and returns what is wrong.
    pub(super) fn check_salvaged(
        &self,
        image: &Image,
        head: u64,
        lost: Lost,
    ) -> Checked<Option<String>> {
        let from = SimFs::from_image(image).in_call("salvage");
        let to = SimFs::new().in_call("salvage");
        let salvaged = self
            .engine
            .salvage(Arc::new(from.clone()), Arc::new(to.clone()));
        let Some(salvaged) = salvaged else {
            return Ok(None);
        };
        let log = from.log();
        let mut operations = log.operations().iter();
        if let Some(operation) = operations.find(|operation| operation.is_call()) {
            let text = log.describe(operation).to_string();
            return Ok(Some(format!("salvaging writes to the old store: {text}")));
        }
        let salvaged = match salvaged {
            Ok(salvaged) => salvaged,
            // An interrupted creation leaves nothing to salvage, and two damages may take all data.
            Err(Failure::Damage(_)) if head == 0 || lost == Lost::Twice => return Ok(None),
            Err(failure) => return Ok(Some(format!("it cannot be salvaged: {failure}"))),
        };
        to.begin_call("check");
        self.engine.check(&to)?;
        to.begin_call("open");
        let mut store = self.engine.open(Arc::new(to))?;
        let told = &salvaged;
        if store.head() != told.head || told.head > self.history.head() && !told.is_unproven {
            return Ok(Some(format!(
                "the salvaged store ends with commit {}, the report with {}, the model with {}",
                store.head(),
                told.head,
                self.history.head()
            )));
        }
        if let Some(wrong) = self.misreported(told, head, lost) {
            return Ok(Some(wrong));
        }
        for commit in self.compared(told) {
            if let Some(wrong) = self.misread(told, &mut *store, commit)? {
                return Ok(Some(format!("commit {commit}: {wrong}; {told:?}")));
            }
        }
        if lost == Lost::Manifest {
            return self.check_all_there(told, &mut *store, head);
        }
        Ok(None)
    }

    /// Checks the report itself.
    fn misreported(&self, told: &Salvaged, head: u64, lost: Lost) -> Option<String> {
        let is_end_open = told.gaps.iter().any(|gap| gap.last.is_none());
        let is_all = told.exact_through == head && told.head == head && told.gaps.is_empty();
        if lost == Lost::Nothing && !is_all {
            return Some(format!(
                "all {head} commits are intact, and the report is {told:?}"
            ));
        }
        // The last record of a log has no witness, so nothing is named when it is gone.
        if lost == Lost::Once && told.head < head && !told.gaps.is_empty() && !is_end_open {
            return Some(format!(
                "commit {head} is missing, and the report is {told:?}"
            ));
        }
        None
    }

    /// The commits to compare: all commits of a disk that is judged alone.
    fn compared(&self, told: &Salvaged) -> BTreeSet<u64> {
        let last = told.head.min(self.history.head());
        let every = match self.listed {
            0 => last.div_ceil(COMPARED).max(1),
            _ => 1,
        };
        let edges = [told.exact_through, told.exact_through + 1, last];
        (0..=last)
            .step_by(every as usize)
            .chain(edges.into_iter().filter(|commit| *commit <= last))
            .collect()
    }

    fn misread(
        &self,
        told: &Salvaged,
        store: &mut dyn Instance,
        commit: u64,
    ) -> Checked<Option<String>> {
        let is_thinned = |&(first, last): &(u64, u64)| (first..=last).contains(&commit);
        if told.thinned.iter().any(is_thinned) {
            return Ok(None);
        }
        // The new store has thinned the commit out.
        let Some(found) = store.state_at(commit)? else {
            return Ok(None);
        };
        let found = self.under_own_names(told, found);
        let expected = self.history.state(commit);
        let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
        let differs = |key: &&&(String, Vec<u8>)| found.get(**key) != expected.get(**key);
        for key in keys.iter().filter(differs) {
            let what = format!(
                "{key:?} is {:?}, and was {:?}",
                found.get(*key),
                expected.get(*key)
            );
            if commit <= told.exact_through {
                return Ok(Some(format!("it is called exact, and {what}")));
            }
            let written = self.last_write(key, commit);
            if !told.gaps.iter().any(|gap| takes(gap, key, commit, written)) {
                return Ok(Some(format!("{what}, which is not named")));
            }
            let was_it = |at: u64| self.history.state(at).get(*key) == found.get(*key);
            if !told.is_unproven && !(0..=commit).any(was_it) {
                return Ok(Some(format!("{what}, and never had that value")));
            }
        }
        Ok(None)
    }

    /// The same state, with the model's names for the keyspaces whose names are lost.
    fn under_own_names(&self, told: &Salvaged, found: State) -> State {
        let names = self.history.keyspaces(self.history.head());
        let own_name = |given: String| {
            let number = told.unnamed.iter().find(|(name, _)| *name == given);
            let name = number.and_then(|(_, number)| names.get(*number));
            name.cloned().unwrap_or(given)
        };
        let rename = |((keyspace, key), value)| ((own_name(keyspace), key), value);
        found.into_iter().map(rename).collect()
    }

    /// The last commit up to this one that wrote to the key; 0 for none.
    fn last_write(&self, key: &(String, Vec<u8>), commit: u64) -> u64 {
        let is_key = |write: &crate::history::Write| {
            write.key.keyspace_name() == key.0 && write.key.bytes() == key.1
        };
        let writes = |at: &u64| {
            let batch = &self.history.batches()[*at as usize - 1];
            batch.writes.iter().any(is_key)
        };
        (1..=commit).rev().find(writes).unwrap_or(0)
    }

    /// Without a manifest, the segment files and the log of a closed store hold all data. Only the
    /// manifest may say that the newest commits were there if they wrote nothing: a loss of power can
    /// have taken their records, and no file has an entry of them.
    fn check_all_there(
        &self,
        told: &Salvaged,
        store: &mut dyn Instance,
        head: u64,
    ) -> Checked<Option<String>> {
        let expected = self.history.state(head);
        let is_empty = |commit: u64| {
            self.history.batches()[commit as usize - 1]
                .writes
                .is_empty()
        };
        let newest = store.head();
        let found = match newest <= head && (newest + 1..=head).all(is_empty) {
            true => store.state_at(newest)?,
            false => None,
        };
        let is_there = found.is_some_and(|found| contents(&found) == contents(expected));
        Ok((!is_there)
            .then(|| format!("commit {head} is in the files, and not in the new store: {told:?}")))
    }
}

/// Whether the report allows a wrong value of this key at this commit. `written` is the last commit
/// that wrote the key.
fn takes(gap: &Gap, (keyspace, key): &(String, Vec<u8>), commit: u64, written: u64) -> bool {
    let is_keyspace = gap.keyspace.as_ref().is_none_or(|name| name == keyspace);
    let is_key = gap.first_key <= *key && gap.last_key.as_ref().is_none_or(|last| key <= last);
    let is_commit = gap.first <= commit && gap.last.is_none_or(|last| written <= last);
    is_keyspace && is_key && is_commit
}

/// The contents of the keyspaces, without their names.
fn contents(state: &State) -> Vec<BTreeMap<&[u8], &[u8]>> {
    let mut keyspaces: BTreeMap<&str, BTreeMap<&[u8], &[u8]>> = BTreeMap::new();
    for ((keyspace, key), value) in state {
        keyspaces.entry(keyspace).or_default().insert(key, value);
    }
    let mut contents: Vec<_> = keyspaces.into_values().collect();
    contents.sort();
    contents
}
