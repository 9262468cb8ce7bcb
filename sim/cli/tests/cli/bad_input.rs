//! Invalid arguments and logs. Each ends with its documented code and one line.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::fixture::Fixture;

const ID: &str = "8b4fe3425135e63d9fd76997832a9ffec32ca4b1";
const BLOB: &str = "088ba6ba7d345b76aa2b8dc021dd25e1323189b3";
const ZERO: &str = "0000000000000000000000000000000000000000";

#[test]
fn usage() {
    let fixture = Fixture::new();
    let mut text = String::new();
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["get", "--store", "S"],
        &["get", "key"],
        &["scan", "--store", "S", "--format", "xml"],
        &["scan", "--store", "S", "--at", "-1"],
        &["get", "--store", "S", "key", "--at", "-1"],
        &["get", "--store", "S", "key", "--at", "first"],
        &["get", "--store", "S", "key", "--at", "99999999999999999999"],
        &["diff", "--store", "S", "-1", "3"],
        &["changes", "--store", "S", "--since", "-1"],
        &["apply", "--store", "S", "--group", "-5"],
        &["put", "--store", "S", "a", "b", "--wal-file", ""],
        &["scan", "--store", "S", "--prefix", "a", "--from", "a"],
        &["import-git", "--store", "S", "--divisor", "1"],
        &["import-git", "--store", "S", "--divisor", "4,0,2"],
        &["import-git", "--store", "S", "--divisor", "four"],
        &["import-git", "--store", "S", "--cascade", "both"],
        &["import-git", "--store", "S", "--history", "last"],
        &[
            "import-git",
            "--store",
            "S",
            "--remove-inputs",
            "head-window-up-to-level:3",
        ],
        &[
            "import-git",
            "--store",
            "S",
            "--remove-inputs",
            "up-to-level:256",
        ],
        &["import-git", "-", "--repo", ".", "--store", "S"],
        &["import-git", "log.txt", "--store", "S"],
        &["put", "--store", "S", "a", "b", "--min-inputs", "1"],
        &["put", "--store", "S", "a", "b", "--history", "last:0"],
        &["put", "--store", "S", "a", "b", "--file-level", "0"],
        &["predict", "--divisor", "0", "--commits", "5"],
        &["check-git", "--store", "S", "--sample", "0"],
        &["layout", "--store", "S", "--format", "json", "--pyramid"],
    ] {
        text += &format!(
            "$ {}\n  {}\n",
            arguments.join(" "),
            fixture.run(arguments).failure(2)
        );
    }
    insta::assert_snapshot!(text);
    let left: Vec<_> = std::fs::read_dir(fixture.path(".")).unwrap().collect();
    assert!(
        left.is_empty(),
        "a refused command creates nothing: {left:?}"
    );
}

#[test]
fn logs_that_are_garbled_from_the_start_create_nothing() {
    let fixture = Fixture::new();
    let cases = [
        ("empty", String::new()),
        ("not a log", "hello\n".to_owned()),
        ("cut in its first line", format!("commit {ID}")),
        ("a short id", format!("commit {} 1\n", &ID[1..])),
        ("no time", format!("commit {ID}\n")),
        ("a time with letters", format!("commit {ID} 12a\n")),
        ("an overlong line", "x".repeat(300_000)),
        (
            "a change before any commit",
            format!(":000000 100644 {ZERO} {BLOB} A\ta\n"),
        ),
    ];
    let mut text = String::new();
    for (name, log) in cases {
        let ended = fixture.run_with(&["import-git", "-", "--store", "S"], log.as_bytes());
        text += &format!("{name}\n  {}\n", ended.failure(3));
        assert!(!fixture.path("S").exists(), "{name}");
    }
    insta::assert_snapshot!(text);
}

/// Two commits, followed by `tail`.
fn log_with(tail: &str) -> String {
    let change = |path: &str| format!(":000000 100644 {ZERO} {BLOB} A\t{path}\n");
    let other = ID.replace('8', "9");
    format!(
        "commit {ID} 1\n\n{}commit {other} 2\n\n{}{tail}",
        change("a"),
        change("b")
    )
}

