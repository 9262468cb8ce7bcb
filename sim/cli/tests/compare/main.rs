//! The command `lithify compare` and a specimen: the policy `wal-ratio` must decide as
//! the system of the same name. Only the binary has both.

mod command;
#[path = "../../../policies/tests/compare/support.rs"]
#[expect(dead_code, reason = "the tests of the policies need the rest")]
mod support;
mod wal_ratio;
