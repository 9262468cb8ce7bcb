//! Goal: a store on one append-only file keeps every commit while the file is copied,
//! swapped and cleaned up under it, and what is said about its policy, its statistics and
//! its replicas is true to the byte.
//!
//! Method: [`policy`] is a table over virtual time. [`gaps`] puts each kind of write between
//! any two steps of a compaction, and compares values, files and statistics with what the
//! rule says. [`swap`] interrupts the swap between its renames. [`drawn`] does all of this
//! with drawn histories. [`replicas`] repeats commits elsewhere. [`threads`] stops the
//! background thread at gates in the file system, so that readers and writers meet every
//! phase. [`kills`] plants each bug and wants the laboratory
//! to object. Crashes of every other kind are the business of the laboratory itself:
//! `lithify sim run --system data-file`.

mod drawn;
mod fixture;
mod gaps;
mod kills;
mod policy;
mod replicas;
mod swap;
mod threads;
