//! What is made of a finding: again, smaller, why, and which others have one cause.
//!
//! [`traces`]: the text of a plan; [`replay`], [`shrink`], [`explain`]; [`signature`]: the line
//! that findings with one cause have in common; [`gathered`]: many, by that line.

pub mod explain;
pub mod gathered;
pub mod replay;
pub mod shrink;
pub mod signature;
pub mod traces;
