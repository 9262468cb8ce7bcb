//! The basic encodings of the format, read without the engine's code: integers, salted checksums,
//! preambles, file names. Written from `design/format.md`.
//!
//! Stricter than the engine where that costs nothing: an integer that is longer than necessary is
//! refused here, because the engine never writes one.

use crate::error::{Error, Result};
use crate::fs::whole::read_exact_at;
use crate::fs::{Access, File, Fs};

/// The format version that this code was written for.
const VERSION: u32 = 2;
/// Bytes of a preamble.
pub(super) const PREAMBLE: u64 = 36;

/// The three kinds of numbered files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Wal,
    Manifest,
    Segment,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Wal => "wal",
            Self::Manifest => "manifest",
            Self::Segment => "segment",
        }
    }

    /// `w`, `m` or `s`.
    fn letter(self) -> u8 {
        self.word().as_bytes()[0]
    }

    pub(super) fn name(self, number: u64) -> String {
        format!("{}-{number:06}", self.word())
    }
}

/// The kind and number of a file with a name of ours.
pub(super) fn kind_and_number(name: &str) -> Option<(Kind, u64)> {
    let (word, digits) = name.split_once('-')?;
    let number = digits.parse().ok()?;
    [Kind::Wal, Kind::Manifest, Kind::Segment]
        .into_iter()
        .find(|kind| number <= 1 << 62 && kind.word() == word && kind.name(number) == name)
        .map(|kind| (kind, number))
}

/// The finaliser of `SplitMix64`.
pub(super) fn mix(value: u64) -> u64 {
    let mut bits = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// The identity in a file's preamble: its store, and the number that the file drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) store: u64,
    pub(super) fresh: u64,
}

/// The salt that is known without a file's preamble: the salt of the tags of its records.
pub(super) fn place_salt(kind: Kind, number: u64, store: u64) -> u64 {
    mix(mix(store) ^ (u64::from(kind.letter()) << 56) ^ number)
}

/// The salt of a file's checksums.
pub(super) fn salt(kind: Kind, number: u64, identity: Identity) -> u64 {
    mix(place_salt(kind, number, identity.store) ^ mix(identity.fresh))
}

/// CRC-32 over salt, offset, and the bytes at that offset.
pub(super) fn checksum(salt: u64, offset: u64, parts: &[&[u8]]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&salt.to_le_bytes());
    crc.update(&offset.to_le_bytes());
    for part in parts {
        crc.update(part);
    }
    crc.finalize()
}

/// Checks the first bytes of the numbered file `name`. The inner error holds the expected and the
/// found value.
///
/// # Errors
/// [`Error::UnsupportedFormat`] for an intact preamble of another version: the following bytes may
/// mean anything, so verification ends.
pub(super) fn check_preamble(
    kind: Kind,
    number: u64,
    bytes: &[u8],
) -> Result<Result<Identity, (String, String)>> {
    read_preamble(kind.letter(), number, &kind.name(number), bytes)
}

/// The same for the identity file.
pub(super) fn check_store(name: &str, bytes: &[u8]) -> Result<Result<u64, (String, String)>> {
    let identity = read_preamble(b'i', 0, name, bytes)?;
    Ok(identity.map(|identity| identity.store))
}

