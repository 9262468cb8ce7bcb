//! The locks and condition variables that the protocols in this folder are made of.
//!
//! `ticket`, `queue`, `inbox`, `gate` and `worker` name nothing else that blocks, and
//! they name it through this module. `tests/threads_model.rs` compiles the same files
//! against a `sync` module of its own, which re-exports the model checker's.

pub(crate) use std::sync::{Condvar, Mutex};
