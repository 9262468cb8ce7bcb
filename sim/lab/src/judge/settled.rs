//! What must hold when all background work is done.

use std::rc::Rc;
use std::sync::Arc;

use super::difference::misfit;
use super::memory::Reference;
use super::opened::present_files;
use super::{Bounds, Checked, Judge};
use crate::disk::{Image, SimFs};
use crate::history::State;
use crate::judge::oracle::Oracle;
use crate::system::{Failure, Instance};

/// The names that [`crate::disk::FaultKind::StrayFiles`] leaves in the directory.
pub(crate) const STRAY: [&str; 6] = [
    ".DS_Store",
    "wal-1",
    "wal-000001.tmp",
    "manifest-",
    "segment-18446744073709551615",
    "lost+found",
];

/// The files of the store with their contents: all files except strays.
pub(super) fn own_files(image: &Image) -> impl Iterator<Item = (&str, &[u8])> {
    image.files().filter(|(name, _)| !STRAY.contains(name))
}

/// What a settled store shows. After a second opening, the store must show the same,
/// right or wrong.
pub(super) struct Settled {
    pub(super) details: Option<String>,
    pub(super) state: Option<State>,
}

impl Judge<'_> {
    pub(super) fn check_settled(
        &self,
        fs: &SimFs,
        instance: &mut dyn Instance,
        bounds: Bounds,
    ) -> Checked<Settled> {
        let head = bounds.known.issued;
        if !instance.settle()? {
            self.enabled.object(
                Oracle::Liveness,
                format!("at commit {head} background work does not end"),
            )?;
        }
        self.check_windows(instance)?;
        let reference = self.reference(head);
        if let Some(message) = misfit(reference.expected.as_deref(), instance) {
            self.enabled.object(Oracle::Layout, message)?;
        }
        let details = instance.layout_details();
        // A disk that lies or answers wrongly may lose commits after retention has
        // acted on them. The entries that retention removed do not come back.
        if details != reference.details && !bounds.excuses_loss {
            self.enabled.object(
                Oracle::Confluence,
                format!(
                    "settled at commit {head}, a store that nothing happened to has\n{}and this one has\n{}",
                    reference.details.as_deref().unwrap_or_default(),
                    details.as_deref().unwrap_or_default()
                ),
            )?;
        }
        let state = instance.state_at(head)?;
        match &state {
            Some(state) => self.check_state(state, head, Bounds::default())?,
            None => self.enabled.object(
                Oracle::TimeTravel,
                format!("the newest commit, {head}, cannot be read when all is settled"),
            )?,
        }
        self.check_orphans(fs, instance)?;
        if !bounds.is_faulty && !bounds.excuses_loss {
            self.check_space(fs, head, reference.max_bytes)?;
        }
        Ok(Settled { details, state })
    }

    fn check_orphans(&self, fs: &SimFs, instance: &dyn Instance) -> Checked<()> {
        let Some(needed) = instance.files() else {
            return Ok(());
        };
        let present = present_files(fs);
        self.check_dangling(&needed, &present)?;
        let is_ours = |file: &&String| !STRAY.contains(&file.as_str());
        if let Some(orphan) = present.difference(&needed).find(is_ours) {
            self.enabled.object(
                Oracle::Orphans,
                format!("{orphan} is there, and nothing needs it"),
            )?;
        }
        Ok(())
    }

    /// Checks that the store and each of its files use no more bytes than promised.
    fn check_space(&self, fs: &SimFs, head: u64, max_bytes: Option<u64>) -> Checked<()> {
        let Some(max_bytes) = max_bytes else {
            return Ok(());
        };
        let image = fs.image();
        let history = &self.history.batches()[..head as usize];
        let state = self.history.state(head);
        let mut total = 0;
        for (name, bytes) in own_files(&image) {
            let bytes = bytes.len() as u64;
            total += bytes;
            let limit = self.engine.file_limit(name, history, state);
            if let Some(limit) = limit.filter(|limit| bytes > *limit) {
                self.enabled.object(
                    Oracle::Space,
                    format!("the file {name} of a settled store takes {bytes} bytes, and must not take more than {limit}"),
                )?;
            }
        }
        if total > max_bytes {
            self.enabled.object(
                Oracle::Space,
                format!(
                    "a settled store takes {total} bytes, and must not take more than {max_bytes}"
                ),
            )?;
        }
        Ok(())
    }

    /// What the first `head` commits give in a store that nothing disturbs.
    fn reference(&self, head: u64) -> Rc<Reference> {
        let history = &self.history.batches()[..head as usize];
        let state = self.history.state(head);
        self.memory.reference(self.history, head, || Reference {
            expected: self.engine.expected_layout(history),
            details: self.undisturbed(head),
            max_bytes: self.engine.space_limit(history, state),
        })
    }

    fn undisturbed(&self, head: u64) -> Option<String> {
        let commit_all = || -> Result<Option<String>, Failure> {
            let fs = SimFs::new().in_call("open");
            let mut instance = self.engine.open(Arc::new(fs.clone()))?;
            for batch in &self.history.batches()[..head as usize] {
                fs.begin_call("commit");
                instance.commit(std::slice::from_ref(batch))?;
            }
            fs.begin_call("settle");
            instance.settle()?;
            Ok(instance.layout_details())
        };
        // The text is only compared with a layout, and shown if they differ.
        commit_all().unwrap_or_else(|failure| Some(format!("failed: {failure}\n")))
    }
}
