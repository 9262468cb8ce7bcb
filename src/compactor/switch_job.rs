//! Replaces a manifest that has grown long, or a manifest from before this opening, by a new file
//! that begins with the present state.
//!
//! The old file is removed only after the bytes and the name of the new file are durable. Until
//! then the old file is in force, because a crash can still take the new file.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::{FileKind, file_name};
use crate::manifest::Switch;
use crate::storage::{Lend, Obsolete};

/// The next operation of the switch.
#[derive(Debug, Default)]
pub(crate) enum SwitchJob {
    #[default]
    Create,
    Write(Switch),
    Sync(Switch),
    SyncDirectory(Switch),
    Done,
}

impl SwitchJob {
    /// Performs one operation. Returns true when the new manifest is in force.
    pub(crate) fn step(&mut self, storage: &mut impl Lend) -> Result<bool> {
        let outcome = self.advance(storage);
        if planted!(ErrorDeletesManifest) && outcome.is_err() {
            storage.lend(|storage| {
                let name = file_name(FileKind::Manifest, storage.manifest.number);
                let _ = storage.fs.remove(&name);
            });
        }
        storage.note(outcome)
    }

    fn advance(&mut self, storage: &mut impl Lend) -> Result<bool> {
        *self = match std::mem::replace(self, Self::Done) {
            Self::Create => {
                let switch = storage.lend(|storage| {
                    let id = storage.draw_file(FileKind::Manifest)?;
                    storage.manifest.begin_switch(&*storage.fs, id)
                });
                Self::Write(switch?)
            }
            Self::Write(mut switch) => {
                switch.write()?;
                Self::Sync(switch)
            }
            Self::Sync(mut switch) => {
                switch.sync()?;
                Self::SyncDirectory(switch)
            }
            Self::SyncDirectory(switch) => {
                let (fs, in_force) =
                    storage.lend(|storage| (Arc::clone(&storage.fs), storage.manifest.number));
                let is_early = planted!(OldManifestRemovedEarly) && in_force != 0;
                if is_early {
                    let name = file_name(FileKind::Manifest, in_force);
                    let outcome = fs.remove(&name);
                    outcome.map_err(Error::io("remove", &name))?;
                }
                // Bytes and name are durable before `finish_switch`: from then on edits go to the
                // new file only, and the old file may be removed.
                fs.sync_dir("").map_err(Error::io("sync", ""))?;
                return storage.lend(|storage| {
                    let old = storage.manifest.finish_switch(switch, false)?;
                    if old != 0 && !is_early {
                        let name = file_name(FileKind::Manifest, old);
                        storage.obsolete.push_back(Obsolete::Log(name));
                    }
                    Ok(true)
                });
            }
            Self::Done => unreachable!("a switch that is done, or has failed, is dropped"),
        };
        Ok(false)
    }
}
