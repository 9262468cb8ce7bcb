//! Reads of every kind, drawn by the disk that is judged.
//!
//! A crash image is asked a few questions, and a settled store that nobody has seen before
//! more. Which ones is a function of the disk that was opened, so that a trace that makes
//! the same disk asks the same; what is judged alone is asked the rest as well.

use super::{Bounds, Checked, Judge};
use crate::judge::oracle::Oracle;
use crate::keyed::{Domain, Seed};
use crate::reads::{Ask, check};
use crate::system::Instance;

/// A moment of a check, and how many questions are drawn in it.
pub(super) type Moment = (u64, u64);

/// A store was opened, and has done nothing since.
pub(super) const OPENED: Moment = (0, 2);
/// It was settled, closed, opened and settled again, and such a disk was not seen before.
pub(super) const SETTLED: Moment = (1, 8);

/// One of this many disks is asked when it was opened: an open store has seldom anything to
/// show that a settled one has not.
const ONE_IN: u128 = 4;

/// How many questions are asked besides of a disk that is judged alone.
pub(super) const LISTED: usize = 300;

impl Judge<'_> {
    pub(super) fn check_reads(
        &self,
        instance: &mut dyn Instance,
        (disk, (moment, drawn)): (u128, Moment),
        bounds: Bounds,
    ) -> Checked<()> {
        let head = instance.head();
        let is_skipped = drawn < SETTLED.1 && self.listed == 0 && !disk.is_multiple_of(ONE_IN);
        if is_skipped || head > self.history.head() {
            return Ok(());
        }
        let ask = Ask {
            engine: self.engine,
            history: self.history,
            head,
            reader: None,
            is_kept: !bounds.excuses_loss,
            drawn,
            listed: self.listed,
        };
        let mut draws = Seed(disk as u64).draws(Domain::Reads, moment);
        let wrong = check(&ask, &mut draws, &mut |question| instance.ask(question))?;
        if let Some(wrong) = wrong {
            self.enabled.object_to_value(bounds, Oracle::Reads, wrong)?;
        }
        Ok(())
    }
}
