//! Stores that are missing, locked, damaged or full. Each ends with its documented code
//! and one line, and no acknowledged commit is lost.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use lithify::fs::OsFs;
use lithify::{Options, Store};

use super::fixture::Fixture;

const SCAN: [&str; 3] = ["scan", "--store", "S"];
const PUT: [&str; 5] = ["put", "--store", "S", "key", "value"];

/// A store in which every kind of file has content.
fn with_files() -> Fixture {
    let fixture = Fixture::with_history();
    let options = ["--divisor", "2", "--file-level", "2", "--group", "1"];
    let import = ["import-git", "--repo", "repo", "--store", "S"];
    fixture.run(&[&import[..], &options].concat()).text();
    fixture
}

/// The newest file of a kind.
fn newest(fixture: &Fixture, kind: &str) -> std::path::PathBuf {
    let files = fs::read_dir(fixture.path("S")).unwrap();
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let name = names.filter(|name| name.starts_with(kind)).max();
    fixture.path("S").join(name.expect(kind))
}

#[test]
fn a_store_that_is_not_there_is_created_only_by_commands_that_write() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path("empty")).unwrap();
    fs::write(fixture.path("file"), "").unwrap();
    let mut text = String::new();
    for store in ["missing", "empty", "file"] {
        for command in [
            &["stats", "--store"][..],
            &["delete", "key", "--store"],
            &["compact", "--store"],
        ] {
            let arguments = [command, &[store]].concat();
            text += &format!(
                "$ {}\n  {}\n",
                arguments.join(" "),
                fixture.run(&arguments).failure(4)
            );
        }
    }
    text += &format!(
        "$ put\n  {}\n",
        fixture
            .run(&["put", "--store", "file", "k", "v"])
            .failure(4)
    );
    text += &format!(
        "$ put\n  {}\n",
        fixture
            .run(&["put", "--store", "file/S", "k", "v"])
            .failure(4)
    );
    insta::assert_snapshot!(text);
    assert!(!fixture.path("missing").exists());
    fixture.run(&["put", "--store", "empty", "k", "v"]).text();
    fixture
        .run(&["put", "--store", "missing/deep", "k", "v"])
        .text();
}

