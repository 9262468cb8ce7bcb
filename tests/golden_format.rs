//! Goal: stores written by format version 1 can be read for ever, and nothing changes
//! what is written without anybody noticing.
//!
//! Method: `tests/data/golden` holds the files of small stores, each with `.bin` added to
//! its name. They are opened and read back, and the workload that made them must make
//! them again, byte for byte. The zstd store is only read: what a compressor makes of the
//! same input may change with its version, what the decompressor makes of it may not.
//!
//! A test here that fails means that the format has changed. If that is intended, it
//! needs a new format version, the old files stay, and new ones are made by
//!
//!     cargo test --test golden_format -- --ignored regenerate
//!
//! Until version 1 is released the files may be replaced in place.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "golden files lie in the source tree"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lithify::fs::{Fs, MemFs};
use lithify::verify::verify;
use lithify::{Commit, Compression};

mod small_stores;

use small_stores::{files, settled, unflushed, view};

type Files = BTreeMap<String, Vec<u8>>;

fn stores() -> [(&'static str, MemFs); 4] {
    [
        ("none", settled(Compression::None)),
        ("lz4", settled(Compression::Lz4)),
        ("zstd", settled(Compression::Zstd)),
        ("log", unflushed()),
    ]
}

fn directory(store: &str) -> PathBuf {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden");
    golden.join("version-2").join(store)
}

fn read_golden(store: &str) -> Files {
    let mut golden = Files::new();
    for entry in std::fs::read_dir(directory(store)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let name = name.strip_suffix(".bin").unwrap().to_owned();
        golden.insert(name, std::fs::read(entry.path()).unwrap());
    }
    golden
}

/// The files that hold something: all but the lock.
fn contents(fs: &MemFs) -> Files {
    let names = files(fs).into_iter().filter(|(_, length)| *length > 0);
    names
        .map(|(name, _)| (name.clone(), fs.read(&name).unwrap()))
        .collect()
}

fn disk_of(golden: &Files) -> MemFs {
    let fs = MemFs::new();
    for (name, bytes) in golden {
        fs.create(name).unwrap().append(bytes).unwrap();
    }
    fs
}

#[test]
fn golden_stores_read_back() {
    for (store, fresh) in stores() {
        let fs = disk_of(&read_golden(store));
        let report = verify(&fs).unwrap();
        assert!(report.findings.is_empty(), "{store}:\n{report}");
        assert_eq!(view(&fs).unwrap(), view(&fresh).unwrap(), "{store}");
    }
}

/// A few values in full, so that the workload itself cannot change together with the
/// files.
#[test]
fn golden_values_are_what_they_were() {
    for store in ["none", "lz4", "zstd"] {
        let found = view(&disk_of(&read_golden(store))).unwrap();
        assert_eq!(found.head, Commit::new(13));
        let stones = found.contents[&(13, "stones")].as_ref().unwrap();
        let text: Vec<String> = stones
            .iter()
            .map(|(key, value)| [&key[..], value].map(String::from_utf8_lossy).join("="))
            .collect();
        assert_eq!(
            text,
            [
                "key-00=xxxxxxxxxxxxxxxxxxxxxxxx",
                "key-02=value of commit 12",
                "key-03=value of commit 13",
                "key-04=xxxxxxxxxxxxxxxxxxxxxxxx",
            ],
            "{store}"
        );
    }
}

#[test]
fn the_same_workload_makes_the_same_bytes() {
    for (store, fs) in stores().into_iter().filter(|(store, _)| *store != "zstd") {
        let (golden, made) = (read_golden(store), contents(&fs));
        let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&made), names(&golden), "{store}");
        for (name, bytes) in &made {
            let differs = bytes.iter().zip(&golden[name]).position(|(a, b)| a != b);
            let is_same = bytes == &golden[name];
            assert!(is_same, "{store}: {name} differs, first at {differs:?}");
        }
    }
}

#[test]
#[ignore = "writes the golden files"]
fn regenerate() {
    for (store, fs) in stores() {
        let directory = directory(store);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        for (name, bytes) in contents(&fs) {
            std::fs::write(directory.join(name + ".bin"), bytes).unwrap();
        }
    }
}
