//! Goal: the log that rewrites itself does so when its policy says and never else, costs
//! what the laws say, and loses nothing whatever happens on the way.
//!
//! Method: the policy is a table of cases in virtual time ([`policy`]). The laws of space
//! and writing are compared as exact numbers, for the hundred thousand writes of one key
//! that the design is about and for drawn histories ([`laws`]). What a rewrite does when
//! it is interrupted, fails, or is met by commits is told as scenarios on the simulated
//! disk ([`scenarios`]), with the order of file operations as a reviewed snapshot. The
//! laboratory then crashes it everywhere and hunts the planted bugs ([`laboratory`]),
//! and the same code runs with real threads behind a gate that holds the worker at each
//! operation of a rewrite ([`threads`]).

mod laboratory;
mod laws;
mod policy;
mod scenarios;
mod threads;
