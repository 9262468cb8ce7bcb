//! A range of a snapshot, combined with the writes of a transaction.
//!
//! Invariants: each key is returned once, from one end; the writes of the transaction hide the
//! snapshot's values of the same keys; the key of an item is recorded as read before the item is
//! returned.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::iter::FusedIterator;
use std::sync::{Arc, Mutex};

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::read::{KeyRange, Range};
use crate::slice::Slice;
use crate::transaction::reads::{Reads, lock};

type Item = (Slice, Slice);

/// An iterator over the keys of a range that have a value, as a transaction sees them. It can be
/// consumed from both ends, which never overlap. It ends after an error.
///
/// It shows the transaction's writes up to the moment when it was created. Keys that it passes
/// after the transaction was committed are not checked any more.
#[derive(Debug)]
#[must_use = "an iterator does nothing before it is consumed"]
pub struct Overlay {
    stored: Range,
    /// Items of the snapshot that were fetched and not returned yet.
    front: Option<Item>,
    back: Option<Item>,
    own: VecDeque<(Slice, Option<Slice>)>,
    reads: Arc<Mutex<Reads>>,
    walk: usize,
}

/// An end of the range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Front,
    Back,
}

impl Overlay {
    pub(super) fn new(
        stored: Range,
        own: VecDeque<(Slice, Option<Slice>)>,
        reads: Arc<Mutex<Reads>>,
        walk: usize,
    ) -> Self {
        Self {
            stored,
            front: None,
            back: None,
            own,
            reads,
            walk,
        }
    }

    /// A range that returns this error and ends.
    pub(crate) fn refused(error: Error) -> Self {
        let reads = Arc::new(Mutex::new(Reads::since(Commit::ZERO)));
        let walk = lock(&reads).add_walk("", KeyRange::all());
        Self::new(Range::refused(error), VecDeque::new(), reads, walk)
    }

    /// The next item of the snapshot from this end, without taking it.
    fn peek(&mut self, end: End) -> Result<Option<&Item>> {
        let (near, far) = match end {
            End::Front => (&mut self.front, &mut self.back),
            End::Back => (&mut self.back, &mut self.front),
        };
        if near.is_none() {
            let fetched = match end {
                End::Front => self.stored.next(),
                End::Back => self.stored.next_back(),
            };
            // When the range has no more items, the last one is the item that the other end has
            // fetched.
            *near = fetched
                .transpose()?
                .or_else(|| far.take().filter(|_| !planted!(LastItemLost)));
        }
        Ok(near.as_ref())
    }

    fn find(&mut self, end: End) -> Result<Option<Item>> {
        loop {
            let own = match end {
                End::Front => self.own.front(),
                End::Back => self.own.back(),
            };
            let own = own.map(|(key, _)| key.clone());
            let stored = self.peek(end)?.map(|(key, _)| key.clone());
            let order = match (&own, &stored) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(own), Some(stored)) if end == End::Front => own.cmp(stored),
                (Some(own), Some(stored)) => stored.cmp(own),
            };
            let item = match end {
                End::Front => &mut self.front,
                End::Back => &mut self.back,
            };
            if order == Ordering::Greater {
                return Ok(item.take());
            }
            if order == Ordering::Equal && !planted!(OwnWriteShowsTwice) {
                *item = None;
            }
            let own = match end {
                End::Front => self.own.pop_front(),
                End::Back => self.own.pop_back(),
            };
            let (key, value) = own.expect("the draft has a write here");
            // A deletion hides the snapshot's value, and is not returned itself.
            if let Some(value) = value {
                return Ok(Some((key, value)));
            }
        }
    }

    /// The remaining items are never returned: after an error they would look like the complete
    /// rest.
    fn end(&mut self) {
        self.stored = Range::empty();
        (self.front, self.back) = (None, None);
        self.own.clear();
    }

    fn step(&mut self, end: End) -> Option<Result<Item>> {
        let own = self.own.len();
        let found = self.find(end);
        if planted!(OwnItemNotWalked) && self.own.len() < own && matches!(found, Ok(Some(_))) {
            return found.transpose();
        }
        // Recorded before the item is returned: the caller must not decide by a key that is not
        // recorded.
        let mut reads = lock(&self.reads);
        match (&found, end) {
            (Ok(Some((key, _))), End::Front) => reads.walked_up_to(self.walk, key),
            (Ok(Some((key, _))), End::Back) => reads.walked_down_to(self.walk, key),
            // The end was reached, or an error hides how far the walk came.
            (Ok(None) | Err(_), _) => reads.walked_all(self.walk),
        }
        drop(reads);
        if found.is_err() {
            self.end();
        }
        found.transpose()
    }
}

impl Iterator for Overlay {
    type Item = Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step(End::Front)
    }
}

impl DoubleEndedIterator for Overlay {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step(End::Back)
    }
}

impl FusedIterator for Overlay {}
