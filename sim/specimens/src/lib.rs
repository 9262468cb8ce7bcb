//! The designs that lithify came from, as stores that run: each is a
//! [`System`](lithify_sim::system::System) of the laboratory with planted bugs of its own, and
//! runs for real with threads and a clock, which only the `shared` and `background` modules have.
//!
//! [`snapshot_log`] is a log with snapshots, [`wal_ratio`] a log that rewrites itself,
//! [`data_file`] a data file with dead space. Each has a page in `design/` that walks through
//! its document. `parts` is what more than one is built from.

pub mod data_file;
mod parts;
pub mod snapshot_log;
pub mod wal_ratio;
