//! Paths as git writes them: in C style between double quotes, if a byte needs an
//! escape.
//!
//! The rules are those of `core.quotePath=true`, git's default: control characters, the
//! double quote, the backslash, DEL and every byte from 0x80 are escaped, the last two
//! kinds as three octal digits. [`unquote`] also accepts the output of
//! `core.quotePath=false`. Laws: `unquote(quote(path)) == path`, and `quote` agrees with
//! git.

use std::borrow::Cow;

/// The escapes with a letter: the byte and its letter.
const LETTERS: [(u8, u8); 9] = [
    (0x07, b'a'),
    (0x08, b'b'),
    (b'\t', b't'),
    (b'\n', b'n'),
    (0x0b, b'v'),
    (0x0c, b'f'),
    (b'\r', b'r'),
    (b'"', b'"'),
    (b'\\', b'\\'),
];

/// Whether git escapes this byte by default.
fn needs_escape(byte: u8) -> bool {
    !(0x20..0x7f).contains(&byte) || byte == b'"' || byte == b'\\'
}

/// The bytes in the form in which git prints them.
#[must_use]
pub fn quote(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.iter().copied().any(needs_escape) {
        return Cow::Borrowed(bytes);
    }
    let mut quoted = Vec::with_capacity(bytes.len() * 2 + 2);
    quoted.push(b'"');
    for &byte in bytes {
        if let Some((_, letter)) = LETTERS.iter().find(|(plain, _)| *plain == byte) {
            quoted.extend([b'\\', *letter]);
        } else if needs_escape(byte) {
            quoted.push(b'\\');
            quoted.extend([6, 3, 0].map(|shift| b'0' + (byte >> shift & 7)));
        } else {
            quoted.push(byte);
        }
    }
    quoted.push(b'"');
    Cow::Owned(quoted)
}

/// The bytes that a printed path stands for.
///
/// # Errors
/// A description of what is wrong with the text.
pub fn unquote(text: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let Some(inside) = text.strip_prefix(b"\"") else {
        return match text
            .iter()
            .find(|byte| byte.is_ascii() && needs_escape(**byte))
        {
            Some(byte) => Err(format!("byte 0x{byte:02x} stands outside quotes")),
            None => Ok(Cow::Borrowed(text)),
        };
    };
    let mut plain = Vec::with_capacity(inside.len());
    let mut rest = inside;
    loop {
        match rest {
            [b'"'] => return Ok(Cow::Owned(plain)),
            [b'"', ..] => return Err("something follows the closing quote".to_owned()),
            [b'\\', escaped @ ..] => {
                let (byte, after) = unescape(escaped)?;
                plain.push(byte);
                rest = after;
            }
            [byte, after @ ..] if *byte >= 0x20 && *byte != 0x7f => {
                plain.push(*byte);
                rest = after;
            }
            [byte, ..] => return Err(format!("byte 0x{byte:02x} is not escaped")),
            [] => return Err("the closing quote is missing".to_owned()),
        }
    }
}

/// The byte that the characters after a backslash stand for, and the rest of the text.
fn unescape(text: &[u8]) -> Result<(u8, &[u8]), String> {
    if let [
        high @ b'0'..=b'3',
        middle @ b'0'..=b'7',
        low @ b'0'..=b'7',
        rest @ ..,
    ] = text
    {
        let byte = (high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0');
        return Ok((byte, rest));
    }
    let Some((&letter, rest)) = text.split_first() else {
        return Err("the text ends after a backslash".to_owned());
    };
    match LETTERS.iter().find(|(_, known)| *known == letter) {
        Some((plain, _)) => Ok((*plain, rest)),
        None => Err(format!("\\{} is no escape", letter.escape_ascii())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_stay_plain_and_others_are_quoted() {
        let rows: [(&[u8], &[u8]); 5] = [
            (b"src/lib.rs", b"src/lib.rs"),
            (b"with space", b"with space"),
            (b"tab\tnewline\n", br#""tab\tnewline\n""#),
            (b"quote\" backslash\\", br#""quote\" backslash\\""#),
            ("h\u{e9}".as_bytes(), br#""h\303\251""#),
        ];
        for (plain, quoted) in rows {
            assert_eq!(&*quote(plain), quoted);
            assert_eq!(unquote(quoted).as_deref(), Ok(plain));
        }
    }

    #[test]
    fn what_git_never_prints_is_refused() {
        let rows: [(&[u8], &str); 8] = [
            (b"\"abc", "the closing quote is missing"),
            (b"\"", "the closing quote is missing"),
            (b"\"a\"b", "something follows the closing quote"),
            (b"\"\\x41\"", "\\x is no escape"),
            (b"\"\\400\"", "\\4 is no escape"),
            (b"\"\\18\"", "\\1 is no escape"),
            (b"\"a\tb\"", "byte 0x09 is not escaped"),
            (b"a\tb", "byte 0x09 stands outside quotes"),
        ];
        for (text, reason) in rows {
            assert_eq!(unquote(text).unwrap_err(), reason);
        }
    }
}
