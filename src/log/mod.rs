//! Records in an append-only file: the framing that the WAL and the manifest share.
//!
//! A record is `tag u32 | length u32 | synced u64 | checksum u32 | payload`.
//!
//! - `tag` is a hash of (file salt, offset). It makes a candidate record cheap to
//!   reject, so the reader can look for survivors behind a damaged one.
//! - `synced` is the offset up to which the file was known to be durable when the
//!   record was written. A bad record *below* a mark found further on was durable
//!   once, so it is damage; a bad record above every mark is a torn tail.
//! - `checksum` covers salt, offset, the other header fields and the payload: a
//!   record of another file, of an earlier incarnation, or at another place never
//!   passes.
//!
//! This module does not know what a payload means.

mod reader;
mod writer;

pub(crate) use reader::{Scan, Tail, scan};
pub(crate) use writer::LogWriter;

use crate::files::{checksum, mix};

/// The length of a record's header in bytes.
pub(crate) const HEADER_BYTES: usize = 20;

/// The tag of a record at `offset`; never zero, so that zero-filled space never
/// looks like a record.
fn tag_at(salt: u64, offset: u64) -> u32 {
    (mix(salt ^ offset.rotate_left(17)) >> 32) as u32 | 1
}

/// The checksum of a record whose header is `header` (the checksum field left out).
fn record_checksum(salt: u64, offset: u64, header: &[u8], payload: &[u8]) -> u32 {
    checksum(salt, offset, &[header, payload])
}
