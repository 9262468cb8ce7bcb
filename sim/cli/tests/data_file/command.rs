//! The command `lithify data-file`, line by line, and two processes connected by a
//! pipe.

use std::path::Path;

use assert_cmd::Command;

/// The answers of a process to these lines.
fn answers(directory: &Path, arguments: &[&str], lines: &str) -> Vec<String> {
    let (answers, code, message) = run(directory, arguments, lines);
    assert_eq!((code, message.as_str()), (0, ""));
    answers
}

/// The answers of a process to these lines, and how it ends.
fn run(directory: &Path, arguments: &[&str], lines: &str) -> (Vec<String>, i32, String) {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("lithify"))
        .args(["data-file", "--dir"])
        .arg(directory)
        .args(arguments)
        .write_stdin(lines)
        .output()
        .expect("the binary runs");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code().expect("it ends by itself");
    assert_eq!(message.lines().count(), usize::from(code != 0), "{message}");
    let text = String::from_utf8(output.stdout).expect("answers are text");
    (text.lines().map(str::to_owned).collect(), code, message)
}

#[test]
fn each_line_is_answered_with_one() {
    let directory = tempfile::tempdir().unwrap();
    let lines = "put stone granite and more\nget stone\nget sand\n\nput sand \"\"\nput sand\ndel stone\nget stone\nnonsense\nget\ndel a b\nchanges-since x\nchanges-since 9\n";
    let expected = [
        "ok 1",
        "value granite and more",
        "none",
        "ok 2",
        "error put sand is none of: put KEY VALUE, del KEY, get KEY, stats, check, compact, changes-since COMMIT, promote, help",
        "ok 3",
        "none",
        "error nonsense is none of: put KEY VALUE, del KEY, get KEY, stats, check, compact, changes-since COMMIT, promote, help",
        "error get is none of: put KEY VALUE, del KEY, get KEY, stats, check, compact, changes-since COMMIT, promote, help",
        "error del a b is none of: put KEY VALUE, del KEY, get KEY, stats, check, compact, changes-since COMMIT, promote, help",
        "error changes-since needs the number of a commit",
        "error there are no changes since commit 9: the newest durable commit is 3",
    ];
    assert_eq!(answers(directory.path(), &[], lines), expected);
    // Another process finds the same state, and the file has the length that the page
    // states: a header, two values, a tombstone and three ends.
    let found = answers(directory.path(), &[], "get sand\nstats\n");
    assert_eq!(found[0], "value \"\"");
    let total = 72 + (8 + 1 + 4 + 5 + 16) + (8 + 1 + 4 + 4) + (8 + 1 + 5) + 3 * 17;
    let live = 72 + (8 + 1 + 4 + 4);
    let sizes = format!("keys=1 live_bytes={live} total_bytes={total} ");
    assert!(found[1].contains(&sizes), "{}", found[1]);
}

#[test]
fn the_policy_is_that_of_the_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let lines = "put a 1\nput a 2\ncheck\n";
    let check = |arguments: &[&str]| answers(directory.path(), arguments, lines)[2].clone();
    assert_eq!(
        check(&[]),
        "ok nothing was done: the file is below the minimum size"
    );
    assert_eq!(
        check(&["--disabled"]),
        "ok nothing was done: compaction is switched off"
    );
    assert_eq!(
        check(&["--minimum-size", "1", "--threshold", "0.99"]),
        "ok nothing was done: the dead share is below the threshold"
    );
    let compacted = check(&["--minimum-size", "1"]);
    assert!(compacted.starts_with("ok bytes_before="), "{compacted}");
    assert!(
        compacted.contains(" bytes_after=87 entries_copied=1 entries_caught_up=0 "),
        "{compacted}"
    );
}

/// A replica reads the output of its primary. Other output than commits is refused.
#[test]
fn a_replica_reads_what_its_primary_prints() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let printed = answers(
        one.path(),
        &[],
        "put a 1\nput b \u{e9}\ndel a\nchanges-since 0\n",
    );
    assert_eq!(printed.last().unwrap(), "ok 3");
    let changes: Vec<&str> = printed
        .iter()
        .map(String::as_str)
        .filter(|line| line.starts_with('{'))
        .collect();
    assert_eq!(changes.len(), 3);
    let replica = |lines: &str| answers(other.path(), &["--replica"], lines);
    let lines = changes.join("\n") + "\nget a\nget b\nput own 1\ncompact\nstats\n";
    let found = replica(&lines);
    assert_eq!(found[..4], ["ok 1", "ok 2", "ok 3", "none"]);
    assert_eq!(found[4], "value \"\\303\\251\"");
    assert!(
        found[5].starts_with("error this store is a replica at commit 3"),
        "{}",
        found[5]
    );
    assert!(
        found[6].starts_with("error this store is a replica, which never compacts"),
        "{}",
        found[6]
    );
    let stats = &found[7];
    assert!(
        stats.contains(" role=replica ") && !stats.contains("failure"),
        "what was refused has not failed: {stats}"
    );
    // A line that is cut or altered is refused, and a repeated line is ignored.
    let cut = &changes[2][..changes[2].len() - 1];
    let altered = changes[2].replace("\"a\"", "\"b\"");
    let lines = format!(
        "{cut}\n{altered}\n{}\nstats\npromote\nput own 1\n",
        changes[2]
    );
    let (found, code, message) = run(other.path(), &["--replica"], &lines);
    assert!(found[0].starts_with("error no commit: "), "{}", found[0]);
    assert!(
        found[1].starts_with("error commit 3 is not what its checksum says"),
        "{}",
        found[1]
    );
    assert_eq!(found[2], "ok 3");
    assert!(!found[3].contains("failure"), "{}", found[3]);
    assert_eq!(found[4..], ["ok 3", "ok 4"]);
    assert_eq!(code, 3);
    assert!(
        message
            .contains("2 lines of the stream of commits were refused, the first with: no commit"),
        "{message}"
    );
}

