//! What calls mean, without a program: lines of `strace`, and the disk that they make.

use std::collections::BTreeSet;

use lithify_programs::blobs::Blobs;
use lithify_programs::follow::{Births, Followed, Follower, Settings};
use lithify_programs::gaps::Kind;
use lithify_programs::names::unescape;
use lithify_programs::strace::Parser;
use proptest::prelude::*;

/// Lines in which `"text"` and `<path>` stand for themselves; here they are escaped as `strace -xx`
/// escapes them.
fn escaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut closing = None;
    for byte in unescape(line) {
        match (byte, closing) {
            (b'"' | b'>', Some(end)) if byte == end => {
                closing = None;
                bytes.push(byte);
            }
            (_, Some(_)) => bytes.extend(format!("\\x{byte:02x}").bytes()),
            (b'"', None) => {
                closing = Some(b'"');
                bytes.push(byte);
            }
            (b'<', None) if bytes.last().is_some_and(|it| it.is_ascii_alphanumeric()) => {
                closing = Some(b'>');
                bytes.push(byte);
            }
            _ => bytes.push(byte),
        }
    }
    bytes
}

fn follow(lines: &str, allowed: &[Kind]) -> Result<Followed, String> {
    let settings = Settings {
        root: b"/d".to_vec(),
        directory: b"/d".to_vec(),
        marker: Some(b"/m".to_vec()),
        allowed: allowed.iter().copied().collect(),
        outside: &|_, _, length| Some(vec![b'o'; length]),
    };
    let lines: Vec<Vec<u8>> = lines.lines().map(|line| escaped(line.trim())).collect();
    let (mut births, mut parser) = (Births::default(), Parser::default());
    for line in &lines {
        if let Some(event) = parser.line(line).map_err(|it| it.to_string())? {
            births.note(&event);
        }
    }
    let mut parser = Parser::default();
    let mut follower = Follower::new(settings, births, Vec::new(), Blobs::default())?;
    for line in &lines {
        if let Some(event) = parser.line(line).map_err(|it| it.to_string())? {
            follower.event(&event).map_err(|gap| gap.to_string())?;
        }
    }
    Ok(follower.finish())
}

/// The operations that calls become, a line each.
fn operations(lines: &str) -> String {
    let followed = follow(lines, &[]).expect("it can be recorded");
    let log = followed.disk.log();
    let operations = log.operations().iter();
    let texts: Vec<String> = operations
        .enumerate()
        .map(|(place, operation)| {
            let covers = match log.covers_up_to(place) {
                end if end == place => String::new(),
                end => format!(" (covers {end})"),
            };
            format!("{}{covers}", log.describe(operation))
        })
        .collect();
    texts.join("\n")
}

#[test]
fn offsets_flags_and_shared_descriptors() {
    insta::assert_snapshot!(operations(
        r#"1 openat(AT_FDCWD</d>, "f", O_RDWR|O_CREAT|O_TRUNC, 0666) = 3</d/f>
        1 write(3</d/f>, "aaaa", 4) = 2
        1 dup(3</d/f>) = 4</d/f>
        1 write(4</d/f>, "bb", 2) = 2
        1 lseek(3</d/f>, 1, SEEK_SET) = 1
        1 read(4</d/f>, "a", 1) = 1
        1 write(3</d/f>, "c", 1) = 1
        1 pwrite64(3</d/f>, "d", 1, 9) = 1
        1 openat(AT_FDCWD</d>, "f", O_WRONLY|O_APPEND|O_DSYNC) = 5</d/f>
        1 pwrite64(5</d/f>, "e", 1, 0) = 1
        1 fcntl(5</d/f>, F_SETFL, O_WRONLY) = 0
        1 pwrite64(5</d/f>, "e", 1, 0) = 1
        1 ftruncate(3</d/f>, 3) = 0
        1 fallocate(3</d/f>, FALLOC_FL_KEEP_SIZE, 0, 100) = 0
        1 fallocate(3</d/f>, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 1, 100) = 0
        1 fallocate(3</d/f>, 0, 0, 10) = 0
        1 fsync(3</d/f>) = 0"#
    ));
}

