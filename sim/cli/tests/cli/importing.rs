//! `import-git`: the sources of the log, the result, and continuing an import.

use super::fixture::Change::Put;
use super::fixture::{COMMITS, Fixture, without_sizes};

const IMPORT: [&str; 5] = ["import-git", "--repo", "repo", "--store", "S"];
const CHECK: [&str; 6] = ["check-git", "--repo", "repo", "--store", "S", "--all"];

/// The row of a summary.
fn row<'a>(summary: &'a str, name: &str) -> &'a str {
    let row = summary.lines().find_map(|line| line.strip_prefix(name));
    row.expect(summary).trim()
}

#[test]
fn the_summary_says_what_was_done() {
    let fixture = Fixture::with_history();
    let summary = fixture.run(&IMPORT).text();
    let seconds = row(&summary, "seconds").to_owned();
    assert!(seconds.parse::<f64>().unwrap() > 0.0);
    insta::assert_snapshot!(without_sizes(&summary.replace(&seconds, "[seconds]")));
    let json = fixture
        .run(&[&IMPORT[..], &["--format", "json"]].concat())
        .text();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["head"], COMMITS);
    assert_eq!(json["imported_commits"], 0, "all were there");
    assert_eq!(
        json["predicted_write_amplification"],
        serde_json::Value::Null
    );
}

#[test]
fn the_repository_is_the_one_the_user_stands_in() {
    let fixture = Fixture::with_history();
    let mut command = fixture.command(&["import-git", "--store", "../../S"]);
    std::fs::create_dir_all(fixture.path("repo/src")).unwrap();
    command.current_dir(fixture.path("repo/src"));
    Fixture::end(command).text();
    fixture.run(&CHECK).text();
    let mut command = fixture.command(&["check-git", "--store", "../../S", "--all"]);
    std::fs::create_dir_all(fixture.path("repo/src")).unwrap();
    command.current_dir(fixture.path("repo/src"));
    Fixture::end(command).text();
}

#[test]
fn a_log_can_come_through_a_pipe() {
    let fixture = Fixture::with_history();
    fixture.friendly_configuration();
    // Once with unquoted bytes, as `core.quotePath=false` leaves them, and once quoted.
    for quoting in ["false", "true"] {
        fixture.git(&["config", "core.quotePath", quoting]);
        let log = fixture.log();
        assert_eq!(log.is_ascii(), quoting == "true");
        fixture
            .run_with(&["import-git", "-", "--store", "S"], &log)
            .text();
        fixture.run(&CHECK).text();
        std::fs::remove_dir_all(fixture.path("S")).unwrap();
    }
}

#[test]
fn acknowledged_commits_are_printed_in_groups() {
    let fixture = Fixture::with_history();
    let options = ["--acknowledge", "--group", "4"];
    let text = fixture.run(&[&IMPORT[..], &options].concat()).text();
    let numbers: Vec<u64> = text.lines().map_while(|line| line.parse().ok()).collect();
    assert_eq!(numbers, (1..=COMMITS).collect::<Vec<u64>>());
}

#[test]
fn importing_again_changes_nothing() {
    let fixture = Fixture::with_history();
    fixture.run(&IMPORT).text();
    let layout = fixture.run(&["layout", "--store", "S"]).text();
    let summary = fixture.run(&IMPORT).text();
    assert_eq!(row(&summary, "commits"), "14, 0 of them new");
    assert_eq!(fixture.run(&["layout", "--store", "S"]).text(), layout);
}

#[test]
fn an_interrupted_import_is_completed_by_running_it_again() {
    let fixture = Fixture::with_history();
    fixture.friendly_configuration();
    let log = fixture.log();
    let whole = fixture.run_with(&["import-git", "-", "--store", "T"], &log);
    whole.text();
    let layout = fixture.run(&["layout", "--store", "T"]).text();
    // Cut in the middle of a line: the complete commits before it are imported.
    for cut in [log.len() / 3, log.len() / 2, log.len() - 1] {
        let import = ["import-git", "-", "--store", "S", "--group", "2"];
        let cut = fixture.run_with(&import, &log[..cut]).failure(3);
        assert!(cut.contains("the text ends after"), "{cut}");
    }
    let summary = fixture.run(&IMPORT).text();
    assert!(row(&summary, "commits").starts_with("14, "), "{summary}");
    assert_ne!(row(&summary, "commits"), "14, 14 of them new");
    fixture.run(&CHECK).text();
    assert_eq!(fixture.run(&["layout", "--store", "S"]).text(), layout);
}