#[test]
fn a_store_is_not_created_among_other_files() {
    let fixture = Fixture::with_history();
    let names = || {
        let entries = fs::read_dir(fixture.path("repo")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let message = fixture
        .run(&["put", "--store", "repo", "k", "v"])
        .failure(4);
    assert!(
        message.contains("a store needs a directory of its own"),
        "{message}"
    );
    assert_eq!(names(), before);
}

#[test]
fn a_directory_that_cannot_be_written() {
    // No user, not even root, can create directories there.
    let fixture = Fixture::new();
    let refused = fixture
        .run(&["put", "--store", "/proc/lithify", "k", "v"])
        .failure(4);
    assert!(
        refused.starts_with("/proc/lithify: cannot create the store directory"),
        "{refused}"
    );
}

#[test]
fn a_store_that_another_process_has_open() {
    let fixture = with_files();
    let locked = "S: the store is locked: another process or handle has it open";
    // `apply` keeps the store open until the end of its input.
    let mut command = fixture.command(&["apply", "--store", "S"]);
    let mut writer = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = writer.stdin.take().unwrap();
    input.write_all(b"[]\n").unwrap();
    let mut acknowledged = [0; 3];
    let mut output = writer.stdout.take().unwrap();
    output.read_exact(&mut acknowledged).unwrap();
    assert_eq!(&acknowledged, b"15\n");
    // A reader reads beside the writer.
    fixture.run(&SCAN).text();
    let newest = fixture
        .run(&["stats", "--store", "S", "--format", "json"])
        .text();
    assert!(newest.contains("\"head\":15"), "{newest}");
    assert_eq!(fixture.run(&PUT).failure(4), locked);
    // A replica and a backup must not have commits that the store can lose.
    for ahead in [
        vec!["changes", "--store", "S"],
        vec!["backup", "--store", "S", "--to", "B"],
    ] {
        assert_eq!(fixture.run(&ahead).failure(4), locked);
    }
    drop(input);
    assert!(writer.wait().unwrap().success());
    fixture.run(&PUT).text();
    // A reader that came first excludes writers. The lock is kept to the end of the test: a
    // process that another test starts inherits it for a moment.
    let fs = Arc::new(OsFs::new(fixture.path("S")));
    let options = Options {
        create: false,
        ..Options::default()
    };
    let _reader = Store::open_read_only(fs, options).unwrap();
    fixture.run(&SCAN).text();
    assert_eq!(fixture.run(&PUT).failure(4), locked);
}

#[test]
fn a_format_of_the_future() {
    let fixture = with_files();
    let manifest = newest(&fixture, "manifest");
    let mut bytes = fs::read(&manifest).unwrap();
    // The preamble: magic and kind, version, and a checksum over both.
    bytes[8..12].copy_from_slice(&7_u32.to_le_bytes());
    let checksum = crc32(&bytes[..12]).to_le_bytes();
    bytes[12..16].copy_from_slice(&checksum);
    fs::write(&manifest, &bytes).unwrap();
    let name = manifest.file_name().unwrap().to_str().unwrap();
    let refused = fixture.run(&SCAN).failure(4);
    let expected =
        format!("S: {name} has format version 7, this library reads up to 2: use a newer lithify");
    assert_eq!(refused, expected);
    fixture.run(&PUT).failure(4);
}

/// The CRC-32 of the preamble, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

#[test]
fn damaged_files() {
    for (kind, at) in [("manifest", 60), ("wal", 80), ("segment", 50)] {
        let fixture = with_files();
        if kind == "wal" {
            // A second file proves that a crash did not cut the first file.
            fixture.run(&PUT).text();
        }
        let files = fs::read_dir(fixture.path("S")).unwrap();
        let mut names: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
        names.sort();
        let is_kind = |path: &&std::path::PathBuf| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(kind)
        };
        let damaged = names.iter().find(is_kind).unwrap();
        let mut bytes = fs::read(damaged).unwrap();
        bytes[at] ^= 0x10;
        fs::write(damaged, &bytes).unwrap();
        let message = fixture.run(&SCAN).failure(5);
        assert!(
            message.contains(" is damaged at offset "),
            "{kind}: {message}"
        );
        let name = damaged.file_name().unwrap().to_str().unwrap();
        assert!(message.contains(name), "{kind}: {message}");
    }
}

#[test]
fn a_segment_file_that_is_gone() {
    let fixture = with_files();
    fs::remove_file(newest(&fixture, "segment")).unwrap();
    let message = fixture.run(&SCAN).failure(5);
    assert!(message.contains("segment-"), "{message}");
}

#[test]
fn a_torn_end_of_the_log_is_no_damage() {
    let fixture = with_files();
    let before = fixture.run(&SCAN).text();
    fixture.run(&PUT).text();
    let wal = newest(&fixture, "wal");
    let length = fs::metadata(&wal).unwrap().len();
    // Closing leaves a mark after the last commit; both are cut.
    fs::File::options()
        .write(true)
        .open(&wal)
        .unwrap()
        .set_len(length / 2)
        .unwrap();
    assert_eq!(fixture.run(&SCAN).text(), before);
    assert_eq!(fixture.run(&PUT).text(), "15\n");
}

/// A full disk has another exit code than a locked store, even if the disk is full at
/// the opening. Here no file may have a single byte.
#[test]
fn a_disk_that_is_full_at_the_opening() {
    let fixture = Fixture::new();
    for command in ["data-file", "ratio-store"] {
        let mut shell = Command::new("sh");
        shell
            .current_dir(fixture.path("."))
            .stdin(Stdio::null())
            .arg("-c")
            .arg(format!(
                "trap '' XFSZ; ulimit -f 0; exec \"$0\" {command} --dir {command}"
            ))
            .arg(env!("CARGO_BIN_EXE_lithify"));
        let message = Fixture::end(shell).failure(6);
        assert!(message.contains("File too large"), "{command}: {message}");
    }
    // A refusal by the environment has the other code.
    for command in ["data-file", "ratio-store", "wal-node"] {
        fs::write(fixture.path("file"), "").unwrap();
        fixture.run(&[command, "--dir", "file"]).failure(4);
        fixture.run(&[command, "--dir", "/proc/lithify"]).failure(4);
    }
}

/// A line that needs more memory than there is gives an error with its number, and does
/// not abort the process.
#[test]
fn a_line_for_which_there_is_no_memory() {
    let fixture = Fixture::new();
    let long = format!(
        "[]\n[{}{{\"delete\":\"\"}}]\n",
        "{\"delete\":\"\"},".repeat(4 << 20)
    );
    let mut shell = Command::new("sh");
    shell
        .current_dir(fixture.path("."))
        .arg("-c")
        .arg("ulimit -v 600000; exec \"$0\" apply --store S")
        .arg(env!("CARGO_BIN_EXE_lithify"));
    let output = assert_cmd::Command::from_std(shell)
        .write_stdin(long)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{message}");
    assert!(
        message.starts_with("lithify: line 2: out of memory: the line needs "),
        "{message}"
    );
}

#[test]
fn a_disk_that_is_full_half_way() {
    let fixture = Fixture::with_history();
    // Files may not grow beyond 512 bytes here (or 1024, in other shells), and the
    // signal for that is ignored. A synced log begins with a block of zeros, which is
    // larger.
    let import = |store: &str| {
        format!(
            "import-git --repo repo --store {store} --group 1 --acknowledge --divisor 2 --durability buffered"
        )
    };
    let mut shell = Command::new("sh");
    shell
        .current_dir(fixture.path("."))
        .arg("-c")
        .arg(format!(
            "trap '' XFSZ; ulimit -f 1; exec \"$0\" {}",
            import("S")
        ))
        .arg(env!("CARGO_BIN_EXE_lithify"));
    let ended = Fixture::end(shell);
    let acknowledged = ended.stdout.iter().filter(|byte| **byte == b'\n').count() as u64;
    let message = ended.failure(6);
    assert!(message.contains("File too large"), "{message}");
    assert!((1..14).contains(&acknowledged), "{acknowledged}");
    let head = fixture.run(&["stats", "--store", "S"]).text();
    let head: u64 = head
        .lines()
        .next()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(head >= acknowledged, "{head} of {acknowledged}");
    // With free space again, the same command completes the import.
    let arguments = import("S");
    fixture
        .run(&arguments.split(' ').collect::<Vec<_>>())
        .text();
    fixture
        .run(&["check-git", "--repo", "repo", "--store", "S", "--all"])
        .text();
}

/// A store with three commits; the log of the second commit is damaged.
#[test]
fn what_is_whole_of_a_damaged_store_is_read_and_the_rest_is_named() {
    let fixture = Fixture::new();
    for (key, value) in [("a", "first"), ("b", "second"), ("a", "third")] {
        fixture.run(&["put", "--store", "S", key, value]).text();
    }
    let logs = fs::read_dir(fixture.path("S")).unwrap();
    let mut logs = logs.map(|entry| entry.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(6).any(|bytes| bytes == b"second")
    };
    let path = logs.find(holds).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.windows(6).position(|bytes| bytes == b"second");
    bytes[place.unwrap()] ^= 1;
    fs::write(&path, &bytes).unwrap();

    let get = |arguments: &[&str]| fixture.run(&[&["get", "--store", "S"], arguments].concat());
    get(&["a"]).failure(5);
    for (arguments, value) in [
        (&["a", "--damaged"][..], "third\n"),
        (&["a", "--damaged", "--at", "1"], "first\n"),
    ] {
        let ended = get(arguments);
        assert_eq!((ended.code, &*ended.stdout), (0, value.as_bytes()));
        let named = ended.stderr.lines().collect::<Vec<_>>();
        assert!(matches!(*named, [line] if line.ends_with("lost are the commits 2 to 2")));
    }
    let ended = get(&["b", "--damaged"]);
    assert_eq!((ended.code, ended.stderr.lines().count()), (5, 2));
    let scan = ["scan", "--store", "S", "--damaged"];
    assert_eq!(fixture.run(&scan).code, 5);
    assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is repaired");
}
