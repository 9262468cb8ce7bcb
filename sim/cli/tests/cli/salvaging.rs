//! `salvage`.

use std::fs;

use super::fixture::Fixture;

/// Commits in a segment file and in the log, which does not go back to the first of them.
fn fill(fixture: &Fixture) {
    for (from, last) in [(1, 40), (41, 60)] {
        let lines: String = (from..=last)
            .map(|number| format!("[{{\"put\":\"{}\",\"value\":\"{number}\"}}]\n", number % 9))
            .collect();
        let apply = "apply --store S --divisor 2 --file-level 1 --memory-budget 0";
        let words: Vec<&str> = apply.split(' ').collect();
        fixture.run_with(&words, lines.as_bytes()).text();
    }
}

/// The files of the store whose names begin so, oldest first.
fn names(fixture: &Fixture, start: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(fixture.path("S")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(start)
    });
    paths.sort();
    paths
}

fn export(fixture: &Fixture, store: &str, at: &str) -> String {
    fixture
        .run(&["export", "--store", store, "--at", at])
        .text()
}

#[test]
fn a_whole_store_is_salvaged_as_it_is() {
    let fixture = Fixture::new();
    fill(&fixture);
    let said = fixture
        .run(&["salvage", "--store", "S", "--to", "deep/T"])
        .text();
    assert_eq!(said, "salvaged commits 1 to 60\nexact: commits 1 to 60\n");
    for at in ["7", "60"] {
        assert_eq!(export(&fixture, "deep/T", at), export(&fixture, "S", at));
    }
    fixture.run(&["verify", "--store", "deep/T"]).text();
    let again = fixture.run(&["salvage", "--store", "S", "--to", "deep/T"]);
    assert!(
        again
            .failure(4)
            .starts_with("deep/T: the directory cannot be used: ")
    );
    let nothing = fixture.run(&["salvage", "--store", "N", "--to", "O"]);
    assert!(nothing.failure(4).starts_with("N: "));
}

#[test]
fn what_is_lost_is_named_and_ends_with_1() {
    let fixture = Fixture::new();
    fill(&fixture);
    let whole = export(&fixture, "S", "60");
    let file = &names(&fixture, "segment-")[0];
    let mut bytes = fs::read(file).unwrap();
    bytes[50] ^= 1;
    fs::write(file, bytes).unwrap();
    let done = fixture.run(&["salvage", "--store", "S", "--to", "T"]);
    let said = String::from_utf8(done.stdout.clone()).unwrap();
    assert_eq!(done.failure(1), "S: not everything could be salvaged");
    assert!(said.contains("\nincomplete: commits "), "{said}");
    assert!(said.contains("; lost is what commits "), "{said}");
    // Later commits have written each key again.
    assert_eq!(export(&fixture, "T", "60"), whole);

    let exact = [
        "salvage",
        "--store",
        "S",
        "--to",
        "E",
        "--exact-only",
        "--format",
        "json",
    ];
    let done = fixture.run(&exact);
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(
        said.starts_with("{\"head\":0,\"exact_through\":0,"),
        "{said}"
    );
    assert!(said.contains("\"lost\":{\"first_commit\":1,"), "{said}");
    assert!(
        said.contains("\"keyspace\":\"default\",\"first_key\":\"0\""),
        "{said}"
    );
}

#[test]
fn without_a_manifest_the_files_say_what_they_hold() {
    let fixture = Fixture::new();
    fill(&fixture);
    let whole = export(&fixture, "S", "60");
    for manifest in names(&fixture, "manifest-") {
        fs::remove_file(manifest).unwrap();
    }
    let salvage = ["salvage", "--store", "S", "--to", "T", "--divisor", "2"];
    let done = fixture.run(&salvage);
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.code, 1, "{said}");
    assert!(
        said.starts_with("salvaged commits 1 to 60\nexact: no commits\n"),
        "{said}"
    );
    assert!(
        said.contains("\nnot proven: commits from 1 on, which come from segment-"),
        "{said}"
    );
    assert!(
        said.contains("that is called \"keyspace-0\" now\n"),
        "{said}"
    );
    assert!(said.contains("the default now, divisor 2\n"), "{said}");
    let renamed = whole.replace("\"default\"", "\"keyspace-0\"");
    let keyspace = ["export", "--store", "T", "--keyspace", "keyspace-0"];
    assert_eq!(fixture.run(&keyspace).text(), renamed);
}
