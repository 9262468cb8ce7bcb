//! Archives of [`lithify`] stores in object stores.
//!
//! An archive holds every commit of a store as immutable objects. The name of each object follows from
//! commit numbers and the divisor, so readers need no list and no manifest. Any number of machines
//! read an archive while one writes it; of two that write, one is refused. `design/archive.md`
//! describes the format and the protocol.
//!
//! ```
//! use std::sync::Arc;
//! use lithify::{Commit, Options, Store, WriteBatch, fs::MemFs};
//! use lithify_archive::{Place, Reader, push};
//!
//! let mut store = Store::open(Arc::new(MemFs::new()), Options::default())?;
//! for value in [b"igneous", b"eroding"] {
//!     let mut batch = WriteBatch::new();
//!     batch.put("stones", b"granite", value);
//!     store.commit(&batch)?;
//! }
//!
//! let place = Arc::new(Place::new("memory:")?);
//! push(&*place, &mut store)?;
//!
//! let reader = Reader::open(place)?;
//! let snapshot = reader.snapshot_at(Commit::new(1))?;
//! assert_eq!(snapshot.get("stones", b"granite")?.unwrap(), "igneous");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Reading order: `names` and `plan` (pure arithmetic), `object`, `body` and `piece` (the format), `ask`
//! (requests one by one), `archive`, `read`, `push`, `trim`, `verify` and `list` (the protocol), `drive` (over the
//! library `object_store`), `local` (with a store on this machine).

#[macro_use]
#[cfg(feature = "planted-bugs")]
pub mod planted;
#[macro_use]
#[cfg(not(feature = "planted-bugs"))]
mod planted;

pub mod archive;
pub mod ask;
mod body;
mod cache;
pub mod drive;
pub mod error;
pub mod list;
pub mod local;
pub mod names;
pub mod number;
mod object;
mod piece;
pub mod plan;
pub mod push;
pub mod read;
pub mod trim;
pub mod verify;

pub use archive::Archive;
pub use ask::{Conversation, Objects, Port, Reply, Request, Step};
pub use cache::CACHE_BYTES;
pub use drive::Place;
pub use error::{Error, Result};
pub use local::{Reader, Snapshot, pull, push, restore, verify};
pub use number::Number;
pub use push::Writer;
pub use read::View;
pub use trim::Trimmed;
pub use verify::Verified;
