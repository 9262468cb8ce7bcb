//! Goal: paths and logs of git are read and written as git does, and no input makes the
//! parsers panic or lose a commit.
//!
//! Method: paths are drawn at random over all bytes and compared with the output of git for
//! a tree that contains them, with and without `core.quotePath`. Logs are drawn at random
//! and written by this test, and parsing must return the same commits. Then the logs are
//! cut at every position, and damaged, and parsed again.

#![expect(clippy::disallowed_types, reason = "compares with git itself")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use lithify_policies::git::quote::{quote, unquote};
use lithify_policies::git::{FileChange, LogCommit, RawLog, Repository, Trees};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;

proptest! {
    #[test]
    fn quoting_and_unquoting_are_inverse(path in any::<Vec<u8>>()) {
        let quoted = quote(&path);
        prop_assert!(quoted.iter().all(|byte| (0x20..0x7f).contains(byte)));
        prop_assert_eq!(&*unquote(&quoted).unwrap(), &path[..]);
    }

    #[test]
    fn unquoting_takes_anything(text in any::<Vec<u8>>(), quoted in any::<bool>()) {
        let text = if quoted { [b"\"", &text[..], b"\""].concat() } else { text };
        // An accepted text without quotes stands for itself.
        if let Ok(path) = unquote(&text) {
            prop_assert!(quoted || text.starts_with(b"\"") || *path == *text);
        }
    }

    #[test]
    fn parsers_take_anything(text in any::<Vec<u8>>()) {
        prop_assert!(RawLog::new(&text[..]).count() > 0);
        prop_assert!(Trees::new(&text[..]).count() > 0);
    }
}

/// Runs git in this directory, without the settings of the user.
fn git(directory: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("git");
    command
        .current_dir(directory)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("GIT_DIR");
    let mut command = assert_cmd::Command::from_std(command);
    command
        .write_stdin(input)
        .assert()
        .success()
        .get_output()
        .stdout
        .clone()
}

/// Whether a tree can contain this name: not the name of a folder, and not a name of git
/// itself.
fn is_a_path(path: &[u8]) -> bool {
    let is_taken =
        matches!(path, b"" | b"." | b"..") || path.to_ascii_lowercase().starts_with(b".git");
    !is_taken && !path.contains(&0) && !path.contains(&b'/')
}

#[test]
fn git_quotes_the_same() {
    let mut runner = TestRunner::deterministic();
    let drawn = proptest::collection::vec(any::<Vec<u8>>(), 5000);
    let drawn = drawn.new_tree(&mut runner).unwrap().current();
    let mut paths: BTreeSet<Vec<u8>> = drawn.into_iter().filter(|path| is_a_path(path)).collect();
    assert!(paths.len() > 2000);
    // Every byte once, including bytes that were perhaps not drawn.
    paths.extend(
        (1..=u8::MAX)
            .filter(|byte| *byte != b'/')
            .map(|byte| vec![b'=', byte]),
    );
    let directory = TempDir::new().unwrap();
    let tree = tree_with(directory.path(), &paths);
    let list = |setting: &str| -> Vec<Vec<u8>> {
        let arguments = ["-c", setting, "ls-tree", "-r", "--name-only", &tree];
        let listing = git(directory.path(), &arguments, b"");
        let lines = listing.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
        lines.filter(|line| !line.is_empty()).collect()
    };
    let quoted = list("core.quotePath=true");
    let expected: Vec<Vec<u8>> = paths.iter().map(|path| quote(path).into_owned()).collect();
    assert!(quoted == expected);
    for lines in [quoted, list("core.quotePath=false")] {
        let read = lines.iter().map(|line| unquote(line).unwrap().into_owned());
        assert!(read.eq(paths.iter().cloned()));
    }
}

/// Writes a tree with these paths, and returns its id.
fn tree_with(directory: &Path, paths: &BTreeSet<Vec<u8>>) -> String {
    git(directory, &["init", "--quiet"], b"");
    let blob = git(directory, &["hash-object", "-w", "--stdin"], b"contents");
    let blob = String::from_utf8(blob).unwrap().trim().to_owned();
    let mut tree = Vec::new();
    for path in paths {
        tree.extend(format!("100644 blob {blob}\t").bytes());
        tree.extend(path);
        tree.push(0);
    }
    let tree = git(directory, &["mktree", "-z"], &tree);
    String::from_utf8(tree).unwrap().trim().to_owned()
}

/// A tree with twelve folders that are all the same object, which contains twelve folders
/// that are all the same object, and so on. It is read in as many steps as there are
/// objects, and its size is known before it is listed.
#[test]
fn a_tree_without_end_is_read_in_a_few_steps() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    git(path, &["init", "--quiet"], b"");
    let word = |output: Vec<u8>| String::from_utf8(output).unwrap().trim().to_owned();
    let commit_of = |kind: &str, leaf: String| {
        let (mut below, mut kind) = (leaf, kind);
        for _ in 0..12 {
            let entry = |number| format!("{kind} {below}\t{number}\n");
            let entries: String = (0..12).map(entry).collect();
            below = word(git(path, &["mktree"], entries.as_bytes()));
            kind = "040000 tree";
        }
        let names = ["-c", "user.name=A", "-c", "user.email=a@b"];
        let commit = [&names[..], &["commit-tree", "-m", "m", &below]].concat();
        word(git(path, &commit, b""))
    };
    let file = commit_of(
        "100644 blob",
        word(git(path, &["hash-object", "-w", "--stdin"], b"")),
    );
    let hollow = commit_of("040000 tree", word(git(path, &["mktree"], b"")));
    git(path, &["update-ref", "HEAD", &file], b"");
    let mut trees = Repository::open(Some(path)).unwrap().trees().unwrap();
    trees.go_to(&file).unwrap();
    assert_eq!(trees.lines(), 12_u64.pow(12));
    trees.go_to(&hollow).unwrap();
    assert_eq!(trees.listing().unwrap(), []);
}

