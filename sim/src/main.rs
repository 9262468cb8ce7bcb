//! The command line of lithify. See `lithify --help`, and [`cli`] for the code.

mod cli;

/// Simulations allocate all the time; this allocator makes them a quarter faster than
/// the one of the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
