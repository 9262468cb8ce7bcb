//! The command `lithify compare`, and what it says of a specimen: the policy `wal-ratio` decides
//! as the system of its name does, which only the binary has beside it.

mod command;
#[path = "../../../policies/tests/compare/support.rs"]
#[expect(dead_code, reason = "the tests of the policies need the rest")]
mod support;
mod wal_ratio;
