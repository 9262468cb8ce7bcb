//! The command `lithify data-file`: what it answers, and what is left when it is killed.

mod command;
#[path = "../../../specimens/tests/data_file/fixture.rs"]
#[expect(dead_code, reason = "the tests of the specimen need the rest")]
mod fixture;
mod killed;
