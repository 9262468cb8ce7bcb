//! Compression of blocks, with the methods that were built in.
//!
//! Each method is a feature: LZ4 is written in Rust, zstd needs a C compiler. A build without a
//! method still opens every store, and refuses blocks of that method with an error that names it.

use crate::error::{Error, Result};
use crate::options::Compression;

/// Why compressed bytes cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The bytes are no output of this compression.
    Damaged(String),
    /// The compression was not built in.
    LeftOut(&'static str),
}

impl Refusal {
    /// The error for a file of a store.
    pub(crate) fn into_error(self, file: &str, damage: impl FnOnce(String) -> Error) -> Error {
        match self {
            Self::Damaged(reason) => damage(reason),
            Self::LeftOut(compression) => Error::CompressionLeftOut {
                file: file.to_owned(),
                compression,
            },
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(reason) => formatter.write_str(reason),
            Self::LeftOut(compression) => write!(
                formatter,
                "a block compressed with {compression}, which this build leaves out"
            ),
        }
    }
}

/// The feature that this compression needs, when it was not built in.
const fn left_out(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::Lz4 if cfg!(not(feature = "lz4")) => Some("lz4"),
        Compression::Zstd if cfg!(not(feature = "zstd")) => Some("zstd"),
        _ => None,
    }
}

/// Refuses a compression that was not built in.
///
/// # Errors
/// [`Error::InvalidOptions`].
pub(crate) fn check(compression: Compression) -> Result<()> {
    let Some(missing) = left_out(compression) else {
        return Ok(());
    };
    Err(Error::InvalidOptions(format!(
        "compression is {missing}, which this build leaves out: enable the feature {missing:?} of \
         lithify"
    )))
}

/// The compressed bytes; `None` when the raw bytes are to be stored.
pub(crate) fn compress(raw: &[u8], compression: Compression) -> Option<Vec<u8>> {
    match compression {
        #[cfg(feature = "lz4")]
        Compression::Lz4 => Some(lz4_flex::block::compress(raw)),
        // Level 3 is zstd's own default; failure to allocate is the only error.
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::bulk::compress(raw, 3).ok(),
        _ => {
            let _ = raw;
            None
        }
    }
}

/// Decompresses `bytes` to raw bytes of the given length.
pub(crate) fn decompress(
    compression: Compression,
    bytes: &[u8],
    raw_length: usize,
) -> Result<Vec<u8>, Refusal> {
    let _ = raw_length;
    if let Some(missing) = left_out(compression) {
        return Err(Refusal::LeftOut(missing));
    }
    match compression {
        Compression::None => Ok(bytes.to_vec()),
        #[cfg(feature = "lz4")]
        Compression::Lz4 => lz4_flex::block::decompress(bytes, raw_length)
            .map_err(|error| Refusal::Damaged(error.to_string())),
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::bulk::decompress(bytes, raw_length)
            .map_err(|error| Refusal::Damaged(error.to_string())),
        #[cfg(not(all(feature = "lz4", feature = "zstd")))]
        _ => unreachable!("what was left out was refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_comes_back_or_is_refused_by_name() {
        let raw = vec![7; 1000];
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
            if let Err(refused) = check(compression) {
                let refused = refused.to_string();
                assert!(refused.contains("enable the feature"), "{refused}");
                let left_out = decompress(compression, &raw, 1000).unwrap_err();
                assert!(matches!(left_out, Refusal::LeftOut(_)), "{left_out}");
                continue;
            }
            let stored = compress(&raw, compression).unwrap_or_else(|| raw.clone());
            assert_eq!(decompress(compression, &stored, 1000), Ok(raw.clone()));
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_called_damaged() {
        let error = Refusal::LeftOut("zstd").into_error("segment-000003", |reason| {
            Error::damage("segment-000003", 0, "", reason)
        });
        assert_eq!(
            error.to_string(),
            "segment-000003 has blocks compressed with zstd, which this build leaves out: enable \
             the feature \"zstd\" of lithify"
        );
    }
}