#[test]
fn names_of_every_kind() {
    insta::assert_snapshot!(operations(
        r#"1 mkdir("a", 0777) = 0
        1 mkdirat(AT_FDCWD</d>, "a/b", 0777) = 0
        1 openat(AT_FDCWD</d>, "a/b/f", O_WRONLY|O_CREAT, 0666) = 3</d/a/b/f>
        1 linkat(AT_FDCWD</d>, "a/b/f", AT_FDCWD</d>, "g", 0) = 0
        1 symlink("a/b", "/d/s") = 0
        1 rename("s/f", "a/../h") = 0
        1 rename("g", "h") = 0
        1 renameat2(AT_FDCWD</d>, "a", AT_FDCWD</d>, "c", RENAME_NOREPLACE) = 0
        1 write(3</d/h>, "x", 1) = 1
        1 openat(AT_FDCWD</d>, "c/b", O_RDONLY|O_DIRECTORY) = 4</d/c/b>
        1 fsync(4</d/c/b>) = 0
        1 unlinkat(AT_FDCWD</d>, "c/b", AT_REMOVEDIR) = 0
        1 chdir("/d/c") = 0
        1 mkdir("b", 0777) = 0
        1 openat(AT_FDCWD</d/c>, ".", O_WRONLY|O_TMPFILE, 0600) = 5</d/c/#7>(deleted)
        1 write(5</d/c/#7>(deleted), "t", 1) = 1
        1 linkat(AT_FDCWD</d/c>, "/proc/self/fd/5", AT_FDCWD</d/c>, "t", AT_SYMLINK_FOLLOW) = 0
        1 unlink("t") = 0
        1 rename("b", "/elsewhere") = 0
        1 sync() = 0"#
    ));
}

/// A sync covers what had returned when it was entered; a thread shares descriptors, a child has a
/// copy; a child is seen before the call that made it returns.
#[test]
fn threads_children_and_overlapping_syncs() {
    insta::assert_snapshot!(operations(
        r#"1 openat(AT_FDCWD</d>, "f", O_RDWR|O_CREAT, 0666) = 3</d/f>
        1 write(3</d/f>, "a", 1) = 1
        1 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES, exit_signal=0} <unfinished ...>
        2 fsync(3</d/f> <unfinished ...>
        1 <... clone3 resumed> => {parent_tid=[2]}, 88) = 2
        1 write(3</d/f>, "b", 1) = 1
        2 <... fsync resumed>) = 0
        2 openat(AT_FDCWD</d>, "g", O_RDWR|O_CREAT|O_CLOEXEC, 0666) = 4</d/g>
        1 write(4</d/g>, "c", 1) = 1
        1 vfork( <unfinished ...>
        3 dup2(4</d/g>, 1) = 1</d/g>
        3 execve("/bin/x", ["x"], 0x1 /* 3 vars */ <unfinished ...>
        1 <... vfork resumed>) = 3
        3 <... execve resumed>) = 0
        3 write(1</d/g>, "d", 1) = 1
        1 write(1</dev/pts/0>, "shown", 5) = 5
        3 pwrite64(4<pipe:[7]>, "e", 1, 0) = 1
        1 openat(AT_FDCWD</d>, "/m", O_WRONLY|O_APPEND) = 5</m>
        1 write(5</m>, "marked", 6) = 6"#
    ));
}

