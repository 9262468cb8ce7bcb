//! An embeddable, commit-addressed store whose compaction happens at predictable
//! commit numbers.
//!
//! Every commit has a number, and every commit can be read back. Segments are merged at aligned
//! commit numbers: a segment of level *l* covers exactly one window of `divisor^l` commits. So the
//! settled layout is a pure function of history and options: it is the same after every crash,
//! restart and order of events.
//!
//! Start at [`Db`], which any number of threads share, or at [`Store`], whose single owner decides
//! when compaction happens.
//!
//! ```
//! use lithify::Db;
//!
//! let db = Db::open_in_memory()?; // or Db::open("a/directory")
//! let files = db.keyspace("files")?;
//! let commit = files.put("README.md", "hello")?;
//! files.put("README.md", "hello again")?;
//! assert_eq!(files.get("README.md")?.unwrap(), "hello again");
//! assert_eq!(files.at(commit)?.get("README.md")?.unwrap(), "hello");
//! # Ok::<(), lithify::Error>(())
//! ```
//!
//! # Features
//!
//! - `lz4`, `zstd` (default): compression of blocks. `zstd` needs a C compiler.
//! - `prometheus`: [`Stats`] for a registry of `prometheus-client`, see `metrics`.
//! - `tracing`: spans and events with the target `lithify`. Spans: `open`, `look` (a reader beside a
//!   writer), `replay`, `commit` (one write of a group, with its sync), `append`, `sync`, `merge` and
//!   `file_job` (one step of the compactor each), `close`. Events: `created`, `opened`, `closed` (the
//!   windows of a commit), `published`, `removed` (a file), `poisoned`. A subscriber with a clock turns
//!   spans into times; the engine itself reads no clock. Some events are told while the store is
//!   locked, so a subscriber must not call the store.

#[macro_use]
#[cfg(feature = "planted-bugs")]
pub mod planted;
#[macro_use]
#[cfg(not(feature = "planted-bugs"))]
mod planted;
#[macro_use]
#[cfg(feature = "planted-bugs")]
pub mod marks;
#[macro_use]
#[cfg(not(feature = "planted-bugs"))]
mod marks;

#[macro_use]
mod work;
#[macro_use]
mod spans;

pub mod align;
pub mod backup;
mod batch;
mod beside;
mod codec;
pub mod commit;
mod compactor;
mod compress;
pub mod damaged;
pub mod error;
pub mod event;
pub mod files;
pub mod fs;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod handle;
mod histogram;
mod identity;
pub mod layout;
pub mod limits;
mod log;
mod manifest;
#[cfg(feature = "prometheus")]
pub mod metrics;
mod names;
pub mod options;
mod policy;
pub mod predict;
pub mod read;
mod recent;
mod recover;
mod replica;
mod retention;
mod role;
mod segment;
mod slice;
pub mod stats;
mod storage;
mod store;
pub mod stream;
mod sweep;
mod threads;
mod thresholds;
pub mod transaction;
pub mod verify;
mod version;
mod wal;
mod whole_file;

pub use align::{Alignment, Cascade, Level, Window};
pub use backup::{BackedUp, Backup};
pub use batch::WriteBatch;
pub use commit::Commit;
pub use compactor::Step;
pub use error::{Damage, Error, Result};
pub use event::Event;
pub use handle::{Batch, Builder, Keyspace, Transaction, View};
pub use layout::Layout;
pub use options::{Compression, Durability, History, Options, Pacing, Placement, RemoveInputs};
pub use read::{KeyRange, Snapshot};
pub use replica::Replica;
pub use slice::Slice;
pub use stats::Stats;
pub use store::Store;
pub use threads::{Db, PendingCommit, Pressure, stepped};
#[doc(hidden)]
pub use thresholds::Thresholds;
