//! Goal: the command line does what its help says, in text and in JSON, and ends as its
//! help says if something is wrong.
//!
//! Method: the binary runs on a small repository that the tests build with `git`
//! itself, with every kind of change that a history can make to a path. Trees are
//! compared with git's own output, outputs with reviewed snapshots, and failures by
//! exit code and by their one line. No test needs the network or the user's git
//! configuration.

mod archives;
mod backups;
mod bad_input;
mod bad_store;
mod bisecting;
mod exporting;
mod fixture;
mod help;
mod importing;
mod programs;
mod reading;
mod replicas;
mod repositories;
mod salvaging;
mod terminal;
mod verifying;
mod writing;
