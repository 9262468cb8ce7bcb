//! The compactor's inbox: bounded, and never in the way of a sender.
//!
//! Messages are hints. One that finds the inbox full is dropped, and the receiver is
//! told to look at the truth instead, so a full inbox raises lag and loses nothing.
//!
//! Invariant: whenever a message was sent since the last delivery, the next delivery
//! either holds it or says that the receiver must look.

use super::shell::{Bells, Monitor, Shell};

/// What has come since the last delivery.
#[derive(Debug)]
pub(crate) struct Delivery<T> {
    /// Messages, in order of arrival.
    pub(crate) messages: Vec<T>,
    /// Whether the receiver must look at the truth: messages were dropped, or somebody
    /// asks for it.
    pub(crate) must_look: bool,
    /// How often somebody has asked for a look, this delivery included.
    pub(crate) asked: u64,
}

/// The receiver sleeps here.
const RECEIVER: usize = 0;

#[derive(Debug)]
struct State<T> {
    capacity: usize,
    messages: Vec<T>,
    must_look: bool,
    asked: u64,
    is_closed: bool,
    dropped: u64,
}

impl<T> State<T> {
    fn send(&mut self, messages: impl IntoIterator<Item = T>, mut wakes: bool, bells: &mut Bells) {
        for message in messages {
            if self.messages.len() < self.capacity {
                self.messages.push(message);
            } else {
                mark!(InboxFull);
                self.dropped += 1;
                wakes = true;
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

    /// What has come, `Some(None)` when the inbox is closed, and `None` when the receiver
    /// is to sleep.
    fn receive(&mut self, waits: bool) -> Option<Option<Delivery<T>>> {
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
    state: K::Monitor<State<T>, 1>,
}

impl<T, K: Shell> Inbox<T, K> {
    /// An inbox for so many messages.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            state: Monitor::new(State {
                capacity,
                messages: Vec::new(),
                must_look: false,
                asked: 0,
                is_closed: false,
                dropped: 0,
            }),
        }
    }

    /// Sends messages, as far as there is room. Never waits. The receiver is woken if it
    /// `wakes`, or when there is no room; other messages are there when it looks again.
    pub(crate) fn send(&self, messages: impl IntoIterator<Item = T>, wakes: bool) {
        self.state
            .visit(|state, bells| state.send(messages, wakes, bells));
    }

    /// Asks the receiver to look at the truth; returns how often it was asked to.
    pub(crate) fn ask_to_look(&self) -> u64 {
        self.state.visit(State::ask_to_look)
    }

    /// The receiver stops at its next look here.
    pub(crate) fn close(&self) {
        self.state.visit(State::close);
    }

    /// Messages that found the inbox full.
    pub(crate) fn dropped(&self) -> u64 {
        self.state.visit(|state, _| state.dropped)
    }

    /// Takes what has come; if it is nothing and `waits`, waits until something comes.
    /// `None` when the inbox is closed.
    pub(crate) async fn receive(&self, waits: bool) -> Option<Delivery<T>> {
        let attempt = |state: &mut State<T>, _: &mut Bells| state.receive(waits);
        self.state.wait(RECEIVER, attempt).await
    }
}
