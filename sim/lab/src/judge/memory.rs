//! What judges of one execution need not work out again.
//!
//! Invariants: everything here is a function of its key. Layouts are those of a history;
//! what follows a close is a function of the disk that was closed and of what the check
//! demands of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Bounds;
use crate::history::History;
use crate::system::Piece;

/// Kept from judge to judge, as long as the engine and its settings stay the same: the same
/// prefix of commits, and the same disk, are asked about again and again.
#[derive(Debug, Default)]
pub struct Memory {
    layouts: RefCell<BTreeMap<(u64, u64), Rc<Reference>>>,
    closed: RefCell<BTreeSet<Closed>>,
}

/// What a store to which nothing happened has after a history.
#[derive(Debug)]
pub(super) struct Reference {
    /// The layout by the rule.
    pub(super) expected: Option<Vec<Piece>>,
    /// The layout's details.
    pub(super) details: Option<String>,
    /// The most bytes that it may take.
    pub(super) most_bytes: Option<u64>,
}

/// A disk after a store on it was settled and closed, and what is demanded from then on.
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
    /// What is known of the history up to `head`, worked out by `make` the first time.
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

    /// Whether nothing was found in what follows this close.
    pub(super) fn is_sound(&self, closed: &Closed) -> bool {
        self.closed.borrow().contains(closed)
    }

    /// Nothing was found in what follows this close.
    pub(super) fn note_sound(&self, closed: Closed) {
        self.closed.borrow_mut().insert(closed);
    }
}
