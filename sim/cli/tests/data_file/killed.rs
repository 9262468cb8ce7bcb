//! Processes get SIGKILL while they write and compact, repeatedly, on one store.
//!
//! The command compacts as often as it can, so kills hit copies, swaps and recoveries.
//! The order of lines and the number of answers before each kill follow from the round.
//! The moment of a kill depends on the machine.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use lithify::fs::OsFs;
use lithify_specimens::data_file::Store;

use crate::fixture::{Model, apply, delete, eager, put, state};

const KILLS: u64 = 60;
/// The lines for a process: more than it can finish.
const LINES: u64 = 400;

/// The write of commit `number`, on few keys, so that most of the file is dead.
fn write(number: u64) -> lithify_specimens::data_file::Write {
    let key = format!("key-{}", number * 7 % 23);
    match number % 5 {
        0 => delete(&key),
        _ => put(
            &key,
            &format!("value {number} {}", "x".repeat((number % 40) as usize)),
        ),
    }
}

fn line(number: u64) -> String {
    let write = write(number);
    let key = String::from_utf8(write.key).expect("keys are text");
    match write.value {
        Some(value) => format!(
            "put {key} {}\n",
            String::from_utf8(value).expect("values are text")
        ),
        None => format!("del {key}\n"),
    }
}

/// Runs a process after commit `head`, kills it after this many answers, and returns
/// the last commit that it has acknowledged.
#[allow(
    clippy::disallowed_methods,
    reason = "one thread feeds what another reads"
)]
fn run_and_kill(directory: &Path, head: u64, answers: u64) -> u64 {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("lithify"))
        .args(["data-file", "--interval", "1ms", "--threshold", "0.1"])
        .args(["--minimum-size", "0", "--dir"])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut input = child.stdin.take().expect("it is piped");
    let feeder = std::thread::spawn(move || {
        let lines: String = (head + 1..=head + LINES).map(line).collect();
        // The process may have ended before it has read everything.
        let _ = input.write_all(lines.as_bytes());
    });
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut text = String::new();
    for _ in 0..answers {
        output.read_line(&mut text).expect("answers are text");
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    output.read_to_string(&mut text).expect("answers are text");
    feeder.join().expect("the feeder ends");
    // The last line may be cut; every whole line was acknowledged before the kill.
    let whole = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    let numbers = whole.map(|line| {
        let number = line.trim_end().strip_prefix("ok ");
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("{line:?}"))
    });
    numbers.max().unwrap_or(head)
}

#[test]
fn a_killed_process_loses_nothing_that_it_has_acknowledged() {
    let directory = tempfile::tempdir().expect("there is room");
    let (mut head, mut model, mut applied) = (0, Model::new(), 0);
    let (mut copies, mut compactions) = (0, 0);
    for round in 0..KILLS {
        let acknowledged = run_and_kill(directory.path(), head, 1 + round * 13 % 37);
        copies += u64::from(directory.path().join("data.db.tmp").exists());
        let store = Store::open(Arc::new(OsFs::new(directory.path())), &eager())
            .unwrap_or_else(|failure| panic!("round {round}: {failure}"));
        head = store.head();
        assert!(
            head >= acknowledged,
            "round {round}: {acknowledged} were acknowledged, {head} are there"
        );
        while applied < head {
            applied += 1;
            apply(&mut model, &[write(applied)]);
        }
        assert_eq!(state(&store), model, "round {round}, commit {head}");
        compactions = compactions.max(store.base());
    }
    assert!(head > KILLS * 10, "{head} commits in {KILLS} rounds");
    assert!(compactions > 0, "nothing was ever compacted");
    assert!(copies > 0, "no kill hit a copy");
}
