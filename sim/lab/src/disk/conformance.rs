//! What every [`Fs`] must do, as a list of small cases.
//!
//! The cases check the contracts of `lithify::fs` for one process and one thread that
//! never crashes. They do not check what survives a crash. Each case works in its own
//! directory and does not see the others. So one file system can run all cases in any
//! order, but each case only once.

use lithify::fs::whole::{append_all, read_exact_at, write_all_at};
use lithify::fs::{Access, File, Fs, LockKind};
use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// One law. Its name states it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The law in a few words; also the directory of the case.
    pub name: &'static str,
    run: fn(&Place<'_>) -> io::Result<()>,
}

impl Case {
    /// Runs this case on `fs`, whose root must exist.
    ///
    /// # Panics
    /// When `fs` breaks the law, or fails where it must not.
    pub fn check(&self, fs: &dyn Fs) {
        let place = Place { fs, dir: self.name };
        let outcome = fs.create_dir(self.name).and_then(|()| (self.run)(&place));
        if let Err(error) = outcome {
            panic!("case {}: unexpected error: {error}", self.name);
        }
    }
}

/// Runs every case on `fs`, whose root must exist and be empty.
///
/// # Panics
/// As [`Case::check`], at the first case that fails.
pub fn check(fs: &dyn Fs) {
    for case in CASES {
        case.check(fs);
    }
}

macro_rules! cases {
    ($($name:ident,)*) => {
        /// Every case.
        pub const CASES: &[Case] = &[$(Case { name: stringify!($name), run: $name }),*];
    };
}

cases![
    a_created_file_is_empty_and_listed,
    create_refuses_a_taken_name,
    create_and_open_need_the_file_or_directory,
    a_read_handle_refuses_to_write,
    append_goes_to_the_end_of_the_file,
    two_handles_see_one_file,
    write_at_overwrites_and_extends,
    a_gap_reads_as_zeros,
    writing_nothing_changes_nothing,
    reads_stop_at_the_end,
    set_len_cuts_and_extends_with_zeros,
    impossible_offsets_are_refused,
    handles_follow_a_rename,
    a_replaced_file_lives_on_in_its_handles,
    a_removed_file_lives_on_in_its_handles,
    rename_moves_between_directories,
    rename_onto_itself_changes_nothing,
    refused_renames_change_nothing,
    refused_removals_change_nothing,
    create_dir_makes_parents_and_may_repeat,
    create_dir_refuses_a_file_in_the_way,
    list_is_sorted_and_shallow,
    list_and_sync_dir_need_a_directory,
    everything_can_be_synced,
    an_exclusive_lock_excludes_all_others,
    shared_locks_exclude_exclusive_ones_until_the_last_drops,
    only_exclusive_locks_create_the_file,
    locks_follow_the_file_and_not_its_name,
    locks_do_not_stop_reads_and_writes,
    invalid_names_are_refused_by_every_method,
];

/// A file system and the directory in it that one case owns.
struct Place<'fs> {
    fs: &'fs dyn Fs,
    dir: &'static str,
}

