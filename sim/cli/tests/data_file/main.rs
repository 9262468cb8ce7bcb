//! The command `lithify data-file`: its answers, and the state after it is killed.

mod command;
#[path = "../../../specimens/tests/data_file/fixture.rs"]
#[expect(dead_code, reason = "the tests of the specimen need the rest")]
mod fixture;
mod killed;