#[test]
fn times_that_git_cannot_mean_are_unknown() {
    let time = |text: &str| {
        let log = format!("commit {} {text}\n", id(1));
        let commit = RawLog::new(log.as_bytes()).next().unwrap();
        commit.unwrap().time_seconds
    };
    assert_eq!(time("0"), Some(0));
    assert_eq!(time("1537727414"), Some(1_537_727_414));
    assert_eq!(time("9223372036854775807"), Some(i64::MAX as u64));
    for unknown in [
        "",
        "9223372036854775808",
        "18446744073709551614",
        "99999999999999999999",
        "012345678901234567890123456789",
    ] {
        assert_eq!(time(unknown), None, "{unknown}");
    }
}

/// An object id computed from a number.
fn id(number: u32) -> String {
    format!("{:040x}", u64::from(number) + 1)
}

fn change() -> impl Strategy<Value = FileChange> {
    let path = proptest::collection::vec(1_u8.., 1..12);
    let mode = prop_oneof![
        Just(Some("100644 blob")),
        Just(Some("100755 blob")),
        Just(Some("120000 blob")),
        Just(Some("160000 commit")),
        Just(None),
    ];
    (path, mode, any::<u32>()).prop_map(|(path, kind, object)| FileChange {
        path,
        before: kind
            .is_none()
            .then(|| format!("100644 blob {}", id(7)).into_bytes()),
        value: kind.map(|kind| format!("{kind} {}", id(object)).into_bytes()),
    })
}

fn log() -> impl Strategy<Value = Vec<LogCommit>> {
    let commit = (
        proptest::collection::vec(change(), 0..4),
        proptest::option::of(any::<u32>()),
    );
    proptest::collection::vec(commit, 1..6).prop_map(|commits| {
        (0..)
            .zip(commits)
            .map(|(number, (changes, time))| LogCommit {
                id: id(number),
                time_seconds: time.map(u64::from),
                changes,
            })
            .collect()
    })
}

/// Writes a log as git prints it.
fn rendered(commits: &[LogCommit]) -> Vec<u8> {
    let mut text = Vec::new();
    for commit in commits {
        let time = commit
            .time_seconds
            .map(|time| time.to_string())
            .unwrap_or_default();
        text.extend(format!("commit {} {time}\n", commit.id).bytes());
        if !commit.changes.is_empty() {
            text.push(b'\n');
        }
        for change in &commit.changes {
            let zero = "0".repeat(40);
            let value = change
                .value
                .as_ref()
                .map(|value| String::from_utf8(value.clone()).unwrap());
            let line = match &value {
                Some(value) => format!(
                    "000000 {} {zero} {} A",
                    &value[..6],
                    &value[value.len() - 40..]
                ),
                None => format!("100644 000000 {} {zero} D", id(7)),
            };
            text.extend(format!(":{line}\t").bytes());
            text.extend(&*quote(&change.path));
            text.push(b'\n');
        }
    }
    text
}

/// Reads commits until the first error. Returns them, and whether there was an error.
fn read(text: &[u8]) -> (Vec<LogCommit>, bool) {
    let mut commits = Vec::new();
    let mut log = RawLog::new(text);
    while let Some(commit) = log.next() {
        match commit {
            Ok(commit) => commits.push(commit),
            Err(_) => {
                assert!(log.next().is_none(), "after an error it is over");
                return (commits, true);
            }
        }
    }
    (commits, false)
}

proptest! {
    #[test]
    fn logs_come_back(commits in log()) {
        prop_assert_eq!(read(&rendered(&commits)), (commits, false));
    }

    /// A cut leads to an error, unless it is between two lines at which a log may end.
    /// Every commit before the cut one is returned completely.
    #[test]
    fn cut_logs_are_refused_or_a_prefix(commits in log()) {
        let text = rendered(&commits);
        for cut in 0..text.len() {
            let (read, failed) = read(&text[..cut]);
            let at_line = cut > 0 && text[cut - 1] == b'\n' && !text[..cut].ends_with(b"\n\n");
            prop_assert_eq!(failed, !at_line, "cut at {}", cut);
            let whole = if failed { read.len() } else { read.len() - 1 };
            prop_assert_eq!(&read[..whole], &commits[..whole]);
            // All commits with a complete header except the last one.
            let line = text[..cut].iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
            let begun = text[..line].windows(7).filter(|word| word == b"commit ").count();
            prop_assert!(read.len() + 1 >= begun, "cut at {}", cut);
        }
    }

    #[test]
    fn damaged_logs_do_not_panic(commits in log(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = rendered(&commits);
        let at = at.index(text.len());
        text[at] = byte;
        let (read, _) = read(&text);
        let whole = text[..at].windows(7).filter(|word| word == b"commit ").count().saturating_sub(1);
        prop_assert_eq!(&read[..whole.min(read.len())], &commits[..whole.min(read.len())]);
    }
}