/// The complete output of a primary is valid input of a replica, and an error in it
/// changes the exit code.
#[test]
fn a_pipe_needs_nothing_in_between() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let feed = |lines: &str| answers(one.path(), &[], lines).join("\n") + "\n";
    let printed = feed("put a 1\nget a\nget b\nput a 2\nchanges-since 0\n");
    assert_eq!(printed.lines().count(), 7);
    assert_eq!(
        answers(other.path(), &["--replica"], &printed),
        ["ok 1", "ok 2"]
    );
    let refused = |lines: &str| {
        let (found, code, message) = run(other.path(), &["--replica"], lines);
        assert_eq!((found.len(), code), (1, 3), "{found:?}");
        assert!(message.contains("1 lines of the stream"), "{message}");
        found[0].clone()
    };
    let gone = feed("changes-since 9\n");
    assert!(
        refused(&gone).starts_with("error the primary has answered: error there are no changes")
    );
    let gap = feed("put b 1\nput b 2\nchanges-since 3\n");
    assert!(refused(&gap).contains("commit 4 came after 2: commit 3 is missing"));
}

/// A program that opens a replica by mistake and commits to it would create a fork.
#[test]
fn a_replica_stays_one_until_it_is_promoted_and_a_primary_one_until_it_is_told() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let printed = answers(one.path(), &[], "put a 1\nchanges-since 0\n").join("\n");
    assert_eq!(answers(other.path(), &["--replica"], &printed), ["ok 1"]);
    let (found, code, message) = run(other.path(), &[], "put a b\n");
    assert_eq!((found.len(), code), (0, 4));
    assert!(message.contains("the store is a replica"), "{message}");
    let role = |arguments: &[&str]| {
        let stats = answers(other.path(), arguments, "stats\n").remove(0);
        let role = stats.split_once(" role=").expect("it has a role").1;
        role.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(role(&["--replica"]), "replica");
    let promoted = answers(other.path(), &["--replica"], "promote\nput mine 1\n");
    assert_eq!(promoted, ["ok 1", "ok 2"]);
    assert_eq!(role(&[]), "primary");
    let (_, code, message) = run(other.path(), &["--replica"], "stats\n");
    assert_eq!(code, 4);
    assert!(
        message.contains("the store is a primary at commit 2 and no replica"),
        "{message}"
    );
    assert_eq!(role(&["--make-replica"]), "replica");
    assert_eq!(run(other.path(), &[], "").1, 4);
}

/// Nothing is written into the directory of another store.
#[test]
fn a_directory_of_another_store_is_refused() {
    for name in ["00000000.log", "wal-00000001.log", "manifest-000001"] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), b"theirs").unwrap();
        let (_, code, message) = run(directory.path(), &[], "put a 1\n");
        assert_eq!(code, 4, "{name}");
        assert!(
            message.contains(&format!("{name} belongs to ")),
            "{message}"
        );
        let names = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 1, "{name}");
    }
}

#[test]
fn a_store_that_cannot_be_opened_is_told_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    answers(directory.path(), &[], "put a 1\n");
    std::fs::write(directory.path().join("data.db"), b"no data file").unwrap();
    let output = Command::new(assert_cmd::cargo::cargo_bin!("lithify"))
        .args(["data-file", "--dir"])
        .arg(directory.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("data.db: its 12 bytes are no header"),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1);
}

/// Printed text reads back as the same bytes.
#[test]
fn keys_and_values_may_be_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let lines = "put \"a b\" \"\\377\\n\"\nget \"a b\"\nput k  x \nget k\nput k \"x\n";
    assert_eq!(
        answers(directory.path(), &["--interval", "1d"], lines)[..4],
        ["ok 1", "value \"\\377\\n\"", "ok 2", "value  x "]
    );
    assert_eq!(
        answers(directory.path(), &["--interval", "5"], "del \"a b\"\n"),
        ["ok 3"]
    );
}
