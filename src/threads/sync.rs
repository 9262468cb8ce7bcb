//! The locks and condition variables that real threads meet at.
//!
//! `locks` names nothing else that blocks, and names it through this module.
//! `tests/threads_model.rs` compiles the same files against a `sync` module of its own,
//! which re-exports the model checker's.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
