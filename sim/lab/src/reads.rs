//! The questions that a store can be asked in addition to its state, and the answers of
//! the model: single reads, scans with every kind of bound, versions of a key,
//! differences, streams of changes, and which commits can be read at all.
//!
//! A system answers a [`Question`] through its own public interface. The model judges
//! the [`Answer`]. At a commit that the store calls readable, it must be the model's
//! answer. At any other commit, it must be a refusal that names the commit and its
//! nearest readable neighbours.
//!
//! Invariant: the questions are a function of the draws and of the history, so the same
//! disk is asked the same questions again. This module does not say which commits must
//! be readable, except for what the engine promises.

mod answers;
mod ask;
mod damaged;
mod expect;

pub use answers::{Answer, Question, Turns, Writes, Written};
pub use ask::{Answers, Ask, check};
