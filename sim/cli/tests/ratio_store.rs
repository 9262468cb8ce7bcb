//! Goal: `lithify ratio-store` answers as documented, keeps what it has acknowledged,
//! and survives any input.
//!
//! Method: the binary runs with lines on its standard input. For the main promise,
//! processes that rewrite their log all the time get SIGKILL after a number of answers.
//! The next process must find the state after some commit that is not before the last
//! acknowledged commit. The moment of a kill depends on the machine; the draws do not.
//! A directory that fails is kept.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use lithify::fs::OsFs;
use lithify_sim::keyed::{Domain, Seed};
use lithify_specimens::wal_ratio::{Options, RatioStore};

fn command(directory: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lithify"));
    command.arg("ratio-store").arg("--dir").arg(directory);
    command
}

/// Rewrites whenever the rule allows.
const EAGER: [&str; 8] = [
    "--check-every",
    "1ms",
    "--min-interval",
    "0s",
    "--max-interval",
    "1ms",
    "--threshold",
    "2",
];

fn answers(command: Command, input: &[u8]) -> Vec<String> {
    let output = assert_cmd::Command::from_std(command)
        .write_stdin(input)
        .output()
        .expect("the binary runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors, "");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

#[test]
fn every_line_has_its_answer() {
    let directory = tempfile::tempdir().unwrap();
    let rows: [(&str, &str); 20] = [
        ("get a", "none"),
        ("put a 1", "ok 1"),
        ("put a 2 and more", "ok 2"),
        ("get a", "value 2 and more"),
        ("put empty \"\"", "ok 3"),
        ("get empty", "value \"\""),
        ("put a", "error"),
        ("put \"a b\" \"\\377\\n\"", "ok 4"),
        ("get \"a b\"", "value \"\\377\\n\""),
        ("del \"a b\"", "ok 5"),
        ("del a", "ok 6"),
        ("del a", "ok 7"),
        ("get a", "none"),
        ("put", "error"),
        ("put  1", "error"),
        ("del a b", "error"),
        ("get", "error"),
        ("stats now", "error"),
        ("nonsense", "error"),
        ("stats", "commits=7 keys=1 live_bytes=64"),
    ];
    let input: String = rows.iter().map(|(line, _)| format!("{line}\n")).collect();
    let answers = answers(command(directory.path()), input.as_bytes());
    assert_eq!(answers.len(), rows.len());
    for ((line, expected), answer) in rows.into_iter().zip(answers) {
        let refused = "error a request is put KEY VALUE, del KEY, get KEY, stats or help";
        match expected {
            "error" => assert_eq!(answer, refused, "{line}"),
            _ if line == "stats" => assert!(answer.starts_with(expected), "{answer}"),
            _ => assert_eq!(answer, expected, "{line}"),
        }
    }
}

/// The name of the new log is taken, so it cannot be written. The table continues, and
/// reports why its log stays long.
#[test]
fn a_rewrite_that_fails_is_told_and_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = command(directory.path())
        .args(EAGER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut ask = |line: &str| {
        writeln!(input, "{line}").unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        answer
    };
    assert_eq!(ask("put a 1"), "ok 1\n");
    std::fs::create_dir(directory.path().join("wal-new.tmp")).unwrap();
    let stats = loop {
        assert!(ask("put a 2").starts_with("ok "));
        let stats = ask("stats");
        if !stats.contains(" given_up=0 ") {
            break stats;
        }
    };
    assert!(
        stats.contains(" trouble: cannot create wal-new.tmp: "),
        "{stats}"
    );
    assert!(stats.contains(" rewrites=0 "), "{stats}");
    assert_eq!(ask("get a"), "value 2\n");
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn another_process_finds_everything() {
    let directory = tempfile::tempdir().unwrap();
    let mut input = Vec::new();
    for number in 0..200 {
        writeln!(input, "put hot {number}").unwrap();
    }
    input.extend(b"put \xff \xfe\nput kept value\nstats");
    let mut eager = command(directory.path());
    eager.args(EAGER);
    assert_eq!(answers(eager, &input).len(), 203);
    let found = answers(
        command(directory.path()),
        b"get hot\nget kept\nget nothing\nput hot 1\n",
    );
    assert_eq!(found, ["value 199", "value value", "none", "ok 203"]);
    let stats = answers(command(directory.path()), b"get \xff\n");
    assert_eq!(stats, ["value \"\\376\""]);
}

#[test]
fn bad_arguments_and_other_owners_are_told_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], code: i32, text: &str| {
        let mut command = command(directory.path());
        command.args(arguments).stdin(Stdio::null());
        let output = command.output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert!(
            errors.contains(text) && errors.lines().count() == 1,
            "{errors}"
        );
    };
    refused(&["--threshold", "1"], 2, "a whole number from 2");
    refused(&["--threshold", "1.5"], 2, "a whole number from 2");
    refused(&["--check-every", "0s"], 2, "1ms or more");
    refused(&["--check-every", "soon"], 2, "check-every");
    refused(&["--max-interval", "later"], 2, "max-interval");
    answers(
        {
            let mut command = command(directory.path());
            command.args(["--check-every", "1d", "--min-interval", "5"]);
            command
        },
        b"",
    );
    let fs = Arc::new(OsFs::new(directory.path()));
    let store = RatioStore::open(fs, Options::PUBLISHED, 0).unwrap();
    refused(
        &[],
        4,
        "the store is locked: another process or handle has it open",
    );
    drop(store);
    std::fs::write(directory.path().join("wal-00000002.log"), b"no log").unwrap();
    refused(&[], 5, "wal-00000002.log: it does not begin with a base");
}

/// Nothing is written into the directory of another store.
#[test]
fn a_directory_of_another_store_is_refused() {
    for name in ["00000000.log", "data.db.old", "segment-000001"] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), b"theirs").unwrap();
        let output = command(directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(4), "{name}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(&format!("{name} belongs to ")), "{errors}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}