#[test]
fn a_repository_that_has_grown_is_followed() {
    let fixture = Fixture::with_history();
    fixture.run(&IMPORT).text();
    fixture.commit("15: more", &[Put(b"README.md", "three\n")]);
    let summary = fixture.run(&IMPORT).text();
    assert_eq!(row(&summary, "commits"), "15, 1 of them new");
    fixture.run(&CHECK).text();
}

#[test]
fn another_history_is_refused() {
    let fixture = Fixture::with_history();
    fixture.run(&IMPORT).text();
    fixture.reset("HEAD~3");
    insta::assert_snapshot!("shorter_history", fixture.run(&IMPORT).failure(3));
    let shorter = fixture.run(&CHECK).failure(1);
    assert_eq!(shorter, "the repository has 11 commits, the store has 14");
    for number in 0..9 {
        fixture.commit(
            "another",
            &[Put(b"README.md", &format!("another {number}\n"))],
        );
    }
    insta::assert_snapshot!("other_history", fixture.run(&IMPORT).failure(3));
    let other_keyspace = [&IMPORT[..], &["--keyspace", "other"]].concat();
    insta::assert_snapshot!("other_keyspace", fixture.run(&other_keyspace).failure(3));
    assert_eq!(
        fixture.run(&["get", "--store", "S", "with space"]).code,
        0,
        "nothing is lost"
    );
}

#[test]
fn a_thinned_store_is_continued_too() {
    let fixture = Fixture::with_history();
    let options = ["--history", "newest", "--divisor", "2", "--file-level", "1"];
    let thin = [&IMPORT[..], &options].concat();
    fixture.run(&thin).text();
    let thinned = fixture.run(&["get", "--store", "S", "README.md", "--at", "3"]);
    insta::assert_snapshot!("thinned", thinned.failure(3));
    fixture.commit("15: more", &[Put(b"README.md", "three\n")]);
    let summary = fixture.run(&thin).text();
    assert_eq!(row(&summary, "commits"), "15, 1 of them new");
    // Windows of 8, 4, 2 and 1 commits: their right edges can be read.
    let check = fixture.run(&CHECK).text();
    assert!(
        check.starts_with("4 trees of 15 commits are equal"),
        "{check}"
    );
    assert!(
        check.ends_with("; 11 thinned out and not compared\n"),
        "{check}"
    );
    fixture.reset("HEAD~1");
    fixture.commit("15: another", &[]);
    insta::assert_snapshot!("thinned_other_history", fixture.run(&thin).failure(3));
}

#[test]
fn a_history_can_have_a_keyspace_of_its_own() {
    let fixture = Fixture::with_history();
    fixture
        .run(&[&IMPORT[..], &["--keyspace", "git"]].concat())
        .text();
    fixture
        .run(&[&CHECK[..], &["--keyspace", "git"]].concat())
        .text();
    assert_eq!(
        fixture.run(&["scan", "--store", "S"]).text(),
        "",
        "the default one is empty"
    );
    let unknown = fixture
        .run(&["scan", "--store", "S", "--keyspace", "gti"])
        .failure(3);
    assert_eq!(unknown, "there is no keyspace \"gti\" in this store");
}

#[test]
fn repositories_with_sha256_names_can_be_imported() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.path("repo")).unwrap();
    fixture.git(&[
        "init",
        "--quiet",
        "--object-format=sha256",
        "--initial-branch=main",
    ]);
    fixture.commit("1", &[Put(b"a", "1\n")]);
    fixture.run(&IMPORT).text();
    fixture.run(&CHECK).text();
    assert_eq!(
        fixture.run(&["get", "--store", "S", "a"]).text().len(),
        12 + 64 + 1
    );
}

/// Once the summary, which is written last, could not be written: the exit code
/// reported a failure although the work was done.
#[test]
fn paths_that_are_not_utf_8_have_a_summary_in_json() {
    use std::ffi::OsStr;
    let fixture = Fixture::with_history();
    let store = super::fixture::bytes(b"S\xff");
    let repository = super::fixture::bytes(b"repo\xff");
    std::fs::rename(fixture.path("repo"), fixture.path(&repository)).unwrap();
    let arguments = ["import-git", "--format", "json", "--store"].map(OsStr::new);
    let rest = [&*store, OsStr::new("--repo"), &*repository];
    let command = fixture.command(&[&arguments[..], &rest].concat());
    let summary = Fixture::end(command).text();
    assert!(
        summary.starts_with(r#"{"store":{"hex":"53ff"},"repository":{"hex":"7265706fff"},"#),
        "{summary}"
    );
}