/// What `execve` has closed is known no more, and what is under that number then came from nowhere.
#[test]
fn exec_closes_what_it_shall() {
    let lines = |flag: &str| {
        format!(
            r#"1 openat(AT_FDCWD</d>, "f", O_RDWR|O_CREAT{flag}, 0666) = 3</d/f>
            1 execve("/bin/x", ["x"], 0x1 /* 3 vars */) = 0
            1 write(3</d/f>, "a", 1) = 1"#
        )
    };
    assert!(follow(&lines(""), &[]).is_ok());
    let refused = follow(&lines("|O_CLOEXEC"), &[]).err();
    let why = "write: nobody saw where its descriptor stands (descriptor)";
    assert_eq!(refused.as_deref(), Some(why));
}

#[test]
fn copies_between_files() {
    let followed = follow(
        r#"1 openat(AT_FDCWD</d>, "f", O_RDWR|O_CREAT, 0666) = 3</d/f>
        1 write(3</d/f>, "abcdef", 6) = 6
        1 openat(AT_FDCWD</d>, "g", O_RDWR|O_CREAT, 0666) = 4</d/g>
        1 copy_file_range(3</d/f>, [1], 4</d/g>, NULL, 9, 0) = 3
        1 openat(AT_FDCWD</d>, "/etc/x", O_RDONLY) = 5</etc/x>
        1 sendfile(4</d/g>, 5</etc/x>, NULL, 9) = 2
        1 writev(4</d/g>, [{iov_base="1", iov_len=1}, {iov_base="23", iov_len=2}], 2) = 3"#,
        &[],
    );
    let followed = followed.expect("it can be recorded");
    let tree = followed.disk.tree();
    let file = tree.lookup(0, "g").expect("it is there");
    assert_eq!(tree.content(file).as_slice(), b"bcdoo123");
}

