//! Goal: both file systems of the engine keep the contracts in `lithify::fs`.
//!
//! Method: the laboratory's conformance cases run on each, and a few tests below
//! cover what those cases cannot: appending from several threads, `OsFs` before
//! its root exists and with foreign files in it, and the extras of `MemFs`.

#![allow(
    clippy::disallowed_methods,
    reason = "the tests look at the real disk, from several threads"
)]

use lithify::fs::whole::append_all;
use lithify::fs::{Access, Fs, LockKind, MemFs, OsFs};
use lithify_sim::disk::conformance;
use std::io::ErrorKind;
use std::path::Path;

fn temporary() -> (tempfile::TempDir, OsFs) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let fs = OsFs::new(dir.path());
    (dir, fs)
}

#[test]
fn memory_conforms() {
    conformance::check(&MemFs::new());
}

#[test]
fn operating_system_conforms() {
    let (_dir, fs) = temporary();
    conformance::check(&fs);
}

/// Threads append records of one repeated byte through one handle; none may
/// overwrite or split another.
fn check_concurrent_appends(fs: &dyn Fs) {
    const RECORD_BYTES: usize = 16;
    const RECORDS: usize = 500;
    let file = fs.create("shared").unwrap();
    std::thread::scope(|scope| {
        for byte in 0..4 {
            let file = file.clone();
            scope.spawn(move || {
                for _ in 0..RECORDS {
                    append_all(&*file, &[byte; RECORD_BYTES]).unwrap();
                }
            });
        }
    });
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    let mut counts = [0; 4];
    for record in bytes.chunks(RECORD_BYTES) {
        assert_eq!(record, [record[0]; RECORD_BYTES]);
        counts[usize::from(record[0])] += 1;
    }
    assert_eq!(counts, [RECORDS; 4]);
}

#[test]
fn threads_append_to_one_handle_in_memory() {
    check_concurrent_appends(&MemFs::new());
}

#[test]
fn threads_append_to_one_handle_of_the_operating_system() {
    let (_dir, fs) = temporary();
    check_concurrent_appends(&fs);
}

#[test]
fn the_root_is_made_on_request_only() {
    let (dir, _) = temporary();
    let root = dir.path().join("some/deep/root");
    let fs = OsFs::new(&root);
    assert!(
        !dir.path().join("some").exists(),
        "constructing does not touch the disk"
    );
    assert_eq!(fs.create("x").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs.list("").unwrap_err().kind(), ErrorKind::NotFound);
    fs.create_dir("").unwrap();
    fs.create_dir("").unwrap();
    fs.create("x").unwrap();
    assert!(root.join("x").is_file());
}

#[test]
fn making_a_directory_makes_a_missing_root() {
    let (dir, _) = temporary();
    let fs = OsFs::new(dir.path().join("root"));
    fs.create_dir("inner/most").unwrap();
    assert!(dir.path().join("root/inner/most").is_dir());
}

#[test]
fn an_empty_root_is_the_working_directory() {
    // Integration tests run in the directory of their package.
    assert!(
        OsFs::new("")
            .list("")
            .unwrap()
            .contains(&"Cargo.toml".to_owned())
    );
    assert!(OsFs::new("").open("Cargo.toml", Access::Read).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_foreign_name_that_is_not_text_is_left_out() {
    use std::os::unix::ffi::OsStrExt;
    let (dir, fs) = temporary();
    let name = std::ffi::OsStr::from_bytes(b"\xff");
    std::fs::write(dir.path().join(Path::new(name)), b"").unwrap();
    fs.create("ours").unwrap();
    assert_eq!(fs.list("").unwrap(), ["ours"]);
}

#[test]
fn a_clone_shares_the_tree_and_a_deep_copy_does_not() {
    let fs = MemFs::new();
    fs.create_dir("d").unwrap();
    let file = fs.create("d/x").unwrap();
    append_all(&*file, b"before").unwrap();
    let lock = fs.lock("d/x", LockKind::Exclusive).unwrap();
    let (clone, copy) = (fs.clone(), fs.deep_copy());

    append_all(&*file, b", after").unwrap();
    copy.create("d/y").unwrap();
    assert_eq!(clone.read("d/x").unwrap(), b"before, after");
    assert_eq!(clone.list("d").unwrap(), ["x"]);
    assert_eq!(copy.read("d/x").unwrap(), b"before");

    append_all(&*copy.open("d/x", Access::Write).unwrap(), b"!").unwrap();
    assert_eq!(copy.read("d/x").unwrap(), b"before!");
    assert_eq!(fs.read("d/x").unwrap(), b"before, after");

    assert!(clone.lock("d/x", LockKind::Shared).is_err());
    assert!(
        copy.lock("d/x", LockKind::Exclusive).is_ok(),
        "the copy is not locked"
    );
    drop(lock);
}

#[test]
fn overwriting_a_file_in_memory_shows_in_open_handles() {
    let fs = MemFs::new();
    let file = fs.create("x").unwrap();
    append_all(&*file, b"long content").unwrap();
    fs.overwrite("x", b"flip".to_vec()).unwrap();
    assert_eq!(file.len().unwrap(), 4);
    assert_eq!(fs.read("x").unwrap(), b"flip");
    assert_eq!(
        fs.overwrite("y", vec![]).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn a_file_in_memory_has_a_largest_length() {
    let fs = MemFs::new();
    let file = fs.create("x").unwrap();
    assert_eq!(
        file.set_len((1 << 34) + 1).unwrap_err().kind(),
        ErrorKind::FileTooLarge
    );
    assert_eq!(
        file.write_at(1 << 34, b"x").unwrap_err().kind(),
        ErrorKind::FileTooLarge
    );
    assert_eq!(file.len().unwrap(), 0);
}
