//! The state machine of a log, which gives the entries their meaning.

/// A state that is determined by the payloads applied to it, in order.
pub trait Machine: Default {
    /// Applies one payload.
    ///
    /// # Errors
    /// The reason why the payload is not valid; the state has not changed then.
    fn apply(&mut self, payload: &[u8]) -> Result<(), String>;

    /// The state as bytes.
    fn encode(&self) -> Vec<u8>;

    /// Decodes a state.
    ///
    /// # Errors
    /// The reason why the bytes are not valid.
    fn decode(bytes: &[u8]) -> Result<Self, String>;
}

/// Adds the length of `bytes` and then `bytes`.
pub(crate) fn put(buffer: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("keys and values are shorter than 4 GiB");
    buffer.extend(length.to_le_bytes());
    buffer.extend(bytes);
}

/// Removes from the front of `bytes` a string that [`put`] has added, and returns it.
pub(crate) fn take<'bytes>(bytes: &mut &'bytes [u8]) -> Result<&'bytes [u8], String> {
    let (length, rest) = bytes
        .split_first_chunk::<4>()
        .ok_or("a length is missing")?;
    let length = u32::from_le_bytes(*length) as usize;
    let (string, rest) = rest
        .split_at_checked(length)
        .ok_or_else(|| format!("{length} bytes are announced and {} there", rest.len()))?;
    *bytes = rest;
    Ok(string)
}
