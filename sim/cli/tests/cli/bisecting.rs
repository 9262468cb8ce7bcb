//! `sim bisect`: the search for the commit that brought a finding in.
//!
//! The "program" of a commit is a shell script that its build makes from the file `answer`: what
//! is tested here is the search, and a real build would take minutes.

use std::fs;

use crate::fixture::{Change, Ended, Fixture};

const FINDS: &str = r#"{"found":"durability","message":"commit 2 is gone"}"#;
const FINDS_ANOTHER: &str = r#"{"found":"leaks"}"#;
const PASSES: &str = r#"{"found":null}"#;
const OF_ANOTHER_FORMAT: &str = "durability objects";
const NO_PROGRAM: &str = "no program";

/// Makes the program, and counts the build in a file beside the repository.
const BUILD: &str = "echo built >> \"$BUILT\"; read -r answer < answer; \
    test \"$answer\" != 'no program' || { echo 'error: no rule for this' >&2; exit 1; }; \
    mkdir -p out; printf '#!/bin/sh\\necho '\"'%s'\"'\\n' \"$answer\" > out/lab; \
    chmod +x out/lab; echo changed > answer";

/// A repository whose commits give these answers, and a trace.
fn repository(answers: &[&str]) -> (Fixture, Vec<String>) {
    let fixture = Fixture::with_history();
    for (number, answer) in answers.iter().enumerate() {
        let (message, text) = (format!("answer {number}"), format!("{answer}\n"));
        // Equal answers are commits of their own, too.
        let other = format!("{number}\n");
        let changes = [
            Change::Put(b"answer", &text),
            Change::Put(b"number", &other),
        ];
        fixture.commit(&message, &changes);
    }
    let trace = "lithify-sim 1\nsystem lithify\nbegin\ncommit a/0=1.0\nexpect durability\n";
    fs::write(fixture.path("finding.sim"), trace).unwrap();
    let commits = fixture.commit_ids();
    let commits = commits[commits.len() - answers.len()..].to_vec();
    (fixture, commits)
}

fn bisect(fixture: &Fixture, good: &str, more: &[&str]) -> Ended {
    bisect_built_by(fixture, BUILD, good, more)
}

fn bisect_built_by(fixture: &Fixture, build: &str, good: &str, more: &[&str]) -> Ended {
    let arguments = [
        &["sim", "bisect", "finding.sim", "--repo", "repo"][..],
        &["--good", good, "--build", build, "--program", "out/lab"],
        more,
    ];
    let mut command = fixture.command(&arguments.concat());
    command.env("BUILT", fixture.path("built"));
    Fixture::end(command)
}

fn builds(fixture: &Fixture) -> usize {
    let built = fs::read_to_string(fixture.path("built"));
    built.map_or(0, |text| text.lines().count())
}

#[test]
fn the_commit_is_found_with_few_builds_and_none_twice() {
    let mut answers = [PASSES; 11].to_vec();
    answers.extend([FINDS; 6]);
    let (fixture, commits) = repository(&answers);
    let text = bisect(&fixture, &commits[0], &[]).text();
    let last = text.lines().last().unwrap();
    let expected = format!("{} brought durability in: answer 11", commits[11]);
    assert_eq!(last, expected, "{text}");
    assert!(text.contains(" finds durability: answer 16\n"), "{text}");
    assert!(text.contains(" passes: answer 0\n"), "{text}");
    let first = builds(&fixture);
    assert!(first <= 2 + 4, "{first} builds for 17 commits: {text}");
    assert_eq!(bisect(&fixture, &commits[0], &[]).text(), text);
    assert_eq!(builds(&fixture), first, "the programs were kept");
}

