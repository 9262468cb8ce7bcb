//! What is done with a finding: it is repeated, shrunk, explained, and grouped by its
//! cause.
//!
//! [`traces`]: the text of a plan. [`replay`], [`shrink`] and [`explain`] do what their
//! names say. [`signature`]: the line that findings with one cause have in common.
//! [`gathered`]: many findings, grouped by that line. [`report`]: all facts about one of
//! them, for pages and programs.

pub mod explain;
pub mod gathered;
pub mod replay;
pub mod report;
pub mod shrink;
pub mod signature;
pub mod traces;
