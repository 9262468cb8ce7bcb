//! Which files a store consists of, by their names.
//!
//! A log is named by its generation: `wal-00000007.log`. Each rewrite makes the next
//! one, so no name is ever given twice, and entries of one generation are none in
//! another. Numbers have at least eight digits and no needless zeros, so a file has one
//! name and a foreign file is never taken for one of ours.

use lithify_sim::planted;

/// A log that is being written. There is one at a time. The laboratory knows files by
/// their first names, so this one begins as the final ones do.
pub(super) const TEMPORARY: &str = "wal-new.tmp";

/// Held by the process that has the store open. Stays empty.
pub(super) const LOCK: &str = "lock";

/// The fewest digits of a number.
const DIGITS: usize = 8;

/// The name of the log of a generation.
pub(super) fn log(generation: u64) -> String {
    format!("wal-{generation:08}.log")
}

/// The generation of a log by its name, or `None` when it is not ours.
pub(super) fn generation(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("wal-")?.strip_suffix(".log")?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = digits.len() == DIGITS || (digits.len() > DIGITS && !digits.starts_with('0'));
    digits.parse().ok().filter(|_| is_plain && is_shortest)
}

/// Whether a file with this name belongs to such a store, and to no other.
pub(crate) fn owns(name: &str) -> bool {
    name == TEMPORARY || generation(name).is_some()
}

/// The generation that follows.
pub(super) fn next(generation: u64) -> u64 {
    if planted::is_active("one-log-name") {
        return generation;
    }
    generation + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_generations_are_one_to_one() {
        for number in [1, 7, 99_999_999, 100_000_000, u64::MAX] {
            assert_eq!(generation(&log(number)), Some(number));
        }
        let foreign = [
            "wal-1",
            "wal-1.log",
            "wal-000000001.log",
            "wal-+0000001.log",
            "wal-00000001.log.tmp",
            "wal-99999999999999999999.log",
            "00000001.log",
            TEMPORARY,
            LOCK,
        ];
        assert!(foreign.iter().all(|name| generation(name).is_none()));
    }
}
