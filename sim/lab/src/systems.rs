//! The systems that are the engine itself: its store, its threaded driver, and replicas.

pub mod lithify;
pub mod lithify_db;
pub mod replica;
