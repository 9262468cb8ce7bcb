//! The change stream for a wire: a header, and then one line for each commit.
//!
//! [`Changes`] gives the writes of each commit inside one process. This module gives the same stream
//! as values for `serde`, so that a primary and its replica can be two processes. A [`Sender`] makes
//! the [`Header`] and the [`Line`]s; a [`Receiver`] checks them and returns [`CommitChanges`] for
//! [`Replica::apply`](crate::Replica::apply). The transport is up to the caller. The format needs a
//! self-describing encoding, for example JSON, CBOR or MessagePack. The commands `lithify changes`
//! and `lithify follow` use JSON, with one value on each text line.
//!
//! The header states the placement, the commits between which the stream runs, and the digests of
//! the history before it. Every line ends with a digest of the contents of the header and of all
//! lines up to this one. So a changed line is detected before its commit is applied, and a stream
//! can be encoded again without a change of its digests. The digest detects accidents; it does not
//! withstand an adversary.
//!
//! Digests are hexadecimal text of 32 digits, because many parsers of JSON round large numbers.
//! Keys and values are text if they are UTF-8, and otherwise an object `{"hex":"00ff"}`.
//!
//! ```
//! use std::sync::Arc;
//! use lithify::stream::{Receiver, Sender};
//! use lithify::{Commit, Options, Replica, Store, WriteBatch, fs::MemFs};
//!
//! let mut primary = Store::open(Arc::new(MemFs::new()), Options::default())?;
//! let mut batch = WriteBatch::new();
//! batch.put("stones", b"granite", b"igneous");
//! primary.commit(&batch)?;
//!
//! // The primary.
//! let changes = primary.changes_since(Commit::ZERO)?;
//! let mut sender = Sender::new(primary.placement(), &changes);
//! let mut wire = vec![serde_json::to_string(&sender.header())?];
//! for changes in changes {
//!     wire.push(serde_json::to_string(&sender.line(changes?))?);
//! }
//!
//! // The replica.
//! let mut receiver = Receiver::new(serde_json::from_str(&wire[0])?)?;
//! let options = Options { placement: Some(receiver.header().placement().clone()), ..Options::default() };
//! let mut replica = Replica::open(Arc::new(MemFs::new()), options)?;
//! replica.compare(&receiver.header().trail())?;
//! for line in &wire[1..] {
//!     replica.apply(&receiver.take(serde_json::from_str(line)?)?)?;
//! }
//! receiver.finish()?;
//! assert_eq!(replica.store().layout(), primary.layout());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod digest;
mod error;
mod header;
mod line;
mod receiver;
mod sender;
pub mod text_or_hex;

pub use error::StreamError;
pub use header::{Header, Version};
pub use line::Line;
pub use receiver::Receiver;
pub use sender::Sender;

#[cfg(doc)]
use crate::read::{Changes, CommitChanges};

/// The version of the stream. A receiver takes streams of its own version only.
pub const VERSION: u32 = 4;
