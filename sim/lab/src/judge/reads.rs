//! Reads of every kind, drawn from the judged disk.
//!
//! A crash image is asked a few questions, and a settled disk that was not seen before
//! is asked more. The questions are a function of the opened disk, so a trace that
//! produces the same disk asks the same questions. A disk that is judged alone is also
//! asked the remaining questions.

use super::{Bounds, Checked, Judge};
use crate::judge::oracle::Oracle;
use crate::keyed::{Domain, Seed};
use crate::reads::{Ask, check};
use crate::system::Instance;

/// A moment of a check, and the number of questions drawn at that moment.
pub(super) type Moment = (u64, u64);

/// The store was opened, and has done nothing since.
pub(super) const OPENED: Moment = (0, 2);
/// The store was settled, closed, opened and settled again, and the closed disk was not
/// seen before.
pub(super) const SETTLED: Moment = (1, 8);

/// One of this many disks is asked right after opening: a store that is not settled
/// seldom shows a bug that a settled store does not show.
const ONE_IN: u128 = 4;

/// The number of additional questions for a disk that is judged alone.
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
