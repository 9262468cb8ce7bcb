//! Goal: the log that rewrites itself does so exactly when its policy says so, costs what
//! the laws say, and loses nothing in any interruption.
//!
//! Method: the policy is a table of cases in virtual time ([`policy`]). The laws of space
//! and writing are compared as exact numbers, for drawn histories and for a hundred
//! thousand writes of one key, the case for which the design was made ([`laws`]).
//! Scenarios on the simulated disk show what a rewrite does when it is interrupted,
//! fails, or runs together with commits ([`scenarios`]); the order of file operations is
//! a reviewed snapshot. The laboratory then crashes the store at every point and searches
//! for the planted bugs ([`laboratory`]). The same code runs with real threads, with a
//! gate that holds the worker at each operation of a rewrite ([`threads`]).

mod laboratory;
mod laws;
mod policy;
mod scenarios;
mod threads;
