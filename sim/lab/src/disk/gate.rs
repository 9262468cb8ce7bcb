//! Holds file-system operations, lets them fail, or lets them panic.
//!
//! A test of threads uses it to create the situation that it tests: the test holds an
//! operation, does what other threads should be able to do meanwhile, and releases the
//! operation. The test depends on no timing.
//!
//! A text selects operations: it must be part of the line that
//! [`crate::disk::observed::ObservedFs`] writes for the operation, such as `sync wal`.
//! An empty text selects all operations. If several rules match, it is not defined
//! which rule applies.

use std::collections::BTreeMap;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What happens to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Hold,
    Fail,
    Panic,
}

#[derive(Debug, Default)]
struct Rules {
    rules: BTreeMap<String, Rule>,
    /// The operations that wait, in the order of arrival.
    held: BTreeMap<u64, String>,
    arrivals: u64,
    /// The waiting operation that may pass now.
    passing: Option<u64>,
}

#[derive(Debug, Default)]
struct Shared {
    gives_way: AtomicBool,
    state: Mutex<Rules>,
    changed: Condvar,
}

/// The gate that every operation passes. Clones share one gate.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    shared: Arc<Shared>,
}

/// Operations are held until this value is dropped, so that a failing test does not
/// wait for ever.
#[derive(Debug)]
#[must_use]
pub struct Held {
    gate: Gate,
    text: String,
}

impl Held {
    /// Makes the held operations and later matching operations fail.
    pub fn fail(self) {
        // The rule is replaced instead of lifted.
        let held = ManuallyDrop::new(self);
        held.gate.fail(&held.text);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gate.lift(&self.text);
    }
}

impl Gate {
    /// Holds operations whose line contains `text`.
    pub fn hold(&self, text: &str) -> Held {
        self.set(text, Rule::Hold);
        Held {
            gate: self.clone(),
            text: text.to_owned(),
        }
    }

    /// Makes operations fail whose line contains `text`.
    pub fn fail(&self, text: &str) {
        self.set(text, Rule::Fail);
    }

    /// Makes operations panic whose line contains `text`.
    pub fn panic(&self, text: &str) {
        self.set(text, Rule::Panic);
    }

    /// From now on threads yield before each operation, so that other threads have the
    /// time to see what they must not see.
    pub fn give_way(&self) {
        self.shared.gives_way.store(true, Ordering::Relaxed);
    }

    /// Removes the rule for this text, and releases the operations that it holds.
    pub fn lift(&self, text: &str) {
        self.state().rules.remove(text);
        self.shared.changed.notify_all();
    }

    /// Waits until an operation is held, and returns the line of the first held
    /// operation.
    pub fn wait_until_held(&self) -> String {
        let mut state = self.state();
        loop {
            match state.held.first_key_value() {
                Some((_, line)) => return line.clone(),
                None => state = self.wait(state),
            }
        }
    }

    /// Releases the first held operation, and keeps holding the others.
    ///
    /// # Panics
    /// If no operation is held.
    pub fn pass_one(&self) {
        let mut state = self.state();
        let first = state.held.first_key_value().map(|(number, _)| *number);
        state.passing = Some(first.expect("an operation is being held"));
        self.shared.changed.notify_all();
        while state.passing.is_some() {
            state = self.wait(state);
        }
    }

    /// Lets an operation pass, holds it or fails it, as the rules say.
    #[expect(
        clippy::disallowed_methods,
        reason = "gives way to the threads of a test"
    )]
    pub(crate) fn pass(&self, line: impl FnOnce() -> String) -> io::Result<()> {
        if self.shared.gives_way.load(Ordering::Relaxed) {
            (0..8).for_each(|_| std::thread::yield_now());
        }
        let mut state = self.state();
        if state.rules.is_empty() {
            return Ok(());
        }
        let line = line();
        let mut waiting = None;
        let rule = loop {
            let rule = state.rule(&line);
            let is_let_pass = waiting.is_some() && state.passing == waiting;
            if rule != Some(Rule::Hold) || is_let_pass {
                break rule;
            }
            if waiting.is_none() {
                state.arrivals += 1;
                waiting = Some(state.arrivals);
                let arrival = state.arrivals;
                state.held.insert(arrival, line.clone());
                self.shared.changed.notify_all();
            }
            state = self.wait(state);
        };
        if let Some(number) = waiting {
            state.held.remove(&number);
            state.passing = state.passing.filter(|passing| *passing != number);
            self.shared.changed.notify_all();
        }
        drop(state);
        match rule {
            None | Some(Rule::Hold) => Ok(()),
            Some(Rule::Fail) => Err(io::Error::other(format!("no {line} today"))),
            Some(Rule::Panic) => panic!("{line} panics, as asked"),
        }
    }

    fn set(&self, text: &str, rule: Rule) {
        self.state().rules.insert(text.to_owned(), rule);
        self.shared.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, Rules> {
        // The rules stay usable when a test panics while it holds the lock.
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'gate>(&self, state: MutexGuard<'gate, Rules>) -> MutexGuard<'gate, Rules> {
        let state = self.shared.changed.wait(state);
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    fn rule(&self, line: &str) -> Option<Rule> {
        let mut rules = self.rules.iter();
        let rule = rules.find(|(text, _)| line.contains(text.as_str()));
        rule.map(|(_, rule)| *rule)
    }
}
