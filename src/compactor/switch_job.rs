//! Replacing a manifest that has grown long, or one from before opening, by a new
//! file that begins with the present state.
//!
//! The old file goes only after the new one, its bytes and its name, is durable.
//! Until then the old one is in force, because the new one may not survive.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::{FileKind, file_name};
use crate::manifest::Switch;
use crate::storage::{Lend, Obsolete};

/// What comes next.
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
    /// Performs one operation; true when the new manifest is in force.
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
