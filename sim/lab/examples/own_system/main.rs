//! A store of one's own in the laboratory, with every command for it.
//!
//!     cargo run --release -p lithify-sim --example own_system -- run --seeds 200
//!     cargo run --release -p lithify-sim --example own_system -- mutants
//!     cargo run --release -p lithify-sim --example own_system -- run --bug directory-not-synced
//!
//! The last command leaves out the sync of the directory: the lines are on the disk, and the
//! name of the file may not be. It ends by naming the commands that show it again and say why.

mod store;

fn main() -> std::process::ExitCode {
    lithify_sim::cli::main(&[&store::TinyLog])
}

#[test]
fn it_keeps_its_promises() {
    lithify_sim::check(&store::TinyLog);
}
