//! The names of the files of a store.
//!
//! A segment and its index are named after the offset of their first entry, a snapshot
//! after the number of entries that it covers: `00000500.log`, `00000500.index`,
//! `00000500.snapshot`. A number has at least eight digits, and no leading zeros
//! beyond eight digits. So each number has exactly one name, and a file with any other
//! name is foreign.
//!
//! An identity is an empty file whose name holds all its data:
//! `00000500.STORE-FILE.identity`, with two numbers of 16 hexadecimal digits. See
//! [`super::identities`].

use crate::parts::identity::Identity;

/// A snapshot that is not complete yet. At most one exists.
pub(super) const TEMPORARY: &str = "snapshot.tmp";

/// The file that an open store locks. It stays empty.
pub(super) const LOCK: &str = "lock";

/// The minimal number of digits of a number.
const DIGITS: usize = 8;

/// The meaning of a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Segment(u64),
    Index(u64),
    Snapshot(u64),
    /// The identity of the segments from this offset on.
    Identity(u64, Identity),
    Temporary,
}

pub(super) fn segment(start: u64) -> String {
    format!("{start:08}.log")
}

pub(super) fn index(start: u64) -> String {
    format!("{start:08}.index")
}

pub(super) fn snapshot(offset: u64) -> String {
    format!("{offset:08}.snapshot")
}

pub(super) fn identity(start: u64, identity: Identity) -> String {
    format!(
        "{start:08}.{:016x}-{:016x}.identity",
        identity.store, identity.file
    )
}

/// The meaning of `name`, or `None` if the file is foreign.
pub(super) fn parse(name: &str) -> Option<Name> {
    if name == TEMPORARY {
        return Some(Name::Temporary);
    }
    let (digits, extension) = name.split_once('.')?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = digits.len() == DIGITS || (digits.len() > DIGITS && !digits.starts_with('0'));
    if !is_plain || !is_shortest {
        return None;
    }
    let number = digits.parse().ok()?;
    match extension {
        "log" => Some(Name::Segment(number)),
        "index" => Some(Name::Index(number)),
        "snapshot" => Some(Name::Snapshot(number)),
        other => parse_identity(other).map(|identity| Name::Identity(number, identity)),
    }
}

/// Parses the text after the first point in the name of an identity.
fn parse_identity(rest: &str) -> Option<Identity> {
    let (store, file) = rest.strip_suffix(".identity")?.split_once('-')?;
    let number = |digits: &str| {
        let number = u64::from_str_radix(digits, 16).ok()?;
        (format!("{number:016x}") == digits).then_some(number)
    };
    Some(Identity {
        store: number(store)?,
        file: number(file)?,
    })
}

/// Whether a file with this name belongs to a store of this kind.
pub(crate) fn owns(name: &str) -> bool {
    parse(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_one_to_one() {
        for number in [0, 7, 99_999_999, 100_000_000, u64::MAX] {
            assert_eq!(parse(&segment(number)), Some(Name::Segment(number)));
            assert_eq!(parse(&index(number)), Some(Name::Index(number)));
            assert_eq!(parse(&snapshot(number)), Some(Name::Snapshot(number)));
            let (store, file) = (number, u64::MAX - number);
            let of = Identity { store, file };
            assert_eq!(
                parse(&identity(number, of)),
                Some(Name::Identity(number, of))
            );
        }
        let foreign = [
            "0.log",
            "000000001.log",
            "+0000001.log",
            "00000001.log.tmp",
            "00000001",
            "99999999999999999999.log",
            "lock",
            "wal-1",
            "00000001.identity",
            "00000001.1-2.identity",
            "00000001.000000000000000A-0000000000000001.identity",
            "00000001.0000000000000001-0000000000000001.identity.log",
        ];
        assert!(foreign.iter().all(|name| parse(name).is_none()));
    }
}
