//! Refuses to measure a build with planted bugs.
//!
//! In such a build each place of a bug reads a variable of the thread: a tenth of all instructions
//! of a commit. `cargo bench` for the whole workspace makes such a build, because tests of other
//! packages ask for the feature.

use std::process::exit;

/// Ends the program if it was to measure a build with planted bugs.
pub(crate) fn refuse() {
    let is_full = std::env::args().any(|argument| argument == "--bench");
    if is_full && cfg!(feature = "planted-bugs") {
        eprintln!(
            "this build has planted bugs, which take time in every commit: its numbers would say \
             nothing about lithify. Use cargo bench -p lithify"
        );
        exit(2);
    }
}