const ROUNDS: u64 = 60;
const LINES: usize = 400;

/// A drawn line, and its effect on a model.
fn line(seed: u64, number: u64) -> (String, Option<String>) {
    let mut draws = Seed(seed).draws(Domain::Workload, number);
    let key = format!("k{}", draws.below(6));
    let length = draws.below(40) as usize;
    let value = format!("{number}-{}", "v".repeat(length));
    (key, draws.percent(80).then_some(value))
}

/// The state after this many commits: line n of the whole history is commit n + 1.
fn model(seed: u64, commits: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut model = BTreeMap::new();
    for number in 0..commits {
        match line(seed, number) {
            (key, Some(value)) => _ = model.insert(key.into_bytes(), value.into_bytes()),
            (key, None) => _ = model.remove(key.as_bytes()),
        }
    }
    model
}

/// Feeds lines from commit `from` on, kills the process after this many answers, and
/// returns the last answered commit.
fn run_and_kill(directory: &Path, seed: u64, from: u64, answers: usize) -> u64 {
    let mut child = command(directory)
        .args(EAGER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in from..from + LINES as u64 {
                let mut text = match line(seed, number) {
                    (key, Some(value)) => format!("put {key} {value}\n"),
                    (key, None) => format!("del {key}\n"),
                };
                // A read ends a group, so that there are many groups, and rewrites
                // between them.
                if number % 4 == 0 {
                    text += "get k0\n";
                }
                // The process is killed at some point, which breaks the pipe.
                if input.write_all(text.as_bytes()).is_err() {
                    return;
                }
            }
        });
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut acknowledged = from;
        let mut text = String::new();
        for _ in 0..answers {
            text.clear();
            if output.read_line(&mut text).unwrap() == 0 {
                break;
            }
            let commit = text.trim().strip_prefix("ok ");
            acknowledged = commit.map_or(acknowledged, |it| it.parse().unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        // The last line may be cut; every whole line was acknowledged before the kill.
        let whole = rest
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let last = whole.filter_map(|line| line.trim().strip_prefix("ok ")?.parse().ok());
        last.max().unwrap_or(acknowledged)
    })
}

#[test]
fn sixty_kills_lose_nothing_that_was_acknowledged() {
    const SEED: u64 = 7;
    let directory = tempfile::tempdir().unwrap().keep();
    let (mut head, mut beyond, mut rewrites) = (0, 0, 0);
    for round in 0..ROUNDS {
        let mut draws = Seed(SEED).draws(Domain::Schedule, round);
        let answers = draws.below(LINES as u64 / 2) as usize;
        let acknowledged = run_and_kill(&directory, SEED, head, answers);
        let fs = Arc::new(OsFs::new(&directory));
        let store = RatioStore::open(fs, Options::PUBLISHED, 0)
            .unwrap_or_else(|failure| panic!("round {round}, {}: {failure}", directory.display()));
        let found = store.acknowledged();
        assert!(
            found >= acknowledged,
            "round {round}, {}: {acknowledged} were acknowledged and {found} are there",
            directory.display()
        );
        assert_eq!(
            *store.read_table().pairs(),
            model(SEED, found),
            "round {round}"
        );
        head = found;
        beyond += u64::from(found > acknowledged);
        let logs = std::fs::read_dir(&directory).unwrap().flatten();
        let names = logs.map(|entry| entry.file_name().into_string().unwrap());
        let generation = names.filter_map(|name| {
            name.strip_prefix("wal-")?
                .strip_suffix(".log")?
                .parse::<u64>()
                .ok()
        });
        rewrites = generation.max().unwrap() - 1;
    }
    assert!(beyond > 0, "no kill came between the disk and the answer");
    assert!(rewrites > ROUNDS, "{rewrites} rewrites");
    std::fs::remove_dir_all(directory).unwrap();
}
