//! The words of a request: a verb, a key, and a value that is the rest of the line.
//!
//! A key or a value is plain bytes, or is in double quotes with git's escapes. Printed
//! text reads back as the same bytes. Two commands use this form.

use lithify_policies::git::quote::{quote, unquote};

/// The bytes before and after the first space.
pub(crate) fn split(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == b' ') {
        Some(space) => (&bytes[..space], Some(&bytes[space + 1..])),
        None => (bytes, None),
    }
}

/// A key, and the text after its space.
pub(crate) fn key(rest: &[u8]) -> Result<(Vec<u8>, Option<&[u8]>), String> {
    if !rest.starts_with(b"\"") {
        let (key, rest) = split(rest);
        return Ok((key.to_vec(), rest));
    }
    let mut is_escaped = false;
    let end = rest.iter().skip(1).position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    let end = 2 + end.ok_or("a key has no second quote")?;
    let key = unquote(&rest[..end])?.into_owned();
    match &rest[end..] {
        [] => Ok((key, None)),
        [b' ', rest @ ..] => Ok((key, Some(rest))),
        _ => Err("a quoted key ends with its second quote".to_owned()),
    }
}

/// A value.
pub(crate) fn value(text: &[u8]) -> Result<Vec<u8>, String> {
    match text.starts_with(b"\"") {
        true => unquote(text).map(|value| value.into_owned()),
        false => Ok(text.to_vec()),
    }
}

/// A value in the form in which it can be read again.
pub(crate) fn shown(value: &[u8]) -> Vec<u8> {
    match value {
        [] => b"\"\"".to_vec(),
        value => quote(value).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_as_the_same_bytes() {
        let values: [&[u8]; 8] = [
            b"",
            b"plain",
            b" a b ",
            b"\"",
            b"a\\\"b",
            b"\xff\0\n",
            b"\\",
            b"\"\"",
        ];
        for bytes in values {
            assert_eq!(value(&shown(bytes)).as_deref(), Ok(bytes));
        }
    }

    #[test]
    fn keys_may_be_quoted() {
        let read = |text: &'static str| key(text.as_bytes()).unwrap();
        assert_eq!(read("a b c"), (b"a".to_vec(), Some(&b"b c"[..])));
        assert_eq!(read("a"), (b"a".to_vec(), None));
        assert_eq!(
            read("\"a \\\" b\" c"),
            (b"a \" b".to_vec(), Some(&b"c"[..]))
        );
        assert_eq!(read("\"\\\\\""), (b"\\".to_vec(), None));
        for text in ["\"a", "\"a\"b", "\"\\\"", "\"\\8\""] {
            assert!(key(text.as_bytes()).is_err(), "{text}");
        }
    }
}
