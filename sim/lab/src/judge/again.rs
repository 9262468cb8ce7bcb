//! The checks after settling: a close, the physical check, a second opening, and one
//! more commit.

use super::difference::difference;
use super::memory::Closed;
use super::settled::Settled;
use super::{
    Bounds, Checked, Judge, PHASE_OPEN_PROBED, PHASE_PROBE, PHASE_REOPEN, PHASE_SETTLE_AGAIN,
    PHASE_SYNC, begin_phase,
};
use super::{damaged, reads};
use crate::disk::{Known, SimFs};
use crate::history::{Batch, Key, Value, Write, apply};
use crate::judge::oracle::Oracle;
use crate::system::Instance;

impl Judge<'_> {
    /// Closes the store and checks the disk, unless the result is known already.
    pub(super) fn check_again(
        &self,
        fs: &SimFs,
        instance: Box<dyn Instance>,
        (served, disk): (Bounds, u128),
        settled: &Settled,
    ) -> Checked<()> {
        let head = served.known.issued;
        begin_phase(fs, PHASE_REOPEN);
        instance.close()?;
        // A close makes all commits durable.
        let served = Bounds {
            known: Known {
                acknowledged: head,
                ..served.known
            },
            ..served
        };
        fs.mark_known(served.known);
        let closed = Closed::new(fs.image().digest(), head, self.history, served);
        if self.may_skip() && self.memory.is_sound(&closed) {
            return Ok(());
        }
        self.check_files(fs, served)?;
        self.check_flips(fs, served)?;
        self.check_forged(fs, served)?;
        self.check_damaged(fs, damaged::WHEN_CLOSED, served)?;
        if let Some(instance) = self.check_reopened(fs, (served, disk), settled)? {
            self.check_probe(fs, instance, served)?;
        }
        self.memory.note_sound(closed);
        Ok(())
    }

    /// With all oracles enabled, the content of the settled store was already checked,
    /// so the disk alone decides the later checks. On a calm disk the log is checked
    /// too, so nothing is skipped.
    fn may_skip(&self) -> bool {
        !self.is_whole && !self.is_calm && *self.enabled == super::Enabled::default()
    }

    /// A second opening must show the same state, and settle to the same layout. `None`
    /// if the store may refuse to open.
    fn check_reopened(
        &self,
        fs: &SimFs,
        (served, disk): (Bounds, u128),
        settled: &Settled,
    ) -> Checked<Option<Box<dyn Instance>>> {
        let head = served.known.issued;
        let closed = fs.log_length();
        let Some(mut instance) = self.open(fs, served)? else {
            return Ok(None);
        };
        if self.is_calm && self.engine.opens_untouched() {
            self.check_untouched(fs, closed)?;
        }
        if instance.head() != head {
            self.enabled.object(
                Oracle::Stability,
                format!(
                    "commit {head} was served, after a second opening the newest is {}",
                    instance.head()
                ),
            )?;
        }
        let state = instance.state_at(head)?;
        if settled.state.is_some() && state.is_none() {
            self.enabled.object(
                Oracle::TimeTravel,
                format!("commit {head} was read, and cannot be read after a second opening"),
            )?;
        }
        if let (Some(shown), Some(state)) = (&settled.state, state)
            && state != *shown
        {
            let difference = difference(shown, &state);
            self.enabled.object(
                Oracle::Stability,
                format!("after a second opening at commit {head}: {difference}"),
            )?;
        }
        begin_phase(fs, PHASE_SETTLE_AGAIN);
        if !instance.settle()? || instance.layout_details() != settled.details {
            self.enabled.object(
                Oracle::Idempotence,
                format!(
                    "settled again after a second opening at commit {head}, the layout is another"
                ),
            )?;
        }
        self.check_reads(&mut *instance, (disk, reads::SETTLED), served)?;
        Ok(Some(instance))
    }

    /// One more commit must get the next number, and must be there after a third
    /// opening.
    fn check_probe(
        &self,
        fs: &SimFs,
        mut instance: Box<dyn Instance>,
        served: Bounds,
    ) -> Checked<()> {
        let head = served.known.issued;
        begin_phase(fs, PHASE_PROBE);
        let probe = probe();
        let issued = Known {
            issued: head + 1,
            ..served.known
        };
        fs.mark_known(issued);
        let number = instance.commit(std::slice::from_ref(&probe))?;
        begin_phase(fs, PHASE_SYNC);
        instance.sync()?;
        fs.mark_known(Known {
            acknowledged: head + 1,
            ..issued
        });
        if number != head + 1 {
            self.enabled.object(
                Oracle::Numbers,
                format!("the commit after {head} has number {number}"),
            )?;
        }
        drop(instance);
        begin_phase(fs, PHASE_OPEN_PROBED);
        let Some(mut instance) = self.open(fs, served)? else {
            return Ok(());
        };
        if instance.head() != head + 1 {
            return Ok(self.enabled.object(
                Oracle::Stability,
                format!(
                    "commit {} was synced after recovery and is not there",
                    head + 1
                ),
            )?);
        }
        self.check_probed(&mut *instance, served)
    }

    /// The store must hold its earlier state and the probe.
    fn check_probed(&self, instance: &mut dyn Instance, served: Bounds) -> Checked<()> {
        let head = served.known.issued;
        let Some(state) = instance.state_at(head + 1)? else {
            return Ok(self.enabled.object(
                Oracle::TimeTravel,
                format!("the newest commit, {}, cannot be read", head + 1),
            )?);
        };
        let mut expected = (**self.history.state(head)).clone();
        apply(&mut expected, &probe());
        if state != expected {
            let difference = difference(&expected, &state);
            let message = format!(
                "commit {}, the first after recovery: {difference}",
                head + 1
            );
            self.enabled
                .object_to_value(served, Oracle::State, message)?;
        }
        Ok(())
    }

    /// Opening a settled and closed store must not change the disk.
    fn check_untouched(&self, fs: &SimFs, since: usize) -> Checked<()> {
        let log = fs.log();
        let mut later = log.operations()[since..].iter();
        if let Some(operation) = later.find(|operation| operation.is_call()) {
            let text = log.describe(operation).to_string();
            self.enabled.object(
                Oracle::Idempotence,
                format!("opening a settled and closed store does something: {text}"),
            )?;
        }
        Ok(())
    }

    /// The disk that a crash leaves, before an opening has repaired it, must not count
    /// as damaged.
    pub(super) fn check_left(&self, fs: &SimFs, bounds: Bounds) -> Checked<()> {
        const ONE_IN: u128 = 16;
        let is_skipped = self.listed == 0 && !(fs.image().digest() >> 16).is_multiple_of(ONE_IN);
        // An interrupted creation has not made a store yet.
        let is_born = bounds.known.acknowledged > 0;
        if is_skipped || !is_born || bounds.is_faulty || !self.engine.checks_what_is_left() {
            return Ok(());
        }
        self.check_files(fs, bounds)
    }

    fn check_files(&self, fs: &SimFs, bounds: Bounds) -> Checked<()> {
        match self.engine.check(fs) {
            Ok(()) => Ok(()),
            // Damage that no read has found yet is allowed; it is not served.
            Err(failure) if bounds.excuses(&failure) => Ok(()),
            Err(failure) => Ok(self.enabled.object(Oracle::Physical, failure.to_string())?),
        }
    }
}

/// A commit that no history contains.
pub(super) fn probe() -> Batch {
    Batch {
        writes: vec![Write {
            key: Key {
                keyspace: 0,
                key: 999,
            },
            value: Some(Value {
                length: 9,
                tag: 999_999,
            }),
        }],
    }
}
