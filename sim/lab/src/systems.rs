//! The systems that consist of the engine: its store, its threaded driver, replicas,
//! and backups.

pub mod backup;
mod inside;
pub mod lithify;
pub mod lithify_db;
pub mod replica;
mod shared_disk;
