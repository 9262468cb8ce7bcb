//! The laboratory as its user sees it: output, files and exit codes of `lithify sim`.

use assert_cmd::Command;
use predicates::prelude::*;

fn sim(directory: &tempfile::TempDir) -> Command {
    let mut command = Command::cargo_bin("lithify").expect("the binary is built");
    command.current_dir(directory.path()).arg("sim");
    command
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room")
}

#[test]
fn a_clean_run_says_what_it_covered() {
    let directory = directory();
    sim(&directory)
        .args([
            "run",
            "--seeds",
            "4",
            "--faults",
            "none",
            "--workload",
            "small",
        ])
        .assert()
        .success()
        .stdout(
            predicate::str::contains("4 seeds:").and(predicate::str::contains("nothing found")),
        );
}

#[test]
fn json_is_one_object_with_the_counts() {
    let directory = directory();
    let output = sim(&directory)
        .args([
            "run",
            "--seeds",
            "2",
            "--workload",
            "small",
            "--faults",
            "none",
            "--format",
            "json",
        ])
        .assert()
        .success();
    let value: serde_json::Value =
        serde_json::from_slice(&output.get_output().stdout).expect("it is JSON");
    assert_eq!(value["seeds"], 2);
    assert!(value["recoveries"].as_u64().expect("a number") > 100);
    assert_eq!(value["findings"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_seed_can_be_a_git_hash_and_be_shown() {
    let directory = directory();
    sim(&directory)
        .args(["run", "--seed", "5936a87d2c", "--trace", "--faults", "none"])
        .assert()
        .success()
        .stdout(predicate::str::contains("create wal-000001"));
}

#[test]
fn a_git_history_is_a_workload() {
    let directory = directory();
    let object = "088ba6ba7d345b76aa2b8dc021dd25e1323189b3";
    let zeros = "0".repeat(40);
    let log: String = (0..9)
        .map(|number| {
            format!(
                "commit {number:040x} {number}\n\n:000000 100644 {zeros} {object} A\tdir{}/f{number}\n",
                number % 3
            )
        })
        .collect();
    std::fs::write(directory.path().join("log"), log).expect("there is room");
    sim(&directory)
        .args([
            "run",
            "--seeds",
            "2",
            "--workload",
            "git:log",
            "--faults",
            "none",
            "--order",
            "uniform",
        ])
        .assert()
        .success()
        .stdout(predicate::str::contains("nothing found"));
    sim(&directory)
        .args(["run", "--workload", "git:nowhere"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("cannot read nowhere"));
}

#[cfg(feature = "planted-bugs")]
#[test]
fn a_planted_bug_goes_from_finding_to_a_few_lines() {
    let directory = directory();
    sim(&directory)
        .args([
            "mutants",
            "--only",
            "old-manifest-removed-early",
            "--out",
            "found",
        ])
        .assert()
        .success()
        .stdout(predicate::str::contains("1 of 1 found"));
    let trace = "found/lithify-old-manifest-removed-early.sim";
    sim(&directory).args(["replay", trace]).assert().success();
    sim(&directory)
        .args(["shrink", trace, "--out", "small.sim"])
        .assert()
        .success()
        .stdout(predicate::str::contains("goes away"));
    sim(&directory)
        .args(["replay", "small.sim"])
        .assert()
        .success();
    // Without the bug the same plan is harmless, and the expectation does not hold.
    let text = std::fs::read_to_string(directory.path().join("small.sim")).expect("it was written");
    let clean: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("bug "))
        .collect();
    std::fs::write(directory.path().join("clean.sim"), clean.join("\n")).expect("there is room");
    sim(&directory)
        .args(["replay", "clean.sim"])
        .assert()
        .code(1);
}

/// A missing sync loses an append through its bytes or its length. No single change
/// explains that, but the sync does.
#[cfg(feature = "planted-bugs")]
#[test]
fn missing_syncs_are_named() {
    let directory = directory();
    let cases = [
        ("lithify", "ack-before-sync", "sync_data(wal-"),
        ("lithify", "group-commit-unsynced", "sync_data(wal-"),
        ("data-file", "renamed-before-sync", "sync_data(data.db.tmp)"),
    ];
    for (system, bug, barrier) in cases {
        sim(&directory)
            .args([
                "mutants", "--system", system, "--only", bug, "--out", "found",
            ])
            .assert()
            .success();
        let trace = format!("found/{system}-{bug}.sim");
        sim(&directory)
            .args(["shrink", &trace, "--out", "small.sim"])
            .assert()
            .success()
            .stdout(predicate::str::contains(format!("goes away if {barrier}")));
    }
}

#[test]
fn a_folder_of_traces_is_a_corpus() {
    let directory = directory();
    let trace = |expected: &str| {
        format!("lithify-sim 1\nsystem lithify\nbegin\ncommit a/0=1.0\nsettle\nexpect {expected}\n")
    };
    let write = |name: &str, text: String| {
        std::fs::write(directory.path().join("corpus").join(name), text).expect("there is room");
    };
    std::fs::create_dir(directory.path().join("corpus")).expect("there is room");
    write("one.sim", trace("pass"));
    write("two.sim", trace("pass"));
    write("notes.txt", "not a trace".to_owned());
    sim(&directory)
        .args(["replay", "corpus"])
        .assert()
        .success()
        .stdout(predicate::str::contains("2 of 2 traces do what they say"));
    write("three.sim", trace("durability"));
    sim(&directory)
        .args(["replay", "corpus"])
        .assert()
        .code(1)
        .stderr(predicate::str::contains(
            "three.sim: the trace expects durability",
        ));
    let output = sim(&directory)
        .args(["replay", "corpus/one.sim", "--trace", "--format", "json"])
        .assert()
        .success();
    let value: serde_json::Value =
        serde_json::from_slice(&output.get_output().stdout).expect("it is JSON");
    let timeline = value["timeline"].as_array().expect("it was asked for");
    assert!(
        timeline
            .iter()
            .any(|line| line == "        create wal-000001"),
        "{timeline:?}"
    );
}

/// Without durability at once, a returned commit may be lost; that is not a finding.
#[test]
fn enumeration_asks_for_what_was_promised() {
    let directory = directory();
    sim(&directory)
        .args(["enumerate", "--commits", "2", "--divisor", "2"])
        .args(["--set", "durability=buffered"])
        .assert()
        .success();
}

#[cfg(feature = "planted-bugs")]
#[test]
fn what_enumeration_finds_can_be_replayed() {
    let directory = directory();
    sim(&directory)
        .args(["enumerate", "--commits", "2", "--divisor", "2"])
        .args(["--bug", "ack-before-sync", "--out", "found.sim"])
        .assert()
        .code(1)
        .stderr(predicate::str::contains("replay found.sim"));
    let text = std::fs::read_to_string(directory.path().join("found.sim")).expect("it was written");
    assert!(text.contains("\ncrash "), "{text}");
    sim(&directory)
        .args(["replay", "found.sim"])
        .assert()
        .success();
}

/// The first model does not allow half a rename, and the second model does.
#[cfg(feature = "planted-bugs")]
#[test]
fn what_one_model_cannot_show_is_looked_for_under_the_next() {
    let directory = directory();
    let search = ["mutants", "--system", "data-file", "--only", "no-backup"];
    let mut command = sim(&directory);
    let command = command.args(search);
    let output = command.args(["--rounds", "1", "--format", "json"]).assert();
    let output = output.success();
    let rows: serde_json::Value =
        serde_json::from_slice(&output.get_output().stdout).expect("it is JSON");
    assert_eq!(rows[0]["killed"], true);
    assert_eq!(rows[0]["equivalent"], false);
    assert_eq!(rows[0]["model"], "paranoid");
    sim(&directory)
        .args(search)
        .args(["--rounds", "1", "--model", "posix-min"])
        .assert()
        .code(1)
        .stderr(predicate::str::contains("not found: no-backup"));
}

/// A check for every change has less time than the rarest bugs need. One of these bugs
/// cannot be found under this model; most of the others are found.
#[cfg(feature = "planted-bugs")]
#[test]
fn a_part_of_the_bugs_may_be_enough() {
    let directory = directory();
    for (at_least, code) in [("50", 0), ("100", 1)] {
        sim(&directory)
            .args(["mutants", "--system", "data-file", "--only", "old"])
            .args(["--model", "posix-min", "--rounds", "1"])
            .args(["--at-least", at_least])
            .assert()
            .code(code);
    }
}

/// The search for it is short, and the enumeration is small.
#[cfg(feature = "planted-bugs")]
#[test]
fn a_bug_without_effect_is_proven_to_have_none() {
    let directory = directory();
    let output = sim(&directory)
        .args(["mutants", "--only", "named-twice", "--rounds", "1"])
        .args(["--model", "posix-min", "--format", "json"])
        .assert()
        .success();
    let rows: serde_json::Value =
        serde_json::from_slice(&output.get_output().stdout).expect("it is JSON");
    assert_eq!(rows[0]["killed"], false);
    assert_eq!(rows[0]["equivalent"], true);
    let passes = rows[0]["proof"]["passes"].as_u64().expect("a number");
    assert!(passes > 0, "the place of the bug was not passed");
}

#[test]
fn enumeration_says_that_everything_was_seen() {
    let directory = directory();
    sim(&directory)
        .args(["enumerate", "--commits", "2", "--divisor", "2"])
        .assert()
        .success()
        .stdout(predicate::str::contains("everything was seen"));
}

#[test]
fn bad_input_is_one_line_and_exit_code_2() {
    let directory = directory();
    let cases: [(&[&str], &str); 25] = [
        (&["run", "--system", "nothing"], "no system is called"),
        (&["run", "--faults", "fire"], "no fault is called"),
        (
            &["run", "--model", "fat32"],
            "no persistence model is called",
        ),
        (
            &["run", "--seeds", "3", "--seed", "4"],
            "cannot be used with",
        ),
        (&["run", "--set", "divisor=1"], "divisor"),
        (
            &["run", "--set", "divisors=2"],
            "has no setting \"divisors\"; did you mean \"divisor\"?",
        ),
        (
            &["run", "--faults", "none,bit-rot"],
            "combines a word for several",
        ),
        (
            &["run", "--order", "starve:snapshot"],
            "known are committed",
        ),
        (
            &["run", "--images", "0", "--depth", "3"],
            "--images 0 means no crashes",
        ),
        (
            &["run", "--depth", "1", "--recoveries-one-in", "4"],
            "--depth 1 means that no recovery is crashed",
        ),
        (&["run", "--depth", "0"], "0 is not in 1..=8"),
        (&["run", "--recoveries-one-in", "0"], "0 is not in 1.."),
        (&["run", "--images", "many"], "a whole number from 0"),
        (
            &["run", "--seed", "1", "--trace", "--images", "4"],
            "cannot be used with",
        ),
        (
            &["run", "--seed", "1", "--trace", "--model", "all"],
            "name one --model",
        ),
        (&["run", "--trace"], "--seed <SEED>"),
        (
            &["run", "--set", "divisor=2", "--set", "divisor=3"],
            "the setting divisor is given twice",
        ),
        (
            &["enumerate", "--divisor", "2", "--set", "divisor=3"],
            "the divisor is given twice",
        ),
        (
            &["enumerate", "--system", "wal-ratio", "--divisor", "2"],
            "the system wal-ratio has no divisor",
        ),
        (&["enumerate", "--time", "0"], "0 is not in 1.."),
        (&["economy", "--seeds", "0"], "0 is not in 1.."),
        (&["mutants", "--time", "0"], "0 is not in 1.."),
        (&["mutants", "--at-least", "101"], "101 is not in 1..=100"),
        (&["mutants", "--without", "luck"], "known are opens, errors"),
        (
            &["replay", "missing.sim"],
            "cannot read the trace missing.sim",
        ),
    ];
    for (arguments, message) in cases {
        sim(&directory)
            .args(arguments)
            .assert()
            .code(2)
            .stderr(predicate::str::contains(message).and(predicate::str::contains("\n").count(1)));
    }
    std::fs::write(
        directory.path().join("bad.sim"),
        "lithify-sim 1\nsystem lithify\nbegin\nfly\n",
    )
    .expect("there is room");
    sim(&directory)
        .args(["replay", "bad.sim"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("bad.sim: line 4, column 1"));
    std::fs::write(directory.path().join("file"), "").expect("there is room");
    sim(&directory)
        .args(["run", "--seeds", "1", "--out", "file/inside"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("findings cannot be written"));
}

#[test]
fn the_list_has_everything_that_has_a_name() {
    let directory = directory();
    for name in [
        "lithify",
        "posix-min",
        "lying-disk",
        "sync-error-clean",
        "time-travel",
    ] {
        sim(&directory)
            .arg("list")
            .assert()
            .success()
            .stdout(predicate::str::contains(name));
    }
}

#[test]
fn models_stand_beside_what_was_published() {
    let directory = directory();
    let list = |more: &[&str]| {
        let arguments = [&["list", "--litmus"], more].concat();
        let output = sim(&directory).args(arguments).assert().success();
        String::from_utf8(output.get_output().stdout.clone()).expect("it is text")
    };
    insta::assert_snapshot!("litmus", list(&[]));
    let tests: serde_json::Value =
        serde_json::from_str(&list(&["--format", "json"])).expect("it is JSON");
    let row = &tests[0]["models"][2];
    assert_eq!(row["model"], "ext4-ordered");
    assert_eq!(row["published"], "unsafe");
    assert_eq!(row["agreement"], "agrees");
    sim(&directory)
        .args(["list", "--litmus", "--system", "lithify"])
        .assert()
        .code(2);
}

/// Whether a text has only progress lines.
fn is_progress(text: &str) -> bool {
    let is_told = |line: &str| {
        let (seconds, rest) = line.split_once(" s: ").unwrap_or_default();
        seconds.parse::<u64>().is_ok() && !rest.is_empty()
    };
    text.lines().all(is_told)
}

/// A pipe gets a line every few seconds, and no other text besides the answer.
#[test]
fn only_progress_is_on_standard_error_that_is_no_terminal() {
    let directory = directory();
    let trace = "lithify-sim 1\nsystem lithify\nbegin\ncommit a/0=1.0\nsettle\nexpect pass\n";
    std::fs::create_dir(directory.path().join("corpus")).expect("there is room");
    for name in ["one.sim", "two.sim"] {
        std::fs::write(directory.path().join("corpus").join(name), trace).expect("there is room");
    }
    let commands: [&[&str]; 4] = [
        &["run", "--seeds", "2", "--faults", "none"],
        &["enumerate", "--commits", "2"],
        &["replay", "corpus"],
        &[
            "economy",
            "--seeds",
            "1",
            "--time",
            "1",
            "--system",
            "snapshot-log",
        ],
    ];
    for command in commands {
        for format in ["text", "json"] {
            sim(&directory)
                .args(command)
                .args(["--format", format])
                .assert()
                .success()
                .stderr(predicate::function(is_progress));
        }
    }
}

/// A person who reads a log for hours sees that the command makes progress.
#[test]
fn a_pipe_is_told_how_far_a_long_command_is() {
    let directory = directory();
    sim(&directory)
        .args(["run", "--time", "7", "--jobs", "1", "--faults", "none"])
        .assert()
        .success()
        .stderr(predicate::function(is_progress).and(predicate::str::contains(" seeds, ")));
}

/// One unreadable trace does not prevent the results of the others.
#[test]
fn a_corpus_with_a_trace_that_cannot_be_read_is_replayed_all_the_same() {
    let directory = directory();
    let corpus = directory.path().join("corpus");
    std::fs::create_dir(&corpus).expect("there is room");
    let good = "lithify-sim 1\nsystem lithify\nbegin\ncommit a/0=1.0\nexpect pass\n";
    for (name, text) in [("a.sim", "lithify-sim 9\n"), ("b.sim", good)] {
        std::fs::write(corpus.join(name), text).expect("there is room");
    }
    sim(&directory)
        .args(["replay", "corpus"])
        .assert()
        .code(2)
        .stdout(predicate::str::contains(
            "corpus/b.sim: model posix-min: nothing found",
        ))
        .stderr(predicate::str::contains("corpus/a.sim: line 1"));
}

#[test]
fn how_far_crashes_go_can_be_said() {
    let directory = directory();
    let run = |more: &[&str]| -> serde_json::Value {
        let output = sim(&directory)
            .args([
                "run",
                "--seeds",
                "3",
                "--workload",
                "small",
                "--faults",
                "none",
            ])
            .args(["--format", "json"])
            .args(more)
            .assert()
            .success();
        serde_json::from_slice(&output.get_output().stdout).expect("it is JSON")
    };
    let count = |value: &serde_json::Value, name: &str| value[name].as_u64().expect("a number");
    let defaults = run(&[]);
    let reach = serde_json::json!(
        {"images": 4000, "point_images": 64, "depth": 2, "recoveries_one_in": 16}
    );
    assert_eq!(defaults["reach"], reach);
    let none = run(&["--images", "0"]);
    assert_eq!(count(&none, "recoveries"), 0);
    assert_eq!(none["reach"]["images"], 0);
    // The crashes of the last recovery are completed.
    let few = run(&["--images", "50"]);
    assert!((100..3 * 600).contains(&count(&few, "recoveries")), "{few}");
    let shallow = run(&["--depth", "1", "--images", "1000"]);
    assert_eq!(
        count(&shallow, "recoveries"),
        count(&shallow, "distinct_images")
    );
    // The limit holds for all depths except the last; otherwise this would take
    // minutes.
    let deep = [
        "--depth",
        "4",
        "--recoveries-one-in",
        "1",
        "--images",
        "1000",
    ];
    let deep = run(&deep);
    assert_eq!(deep["reach"]["depth"], 4);
    assert!(count(&deep, "recoveries") < 3 * 1300, "{deep}");
    let per_image = |value| count(value, "recoveries") / count(value, "distinct_images");
    assert!(per_image(&deep) > 20 * per_image(&defaults), "{deep}");
    let enumerated = |value: &serde_json::Value| value["models"][0]["enumerated_points"].as_u64();
    let all = run(&["--images", "100000"]);
    let more = run(&["--images", "100000", "--point-images", "256"]);
    assert!(enumerated(&more) > enumerated(&all), "{more}");
}

/// The first Ctrl-C ends the command with its results so far.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "another process runs in real time"
)]
fn an_interrupted_command_tells_what_it_has() {
    use std::process::Stdio;
    use std::time::Duration;
    let directory = directory();
    let commands: [&[&str]; 3] = [
        &["run", "--seeds", "10000000"],
        &["enumerate", "--commits", "12"],
        &["economy", "--seeds", "10000000"],
    ];
    for command in commands {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_lithify"));
        process
            .current_dir(directory.path())
            .arg("sim")
            .args(command);
        let mut process = process.stdout(Stdio::piped()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(1500));
        let mut kill = std::process::Command::new("kill");
        let status = kill.arg("-INT").arg(process.id().to_string()).status();
        assert!(
            status.expect("there is such a command").success(),
            "{command:?}"
        );
        let mut waits = 0..300;
        while process.try_wait().expect("it can be asked").is_none() {
            if waits.next().is_none() {
                process.kill().expect("it is there");
                panic!("{command:?} does not end");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let output = process.wait_with_output().expect("it has ended");
        let text = String::from_utf8(output.stdout).expect("it is text");
        assert!(output.status.success(), "{command:?}: {:?}", output.status);
        assert!(text.contains("ended early"), "{command:?}: {text}");
    }
}

/// Seeds are numbers below 2^64. After the last one, the numbers do not begin again at
/// 0.
#[test]
fn the_largest_seed_is_the_last() {
    let directory = directory();
    let run = |arguments: &[&str]| {
        let mut command = sim(&directory);
        command
            .args(["run", "--images", "0"])
            .args(arguments)
            .assert()
    };
    run(&["--seed", "18446744073709551615"])
        .success()
        .stdout(predicate::str::starts_with("1 seeds:"));
    run(&["--from", "18446744073709551614", "--seeds", "2"])
        .success()
        .stdout(predicate::str::starts_with("2 seeds:"));
    run(&["--from", "18446744073709551614", "--time", "60"])
        .success()
        .stdout(predicate::str::starts_with("2 seeds:"));
    run(&["--from", "18446744073709551614", "--seeds", "3"])
        .code(2)
        .stderr(predicate::str::contains("there are only 2"));
    run(&["--seed", "18446744073709551616"])
        .code(2)
        .stderr(predicate::str::contains("neither a number below 2^64"));
}

/// A finding is expensive: its place is checked in advance, and without a finding no
/// file is left.
#[test]
fn a_place_for_a_trace_is_tried_before_the_work() {
    let directory = directory();
    let enumerate = |arguments: &[&str]| {
        let mut command = sim(&directory);
        command
            .args(["enumerate", "--commits", "1"])
            .args(arguments)
            .assert()
    };
    std::fs::write(directory.path().join("file"), "mine").expect("there is room");
    enumerate(&["--out", "file/inside"])
        .code(2)
        .stdout(predicate::str::is_empty())
        .stderr(predicate::str::contains(
            "a trace cannot be written to file/inside",
        ));
    enumerate(&["--out", "new/found.sim"]).success();
    assert!(!directory.path().join("new").exists());
    enumerate(&["--out", "file"]).success();
    let kept = std::fs::read_to_string(directory.path().join("file"));
    assert_eq!(kept.expect("it is there"), "mine");
}

/// A situation that a run never reached was not tested. Faults and schedules without
/// crashes reach all situations of a single store, except for keys that only one
/// workload has, and for the end of an interrupted promotion.
#[cfg(feature = "planted-bugs")]
#[test]
fn no_situation_stays_dark() {
    let directory = directory();
    let dark_after = |more: &[&str]| {
        let mut command = sim(&directory);
        let command = command.args(["run", "--format", "json"]).args(more);
        let output = command.assert().success();
        let value: serde_json::Value =
            serde_json::from_slice(&output.get_output().stdout).expect("it is JSON");
        let marks = value["marks"].as_object().expect("they are counted");
        assert!(!marks.is_empty());
        let dark = marks.iter().filter(|(_, count)| **count == 0);
        dark.map(|(name, _)| name.clone()).collect::<Vec<String>>()
    };
    const FOREIGN: &str = "file-of-another-store";
    // The default mixture does not include the workload `extremes`.
    const EMPTY: &str = "empty-key-in-a-file";
    let dark = dark_after(&["--seeds", "1000", "--images", "0"]);
    assert_eq!(dark, [EMPTY]);
    let extremes = ["--workload", "extremes", "--seeds", "4", "--images", "0"];
    let dark = dark_after(&[extremes.as_slice(), &["--faults", "none"]].concat());
    assert!(!dark.iter().any(|dark| dark == EMPTY), "{dark:?}");
    let crashed = dark_after(&["--seeds", "20", "--images", "400"]);
    assert!(!crashed.iter().any(|dark| dark == FOREIGN), "{crashed:?}");
    let none: [&str; 0] = [];
    assert_eq!(
        dark_after(&["--system", "replica", "--seeds", "8", "--images", "400"]),
        none
    );
}