#[test]
fn logs_that_are_garbled_later_keep_what_came_before() {
    let header = format!("commit {} 3\n", ID.replace('8', "7"));
    let change = |fields: &str| format!("{header}\n:{fields}\n");
    let cases = [
        ("cut in a header", header[..20].to_owned()),
        ("cut behind an empty line", format!("{header}\n")),
        (
            "cut in a change",
            format!("{header}\n:000000 100644 {ZERO} 08"),
        ),
        (
            "cut before the last newline",
            change(&format!("000000 100644 {ZERO} {BLOB} A\tc"))
                .trim_end()
                .to_owned(),
        ),
        ("an empty line too many", format!("{header}\n\n")),
        (
            "no empty line",
            format!("{header}:000000 100644 {ZERO} {BLOB} A\tc\n"),
        ),
        ("the same commit twice", header.repeat(2)),
        (
            "another id length",
            format!("commit {} 3\n", "ab".repeat(32)),
        ),
        (
            "an unknown mode",
            change(&format!("000000 100666 {ZERO} {BLOB} A\tc")),
        ),
        (
            "a tree",
            change(&format!("000000 040000 {ZERO} {BLOB} A\tc")),
        ),
        (
            "an unknown status",
            change(&format!("100644 100644 {BLOB} {BLOB} X\tc")),
        ),
        (
            "a rename",
            change(&format!("100644 100644 {BLOB} {BLOB} R100\tc\td")),
        ),
        (
            "a merge of both parents",
            change(&format!(":100644 100644 100644 {BLOB} {BLOB} {BLOB} MM\tc")),
        ),
        (
            "a status that contradicts",
            change(&format!("000000 100644 {ZERO} {BLOB} D\tc")),
        ),
        (
            "an abbreviated id",
            change(&format!("000000 100644 {ZERO} 088ba6b A\tc")),
        ),
        (
            "an id in capitals",
            change(&format!(
                "000000 100644 {ZERO} {} A\tc",
                BLOB.to_uppercase()
            )),
        ),
        (
            "a mode that is zero",
            change(&format!("100644 000000 {BLOB} {BLOB} D\tc")),
        ),
        ("no path", change(&format!("000000 100644 {ZERO} {BLOB} A"))),
        (
            "an empty path",
            change(&format!("000000 100644 {ZERO} {BLOB} A\t")),
        ),
        (
            "a quote that stays open",
            change(&format!("000000 100644 {ZERO} {BLOB} A\t\"c")),
        ),
        (
            "an unknown escape",
            change(&format!("000000 100644 {ZERO} {BLOB} A\t\"\\q\"")),
        ),
        (
            "a zero byte",
            change(&format!("000000 100644 {ZERO} {BLOB} A\t\"\\000\"")),
        ),
        ("fields missing", change(&format!("000000 {BLOB} A\tc"))),
    ];
    let mut text = String::new();
    for (name, tail) in cases {
        let fixture = Fixture::new();
        let import = ["import-git", "-", "--store", "S", "--acknowledge"];
        let ended = fixture.run_with(&import, log_with(&tail).as_bytes());
        let stdout = String::from_utf8(ended.stdout.clone()).unwrap();
        let message = ended.failure(3);
        text += &format!("{name}\n  {message}\n");
        let acknowledged = stdout.lines().count();
        let kept = fixture.run(&["scan", "--store", "S"]).text();
        assert_eq!(kept.lines().count(), acknowledged, "{name}");
        // A second header proves that the commit before it is complete.
        let expected = if name == "the same commit twice" {
            2
        } else {
            1
        };
        assert!(acknowledged >= expected, "{name}: {acknowledged}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn repositories_that_are_none() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.path("empty")).unwrap();
    std::fs::create_dir(fixture.path("repo")).unwrap();
    fixture.git(&["init", "--quiet"]);
    let import = |repo: &str| {
        let mut command = fixture.command(&["import-git", "--store", "S", "--repo", repo]);
        command.env("GIT_CEILING_DIRECTORIES", fixture.path("."));
        Fixture::end(command).failure(3)
    };
    // The rest of the message is git's own.
    for repo in ["missing", "empty"] {
        let expected = format!("{repo} is not a git repository that can be read: git rev-parse: ");
        let message = import(repo);
        assert!(message.starts_with(&expected), "{message}");
    }
    assert_eq!(import("repo"), "the git repository repo has no commit");
    assert!(!fixture.path("S").exists());
}

#[test]
fn a_git_that_is_missing_or_fails_half_way() {
    let fixture = Fixture::with_history();
    fixture.friendly_configuration();
    let import = [
        "import-git",
        "--store",
        "S",
        "--repo",
        "repo",
        "--acknowledge",
    ];
    let mut command = fixture.command(&import);
    command.env("PATH", fixture.path("nowhere"));
    assert!(
        Fixture::end(command)
            .failure(6)
            .starts_with("cannot run git: ")
    );

    // A git that ends its log early between two lines; only its exit status shows that.
    let log = fixture.log();
    let newlines: Vec<usize> = (0..log.len()).filter(|at| log[*at] == b'\n').collect();
    std::fs::write(fixture.path("half"), &log[..=newlines[newlines.len() / 2]]).unwrap();
    std::fs::create_dir(fixture.path("bin")).unwrap();
    let script = format!(
        "#!/bin/sh\nfor word; do if [ \"$word\" = log ]; then cat '{}'; \
         echo 'fatal: the disk is on fire' >&2; exit 128; fi; done\nexec {} \"$@\"\n",
        fixture.path("half").display(),
        which_git()
    );
    write_program(&fixture.path("bin/git"), &script);
    let mut command = fixture.command(&import);
    command.env("PATH", path_before(&fixture.path("bin")));
    let ended = Fixture::end(command);
    let acknowledged = ended.stdout.iter().filter(|byte| **byte == b'\n').count();
    insta::assert_snapshot!("git_fails", ended.failure(6));
    let commits = String::from_utf8_lossy(&log[..newlines[newlines.len() / 2]])
        .matches("commit ")
        .count();
    // The last commit may be incomplete, and is not imported.
    assert!(
        acknowledged > 0 && acknowledged < commits,
        "{acknowledged} of {commits}"
    );
}

fn path_variable() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap()
}

/// A PATH that begins with this directory.
pub(crate) fn path_before(directory: &Path) -> std::ffi::OsString {
    let others = path_variable();
    let all = std::iter::once(directory.to_owned()).chain(std::env::split_paths(&others));
    std::env::join_paths(all).unwrap()
}

/// Writes an executable file.
pub(crate) fn write_program(path: &Path, script: &str) {
    std::fs::write(path, script).unwrap();
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, executable).unwrap();
}

