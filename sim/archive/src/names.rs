//! The names of objects: arithmetic on commit numbers.
//!
//! - `archive`: what the archive is. Created once.
//! - `head`: a commit up to which every window is written. May be behind.
//! - `log/<first commit>`: the commits of one push, from this commit on. Its creation is the
//!   acknowledgement, and its name is the fence between writers. Never deleted.
//! - `window/<level>/<last commit>`: all commits of a closed window of level 1 or more.
//!
//! Numbers have leading zeros, so a list in the order of names is in the order of commits. Keyspaces
//! are not in the names: an object holds all keyspaces, so a missing object is never mistaken for a
//! keyspace that nobody has written to.

use lithify::align::Level;
use lithify::{Alignment, Commit, Window};

/// The object that makes a place an archive.
pub const ARCHIVE: &str = "archive";
/// The object with the commit up to which every window is written.
pub const HEAD: &str = "head";
/// The prefix of log objects.
pub const LOG: &str = "log/";
/// The prefix of windows.
pub const WINDOW: &str = "window/";

/// The parsed name of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// [`ARCHIVE`].
    Archive,
    /// [`HEAD`].
    Head,
    /// A log object, by its first commit.
    Log(Commit),
    /// A window, by level and last commit.
    Window(Level, Commit),
}

/// The name of the log object that begins with commit `first`.
#[must_use]
pub fn log(first: Commit) -> String {
    format!("{LOG}{:020}", first.get())
}

/// The name of a window.
#[must_use]
pub fn window(window: Window) -> String {
    format!("{WINDOW}{:02}/{:020}", window.level, window.end.get())
}

/// Parses the name of an object; `None` for a name that no archive has.
#[must_use]
pub fn parse(name: &str) -> Option<Name> {
    let commit = |digits: &str| -> Option<Commit> {
        let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|number| *number > 0)?;
        is_number.then_some(Commit::new(number))
    };
    match name {
        ARCHIVE => return Some(Name::Archive),
        HEAD => return Some(Name::Head),
        _ => {}
    }
    if let Some(digits) = name.strip_prefix(LOG) {
        return commit(digits).map(Name::Log);
    }
    let (level, digits) = name.strip_prefix(WINDOW)?.split_once('/')?;
    let is_level = level.len() == 2 && level.bytes().all(|byte| byte.is_ascii_digit());
    let level = level.parse().ok().filter(|level| is_level && *level > 0)?;
    Some(Name::Window(level, commit(digits)?))
}

/// The window with this name; `None` when the alignment has none.
#[must_use]
pub fn window_of(alignment: &Alignment, level: Level, end: Commit) -> Option<Window> {
    (level <= alignment.max_level()).then(|| alignment.window_ending(level, end))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_sort_by_commit() {
        let alignment = Alignment::uniform(3).unwrap();
        let mut names = Vec::new();
        for end in [3, 6, 27, u64::MAX / 3 * 3] {
            let of = alignment.window_ending(1, Commit::new(end)).unwrap();
            names.push(window(of));
            assert_eq!(
                parse(&names[names.len() - 1]),
                Some(Name::Window(1, of.end))
            );
            assert_eq!(window_of(&alignment, 1, of.end), Some(of));
            assert_eq!(parse(&log(of.end)), Some(Name::Log(of.end)));
        }
        assert!(names.is_sorted());
        assert_eq!(names[0], "window/01/00000000000000000003");
        assert_eq!(parse("archive"), Some(Name::Archive));
        assert_eq!(parse("head"), Some(Name::Head));
    }

    #[test]
    fn other_names_are_foreign() {
        for name in [
            "",
            "log/1",
            "log/0000000000000000000x",
            "log/00000000000000000000",
            "log/99999999999999999999",
            "log/+0000000000000000001",
            "window/00/00000000000000000003",
            "window/1/00000000000000000003",
            "window/01",
            "other",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
        assert_eq!(
            window_of(&Alignment::uniform(3).unwrap(), 1, Commit::new(4)),
            None
        );
        assert_eq!(
            window_of(&Alignment::uniform(3).unwrap(), 99, Commit::new(27)),
            None
        );
    }
}
