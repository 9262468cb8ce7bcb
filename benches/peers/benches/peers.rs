//! The program of `cargo bench -p lithify-bench`: all of it is in the library, where tests reach it.

/// The same allocator for every engine that is written in Rust; the C and C++ ones bring their own calls.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    lithify_bench::run()
}