pub(crate) fn which_git() -> String {
    let found = std::env::split_paths(&path_variable())
        .map(|path| path.join("git"))
        .find(|path| path.is_file());
    found.unwrap().display().to_string()
}

#[test]
fn commits_and_keys_beyond_limits() {
    let fixture = Fixture::with_store();
    let beyond = "commit 15 does not exist: the newest commit is 14";
    for command in [
        &["get", "--store", "S", "README.md", "--at", "15"][..],
        &["scan", "--store", "S", "--at", "15"],
        &["diff", "--store", "S", "3", "15"],
        &["diff", "--store", "S", "15", "3"],
    ] {
        assert_eq!(fixture.run(command).failure(3), beyond, "{command:?}");
    }
    let most = u64::MAX.to_string();
    fixture
        .run(&["get", "--store", "S", "README.md", "--at", &most])
        .failure(3);
    let trees = format!("tree 15 {ID}\n");
    std::fs::write(fixture.path("trees"), &trees).unwrap();
    let check = ["check-git", "--store", "S", "--trees", "trees"];
    assert_eq!(fixture.run(&check).failure(3), beyond);
    for garbled in ["", "tree 0 x\n", "100644 blob\n", &trees[..trees.len() - 1]] {
        std::fs::write(fixture.path("trees"), garbled).unwrap();
        fixture.run(&check).failure(3);
    }
    fixture
        .run(&["check-git", "--store", "S", "--trees", "missing"])
        .failure(6);
    let key = "k".repeat(70_000);
    let overlong = fixture.run(&["put", "--store", "S", &key, ""]).failure(3);
    insta::assert_snapshot!("overlong_key", overlong);
    let name = "n".repeat(300);
    fixture
        .run(&["put", "--store", "S", "k", "", "--keyspace", &name])
        .failure(3);
    fixture.run(&["get", "--store", "S", &key]).failure(1);
}
