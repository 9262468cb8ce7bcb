//! Reading a damaged store: one place of the disk that is judged is damaged, or two are, in a
//! copy, and the copy is opened in spite of it.
//!
//! Which place, and what happens to it, is a function of the disk, as in `reads`. The copy as
//! it was is opened in the same way first: then nothing may be lost.

use std::sync::Arc;

use super::settled::own_files;
use super::{Bounds, Checked, Judge};
use crate::disk::{Image, SimFs};
use crate::judge::oracle::Oracle;
use crate::keyed::{Domain, Draws, Seed};
use crate::reads::Ask;
use crate::system::Failure;

/// Before the store is opened for writing.
pub(super) const AT_FIRST: u64 = 1;
/// When it was settled and closed.
pub(super) const WHEN_CLOSED: u64 = 2;

/// One of this many disks is damaged, unless it is judged alone.
const ONE_IN: u128 = 32;
/// Percent of these that are damaged in two places.
const TWICE: u64 = 30;
/// How many questions are drawn.
const DRAWN: u64 = 6;
/// How often a disk that is judged alone is damaged.
const TIMES: u64 = 8;
/// How many questions are asked besides of each copy then.
const LISTED: usize = 40;

impl Judge<'_> {
    /// Damages copies of the disk and asks what is left.
    pub(super) fn check_damaged(&self, fs: &SimFs, moment: u64, bounds: Bounds) -> Checked<()> {
        let image = fs.image();
        let disk = image.digest();
        let is_skipped = self.listed == 0 && !(disk >> 8).is_multiple_of(ONE_IN);
        if is_skipped || bounds.excuses_loss || bounds.is_unreadable || bounds.is_damaged {
            return Ok(());
        }
        let Some(head) = self.check_whole(&image, bounds)? else {
            return Ok(());
        };
        let times = if self.listed > 0 { TIMES } else { 1 };
        for time in 0..times {
            let mut draws = Seed(disk as u64).draws(Domain::Damage, moment << 32 | time);
            let Some((mut copy, mut what)) = damaged(&image, &mut draws) else {
                return Ok(());
            };
            // One loss may hide behind another.
            let is_once = !draws.percent(TWICE);
            if !is_once && let Some((again, more)) = damaged(&copy, &mut draws) {
                (copy, what) = (again, format!("{what}, and {more}"));
            }
            let outcome = self.check_copy(&copy, (head, is_once), &mut draws)?;
            if let Some(wrong) = outcome {
                self.enabled
                    .object(Oracle::DamagedReads, format!("{what}: {wrong}"))?;
            }
        }
        Ok(())
    }

    /// A store that is whole is read as one; `None` when there is none, or the system has no
    /// such opening.
    fn check_whole(&self, image: &Image, bounds: Bounds) -> Checked<Option<u64>> {
        let remains = match self.engine.open_damaged(Arc::new(SimFs::from_image(image))) {
            None => return Ok(None),
            // Nothing was created yet.
            Some(Err(Failure::Damage(_))) if bounds.known.acknowledged == 0 => return Ok(None),
            Some(remains) => remains?,
        };
        let head = remains.head();
        if let Some(lost) = remains.lost().first() {
            let wrong = format!("of an intact store something is lost: {}", lost.damage);
            self.enabled.object(Oracle::DamagedReads, wrong)?;
        }
        if head > self.history.head() || head < bounds.known.acknowledged {
            let wrong = format!("an intact store is read up to commit {head}");
            self.enabled.object(Oracle::DamagedReads, wrong)?;
            return Ok(None);
        }
        let mut draws = Seed(image.digest() as u64).draws(Domain::Damage, 0);
        let wrong = self
            .ask_remains(head)
            .check_remains(&mut draws, &*remains)?;
        if let Some(wrong) = wrong {
            self.enabled.object(Oracle::DamagedReads, wrong)?;
        }
        Ok(Some(head))
    }

    /// `is_once`: of two damages one may have taken the end of the log, which has no witness then.
    fn check_copy(
        &self,
        copy: &Image,
        (head, is_once): (u64, bool),
        draws: &mut Draws,
    ) -> Checked<Option<String>> {
        let fs = SimFs::from_image(copy);
        let opened = match self.engine.open_damaged(Arc::new(fs.clone())) {
            None => return Ok(None),
            Some(opened) => opened,
        };
        let log = fs.log();
        let mut operations = log.operations().iter();
        if let Some(operation) = operations.find(|operation| operation.is_call()) {
            let text = log.describe(operation).to_string();
            return Ok(Some(format!("opening it writes: {text}")));
        }
        let remains = match opened {
            Ok(remains) => remains,
            // Nothing was committed, so this may be what an interrupted creation leaves. Two damages
            // may have taken both manifest and log.
            Err(Failure::Damage(_)) if head == 0 || !is_once => return Ok(None),
            Err(failure) => return Ok(Some(format!("it cannot be opened: {failure}"))),
        };
        if remains.lost().is_empty() {
            let refusal = self.engine.open(Arc::new(SimFs::from_image(copy))).err();
            if let Some(Failure::Damage(message)) = refusal {
                return Ok(Some(format!(
                    "nothing is lost, and it is refused: {message}"
                )));
            }
        } else if is_once && remains.head() < head && remains.is_end_known() {
            let newest = remains.head();
            let named = &remains.lost()[0].damage;
            return Ok(Some(format!(
                "commit {head} was there, {newest} is called the newest, and it is named that {named}"
            )));
        }
        Ok(self.ask_remains(head).check_remains(draws, &*remains)?)
    }

    fn ask_remains(&self, head: u64) -> Ask<'_> {
        Ask {
            engine: self.engine,
            history: self.history,
            head,
            reader: None,
            is_kept: false,
            drawn: DRAWN,
            listed: self.listed.min(LISTED),
        }
    }
}

/// The disk with one damaged place, and what was done; `None` when there is nothing to damage.
fn damaged(image: &Image, draws: &mut Draws) -> Option<(Image, String)> {
    let is_filled = |(_, bytes): &(&str, &[u8])| !bytes.is_empty();
    let files: Vec<_> = own_files(image).filter(is_filled).collect();
    if files.is_empty() {
        return None;
    }
    let (name, bytes) = *draws.pick(&files);
    let place = draws.below(bytes.len() as u64) as usize;
    let length = draws.between(1, 64) as usize;
    let end = bytes.len().min(place + length);
    let mut after = bytes.to_vec();
    let what = match draws.weighted(&[6, 3, 2, 2, 1]) {
        0 => {
            let bit = draws.below(8);
            after[place] ^= 1 << bit;
            format!("bit {bit} of byte {place} of {name} has flipped")
        }
        1 => {
            let (other, source) = *draws.pick(&files);
            let from = draws.below(source.len() as u64) as usize;
            // A crash can have left the identity of another store in a file. Were it put over ours
            // to the last byte, nobody could tell that it is not ours.
            let most = end.min(bytes.len() - 1).saturating_sub(place);
            let piece = &source[from..source.len().min(from + most)];
            after[place..place + piece.len()].copy_from_slice(piece);
            format!(
                "{} bytes of {other} were written to byte {place} of {name}",
                piece.len()
            )
        }
        2 => {
            after[place..end].fill(0);
            format!("bytes {place} to {end} of {name} are zeros")
        }
        3 => {
            after.truncate(place);
            format!("{name} is cut to {place} bytes")
        }
        _ => return Some((image.replacing(name, None), format!("{name} is gone"))),
    };
    Some((image.replacing(name, Some(after)), what))
}
