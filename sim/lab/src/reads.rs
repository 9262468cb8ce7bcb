//! What can be asked of a store beside its state, and what the model says to it: single
//! reads, scans with every kind of end, versions of a key, differences, streams of
//! changes, and which commits can be read at all.
//!
//! A system answers a [`Question`] in words of its own public surface. The model judges the
//! [`Answer`]: at a commit that the store calls readable it must be the model's, and at any
//! other one a refusal that names the commit and its nearest readable neighbours.
//!
//! Invariants: what is asked is a function of the draws and of the history, so the same
//! disk is asked the same again. What it does not do: say which commits must be readable,
//! but for what the engine promises.

mod answers;
mod ask;
mod damaged;
mod expect;

pub use answers::{Answer, Question, Turns, Writes, Written};
pub use ask::{Answers, Ask, check};
