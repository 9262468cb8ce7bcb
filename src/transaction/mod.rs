//! Transactions: read, decide, write, and commit only if nobody has come in between.
//!
//! A transaction reads a snapshot and its own writes. It takes no lock and waits for nobody. When
//! it is committed, everything that it has read is looked at once more: if a commit after its
//! snapshot has written one of the keys, or a key in a range that it has walked, it is refused
//! with [`Error::Conflict`](crate::Error::Conflict) and nothing is written. So transactions that
//! are committed are serializable: each is as if it had run alone, at the number of its commit.
//! (Optimistic concurrency control with backward validation: Kung and Robinson, ACM TODS 1981.)
//!
//! `draft` is what a transaction does before it is committed, `reads` decides whether it conflicts,
//! and `overlay` lays its writes over what the snapshot has. None of them knows of threads.

mod draft;
mod overlay;
mod reads;

pub use draft::Draft;
pub use overlay::Overlay;
pub(crate) use reads::Reads;
