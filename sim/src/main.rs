//! The command line of lithify. See `lithify --help`, and [`cli`] for the code.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
