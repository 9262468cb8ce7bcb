//! A campaign in parts: `sim run --shard` on any number of machines, and `sim merge`.

#![cfg(feature = "planted-bugs")]

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

/// Half of the seeds find something, so findings are merged, too.
const CAMPAIGN: [&str; 10] = [
    "run",
    "--system",
    "wal-ratio",
    "--seeds",
    "14",
    "--images",
    "60",
    "--bug",
    "no-directory-sync",
    "--jobs=1",
];

fn sim(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::cargo_bin("lithify").expect("the binary is built");
    command.current_dir(directory).arg("sim").args(arguments);
    // A scheduler may run these tests, too.
    for variable in [
        "SLURM_ARRAY_TASK_ID",
        "JOB_COMPLETION_INDEX",
        "CI_NODE_INDEX",
        "GITHUB_STEP_SUMMARY",
    ] {
        command.env_remove(variable);
    }
    command.envs(environment.iter().copied());
    command.output().expect("the binary runs")
}

fn shard(directory: &Path, shard: &str, out: &str) -> Output {
    sim(
        directory,
        &[&CAMPAIGN[..], &["--shard", shard, "--out", out]].concat(),
        &[],
    )
}

fn merged(directory: &Path, results: &[&str]) -> Output {
    let arguments = [&["merge", "--format", "json", "--out", "traces"], results].concat();
    sim(directory, &arguments, &[])
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn any_shards_merge_to_the_bytes_of_one_run() {
    let directory = directory();
    let at = directory.path();
    assert_eq!(shard(at, "1/1", "whole").status.code(), Some(1));
    for number in 1..=5 {
        shard(at, &format!("{number}/5"), "parts");
    }
    // More shards than seeds: some have nothing to do.
    for number in 1..=16 {
        shard(at, &format!("{number}/16"), "many");
    }
    let whole = merged(at, &["whole"]);
    assert_eq!(whole.status.code(), Some(1), "a finding is a finding");
    let json: serde_json::Value = serde_json::from_slice(&whole.stdout).expect("it is JSON");
    assert_eq!(json["seeds"], 14);
    assert!(json["findings"].as_array().expect("a list").len() > 1);
    assert_eq!(merged(at, &["parts"]).stdout, whole.stdout);
    assert_eq!(merged(at, &["many"]).stdout, whole.stdout);
    // One shard twice, in any order.
    let copy = at.join("again.json");
    std::fs::copy(at.join("parts/shard-2-of-5.json"), copy).expect("it is there");
    for results in [["again.json", "parts"], ["parts", "again.json"]] {
        assert_eq!(merged(at, &results).stdout, whole.stdout);
    }
    // The kept traces are the shortest of all shards.
    let trace = json["findings"][0]["trace"].as_str().expect("a path");
    assert_eq!(sim(at, &["replay", trace], &[]).status.code(), Some(0));
}

/// What CI reads of a sum of shards is what it reads of one run, apart from the seconds.
#[test]
fn merged_shards_tell_ci_what_one_run_tells() {
    let directory = directory();
    let at = directory.path();
    let formats = [
        "--junit", "j.xml", "--sarif", "s.json", "--github", "--out", "traces",
    ];
    let told = |arguments: &[&str]| {
        let output = sim(at, &[arguments, &formats].concat(), &[]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let xml = std::fs::read_to_string(at.join("j.xml")).expect("it was written");
        let document = roxmltree::Document::parse(&xml).expect("it is XML");
        // Everything but the attributes of the suite, which tell the seconds.
        let nodes = document
            .descendants()
            .filter(|it| it.parent_element().is_some());
        let nodes = nodes.filter(|it| !it.has_tag_name("testsuite"));
        let nodes = nodes.map(|it| {
            let attributes = it.attributes().map(|it| (it.name(), it.value()));
            format!(
                "{:?} {:?} {:?}",
                it.tag_name(),
                attributes.collect::<Vec<_>>(),
                it.text()
            )
        });
        let sarif = std::fs::read_to_string(at.join("s.json")).expect("it was written");
        let text = String::from_utf8(output.stdout).expect("it is text");
        let lines = text.lines().filter(|line| line.starts_with("::error "));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        (nodes.collect::<Vec<_>>(), sarif, lines)
    };
    let whole = told(&[&CAMPAIGN[..], &["--keep-going"]].concat());
    assert!(whole.2.len() > 1, "several signatures: {:?}", whole.2);
    for number in 1..=5 {
        shard(at, &format!("{number}/5"), "parts");
    }
    assert_eq!(told(&["merge", "parts"]), whole);
}

/// A machine that is lost costs its shard, and nothing else.
#[test]
fn a_missing_shard_is_named() {
    let directory = directory();
    let at = directory.path();
    for number in [1, 2, 4] {
        shard(at, &format!("{number}/6"), "parts");
    }
    let output = sim(at, &["merge", "parts"], &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("of 14 seeds were run: of 6 shards these are missing: 3, 5-6"),
        "{text}"
    );
    let healthy = [
        "run", "--seeds", "4", "--images", "10", "--shard", "1/2", "--out", "clean",
    ];
    assert_eq!(sim(at, &healthy, &[]).status.code(), Some(0));
    let asked = sim(at, &["merge", "clean", "--fail-on-incomplete"], &[]);
    assert_eq!(asked.status.code(), Some(7), "{}", said(&asked));
}

/// A task that is run again and interrupted does not take away what its first run has done.
#[test]
fn a_whole_result_is_kept() {
    let directory = directory();
    let at = directory.path();
    shard(at, "1/7", "parts");
    let path = at.join("parts/shard-1-of-7.json");
    let whole = std::fs::read(&path).expect("it is there");
    let again = shard(at, "1/7", "parts");
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    assert_eq!(std::fs::read(&path).expect("it is there"), whole);
}

#[test]
fn results_that_do_not_belong_together_are_refused() {
    let directory = directory();
    let at = directory.path();
    shard(at, "1/7", "parts");
    let arguments = ["run", "--seeds", "15", "--shard", "1/7", "--out", "parts"];
    let other = sim(at, &arguments, &[]);
    assert_eq!(other.status.code(), Some(2));
    let message = "parts/shard-1-of-7.json is of another campaign, and is kept: bug is";
    assert!(said(&other).contains(message), "{}", said(&other));
    let arguments = [
        "run", "--seeds", "15", "--images", "9", "--shard", "2/7", "--out", "more",
    ];
    sim(at, &arguments, &[]);
    let mixed = merged(at, &["parts", "more"]);
    assert_eq!(mixed.status.code(), Some(2));
    assert!(
        said(&mixed).contains("are of two campaigns"),
        "{}",
        said(&mixed)
    );
}

#[test]
fn what_is_no_result_is_refused_by_name() {
    let directory = directory();
    let at = directory.path();
    shard(at, "1/7", "parts");
    let path = at.join("parts/shard-1-of-7.json");
    let whole = std::fs::read_to_string(&path).expect("it is there");
    for (text, message) in [
        (
            whole.replace("wal-ratio", "wal-rat10"),
            "the file was changed",
        ),
        (
            whole[..whole.len() / 2].to_owned(),
            "it is not the whole result of a shard",
        ),
        (
            whole.replacen("\"format\":1", "\"format\":9", 1),
            "its format is 9",
        ),
        (String::new(), "it is not the whole result of a shard"),
    ] {
        std::fs::write(&path, text).expect("there is room");
        let output = merged(at, &["parts"]);
        assert_eq!(output.status.code(), Some(2));
        let said = said(&output);
        assert!(said.contains("parts/shard-1-of-7.json: "), "{said}");
        assert!(said.contains(message), "{said}");
    }
    std::fs::create_dir(at.join("empty")).expect("there is room");
    let empty = merged(at, &["empty"]);
    assert!(
        said(&empty).contains("empty holds no results"),
        "{}",
        said(&empty)
    );
    let absent = merged(at, &["absent"]);
    assert!(said(&absent).contains("absent: "), "{}", said(&absent));
}

#[test]
fn a_scheduler_names_the_shard() {
    let directory = directory();
    let at = directory.path();
    let arguments = [
        "run", "--seeds", "3", "--images", "9", "--shard", "auto", "--out", "slurm",
    ];
    let task = [
        ("SLURM_ARRAY_TASK_ID", "11"),
        ("SLURM_ARRAY_TASK_MIN", "10"),
        ("SLURM_ARRAY_TASK_COUNT", "3"),
    ];
    assert_eq!(sim(at, &arguments, &task).status.code(), Some(0));
    assert!(at.join("slurm/shard-2-of-3.json").is_file());
    let nobody = sim(at, &arguments, &[]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(
        said(&nobody).contains("none of SLURM_ARRAY_TASK_ID"),
        "{}",
        said(&nobody)
    );
}
