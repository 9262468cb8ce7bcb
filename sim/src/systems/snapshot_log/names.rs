//! Which files a store consists of, by their names.
//!
//! A segment and its index are named by the offset of their first entry, a snapshot by
//! the number of entries that it covers: `00000500.log`, `00000500.index`,
//! `00000500.snapshot`. Numbers have at least eight digits and no needless zeros, so a
//! file has one name and a foreign file is never taken for one of ours.

/// A snapshot that is being written. There is one at a time.
pub(super) const TEMPORARY: &str = "snapshot.tmp";

/// Held by the process that has the store open. Stays empty.
pub(super) const LOCK: &str = "lock";

/// The fewest digits of a number.
const DIGITS: usize = 8;

/// What a name of ours stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Segment(u64),
    Index(u64),
    Snapshot(u64),
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

/// What `name` stands for, or `None` when it is not ours.
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
        _ => None,
    }
}

/// Whether a file with this name belongs to such a store, and to no other.
pub(in crate::systems) fn owns(name: &str) -> bool {
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
        ];
        assert!(foreign.iter().all(|name| parse(name).is_none()));
    }
}
