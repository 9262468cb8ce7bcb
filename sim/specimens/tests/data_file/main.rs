//! Goal: a store on one append-only file keeps every commit while the file is copied,
//! swapped and cleaned up, and all statements about its policy, statistics and replicas are
//! exact to the byte.
//!
//! Method: [`policy`] is a table over virtual time. [`gaps`] puts each kind of write between
//! any two steps of a compaction, and compares values, files and statistics with the rule.
//! [`swap`] interrupts the swap between its renames. [`drawn`] does all of this with drawn
//! histories. [`replicas`] replicates commits to other stores. [`threads`] stops the
//! background thread at gates in the file system, so that readers and writers run in every
//! phase. [`kills`] plants each bug and expects a finding of the laboratory. The laboratory
//! itself tests all other crashes: `lithify sim run --system data-file`.

mod drawn;
mod fixture;
mod gaps;
mod kills;
mod policy;
mod replicas;
mod swap;
mod threads;
