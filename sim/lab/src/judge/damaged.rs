//! Reads damaged stores: damages one or two places in a copy of the judged disk, and
//! opens the copy in spite of the damage.
//!
//! The disk determines the places and the kinds of damage, as in `reads`. The undamaged
//! copy is opened in the same way first; then nothing may be lost.

use std::sync::Arc;

use super::salvaged::Lost;
use super::settled::own_files;
use super::{Bounds, Checked, Judge};
use crate::disk::{Image, SimFs};
use crate::judge::oracle::Oracle;
use crate::keyed::{Domain, Draws, Seed};
use crate::reads::Ask;
use crate::system::Failure;

/// The moment before the store is opened for writing.
pub(super) const AT_FIRST: u64 = 1;
/// The moment after the store was settled and closed.
pub(super) const WHEN_CLOSED: u64 = 2;

/// One of this many disks is damaged. A disk that is judged alone is always damaged.
const ONE_IN: u128 = 32;
/// The percentage of these disks that are damaged in two places.
const TWICE: u64 = 30;
/// The number of drawn questions.
const DRAWN: u64 = 6;
/// The number of damaged copies of a disk that is judged alone.
const TIMES: u64 = 8;
/// The number of additional questions for each of those copies.
const LISTED: usize = 40;

impl Judge<'_> {
    /// Damages copies of the disk, and checks the answers of the opened copies.
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
        if let Some(wrong) = self.check_salvaged(&image, head, Lost::Nothing)? {
            self.enabled.object(Oracle::Salvage, wrong)?;
        }
        let times = if self.listed > 0 { TIMES } else { 1 };
        for time in 0..times {
            let mut draws = Seed(disk as u64).draws(Domain::Damage, moment << 32 | time);
            let Some((mut copy, file, mut what)) = damaged(&image, &mut draws) else {
                return Ok(());
            };
            // A second damage may hide the first.
            let is_once = !draws.percent(TWICE);
            if !is_once && let Some((again, _, more)) = damaged(&copy, &mut draws) {
                (copy, what) = (again, format!("{what}, and {more}"));
            }
            // Bytes of another store that nothing tells from the store's own are a second damage.
            let is_once = is_once && !self.engine.is_ambiguous(&image, &copy);
            let lost = match (is_once, moment) {
                (true, WHEN_CLOSED) if file.starts_with("manifest-") => Lost::Manifest,
                (true, _) => Lost::Once,
                (false, _) => Lost::Twice,
            };
            if let Some(wrong) = self.check_salvaged(&copy, head, lost)? {
                self.enabled
                    .object(Oracle::Salvage, format!("{what}: {wrong}"))?;
            }
            let outcome = self.check_copy(&copy, (head, is_once), &mut draws)?;
            if let Some(wrong) = outcome {
                self.enabled
                    .object(Oracle::DamagedReads, format!("{what}: {wrong}"))?;
            }
        }
        Ok(())
    }

    /// Checks that an intact store reads as intact, and returns its head. `None` if
    /// there is no store yet, or if the system cannot open damaged stores.
    fn check_whole(&self, image: &Image, bounds: Bounds) -> Checked<Option<u64>> {
        let fs = SimFs::from_image(image).in_call("open");
        let remains = match self.engine.open_damaged(Arc::new(fs)) {
            None => return Ok(None),
            // The store was not created yet.
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

    /// Checks one damaged copy. `is_once`: there is one damage. One of two damages may
    /// have destroyed the end of the log; then nothing proves where the log ended.
    fn check_copy(
        &self,
        copy: &Image,
        (head, is_once): (u64, bool),
        draws: &mut Draws,
    ) -> Checked<Option<String>> {
        let fs = SimFs::from_image(copy).in_call("open");
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
            // At head 0 this may be what an interrupted creation left. Two damages may
            // have destroyed both the manifest and the log.
            Err(Failure::Damage(_)) if head == 0 || !is_once => return Ok(None),
            Err(failure) => return Ok(Some(format!("it cannot be opened: {failure}"))),
        };
        // Behind a lost end, one more commit stands for all that may be lost.
        let newest = remains.head() - u64::from(!remains.is_end_known());
        // Damage can take the proof away that a later commit was lost, so commits behind the head of the
        // intact store may come back, but none that the model does not have.
        let issued = self.history.head();
        if newest > issued {
            return Ok(Some(format!(
                "commit {newest} is read, only {issued} were asked for"
            )));
        }
        if remains.lost().is_empty() {
            let fs = SimFs::from_image(copy).in_call("open");
            let refusal = self.engine.open(Arc::new(fs)).err();
            if let Some(Failure::Damage(message)) = refusal {
                return Ok(Some(format!(
                    "nothing is lost, and it is refused: {message}"
                )));
            }
        } else if is_once && newest < head && remains.is_end_known() {
            let named = &remains.lost()[0].damage;
            return Ok(Some(format!(
                "commit {head} was there, {newest} is called the newest, and it is named that {named}"
            )));
        }
        if let Some(wrong) = self.check_opened(copy)? {
            return Ok(Some(wrong));
        }
        Ok(self.ask_remains(head).check_remains(draws, &*remains)?)
    }

    /// Opens the damaged copy as an intact store. The system must notice damage that changes an answer.
    fn check_opened(&self, copy: &Image) -> Checked<Option<String>> {
        let fs = SimFs::from_image(copy).in_call("open");
        let mut store = match self.engine.open(Arc::new(fs)) {
            Ok(store) => store,
            Err(Failure::Damage(_)) => return Ok(None),
            Err(failure) => {
                return Ok(Some(format!(
                    "opened as an intact store, it fails: {failure}"
                )));
            }
        };
        let head = store.head();
        if head > self.history.head() {
            return Ok(Some(format!(
                "opened as an intact store, it ends with commit {head}, only {} were asked for",
                self.history.head()
            )));
        }
        let is_right = match store.state_at(head) {
            Ok(state) => state.is_some_and(|state| state == **self.history.state(head)),
            Err(Failure::Damage(_)) => true,
            Err(failure) => return Err(failure.into()),
        };
        Ok((!is_right).then(|| {
            format!(
                "opened as an intact store, it has another state than the model at commit {head}"
            )
        }))
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

/// The disk with one damaged place, the name of the damaged file, and a text about the damage.
/// `None` if there are no bytes to damage.
fn damaged(image: &Image, draws: &mut Draws) -> Option<(Image, String, String)> {
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
            // A crash can have left the identity of another store in a file. If it
            // replaced the whole identity, no store could tell that the file is
            // foreign, so at least one byte stays.
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
        _ => {
            let what = format!("{name} is gone");
            return Some((image.replacing(name, None), name.to_owned(), what));
        }
    };
    let copy = image.replacing(name, Some(after));
    Some((copy, name.to_owned(), what))
}
