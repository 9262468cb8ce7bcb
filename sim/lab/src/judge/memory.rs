//! Results that the judges of one execution can reuse.
//!
//! Invariant: everything here is a function of its key. A layout depends on a history.
//! The result of the checks after a close depends on the closed disk and on the demands
//! of the check.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Bounds;
use crate::history::History;
use crate::system::Piece;

/// Shared by all judges with the same engine and settings, because they ask about the
/// same prefixes of commits and the same disks again and again.
#[derive(Debug, Default)]
pub struct Memory {
    layouts: RefCell<BTreeMap<(u64, u64), Rc<Reference>>>,
    closed: RefCell<BTreeSet<Closed>>,
}

/// What a store has after a history if nothing disturbs it.
#[derive(Debug)]
pub(super) struct Reference {
    /// The layout by the rule.
    pub(super) expected: Option<Vec<Piece>>,
    /// The layout's details.
    pub(super) details: Option<String>,
    /// The largest number of bytes that it may use.
    pub(super) max_bytes: Option<u64>,
}

/// A settled and closed disk, and the demands on it from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Closed {
    disk: u128,
    head: u64,
    history: u64,
    flags: [bool; 3],
}

impl Closed {
    pub(super) fn new(disk: u128, head: u64, history: &History, bounds: Bounds) -> Self {
        Self {
            disk,
            head,
            history: history.digest(head),
            flags: [bounds.excuses_loss, bounds.is_damaged, bounds.is_unreadable],
        }
    }
}

impl Memory {
    /// The reference of the history up to `head`. `make` computes it the first time.
    pub(super) fn reference(
        &self,
        history: &History,
        head: u64,
        make: impl FnOnce() -> Reference,
    ) -> Rc<Reference> {
        let key = (head, history.digest(head));
        if let Some(known) = self.layouts.borrow().get(&key) {
            return known.clone();
        }
        let made = Rc::new(make());
        self.layouts.borrow_mut().insert(key, made.clone());
        made
    }

    /// Whether the checks after this close are known to find nothing.
    pub(super) fn is_sound(&self, closed: &Closed) -> bool {
        self.closed.borrow().contains(closed)
    }

    /// Records that the checks after this close found nothing.
    pub(super) fn note_sound(&self, closed: Closed) {
        self.closed.borrow_mut().insert(closed);
    }
}
