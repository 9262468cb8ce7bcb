//! The names of the files of a store.
//!
//! A log is named after its generation: `wal-00000007.log`. Each rewrite creates the
//! next generation, so no name is used twice, and an entry of one generation is not
//! valid in another one. A number has at least eight digits, and no leading zeros
//! beyond eight digits. So each number has exactly one name, and a file with any other
//! name is foreign.

use lithify_sim::planted;

/// A log that is not complete yet. At most one exists. The laboratory identifies files
/// by their first names, so this name begins as the final names do.
pub(super) const TEMPORARY: &str = "wal-new.tmp";

/// The file that an open store locks. It stays empty.
pub(super) const LOCK: &str = "lock";

/// The minimal number of digits of a number.
const DIGITS: usize = 8;

/// The name of the log of a generation.
pub(super) fn log(generation: u64) -> String {
    format!("wal-{generation:08}.log")
}

/// The generation of a log, from its name. `None` if the file is foreign.
pub(super) fn generation(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("wal-")?.strip_suffix(".log")?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = digits.len() == DIGITS || (digits.len() > DIGITS && !digits.starts_with('0'));
    digits.parse().ok().filter(|_| is_plain && is_shortest)
}

/// Whether a file with this name belongs to a store of this kind.
pub(crate) fn owns(name: &str) -> bool {
    name == TEMPORARY || generation(name).is_some()
}

/// The next generation.
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
