//! The facts about a segment that are known without reading its entries.
//!
//! The identity of a segment is logical: keyspace, level, and the right edge of its window. It does
//! not change when the bytes move. Two stores with the same history and placement use the same
//! identities.

use crate::align::{Level, Window};
use crate::codec::{Decoder, put_varint};
use crate::commit::Commit;
use crate::segment::block::BlockHandle;

/// The number of a keyspace, dense from 0 in order of first use.
pub(crate) type KeyspaceId = u32;

/// The identity of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentId {
    pub(crate) keyspace: KeyspaceId,
    /// The right edge of the window.
    pub(crate) end: Commit,
    pub(crate) level: Level,
}

impl SegmentId {
    pub(crate) fn encode(self, buffer: &mut Vec<u8>) {
        put_varint(buffer, u64::from(self.keyspace));
        put_varint(buffer, self.end.get());
        buffer.push(self.level);
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Option<Self> {
        let keyspace = u32::try_from(decoder.varint()?).ok()?;
        Some(Self {
            keyspace,
            end: decoder.commit()?,
            level: decoder.u8()?,
        })
    }
}

/// An input of a merge, as the output records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InputMeta {
    pub(crate) end: Commit,
    pub(crate) level: Level,
    pub(crate) first: Commit,
}

/// The facts about a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentMeta {
    pub(crate) keyspace: KeyspaceId,
    pub(crate) window: Window,
    /// The first commit that wrote to the keyspace inside the window.
    pub(crate) first: Commit,
    /// The last commit that wrote to the keyspace inside the window.
    pub(crate) last: Commit,
    /// The earliest commit inside `first..=last` that can be read from this segment
    /// alone; `first` when nothing was thinned out.
    pub(crate) floor: Commit,
    /// The number of commits that wrote to the keyspace inside the window.
    pub(crate) commits: u64,
    /// The number of versions, deletions included.
    pub(crate) entries: u64,
    /// The number of deletions among them.
    pub(crate) tombstones: u64,
    /// The number of distinct keys among them. For a segment in memory this is an upper bound, see
    /// [`Segment::keys`](crate::segment::Segment::keys).
    pub(crate) keys: u64,
    /// The bytes of their keys and values.
    pub(crate) bytes: u64,
    /// The inputs that were merged into the segment, oldest first. Empty for level 0, and when
    /// inputs are always removed at once.
    pub(crate) inputs: Vec<InputMeta>,
}

impl SegmentMeta {
    pub(crate) fn id(&self) -> SegmentId {
        SegmentId {
            keyspace: self.keyspace,
            end: self.window.end,
            level: self.window.level,
        }
    }

    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        self.id().encode(buffer);
        put_varint(buffer, self.window.start.get());
        for value in [
            self.first.get(),
            self.last.get(),
            self.floor.get(),
            self.commits,
            self.entries,
            self.tombstones,
            self.keys,
            self.bytes,
            self.inputs.len() as u64,
        ] {
            put_varint(buffer, value);
        }
        for input in &self.inputs {
            put_varint(buffer, input.end.get());
            buffer.push(input.level);
            put_varint(buffer, input.first.get());
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Option<Self> {
        let id = SegmentId::decode(decoder)?;
        let start = decoder.commit()?;
        let mut meta = Self {
            keyspace: id.keyspace,
            window: Window {
                level: id.level,
                start,
                end: id.end,
            },
            first: decoder.commit()?,
            last: decoder.commit()?,
            floor: decoder.commit()?,
            commits: decoder.varint()?,
            entries: decoder.varint()?,
            tombstones: decoder.varint()?,
            keys: decoder.varint()?,
            bytes: decoder.varint()?,
            inputs: Vec::new(),
        };
        let inputs = decoder.length()?;
        // Each input takes at least three bytes, so a damaged count cannot make us allocate more
        // than the bytes at hand.
        meta.inputs.reserve(inputs.min(decoder.remaining() / 3));
        for _ in 0..inputs {
            meta.inputs.push(InputMeta {
                end: decoder.commit()?,
                level: decoder.u8()?,
                first: decoder.commit()?,
            });
        }
        Some(meta)
    }
}

/// The place of a segment in a segment file. The entry blocks follow one another and end where the
/// filter begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: u64,
    /// The start of the first entry block.
    pub(crate) start: u64,
    /// Zero length when the segment has no filter.
    pub(crate) filter: BlockHandle,
    pub(crate) index: BlockHandle,
}

impl Place {
    /// Bytes of the file that belong to the segment. Saturates, because a forged manifest can hold
    /// any numbers.
    pub(crate) fn length(&self) -> u64 {
        self.index.end().saturating_sub(self.start)
    }

    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        put_varint(buffer, self.file);
        put_varint(buffer, self.start);
        self.filter.encode(buffer);
        self.index.encode(buffer);
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Option<Self> {
        Some(Self {
            file: decoder.varint()?,
            start: decoder.varint()?,
            filter: BlockHandle::decode(decoder)?,
            index: BlockHandle::decode(decoder)?,
        })
    }
}
