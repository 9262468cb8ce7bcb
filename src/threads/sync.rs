//! The locks and condition variables of real threads.
//!
//! `locks` uses no other blocking type, and imports these through this module.
//! `tests/threads_model.rs` compiles the same files against a `sync` module of its own, which
//! re-exports the types of the model checker.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
