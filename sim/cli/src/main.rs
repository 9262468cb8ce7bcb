//! The command line of lithify. See `lithify --help`, and `lithify_cli` for the code.

/// Simulations allocate all the time. They run a quarter faster with this allocator
/// than with that of the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    lithify_cli::main()
}