#[test]
fn what_cannot_be_recorded_has_a_name() {
    let begin = r#"1 openat(AT_FDCWD</d>, "f", O_RDWR|O_CREAT, 0666) = 3</d/f>"#;
    let cases = [
        (
            r#"1 io_uring_setup(8, {flags=0}) = 4<anon_inode:[io_uring]>"#,
            Kind::IoUring,
        ),
        (
            r#"1 mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, 3</d/f>, 0) = 0x7f"#,
            Kind::Mmap,
        ),
        (
            r#"1 splice(5<pipe:[9]>, NULL, 3</d/f>, NULL, 9, 0) = 9"#,
            Kind::Splice,
        ),
        (
            r#"1 ioctl(3</d/f>, BTRFS_IOC_CLONE or FICLONE, 4) = 0"#,
            Kind::Reflink,
        ),
        (
            r#"1 renameat2(AT_FDCWD</d>, "f", AT_FDCWD</d>, "g", RENAME_EXCHANGE) = 0"#,
            Kind::Exchange,
        ),
        (
            r#"1 fallocate(3</d/f>, FALLOC_FL_COLLAPSE_RANGE, 0, 4096) = 0"#,
            Kind::Collapse,
        ),
        (r#"1 rename("/tmp/x", "x") = 0"#, Kind::Outside),
        (r#"1 mknod("p", S_IFIFO|0666) = 0"#, Kind::Special),
        (r#"1 write(9</d/f>, "x", 1) = 1"#, Kind::Descriptor),
        (
            r#"1 openat(AT_FDCWD</d>, "z", O_RDONLY) = 4</d/z>"#,
            Kind::Difference,
        ),
    ];
    let kinds: BTreeSet<Kind> = cases.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(kinds.len(), Kind::ALL.len(), "every kind has a case");
    let mut said = String::new();
    for (line, kind) in cases {
        let lines = format!("{begin}\n{line}");
        let Err(refused) = follow(&lines, &[]) else {
            panic!("{line} was taken");
        };
        said += &format!("{refused}\n");
        let kept = follow(&lines, &[kind]).expect("it is allowed");
        assert_eq!(kept.gaps.len(), 1, "{line}");
    }
    insta::assert_snapshot!(said);
    // A private mapping, and one that is not written, are nothing.
    for words in ["PROT_READ, MAP_SHARED", "PROT_READ|PROT_WRITE, MAP_PRIVATE"] {
        let line = format!("1 mmap(NULL, 9, {words}, 3</d/f>, 0) = 0x7f");
        let kept = follow(&format!("{begin}\n{line}"), &[]).expect("it can be recorded");
        assert!(kept.mapped.is_empty());
    }
}

/// Calls that a kernel would have refused, in any order and from any process.
fn line() -> impl Strategy<Value = String> {
    let path = || {
        prop::sample::select(vec![
            "a", "b", "a/b", "a/..", ".", "", "/d", "/d/a/", "/x", "s", "s/b",
        ])
    };
    let number = || prop::sample::select(vec![-1_i64, 0, 1, 3, 4, 9, i64::MAX]);
    let flags = prop::sample::select(vec![
        "O_RDWR|O_CREAT",
        "O_RDWR|O_APPEND|O_SYNC",
        "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC",
        "O_TMPFILE",
        "O_DIRECTORY",
    ]);
    let call = prop_oneof![
        (path(), flags, number(), path()).prop_map(|(path, flags, value, real)| format!(
            "openat(AT_FDCWD</d>, \"{path}\", {flags}) = {value}</d/{real}>"
        )),
        (number(), number(), path(), number()).prop_map(|(file, place, path, value)| format!(
            "pwrite64({file}</d/{path}>, \"xyz\", 3, {place}) = {value}"
        )),
        (number(), path(), number()).prop_map(|(file, path, value)| format!(
            "write({file}</d/{path}>, \"xyz\", 3) = {value}"
        )),
        (number(), number(), number()).prop_map(|(file, place, length)| format!(
            "fallocate({file}</d/a>, FALLOC_FL_ZERO_RANGE, {place}, {length}) = 0"
        )),
        (number(), number())
            .prop_map(|(file, length)| format!("ftruncate({file}</d/a>, {length}) = 0")),
        (number(), number()).prop_map(|(from, to)| format!(
            "copy_file_range({from}</d/a>, [1], {to}</d/b>, NULL, 9, 0) = 2"
        )),
        (number(), number())
            .prop_map(|(file, value)| format!("lseek({file}</d/a>, 0, SEEK_SET) = {value}")),
        (number(), number())
            .prop_map(|(one, other)| format!("dup2({one}</d/a>, {other}) = {other}")),
        (number(), number()).prop_map(|(one, other)| format!("close_range({one}, {other}, 0) = 0")),
        (path(), path()).prop_map(|(from, to)| format!("rename(\"{from}\", \"{to}\") = 0")),
        (path(), path()).prop_map(|(from, to)| format!("link(\"{from}\", \"{to}\") = 0")),
        (path(), path()).prop_map(|(to, at)| format!("symlink(\"{to}\", \"{at}\") = 0")),
        path().prop_map(|path| format!("mkdir(\"{path}\", 0777) = 0")),
        path().prop_map(|path| format!("rmdir(\"{path}\") = 0")),
        path().prop_map(|path| format!("chdir(\"{path}\") = 0")),
        number().prop_map(|file| format!("fsync({file}</d/a>) = 0")),
        number().prop_map(|child| format!("clone(flags=CLONE_FILES) = {child}")),
        Just("sync() = 0".to_owned()),
        Just("execve(\"/x\", [\"x\"], 0x1) = 0".to_owned()),
    ];
    (1..5_u32, call).prop_map(|(pid, call)| format!("{pid} {call}"))
}

proptest! {
    #[test]
    fn no_calls_are_too_strange(lines in prop::collection::vec(line(), 0..40)) {
        let followed = follow(&lines.join("\n"), &Kind::ALL).expect("every gap is allowed");
        let tree = followed.disk.tree();
        // The steps alone make the same disk.
        let mut again = lithify_programs::steps::Disk::default();
        for step in &followed.steps {
            again.take(step, &followed.blobs).expect("it was taken before");
        }
        prop_assert_eq!(again.tree().show(&again.tree().live()), tree.show(&tree.live()));
    }
}
