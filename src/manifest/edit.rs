//! One change of the manifest's state, and its encoding.

use crate::align::Alignment;
use crate::codec::{Decoder, put_bytes, put_varint};
use crate::commit::Commit;
use crate::options::{History, Placement, RemoveInputs};
use crate::segment::{Place, SegmentId, SegmentMeta};

/// A segment file that is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewFile {
    pub(crate) number: u64,
    pub(crate) length: u64,
    /// The number in the preamble and in the salt of the file: another file in its place does not
    /// pass. See [`crate::fs::Fs::fresh_number`].
    pub(crate) fresh: u64,
}

/// A change that is applied as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Every commit up to here is in files once the edit is durable.
    pub(crate) flushed_through: Commit,
    /// The first WAL file that may hold later commits.
    pub(crate) oldest_wal: u64,
    /// File numbers from here on are unused.
    pub(crate) next_file: u64,
    /// Keyspaces that are added, in order of their numbers.
    pub(crate) keyspaces: Vec<String>,
    /// Files that are added.
    pub(crate) files: Vec<NewFile>,
    /// Segments that are removed, listed one by one. A segment that moves to another file is
    /// removed and added.
    pub(crate) removed: Vec<SegmentId>,
    /// Segments that are added.
    pub(crate) added: Vec<(SegmentMeta, Place)>,
}

impl Edit {
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        put_varint(buffer, self.flushed_through.get());
        put_varint(buffer, self.oldest_wal);
        put_varint(buffer, self.next_file);
        put_varint(buffer, self.keyspaces.len() as u64);
        for name in &self.keyspaces {
            put_bytes(buffer, name.as_bytes());
        }
        put_varint(buffer, self.files.len() as u64);
        for file in &self.files {
            put_varint(buffer, file.number);
            put_varint(buffer, file.length);
            buffer.extend_from_slice(&file.fresh.to_le_bytes());
        }
        put_varint(buffer, self.removed.len() as u64);
        for id in &self.removed {
            id.encode(buffer);
        }
        put_varint(buffer, self.added.len() as u64);
        for (meta, place) in &self.added {
            meta.encode(buffer);
            place.encode(buffer);
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut edit = Self {
            flushed_through: decoder.commit()?,
            oldest_wal: decoder.varint()?,
            next_file: decoder.varint()?,
            ..Self::default()
        };
        for _ in 0..decoder.length()? {
            edit.keyspaces
                .push(String::from_utf8(decoder.bytes()?.to_vec()).ok()?);
        }
        for _ in 0..decoder.length()? {
            edit.files.push(NewFile {
                number: decoder.varint()?,
                length: decoder.varint()?,
                fresh: decoder.u64()?,
            });
        }
        for _ in 0..decoder.length()? {
            edit.removed.push(SegmentId::decode(decoder)?);
        }
        for _ in 0..decoder.length()? {
            edit.added
                .push((SegmentMeta::decode(decoder)?, Place::decode(decoder)?));
        }
        Some(edit)
    }
}

/// Encodes the placement that a store was created with.
pub(crate) fn encode_placement(placement: &Placement, buffer: &mut Vec<u8>) {
    put_bytes(buffer, placement.alignment.to_string().as_bytes());
    put_varint(buffer, u64::from(placement.min_inputs));
    match placement.history {
        History::All => buffer.push(0),
        History::Last(commits) => {
            buffer.push(1);
            put_varint(buffer, commits);
        }
        History::Newest => buffer.push(2),
    }
    match placement.remove_inputs {
        RemoveInputs::Never => buffer.push(0),
        RemoveInputs::Always => buffer.push(1),
        RemoveInputs::UpToLevel(level) => buffer.extend_from_slice(&[2, level]),
        RemoveInputs::HeadWindow { keep } => {
            buffer.push(3);
            put_varint(buffer, keep);
        }
        RemoveInputs::HeadWindowUpToLevel { keep, level } => {
            buffer.extend_from_slice(&[4, level]);
            put_varint(buffer, keep);
        }
    }
}

/// Decodes the bytes of [`encode_placement`].
pub(crate) fn decode_placement(decoder: &mut Decoder<'_>) -> Option<Placement> {
    let alignment: Alignment = std::str::from_utf8(decoder.bytes()?).ok()?.parse().ok()?;
    let min_inputs = u32::try_from(decoder.varint()?).ok()?;
    let history = match decoder.u8()? {
        0 => History::All,
        1 => History::Last(decoder.varint()?),
        2 => History::Newest,
        _ => return None,
    };
    let remove_inputs = match decoder.u8()? {
        0 => RemoveInputs::Never,
        1 => RemoveInputs::Always,
        2 => RemoveInputs::UpToLevel(decoder.u8()?),
        3 => RemoveInputs::HeadWindow {
            keep: decoder.varint()?,
        },
        4 => {
            let level = decoder.u8()?;
            RemoveInputs::HeadWindowUpToLevel {
                keep: decoder.varint()?,
                level,
            }
        }
        _ => return None,
    };
    Some(Placement {
        alignment,
        min_inputs,
        history,
        remove_inputs,
    })
}
