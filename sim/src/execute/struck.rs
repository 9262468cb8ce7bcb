//! What became of the faults of a run: which have struck, and of which a caller of the
//! store has seen anything.

use crate::simfs::FaultKind;

/// A fault that has struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Its kind.
    pub kind: FaultKind,
    /// Whether a call of the store has failed, or refused, because of it.
    pub is_observed: bool,
}

/// Adds the faults that struck during one action, and notes whether that action has shown
/// an error. An error in an action that no fault has struck comes from one that stays: of a
/// full device, a bad sector, wrong bytes, or a failure that is reported late.
pub(super) fn note(struck: &mut Vec<Struck>, during: &[FaultKind], is_observed: bool) {
    struck.extend(during.iter().map(|&kind| Struck { kind, is_observed }));
    if during.is_empty() && is_observed {
        let lasting = struck.iter_mut().filter(|struck| struck.kind.shows_later());
        lasting.for_each(|struck| struck.is_observed = true);
    }
}
