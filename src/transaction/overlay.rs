//! A range of a snapshot with the writes of a transaction over it.
//!
//! Invariants: each key comes once, from one end; the writes of the transaction hide what the
//! snapshot has for the same keys; before an item is handed out, the walk says that its key was
//! read.

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

/// An iterator over the keys of a range that have a value, as a transaction sees them. It may be
/// consumed from both ends, and the two never overlap. After an error it is over.
///
/// It shows the writes of the transaction up to when it was made. What is walked after the
/// transaction was committed is not checked any more.
#[derive(Debug)]
#[must_use = "an iterator does nothing before it is consumed"]
pub struct Overlay {
    stored: Range,
    /// Items of the snapshot that were fetched and not handed out yet.
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

    /// A range that says why there is none.
    pub(crate) fn refused(error: Error) -> Self {
        let reads = Arc::new(Mutex::new(Reads::since(Commit::ZERO)));
        let walk = lock(&reads).add_walk("", KeyRange::all());
        Self::new(Range::refused(error), VecDeque::new(), reads, walk)
    }

    /// The next item of the snapshot from this end, which stays where it is.
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
            // When the range has no more, the last one is what the other end has fetched.
            *near = fetched.transpose()?.or_else(|| far.take());
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
            // A deletion hides what the snapshot has, and is nothing that could be handed out.
            if let Some(value) = value {
                return Ok(Some((key, value)));
            }
        }
    }

    /// What is left is never handed out: behind an error it would pass for all there is.
    fn end(&mut self) {
        self.stored = Range::empty();
        (self.front, self.back) = (None, None);
        self.own.clear();
    }

    fn step(&mut self, end: End) -> Option<Result<Item>> {
        let found = self.find(end);
        let mut reads = lock(&self.reads);
        match (&found, end) {
            (Ok(Some((key, _))), End::Front) => reads.walked_up_to(self.walk, key),
            (Ok(Some((key, _))), End::Back) => reads.walked_down_to(self.walk, key),
            // The end was reached, or nobody knows how far the walk came.
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
