//! Keys and values as reads return them: without a copy.
//!
//! A slice shares the memory that it was read from (a decoded block or a run of entries) and keeps
//! that memory alive. So a program that keeps a few small values for a long time should copy them
//! ([`to_vec`](<[u8]>::to_vec)): otherwise it holds whole blocks for a few bytes. A block has about
//! [`Options::block_bytes`](crate::Options::block_bytes); a run has up to
//! [`Options::memory_budget_bytes`](crate::Options::memory_budget_bytes).
//!
//! Invariant: the range is inside the bytes of the run, which never change.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteBuf, Bytes};

use crate::segment::run::Run;

/// A key or a value: bytes that are cheap to clone.
///
/// It is a `[u8]` wherever one is needed, and compares with byte slices, arrays and vectors.
///
/// ```
/// use std::sync::Arc;
/// use lithify::{Options, Store, WriteBatch, fs::MemFs};
///
/// let mut store = Store::open(Arc::new(MemFs::new()), Options::default())?;
/// let mut batch = WriteBatch::new();
/// batch.put("stones", b"granite", b"igneous");
/// store.commit(&batch)?;
///
/// let value = store.get("stones", b"granite")?.expect("it was put");
/// assert_eq!(value, b"igneous");
/// assert!(value.starts_with(b"ign"));
/// let owned: Vec<u8> = value.to_vec();
/// # Ok::<(), lithify::Error>(())
/// ```
#[derive(Clone)]
pub struct Slice {
    run: Arc<Run>,
    start: u32,
    end: u32,
}

impl Slice {
    /// A part of the bytes of a run.
    pub(crate) fn of(run: &Arc<Run>, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= run.bytes().len(),
            "bytes {range:?} of a run of {}",
            run.bytes().len()
        );
        Self {
            run: Arc::clone(run),
            // A run has less than 4 GiB.
            start: range.start as u32,
            end: range.end as u32,
        }
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.run.bytes()[self.start as usize..self.end as usize]
    }
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Slice {
    fn borrow(&self) -> &[u8] {
        self
    }
}

/// A slice with memory of its own.
///
/// # Panics
/// When there are 4 GiB or more.
impl From<Vec<u8>> for Slice {
    fn from(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        assert!(
            u32::try_from(end).is_ok(),
            "a slice of {end} bytes: no value of a store is so long"
        );
        Self::of(&Arc::new(Run::over(bytes, 0)), 0..end)
    }
}

impl From<&[u8]> for Slice {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl<const LENGTH: usize> From<&[u8; LENGTH]> for Slice {
    fn from(bytes: &[u8; LENGTH]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<&str> for Slice {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

/// Bytes, where the format has them; otherwise a sequence of numbers.
impl Serialize for Slice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Bytes::new(self).serialize(serializer)
    }
}

/// A slice with memory of its own, from bytes, a sequence of numbers, or text.
impl<'de> Deserialize<'de> for Slice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = ByteBuf::deserialize(deserializer)?.into_vec();
        match u32::try_from(bytes.len()) {
            Ok(_) => Ok(bytes.into()),
            Err(_) => Err(D::Error::invalid_length(bytes.len(), &"less than 4 GiB")),
        }
    }
}

impl From<Slice> for Vec<u8> {
    fn from(slice: Slice) -> Self {
        slice.to_vec()
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.escape_ascii())
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Slice {
    fn eq(&self, other: &T) -> bool {
        **self == *other.as_ref()
    }
}

impl PartialEq<Slice> for [u8] {
    fn eq(&self, other: &Slice) -> bool {
        *self == **other
    }
}

impl PartialEq<Slice> for &[u8] {
    fn eq(&self, other: &Slice) -> bool {
        **self == **other
    }
}

impl PartialEq<Slice> for Vec<u8> {
    fn eq(&self, other: &Slice) -> bool {
        **self == **other
    }
}

impl Eq for Slice {}

impl PartialOrd for Slice {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Slice {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

/// Hashes like a byte slice, because it may stand for one in a map.
impl Hash for Slice {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::Commit;
    use crate::segment::run::EntryRef;

    fn run() -> Arc<Run> {
        let mut run = Run::default();
        run.push(EntryRef {
            key: b"key",
            commit: Commit::new(1),
            value: Some(b"value\xff"),
        });
        Arc::new(run)
    }

    #[test]
    fn it_is_the_bytes_that_it_was_read_from() {
        let slice = Slice::of(&run(), 3..9);
        assert_eq!(slice, b"value\xff");
        assert_eq!(slice, b"value\xff".to_vec());
        assert_eq!(Vec::from(slice.clone()), b"value\xff");
        assert_eq!(format!("{slice:?}"), r#""value\xff""#);
        assert!(Slice::of(&run(), 0..3) < slice);
        assert!(Slice::of(&run(), 3..3).is_empty());
    }

    #[test]
    fn it_keeps_alive_what_it_shares() {
        let run = run();
        let weak = Arc::downgrade(&run);
        let slice = Slice::of(&run, 0..3);
        drop(run);
        assert_eq!(slice, "key");
        drop(slice);
        assert!(weak.upgrade().is_none());
    }

    #[test]
    #[should_panic(expected = "bytes 3..10 of a run of 9")]
    fn nothing_lies_behind_the_end() {
        Slice::of(&run(), 3..10);
    }
}