/// Whoever searches has other work in the repository.
#[test]
fn nothing_else_changes_in_the_repository() {
    let (fixture, commits) = repository(&[PASSES, PASSES, FINDS, FINDS]);
    fixture.git(&["reset", "--hard", "--quiet"]);
    fs::write(fixture.path("repo/answer"), "half done").unwrap();
    fixture.git(&["bisect", "start"]);
    let state = |fixture: &Fixture| {
        let words: [&[&str]; 4] = [
            &["status", "--porcelain", "--untracked-files=no"],
            &["bisect", "log"],
            &["worktree", "list"],
            &["for-each-ref"],
        ];
        words.map(|words| String::from_utf8(fixture.git(words)).unwrap())
    };
    let before = state(&fixture);
    assert_eq!(bisect(&fixture, &commits[0], &[]).code, 0);
    assert_eq!(state(&fixture), before);
}

#[test]
fn commits_that_cannot_answer_are_passed_over() {
    let answers = [
        PASSES,
        PASSES,
        PASSES,
        NO_PROGRAM,
        FINDS,
        FINDS,
        FINDS,
        FINDS_ANOTHER,
        FINDS,
    ];
    let (fixture, commits) = repository(&answers);
    let ended = bisect(&fixture, &commits[0], &["--format", "json"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let found: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(found["oracle"], "durability");
    assert_eq!(found["first_bad"], serde_json::Value::Null);
    let mut candidates: Vec<&str> = found["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    candidates.sort_unstable();
    let mut expected = [&*commits[3], &*commits[4]];
    expected.sort_unstable();
    assert_eq!(candidates, expected);
    let tried = found["tried"].as_array().unwrap();
    let no_program = tried.iter().find(|it| it["commit"] == *commits[3]).unwrap();
    assert_eq!(
        no_program["because"],
        "the build fails: error: no rule for this"
    );
    let message = ended.failure(1);
    assert_eq!(message, "2 commits are left, because some cannot be tried");
}

#[test]
fn ends_that_do_not_answer_as_they_should_are_refused() {
    let (fixture, commits) = repository(&[PASSES, FINDS, OF_ANOTHER_FORMAT, NO_PROGRAM, PASSES]);
    let at = |good: usize, bad: usize| {
        bisect(&fixture, &commits[good], &["--bad", &commits[bad]]).failure(2)
    };
    let short = |position: usize| &commits[position][..12];
    let nothing = "there is nothing to search";
    assert_eq!(
        at(0, 4),
        format!(
            "the bad end {} should show the finding, and it passes: {nothing}",
            short(4)
        )
    );
    assert_eq!(
        at(0, 2),
        format!(
            "the bad end {} should show the finding, and it cannot answer (it cannot replay this \
             trace): {nothing}",
            short(2)
        )
    );
    assert!(
        at(0, 3).contains("the build fails: error: no rule for this"),
        "{}",
        at(0, 3)
    );
    let message = at(1, 0);
    assert!(
        message.contains("is no ancestor of the bad commit"),
        "{message}"
    );
    let message = bisect(&fixture, "nowhere", &[]).failure(2);
    assert!(message.ends_with("has no commit \"nowhere\""), "{message}");
    let message = bisect(&fixture, &commits[0], &["--repo", "."]).failure(2);
    assert!(
        message.starts_with("the argument '--repo <DIRECTORY>' cannot be used"),
        "{message}"
    );
    fs::write(fixture.path("finding.sim"), "no trace").unwrap();
    let message = bisect(&fixture, &commits[0], &[]).failure(2);
    assert!(message.starts_with("finding.sim: "), "{message}");
}

/// A later bad end whose good end shows the finding as well.
#[test]
fn a_good_end_with_the_finding_is_refused() {
    let (fixture, commits) = repository(&[FINDS, FINDS]);
    let message = bisect(&fixture, &commits[0], &[]).failure(2);
    let expected = format!(
        "the good end {} should pass, and it finds durability: there is nothing to search",
        &commits[0][..12]
    );
    assert_eq!(message, expected);
}

#[test]
fn a_replay_without_an_end_is_passed_over() {
    let (fixture, commits) = repository(&[PASSES, FINDS]);
    let slow = format!("{BUILD}; echo 'sleep 60' >> out/lab");
    let ended = bisect_built_by(&fixture, &slow, &commits[0], &["--time", "1"]);
    let message = ended.failure(2);
    assert!(
        message.contains("its replay takes more than 1 s"),
        "{message}"
    );
}