impl Place<'_> {
    /// The full name of `name` inside the directory of the case.
    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.dir)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.fs.create(&self.at(name))
    }

    fn create_with(&self, name: &str, bytes: &[u8]) -> io::Result<Arc<dyn File>> {
        let file = self.create(name)?;
        append_all(&*file, bytes)?;
        Ok(file)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.fs.open(&self.at(name), access)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        content(&*self.open(name, Access::Read)?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.fs.rename(&self.at(from), &self.at(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.fs.remove(&self.at(name))
    }

    fn create_dir(&self, name: &str) -> io::Result<()> {
        self.fs.create_dir(&self.at(name))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        self.fs.list(self.dir)
    }
}

fn content(file: &dyn File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; file.len()? as usize];
    read_exact_at(file, 0, &mut bytes)?;
    Ok(bytes)
}

#[track_caller]
fn refused<T: Debug>(outcome: io::Result<T>, expected: ErrorKind) {
    let kind = outcome.expect_err("this call must be refused").kind();
    assert_eq!(kind, expected);
}

fn a_created_file_is_empty_and_listed(place: &Place<'_>) -> io::Result<()> {
    let file = place.create("x")?;
    assert!(file.is_empty()?);
    assert_eq!(place.names()?, ["x"]);
    append_all(&*file, b"ab")?;
    assert_eq!(
        content(&*file)?,
        b"ab",
        "a created file is readable and writable"
    );
    assert!(!file.is_empty()?);
    Ok(())
}

fn create_refuses_a_taken_name(place: &Place<'_>) -> io::Result<()> {
    place.create_with("x", b"kept")?;
    place.create_dir("d")?;
    refused(place.create("x"), ErrorKind::AlreadyExists);
    refused(place.create("d"), ErrorKind::AlreadyExists);
    assert_eq!(place.read("x")?, b"kept");
    Ok(())
}

fn create_and_open_need_the_file_or_directory(place: &Place<'_>) -> io::Result<()> {
    place.create("x")?;
    place.create_dir("d")?;
    refused(place.create("missing/x"), ErrorKind::NotFound);
    refused(place.create("x/below"), ErrorKind::NotADirectory);
    for access in [Access::Read, Access::Write] {
        refused(place.open("missing", access), ErrorKind::NotFound);
        refused(place.open("missing/x", access), ErrorKind::NotFound);
        refused(place.open("d", access), ErrorKind::IsADirectory);
        refused(place.open("x/below", access), ErrorKind::NotADirectory);
    }
    assert_eq!(place.names()?, ["d", "x"], "opening creates nothing");
    Ok(())
}

fn a_read_handle_refuses_to_write(place: &Place<'_>) -> io::Result<()> {
    place.create_with("x", b"kept")?;
    let file = place.open("x", Access::Read)?;
    refused(file.append(b"no"), ErrorKind::PermissionDenied);
    refused(file.append(b""), ErrorKind::PermissionDenied);
    refused(file.write_at(0, b"no"), ErrorKind::PermissionDenied);
    refused(file.set_len(0), ErrorKind::PermissionDenied);
    file.sync()?;
    file.sync_data()?;
    assert_eq!(content(&*file)?, b"kept");
    Ok(())
}

fn append_goes_to_the_end_of_the_file(place: &Place<'_>) -> io::Result<()> {
    let file = place.create_with("x", b"abc")?;
    write_all_at(&*file, 0, b"X")?;
    append_all(&*file, b"d")?;
    assert_eq!(
        content(&*file)?,
        b"Xbcd",
        "a write elsewhere does not move the end"
    );
    file.set_len(2)?;
    append_all(&*file, b"e")?;
    assert_eq!(content(&*file)?, b"Xbe", "a cut moves the end");
    Ok(())
}

fn two_handles_see_one_file(place: &Place<'_>) -> io::Result<()> {
    let one = place.create_with("x", b"a")?;
    let two = place.open("x", Access::Write)?;
    append_all(&*two, b"b")?;
    append_all(&*one, b"c")?;
    append_all(&*two, b"d")?;
    assert_eq!(
        content(&*one)?,
        b"abcd",
        "each append finds the end that the other moved"
    );
    one.set_len(0)?;
    append_all(&*two, b"e")?;
    assert_eq!(content(&*one)?, b"e");
    assert_eq!(content(&*two)?, b"e");
    Ok(())
}

fn write_at_overwrites_and_extends(place: &Place<'_>) -> io::Result<()> {
    let file = place.create_with("x", b"abcd")?;
    write_all_at(&*file, 1, b"XY")?;
    assert_eq!(content(&*file)?, b"aXYd");
    write_all_at(&*file, 3, b"ZZZ")?;
    assert_eq!(content(&*file)?, b"aXYZZZ");
    write_all_at(&*file, 6, b"!")?;
    assert_eq!(content(&*file)?, b"aXYZZZ!");
    Ok(())
}

fn a_gap_reads_as_zeros(place: &Place<'_>) -> io::Result<()> {
    let file = place.create_with("x", b"ab")?;
    write_all_at(&*file, 5, b"c")?;
    assert_eq!(content(&*file)?, b"ab\0\0\0c");
    Ok(())
}

fn writing_nothing_changes_nothing(place: &Place<'_>) -> io::Result<()> {
    let file = place.create_with("x", b"ab")?;
    assert_eq!(file.write_at(10, b"")?, 0);
    assert_eq!(file.append(b"")?, 0);
    assert_eq!(content(&*file)?, b"ab");
    Ok(())
}

fn reads_stop_at_the_end(place: &Place<'_>) -> io::Result<()> {
    let file = place.create_with("x", b"abc")?;
    let mut buffer = [b'-'; 4];
    assert_eq!(file.read_at(0, &mut [])?, 0);
    let count = file.read_at(2, &mut buffer)?;
    assert_eq!(
        (count, &buffer),
        (1, b"c---"),
        "bytes past the end stay as they were"
    );
    for offset in [3, 4, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        assert_eq!(file.read_at(offset, &mut buffer)?, 0, "offset {offset}");
    }
    refused(
        read_exact_at(&*file, 1, &mut buffer),
        ErrorKind::UnexpectedEof,
    );
    Ok(())
}

fn set_len_cuts_and_extends_with_zeros(place: &Place<'_>) -> io::Result<()> {
    let file = place.create_with("x", b"abcd")?;
    file.set_len(1)?;
    assert_eq!(file.len()?, 1);
    file.set_len(3)?;
    assert_eq!(
        content(&*file)?,
        b"a\0\0",
        "what was cut does not come back"
    );
    file.set_len(0)?;
    assert!(file.is_empty()?);
    Ok(())
}

fn impossible_offsets_are_refused(place: &Place<'_>) -> io::Result<()> {
    let file = place.create_with("x", b"kept")?;
    for offset in [i64::MAX as u64 + 1, u64::MAX] {
        refused(file.write_at(offset, b"no"), ErrorKind::InvalidInput);
        refused(file.write_at(offset, b""), ErrorKind::InvalidInput);
        refused(file.set_len(offset), ErrorKind::InvalidInput);
    }
    refused(
        file.write_at(i64::MAX as u64, b"n"),
        ErrorKind::InvalidInput,
    );
    assert_eq!(file.write_at(i64::MAX as u64, b"")?, 0);
    assert_eq!(content(&*file)?, b"kept");
    Ok(())
}

fn handles_follow_a_rename(place: &Place<'_>) -> io::Result<()> {
    let file = place.create_with("x", b"a")?;
    place.rename("x", "y")?;
    append_all(&*file, b"b")?;
    assert_eq!(place.read("y")?, b"ab");
    assert_eq!(place.names()?, ["y"]);
    place.create_with("x", b"other")?;
    assert_eq!(
        content(&*file)?,
        b"ab",
        "a new file under the old name is another file"
    );
    Ok(())
}

fn a_replaced_file_lives_on_in_its_handles(place: &Place<'_>) -> io::Result<()> {
    let new = place.create_with("new", b"new")?;
    let old = place.create_with("x", b"old")?;
    place.rename("new", "x")?;
    append_all(&*old, b"!")?;
    old.sync()?;
    assert_eq!(content(&*old)?, b"old!");
    append_all(&*new, b"?")?;
    assert_eq!(place.read("x")?, b"new?");
    assert_eq!(place.names()?, ["x"]);
    Ok(())
}

fn a_removed_file_lives_on_in_its_handles(place: &Place<'_>) -> io::Result<()> {
    let old = place.create_with("x", b"old")?;
    place.remove("x")?;
    refused(place.open("x", Access::Read), ErrorKind::NotFound);
    assert!(place.names()?.is_empty());
    append_all(&*old, b"!")?;
    old.sync_data()?;
    let new = place.create("x")?;
    assert!(
        new.is_empty()?,
        "a new file under the old name is another file"
    );
    append_all(&*new, b"new")?;
    assert_eq!(content(&*old)?, b"old!");
    assert_eq!(content(&*new)?, b"new");
    Ok(())
}

fn rename_moves_between_directories(place: &Place<'_>) -> io::Result<()> {
    place.create_dir("d/e")?;
    place.create_with("x", b"moved")?;
    place.rename("x", "d/e/y")?;
    assert_eq!(place.names()?, ["d"]);
    place.rename("d/e/y", "d/y")?;
    assert!(place.fs.list(&place.at("d/e"))?.is_empty());
    assert_eq!(place.read("d/y")?, b"moved");
    Ok(())
}

fn rename_onto_itself_changes_nothing(place: &Place<'_>) -> io::Result<()> {
    place.create_with("x", b"kept")?;
    place.rename("x", "x")?;
    assert_eq!(place.read("x")?, b"kept");
    Ok(())
}

fn refused_renames_change_nothing(place: &Place<'_>) -> io::Result<()> {
    place.create_with("x", b"kept")?;
    place.create_dir("d/e")?;
    place.create_with("d/y", b"below")?;
    refused(place.rename("missing", "x"), ErrorKind::NotFound);
    refused(place.rename("missing", "d"), ErrorKind::NotFound);
    refused(place.rename("missing/x", "x"), ErrorKind::NotFound);
    refused(place.rename("x", "missing/x"), ErrorKind::NotFound);
    refused(place.rename("x/below", "y"), ErrorKind::NotADirectory);
    refused(place.rename("x", "d/y/below"), ErrorKind::NotADirectory);
    for (from, to) in [
        ("x", "d"),
        ("d", "x"),
        ("d", "new"),
        ("d", "d/e/f"),
        ("d/y", "d"),
        ("d", "d"),
    ] {
        refused(place.rename(from, to), ErrorKind::IsADirectory);
    }
    assert_eq!(place.names()?, ["d", "x"]);
    assert_eq!(place.fs.list(&place.at("d"))?, ["e", "y"]);
    assert_eq!(place.read("x")?, b"kept");
    Ok(())
}

fn refused_removals_change_nothing(place: &Place<'_>) -> io::Result<()> {
    place.create("x")?;
    place.create_dir("d")?;
    refused(place.remove("missing"), ErrorKind::NotFound);
    refused(place.remove("missing/x"), ErrorKind::NotFound);
    refused(place.remove("d"), ErrorKind::IsADirectory);
    refused(place.remove("x/below"), ErrorKind::NotADirectory);
    assert_eq!(place.names()?, ["d", "x"]);
    Ok(())
}

fn create_dir_makes_parents_and_may_repeat(place: &Place<'_>) -> io::Result<()> {
    place.fs.create_dir("")?;
    place.create_dir("d/e/f")?;
    place.create_with("d/e/f/x", b"kept")?;
    place.create_dir("d/e/f")?;
    place.create_dir("d")?;
    assert_eq!(place.read("d/e/f/x")?, b"kept");
    Ok(())
}

fn create_dir_refuses_a_file_in_the_way(place: &Place<'_>) -> io::Result<()> {
    place.create_with("x", b"kept")?;
    refused(place.create_dir("x"), ErrorKind::AlreadyExists);
    refused(place.create_dir("x/below"), ErrorKind::NotADirectory);
    refused(place.create_dir("x/far/below"), ErrorKind::NotADirectory);
    assert_eq!(place.read("x")?, b"kept");
    Ok(())
}

fn list_is_sorted_and_shallow(place: &Place<'_>) -> io::Result<()> {
    place.create_dir("m/inner")?;
    for name in ["z", "a", "B", "a-10", "a-9", "é", "m/x"] {
        place.create(name)?;
    }
    assert_eq!(place.names()?, ["B", "a", "a-10", "a-9", "m", "z", "é"]);
    assert_eq!(place.fs.list(&place.at("m"))?, ["inner", "x"]);
    assert!(place.fs.list(&place.at("m/inner"))?.is_empty());
    assert!(place.fs.list("")?.contains(&place.dir.to_owned()));
    Ok(())
}

fn list_and_sync_dir_need_a_directory(place: &Place<'_>) -> io::Result<()> {
    place.create("x")?;
    for (name, kind) in [
        ("missing", ErrorKind::NotFound),
        ("x", ErrorKind::NotADirectory),
        ("x/below", ErrorKind::NotADirectory),
    ] {
        refused(place.fs.list(&place.at(name)), kind);
        refused(place.fs.sync_dir(&place.at(name)), kind);
    }
    Ok(())
}

fn everything_can_be_synced(place: &Place<'_>) -> io::Result<()> {
    let file = place.create_with("x", b"kept")?;
    file.sync()?;
    file.sync_data()?;
    place.fs.sync_dir(place.dir)?;
    place.fs.sync_dir("")?;
    assert_eq!(content(&*file)?, b"kept");
    Ok(())
}

fn an_exclusive_lock_excludes_all_others(place: &Place<'_>) -> io::Result<()> {
    let lock = place.fs.lock(&place.at("x"), LockKind::Exclusive)?;
    for kind in [LockKind::Shared, LockKind::Exclusive] {
        refused(place.fs.lock(&place.at("x"), kind), ErrorKind::WouldBlock);
        place.fs.lock(&place.at("other"), LockKind::Exclusive)?;
    }
    drop(lock);
    place.fs.lock(&place.at("x"), LockKind::Exclusive)?;
    place.fs.lock(&place.at("x"), LockKind::Shared)?;
    Ok(())
}

fn shared_locks_exclude_exclusive_ones_until_the_last_drops(place: &Place<'_>) -> io::Result<()> {
    place.create("x")?;
    let take = |kind| place.fs.lock(&place.at("x"), kind);
    let first = take(LockKind::Shared)?;
    let second = take(LockKind::Shared)?;
    refused(take(LockKind::Exclusive), ErrorKind::WouldBlock);
    drop(first);
    refused(take(LockKind::Exclusive), ErrorKind::WouldBlock);
    drop(second);
    take(LockKind::Exclusive)?;
    Ok(())
}

fn only_exclusive_locks_create_the_file(place: &Place<'_>) -> io::Result<()> {
    place.create_dir("d")?;
    refused(
        place.fs.lock(&place.at("x"), LockKind::Shared),
        ErrorKind::NotFound,
    );
    refused(
        place.fs.lock(&place.at("missing/x"), LockKind::Exclusive),
        ErrorKind::NotFound,
    );
    refused(
        place.fs.lock(&place.at("d"), LockKind::Shared),
        ErrorKind::IsADirectory,
    );
    refused(
        place.fs.lock(&place.at("d"), LockKind::Exclusive),
        ErrorKind::IsADirectory,
    );
    assert_eq!(place.names()?, ["d"]);
    place.fs.lock(&place.at("x"), LockKind::Exclusive)?;
    assert_eq!(
        place.names()?,
        ["d", "x"],
        "the file stays when the lock goes"
    );
    place.create_with("y", b"kept")?;
    place.fs.lock(&place.at("y"), LockKind::Exclusive)?;
    assert_eq!(place.read("y")?, b"kept", "locking does not cut the file");
    refused(
        place.fs.lock(&place.at("y/below"), LockKind::Exclusive),
        ErrorKind::NotADirectory,
    );
    Ok(())
}

fn locks_follow_the_file_and_not_its_name(place: &Place<'_>) -> io::Result<()> {
    let take = |name: &str| place.fs.lock(&place.at(name), LockKind::Exclusive);
    let _lock = take("x")?;
    place.rename("x", "y")?;
    refused(take("y"), ErrorKind::WouldBlock);
    let _other = take("x")?;
    place.remove("y")?;
    take("y")?;
    Ok(())
}

fn locks_do_not_stop_reads_and_writes(place: &Place<'_>) -> io::Result<()> {
    let _lock = place.fs.lock(&place.at("x"), LockKind::Exclusive)?;
    let file = place.open("x", Access::Write)?;
    append_all(&*file, b"ab")?;
    assert_eq!(place.read("x")?, b"ab");
    Ok(())
}

fn invalid_names_are_refused_by_every_method(place: &Place<'_>) -> io::Result<()> {
    let fs = place.fs;
    place.create_with("x", b"kept")?;
    let valid = place.at("x");
    let long = "n".repeat(256);
    for part in ["", ".", "..", "a//b", "../x", "a/", "nul\0", &long] {
        let invalid = place.at(part);
        refused(fs.create_dir(&invalid), ErrorKind::InvalidInput);
        refused(fs.list(&invalid), ErrorKind::InvalidInput);
        refused(fs.sync_dir(&invalid), ErrorKind::InvalidInput);
        refused_as_a_file(fs, &valid, &invalid);
    }
    refused(fs.create_dir("/"), ErrorKind::InvalidInput);
    refused(fs.list("/"), ErrorKind::InvalidInput);
    refused_as_a_file(fs, &valid, &format!("/{valid}"));
    refused_as_a_file(fs, &valid, "");
    assert_eq!(place.names()?, ["x"]);
    let longest = "n".repeat(255);
    place.create(&longest)?;
    place.remove(&longest)
}

fn refused_as_a_file(fs: &dyn Fs, valid: &str, invalid: &str) {
    refused(fs.create(invalid), ErrorKind::InvalidInput);
    refused(fs.open(invalid, Access::Read), ErrorKind::InvalidInput);
    refused(fs.open(invalid, Access::Write), ErrorKind::InvalidInput);
    refused(fs.rename(valid, invalid), ErrorKind::InvalidInput);
    refused(fs.rename(invalid, valid), ErrorKind::InvalidInput);
    refused(fs.remove(invalid), ErrorKind::InvalidInput);
    refused(fs.lock(invalid, LockKind::Shared), ErrorKind::InvalidInput);
    refused(
        fs.lock(invalid, LockKind::Exclusive),
        ErrorKind::InvalidInput,
    );
}
