//! Handles of a [`Db`](crate::Db) for programs, so that a program need not name the store and the
//! keyspace in each call.
//!
//! A [`Keyspace`] reads and writes at the newest commit, a [`View`] reads as of one commit, a
//! [`Batch`] collects writes for one commit, and a [`Transaction`] reads before it writes. They add
//! no function to [`Snapshot`](crate::Snapshot), [`WriteBatch`](crate::WriteBatch) and
//! [`Draft`](crate::transaction::Draft); they only remember the store and the keyspace.

mod batch;
mod builder;
mod keyspace;
mod transaction;
mod view;

pub use batch::Batch;
pub use builder::Builder;
pub use keyspace::Keyspace;
pub use transaction::Transaction;
pub use view::View;
