//! The bound on the operations of one call of a store.
//!
//! A call that never ends would hang a campaign, and the laboratory reads no clock. So
//! the disk counts the operations since the laboratory has begun a call, also those
//! that fail and those that only read. At the bound the operation panics with
//! [`Endless`], which ends the call, and the laboratory reports it.
//!
//! Invariants:
//! - a disk on which no call was begun has no bound;
//! - after the panic every operation fails, so the objects of the store can be dropped.
//!   A store that has caught the panic and goes on meets another one.
//!
//! A call that never ends and does not use the disk is not noticed.

use std::fmt;
use std::thread::panicking;

/// The most operations of one call: more than twenty times as many as any call of any
/// system was seen to do. "Calls without an end" in `design/lab.md` has the maxima.
pub const MAX_OPERATIONS: u64 = 1_000_000;

/// The number of operations before the bound that are kept for the message.
const KEPT: usize = 64;
/// The largest number of operations that may be repeated again and again.
const LONGEST_ROUND: usize = 16;
/// The number of operations that the message names if none are repeated.
const NAMED: usize = 6;

/// A call that has reached the bound: the payload of the panic that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endless {
    /// The call.
    call: &'static str,
    /// The last operations, the newest last.
    last: Vec<String>,
}

impl Endless {
    /// The shortest row of operations that the last operations repeat.
    fn round(&self) -> Option<&[String]> {
        let last = &self.last;
        let lengths = 1..=LONGEST_ROUND.min(last.len() / 2);
        let mut rounds = lengths.filter(|length| last[*length..] == last[..last.len() - length]);
        rounds.next().map(|length| &last[last.len() - length..])
    }
}

impl fmt::Display for Endless {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = self.call;
        write!(
            formatter,
            "the call {call:?} has not ended after {MAX_OPERATIONS} operations of the disk; "
        )?;
        match self.round() {
            Some(round) => write!(formatter, "again and again: {}", round.join(", ")),
            None => {
                let named = self.last.len().saturating_sub(NAMED);
                write!(
                    formatter,
                    "the last ones: {}",
                    self.last[named..].join(", ")
                )
            }
        }
    }
}

/// What an operation has to do.
pub(super) enum Entry {
    /// It is performed.
    Goes,
    /// It fails: the call was ended.
    Fails,
    /// It ends the call.
    Ends(Endless),
}

/// The operations of the call so far.
#[derive(Debug, Default)]
pub(super) struct Bound {
    /// The call; `None` if there is no bound.
    call: Option<&'static str>,
    operations: u64,
    last: Vec<String>,
    /// Whether the call was ended.
    is_ended: bool,
}

impl Bound {
    /// Begins a call.
    pub(super) fn begin(&mut self, call: &'static str) {
        *self = Self {
            call: Some(call),
            ..Self::default()
        };
    }

    /// Counts an operation. `describe` is only called shortly before the bound.
    pub(super) fn enter(&mut self, describe: impl FnOnce() -> String) -> Entry {
        let Some(call) = self.call else {
            return Entry::Goes;
        };
        // What is dropped while the panic unwinds must not panic again.
        if self.is_ended && panicking() {
            return Entry::Fails;
        }
        self.operations += 1;
        if self.operations + KEPT as u64 > MAX_OPERATIONS {
            self.last.push(describe());
        }
        if self.operations <= MAX_OPERATIONS {
            return match self.is_ended {
                true => Entry::Fails,
                false => Entry::Goes,
            };
        }
        self.is_ended = true;
        self.operations = 0;
        let last = std::mem::take(&mut self.last);
        Entry::Ends(Endless { call, last })
    }
}
