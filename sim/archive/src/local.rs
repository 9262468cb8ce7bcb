//! An archive and a store on this machine: push, pull, restore, and reading without a store.
//!
//! Invariants:
//! - a push compares the whole history of the store with the digest in the archive before it writes, so
//!   a store with another history changes nothing;
//! - a pull makes a replica, which compares the history before each commit with its own;
//! - a restore is a pull into an empty directory, and then a promotion. Until that is complete, a marker
//!   is in the directory, and the next restore goes on.
//!
//! Memory: a few MiB of commits, one object, and the cache.

mod pull;
mod push;
mod reader;

pub use pull::{pull, restore};
pub use push::{Pushed, push};
pub use reader::{Reader, Snapshot};

/// A number that nobody else has.
fn draw() -> Result<crate::Number, crate::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| crate::Error::Failed {
        verb: "draw a number for",
        name: crate::names::ARCHIVE.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(crate::Number(u128::from_le_bytes(bytes)))
}

/// Checks every object of an archive: see [`Archive::verify`](crate::Archive::verify).
///
/// # Errors
/// [`Error::NoArchive`](crate::Error::NoArchive), and errors of the store; damage is a finding.
pub fn verify(objects: &dyn crate::Objects) -> Result<crate::Verified, crate::Error> {
    let verifying = crate::Conversation::new(|port| async move {
        crate::Archive::open(&port, 0).await?.verify(&port).await
    });
    verifying.run(objects)
}
