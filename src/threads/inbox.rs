//! The compactor's inbox. It is bounded, and a sender never waits.
//!
//! Messages are hints. A message that finds the inbox full is dropped, and the receiver is asked to
//! look at the version instead. So a full inbox raises lag and loses nothing.
//!
//! Invariant: when a message was sent since the last delivery, the next delivery either holds the
//! message or says that the receiver must look.

use super::shell::{Bells, Monitor, Shell};

/// Messages and requests since the last delivery.
#[derive(Debug)]
pub(crate) struct Delivery<T> {
    /// Messages, in order of arrival.
    pub(crate) messages: Vec<T>,
    /// Whether the receiver must look at the version: messages were dropped, or a caller has asked
    /// for a look.
    pub(crate) must_look: bool,
    /// The number of look requests so far, those of this delivery included.
    pub(crate) asked: u64,
}

/// The receiver sleeps here.
const RECEIVER: usize = 0;

#[derive(Debug)]
struct InboxState<T> {
    capacity: usize,
    messages: Vec<T>,
    must_look: bool,
    asked: u64,
    is_closed: bool,
    dropped: u64,
}

impl<T> InboxState<T> {
    fn send(&mut self, messages: impl IntoIterator<Item = T>, mut wakes: bool, bells: &mut Bells) {
        for message in messages {
            if self.messages.len() < self.capacity {
                self.messages.push(message);
            } else {
                mark!(InboxFull);
                self.dropped += 1;
                wakes = true;
                // Set under the same lock as the drop: a receiver that misses the message must find
                // the request to look.
                self.must_look |= !planted!(FullInboxForgets);
            }
        }
        if wakes && (!planted!(FullInboxWakesNobody) || self.dropped == 0) {
            bells.ring_one(RECEIVER);
        }
    }

    fn ask_to_look(&mut self, bells: &mut Bells) -> u64 {
        self.must_look = true;
        self.asked += 1;
        bells.ring_one(RECEIVER);
        self.asked
    }

    fn close(&mut self, bells: &mut Bells) {
        self.is_closed = true;
        if !planted!(ClosedInboxWakesNobody) {
            bells.ring_one(RECEIVER);
        }
    }

    /// The messages so far; `Some(None)` when the inbox is closed; `None` when the receiver has to
    /// sleep.
    fn receive(&mut self, waits: bool) -> Option<Option<Delivery<T>>> {
        // A closed inbox delivers nothing more: messages are hints, and the next opening knows all
        // commits.
        if self.is_closed {
            return Some(None);
        }
        if waits && self.messages.is_empty() && !self.must_look {
            return None;
        }
        Some(Some(Delivery {
            messages: std::mem::take(&mut self.messages),
            must_look: std::mem::take(&mut self.must_look),
            asked: self.asked,
        }))
    }
}

/// A bounded inbox.
#[derive(Debug)]
pub(crate) struct Inbox<T, K: Shell> {
    state: K::Monitor<InboxState<T>, 1>,
}

impl<T, K: Shell> Inbox<T, K> {
    /// An inbox with room for `capacity` messages.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            state: Monitor::new(InboxState {
                capacity,
                messages: Vec::new(),
                must_look: false,
                asked: 0,
                is_closed: false,
                dropped: 0,
            }),
        }
    }

    /// Sends messages, as far as there is room. Never waits. Wakes the receiver if `wakes` is set
    /// or there is no room. Other messages stay in the inbox until the receiver looks again.
    pub(crate) fn send(&self, messages: impl IntoIterator<Item = T>, wakes: bool) {
        self.state
            .visit(|state, bells| state.send(messages, wakes, bells));
    }

    /// Asks the receiver to look at the version. Returns the number of this request.
    pub(crate) fn ask_to_look(&self) -> u64 {
        self.state.visit(InboxState::ask_to_look)
    }

    /// Closes the inbox: the receiver stops at its next visit.
    pub(crate) fn close(&self) {
        self.state.visit(InboxState::close);
    }

    /// The number of messages that were dropped because the inbox was full.
    pub(crate) fn dropped(&self) -> u64 {
        self.state.visit(|state, _| state.dropped)
    }

    /// Takes the messages. If there are none and `waits` is set, waits until there are. `None` when
    /// the inbox is closed.
    pub(crate) async fn receive(&self, waits: bool) -> Option<Delivery<T>> {
        let attempt = |state: &mut InboxState<T>, _: &mut Bells| state.receive(waits);
        self.state.wait(RECEIVER, attempt).await
    }
}
