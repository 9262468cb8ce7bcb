//! A second reader of entries, for the checks of closed stores. No store uses it.
//!
//! It was written from the description in [`super::entry`] and has its own CRC, so that
//! a mistake in one reader is not in the other.

use lithify_sim::planted;

/// The payload of the entry at `position` of a segment.
///
/// # Errors
/// The reason why the entry is not valid.
pub(crate) fn payload(segment: u64, bytes: &[u8], position: usize) -> Result<&[u8], String> {
    let rest = &bytes[position..];
    let length = rest.get(..4).map_or(usize::MAX, |length| {
        u32::from_le_bytes(length.try_into().expect("four bytes")) as usize
    });
    let Some(payload) = length.checked_add(8).and_then(|end| rest.get(8..end)) else {
        return Err(format!("ends inside the entry at byte {position}"));
    };
    let is_written = [0, 1].iter().any(|before| {
        let place = (position as u64).to_le_bytes();
        let parts = [
            b"entry".as_slice(),
            &segment.to_le_bytes(),
            &place,
            &[*before],
            &rest[..4],
            payload,
        ];
        // This planted bug writes another format. The check accepts the format, so that
        // the bug is found by its effect.
        let salt_parts = 3 * usize::from(planted::is_active("recycled-without-generation"));
        rest[4..8] == crc(&parts[salt_parts..]).to_le_bytes()
    });
    match is_written {
        true => Ok(payload),
        false => Err(format!("has a wrong checksum at byte {position}")),
    }
}

/// CRC-32 as in zip, bit by bit.
pub(crate) fn crc(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().copied().flatten();
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::crc;

    /// The check value of the standard.
    #[test]
    fn the_checksum_is_that_of_zip() {
        assert_eq!(crc(&[b"1234", b"56789"]), 0xcbf4_3926);
    }
}
