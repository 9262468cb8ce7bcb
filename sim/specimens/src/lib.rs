//! The three designs from which lithify was developed, as working stores. Each design is a
//! [`System`](lithify_sim::system::System) of the laboratory with its own planted bugs. Each can
//! also run for real, with threads and a clock; only the modules `shared` and `background` use
//! these.
//!
//! [`snapshot_log`] is a log with snapshots, [`wal_ratio`] a log that rewrites itself,
//! [`data_file`] a data file with dead space. Each design has a page in `design/` that explains
//! its specification. `parts` holds the code that several designs share.

pub mod data_file;
mod parts;
pub mod snapshot_log;
pub mod wal_ratio;
