//! The compactor's inbox: bounded, and never in the way of a sender.
//!
//! Messages are hints. One that finds the inbox full is dropped, and the receiver is
//! told to look at the truth instead, so a full inbox raises lag and loses nothing.
//!
//! Invariant: whenever a message was sent since the last delivery, the next delivery
//! either holds it or says that the receiver must look.

use std::sync::PoisonError;

use super::sync::{Condvar, Mutex};

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

#[derive(Debug)]
struct State<T> {
    messages: Vec<T>,
    must_look: bool,
    asked: u64,
    is_closed: bool,
    dropped: u64,
    /// Waking nobody is not free either.
    receiver_sleeps: bool,
}

/// A bounded inbox.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    arrived: Condvar,
}

impl<T> Inbox<T> {
    /// An inbox for so many messages.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            state: Mutex::new(State {
                messages: Vec::new(),
                must_look: false,
                asked: 0,
                is_closed: false,
                dropped: 0,
                receiver_sleeps: false,
            }),
            arrived: Condvar::new(),
        }
    }

    /// Sends messages, as far as there is room. Never waits.
    pub(crate) fn send(&self, messages: impl IntoIterator<Item = T>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for message in messages {
            if state.messages.len() < self.capacity {
                state.messages.push(message);
            } else {
                state.dropped += 1;
                state.must_look = true;
            }
        }
        if state.receiver_sleeps {
            self.arrived.notify_one();
        }
    }

    /// Asks the receiver to look at the truth; returns how often it was asked to.
    pub(crate) fn ask_to_look(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.must_look = true;
        state.asked += 1;
        self.arrived.notify_one();
        state.asked
    }

    /// The receiver stops at its next look here.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_closed = true;
        self.arrived.notify_one();
    }

    /// Messages that found the inbox full.
    pub(crate) fn dropped(&self) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.dropped
    }

    /// Takes what has come; if it is nothing and `waits`, waits until something comes.
    /// `None` when the inbox is closed.
    pub(crate) fn receive(&self, waits: bool) -> Option<Delivery<T>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while waits && state.messages.is_empty() && !state.must_look && !state.is_closed {
            state.receiver_sleeps = true;
            let woken = self.arrived.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.receiver_sleeps = false;
        }
        if state.is_closed {
            return None;
        }
        Some(Delivery {
            messages: std::mem::take(&mut state.messages),
            must_look: std::mem::take(&mut state.must_look),
            asked: state.asked,
        })
    }
}
