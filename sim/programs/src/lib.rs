//! Records any program, and says what a loss of power would have left of its files.
//!
//! Reading order: [`strace`] (lines to calls), [`follow`] (calls to steps), [`steps`] (steps to a disk of
//! the laboratory), [`recording`] (the file), [`record()`] (all of it). Then [`losses`] (what a crash may
//! leave), [`checker`] (who judges), [`crash`] (image by image), and [`questions`], [`reads`], [`cubes`],
//! [`classes`] (all images, by what the checker has read).
//!
//! `design/programs.md` is the page for users, `design/decisions/0015-recorder.md` says why it is built
//! so. The laboratory and the engine know nothing of this package.

mod base;
pub mod blobs;
pub mod checker;
pub mod classes;
pub mod crash;
pub mod cubes;
pub mod edit;
pub mod failure;
pub mod fix;
pub mod follow;
pub mod gaps;
pub mod inject;
pub mod losses;
pub mod names;
mod processes;
pub mod questions;
pub mod reads;
pub mod record;
pub mod recording;
pub mod shrink;
pub mod steps;
pub mod strace;

pub use record::{Request, record, strace_version};
pub use recording::Recording;

/// Writes the image of a loss into a new directory, and what the user had seen to a file beside
/// it, whose name has `.stdout` at its end.
///
/// # Errors
/// When the directory is there, or cannot be written.
pub fn write_image(
    crashes: &losses::Crashes<'_>,
    loss: &losses::Loss,
    to: &std::path::Path,
) -> Result<(), failure::Failure> {
    let bad = |error: std::io::Error| failure::Failure::io(error.to_string());
    let (key, shown) = crashes.image(loss);
    base::with_path(to, std::fs::create_dir(to)).map_err(bad)?;
    base::write(to, &shown).map_err(bad)?;
    let mut beside = to.as_os_str().to_owned();
    beside.push(".stdout");
    let output = crashes.disk().output(key.outputs);
    std::fs::write(beside, output).map_err(bad)
}
