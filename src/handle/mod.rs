//! Handles: what a program holds of a [`Db`](crate::Db), so that it need not name the store and the
//! keyspace in each call.
//!
//! A [`Keyspace`] reads and writes at the newest commit, a [`View`] reads as of one commit, a
//! [`Batch`] collects writes for one commit, and a [`Transaction`] reads before it writes. They add
//! nothing to what [`Snapshot`](crate::Snapshot), [`WriteBatch`](crate::WriteBatch) and
//! [`Draft`](crate::transaction::Draft) do; they only know whose it is.

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