fn read_preamble(
    letter: u8,
    number: u64,
    name: &str,
    bytes: &[u8],
) -> Result<Result<Identity, (String, String)>> {
    let short = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
    let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
    let too_short = || {
        let found = format!("{} bytes", bytes.len());
        Ok(Err((format!("a preamble of {PREAMBLE} bytes"), found)))
    };
    if bytes.len() < 16 {
        return too_short();
    }
    let (version, found, expected) = (short(8), short(12), crc32fast::hash(&bytes[..12]));
    if found != expected {
        let expected = format!("preamble checksum {expected:08x}");
        return Ok(Err((expected, format!("{found:08x}"))));
    }
    if &bytes[..7] != b"lithify" || bytes[7] != letter {
        return Ok(Err((
            format!("magic \"lithify{}\"", letter as char),
            format!("{:?}", String::from_utf8_lossy(&bytes[..8])),
        )));
    }
    if version != VERSION {
        return Err(Error::UnsupportedFormat {
            file: name.to_owned(),
            found: version,
            supported: VERSION,
        });
    }
    if (bytes.len() as u64) < PREAMBLE {
        return too_short();
    }
    let (found, expected) = (short(32), checksum(number, 0, &[&bytes[..32]]));
    if found != expected && !planted!(VerifyBelievesIdentities) {
        let expected = format!("identity checksum {expected:08x} of file number {number}");
        return Ok(Err((expected, format!("{found:08x}"))));
    }
    Ok(Ok(Identity {
        store: long(16),
        fresh: long(24),
    }))
}

/// A file that may be missing, and its length.
pub(super) fn open(fs: &dyn Fs, name: &str) -> Result<Option<(std::sync::Arc<dyn File>, u64)>> {
    let file = match fs.open(name, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", name)(error)),
    };
    let length = file.len().map_err(Error::io("read the length of", name))?;
    Ok(Some((file, length)))
}

/// `length` bytes at `offset`. The caller knows that they are inside the file.
pub(super) fn read(file: &dyn File, name: &str, offset: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).expect("the part read fits into memory")];
    read_exact_at(file, offset, &mut bytes).map_err(Error::io("read", name))?;
    Ok(bytes)
}

/// Reads a payload from front to back. Every error is a sentence that describes the fault.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Refuses bytes that were not read.
    pub(super) fn end(&self) -> Result<(), String> {
        if self.is_at_end() {
            return Ok(());
        }
        let rest = self.bytes.len() - self.at;
        Err(format!("{rest} bytes too many behind byte {}", self.at))
    }

    pub(super) fn byte(&mut self, what: &str) -> Result<u8, String> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte.ok_or_else(|| format!("the end of the bytes in place of {what}"))
    }

    /// Eight bytes, low ones first.
    pub(super) fn fixed(&mut self, what: &str) -> Result<u64, String> {
        let bytes = self.take(8, what)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// An integer with seven bits in each byte, low bits first, in the fewest bytes.
    pub(super) fn number(&mut self, what: &str) -> Result<u64, String> {
        let start = self.at;
        let mut value = 0_u128;
        for position in 0..10 {
            let byte = self.byte(what)?;
            value |= u128::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                let is_shortest = byte != 0 || position == 0;
                return u64::try_from(value)
                    .ok()
                    .filter(|_| is_shortest)
                    .ok_or_else(|| format!("an impossible integer for {what} at byte {start}"));
            }
        }
        Err(format!("an endless integer for {what} at byte {start}"))
    }

    pub(super) fn take(&mut self, length: u64, what: &str) -> Result<&'a [u8], String> {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let taken = usize::try_from(length)
            .ok()
            .and_then(|length| rest.get(..length));
        let taken =
            taken.ok_or_else(|| format!("{} bytes in place of {length} for {what}", rest.len()))?;
        self.at += taken.len();
        Ok(taken)
    }

    /// A length, and that many bytes.
    pub(super) fn string(&mut self, what: &str) -> Result<&'a [u8], String> {
        let length = self.number(what)?;
        self.take(length, what)
    }

    /// A name in UTF-8.
    pub(super) fn text(&mut self, what: &str) -> Result<&'a str, String> {
        std::str::from_utf8(self.string(what)?).map_err(|error| format!("{what}: {error}"))
    }

    /// 0 for no value, otherwise a length plus one and the bytes.
    pub(super) fn optional(&mut self, what: &str) -> Result<Option<&'a [u8]>, String> {
        match self.number(what)? {
            0 => Ok(None),
            code => self.take(code - 1, what).map(Some),
        }
    }
}
