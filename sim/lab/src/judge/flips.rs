//! Checks whether the physical check of closed files notices a changed bit.
//!
//! `Engine::check` judges the files of a store. Here a known fault judges
//! `Engine::check`: a check that overlooks damage calls everything sound, and only this
//! test notices that.
//!
//! This file changes one bit, which a checksum mostly detects. Files with right
//! checksums that contradict one another are made by `Engine::forge`, because the
//! system knows its format.

use super::settled::own_files;
use super::{Bounds, Checked, Judge};
use crate::disk::SimFs;
use crate::judge::oracle::Oracle;
use crate::keyed::{Domain, Seed};

/// One of this many disks gets one changed bit. A disk that is judged alone gets eight.
const ONE_IN: u128 = 64;
const ALONE: usize = 8;

impl Judge<'_> {
    pub(super) fn check_forged(&self, fs: &SimFs, bounds: Bounds) -> Checked<()> {
        let image = fs.image();
        let digest = image.digest();
        let is_alone = self.listed > 0;
        if bounds.is_faulty || !(is_alone || (digest >> 8).is_multiple_of(ONE_IN)) {
            return Ok(());
        }
        let mut draws = Seed(digest as u64).draws(Domain::Flips, 1);
        for _ in 0..if is_alone { ALONE } else { 1 } {
            let Some((forged, what)) = self.engine.forge(&image, &mut draws) else {
                continue;
            };
            let disk = SimFs::from_image(&forged).in_call("check");
            if self.engine.check(&disk).is_ok() {
                self.enabled.object(
                    Oracle::Physical,
                    format!("{what}, and the check of the files calls all sound"),
                )?;
            }
        }
        Ok(())
    }

    pub(super) fn check_flips(&self, fs: &SimFs, bounds: Bounds) -> Checked<()> {
        let image = fs.image();
        let digest = image.digest();
        let is_alone = self.listed > 0;
        if bounds.is_faulty || !(is_alone || digest.is_multiple_of(ONE_IN)) {
            return Ok(());
        }
        let Some(sound) = self.engine.report(fs) else {
            return Ok(());
        };
        // Bytes behind the proven end of a file belong to nothing, and the report names
        // the file.
        let is_whole = |(name, bytes): &(&str, &[u8])| !bytes.is_empty() && !sound.contains(name);
        let files: Vec<_> = own_files(&image).filter(is_whole).collect();
        if files.is_empty() {
            return Ok(());
        }
        let mut draws = Seed(digest as u64).draws(Domain::Flips, 0);
        for _ in 0..if is_alone { ALONE } else { 1 } {
            let (name, bytes) = *draws.pick(&files);
            let offset = draws.below(bytes.len() as u64);
            let flipped = SimFs::from_image(&image).in_call("check");
            let outcome = flipped.rot(name, offset);
            outcome.expect("the image has this file");
            if self.engine.report(&flipped).as_ref() == Some(&sound) {
                self.enabled.object(
                    Oracle::Physical,
                    format!(
                        "a bit of {name} at offset {offset} has changed, and the check of the \
                         files says the same as before: {sound}"
                    ),
                )?;
            }
        }
        Ok(())
    }
}
