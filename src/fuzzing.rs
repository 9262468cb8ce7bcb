//! The decoders of all data on a disk, for fuzz targets: for any bytes a decoder must return a
//! value or a refusal.
//!
//! Built with `--cfg fuzzing` only, which `cargo fuzz` sets; no part of the library otherwise. A
//! value that a decoder accepts must be encoded to bytes that it accepts again, as the same value.

use crate::codec::Decoder;
use crate::commit::Commit;
use crate::files::FileKind;
use crate::identity::{FileId, StoreId};
use crate::segment::block::decode_entries;
use crate::segment::filter::Filter;
use crate::segment::{Place, SegmentMeta};
use crate::{log, manifest, wal};

/// One decoder.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// Entries of a block.
    Block,
    /// The filter of a segment.
    Filter,
    /// A manifest's facts about a segment.
    Meta,
    /// The place of a segment, as a manifest states it.
    Place,
    /// A record of the WAL.
    WalRecord,
    /// A record of the manifest.
    ManifestRecord,
    /// A whole log file behind its preamble, with valid checksums or without.
    Log,
}

impl Part {
    /// All decoders.
    pub const ALL: [Self; 7] = [
        Self::Block,
        Self::Filter,
        Self::Meta,
        Self::Place,
        Self::WalRecord,
        Self::ManifestRecord,
        Self::Log,
    ];

    /// Decodes these bytes.
    ///
    /// # Panics
    /// When the decoder panics, or accepts bytes as a value that is encoded to another value.
    pub fn decode(self, bytes: &[u8]) {
        match self {
            Self::Block => {
                if let Some(run) = decode_entries(bytes.to_vec(), Commit::new(1)) {
                    run.iter().for_each(|entry| drop(entry.key.to_vec()));
                }
            }
            Self::Filter => {
                if let Some(filter) = Filter::decode(bytes) {
                    filter.may_contain(7);
                    let mut again = Vec::new();
                    filter.encode(&mut again);
                    assert_eq!(again, bytes);
                }
            }
            Self::Meta => again(bytes, SegmentMeta::decode, SegmentMeta::encode),
            Self::Place => again(bytes, Place::decode, |place, buffer| place.encode(buffer)),
            Self::WalRecord => drop(wal::decode_any(bytes)),
            Self::ManifestRecord => manifest::decode_any(bytes),
            Self::Log => {
                let id = FileId {
                    store: StoreId::of(3),
                    kind: FileKind::Wal,
                    number: 7,
                    fresh: 5,
                };
                let mut file = id.preamble().to_vec();
                file.extend_from_slice(bytes);
                log::scan("wal-000007", id.salts(), &file, 0);
                log::scan_whole("wal-000007", id.salts(), &file, None);
            }
        }
    }
}

/// Encodes a decoded value and decodes it again.
fn again<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    decode: impl Fn(&mut Decoder<'_>) -> Option<T>,
    encode: impl Fn(&T, &mut Vec<u8>),
) {
    if let Some(value) = decode(&mut Decoder::new(bytes)) {
        let mut encoded = Vec::new();
        encode(&value, &mut encoded);
        assert_eq!(decode(&mut Decoder::new(&encoded)), Some(value));
    }
}
