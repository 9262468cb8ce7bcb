//! Transactions: read, decide, write, and commit only if no other commit has written what was read.
//!
//! A transaction reads a snapshot and its own writes. It takes no lock and never waits. At its
//! commit all its reads are checked again: if a commit after its snapshot has written one of the
//! keys, or a key in a range that was walked, the transaction is refused with
//! [`Error::Conflict`](crate::Error::Conflict) and nothing is written. So committed transactions
//! are serializable: each behaves as if it had run alone, at the number of its commit. (Optimistic
//! concurrency control with backward validation: Kung and Robinson, ACM TODS 1981.)
//!
//! `draft` is a transaction before its commit, `reads` decides whether it conflicts, and `overlay`
//! combines its writes with the snapshot. None of them depends on threads.

mod draft;
mod overlay;
mod reads;

pub use draft::Draft;
pub use overlay::Overlay;
pub(crate) use reads::Reads;
