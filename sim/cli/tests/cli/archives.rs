//! `archive`, and reading with `--archive`.

use super::fixture::Fixture;

/// A store with commits up to this one. Its values have `salt` in them.
fn fill(fixture: &Fixture, store: &str, from: u64, last: u64, salt: &str) {
    let lines: String = (from..=last)
        .map(|number| {
            let key = number % 9;
            format!("[{{\"put\":\"{key}\",\"value\":\"{number}{salt}\"}}]\n")
        })
        .collect();
    let apply = ["apply", "--store", store, "--divisor", "2"];
    fixture.run_with(&apply, lines.as_bytes()).text();
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn run(fixture: &Fixture, line: &str) -> String {
    fixture.run(&words(line)).text()
}

/// The same output from the store and from the archive.
fn must_agree(fixture: &Fixture, line: &str) {
    let mut arguments = words(line);
    arguments.splice(1..1, ["--store", "S"]);
    let expected = fixture.run(&arguments).text();
    arguments[1] = "--archive";
    arguments[2] = "A";
    assert_eq!(fixture.run(&arguments).text(), expected, "{line}");
}

#[test]
fn a_store_is_archived_read_and_restored() {
    let fixture = Fixture::new();
    fill(&fixture, "S", 1, 20, "");
    let first = run(&fixture, "archive push --store S --to A");
    assert_eq!(
        first,
        "archived commit 20: 20 commits new, in 2 log objects; 2 windows written\n"
    );
    fill(&fixture, "S", 21, 23, "");
    let again = run(&fixture, "archive push --store S --to A --format json");
    assert_eq!(
        again,
        "{\"commit\":23,\"commits\":3,\"logs\":2,\"windows\":1}\n"
    );
    for line in [
        "get 3",
        "get 3 --at 12 --format json",
        "scan",
        "scan --at 7 --reverse --limit 4",
        "scan --from 2 --to 6 --format json",
        "scan --prefix 4 --at 0",
        "history 5",
        "history 5 --format json",
    ] {
        must_agree(&fixture, line);
    }

    assert_eq!(
        run(&fixture, "archive restore --from A --to R"),
        "restored commit 23\n"
    );
    assert_eq!(
        run(&fixture, "export --store R"),
        run(&fixture, "export --store S")
    );
    assert_eq!(
        run(
            &fixture,
            "archive restore --from A --to E --at 9 --format json"
        ),
        "{\"commit\":9}\n"
    );
    assert_eq!(
        run(&fixture, "export --store E"),
        run(&fixture, "export --store S --at 9")
    );
    assert_eq!(run(&fixture, "put --store E a b"), "10\n");

    assert_eq!(
        run(&fixture, "archive pull --from A --store P"),
        "pulled commit 23\n"
    );
    fill(&fixture, "S", 24, 24, "");
    run(&fixture, "archive push --store S --to A");
    assert_eq!(
        run(&fixture, "archive pull --from A --store P"),
        "pulled commit 24\n"
    );
    assert_eq!(
        run(&fixture, "layout --store P"),
        run(&fixture, "layout --store S")
    );

    let verified = run(&fixture, "archive verify --from A");
    assert!(
        verified.starts_with("24 of 24 commits read in order, "),
        "{verified}"
    );
    let trimmed = run(&fixture, "archive trim --to A");
    assert!(
        trimmed.starts_with("removed 2 windows and the commits of 0 log objects"),
        "{trimmed}"
    );
    must_agree(&fixture, "scan --at 22");
    let names = run(&fixture, "archive ls --from A");
    let names: Vec<&str> = names
        .lines()
        .skip(1)
        .filter_map(|it| it.split_whitespace().next())
        .collect();
    insta::assert_snapshot!(names.join("\n"));
    let listing = run(&fixture, "archive ls --from A --format json");
    assert!(
        listing.contains("\"head\":24,\"settled\":24,\"placement\":{\"alignment\":\"2\""),
        "{listing}"
    );
}

#[test]
fn what_archives_refuse() {
    let fixture = Fixture::new();
    fill(&fixture, "S", 1, 9, "");
    fill(&fixture, "T", 1, 9, "other");
    fill(&fixture, "Short", 1, 3, "");
    run(&fixture, "archive push --store S --to A");
    let mut said = String::new();
    for (line, code) in [
        ("archive push --store T --to A", 3),
        ("archive push --store Short --to A", 3),
        ("archive push --store nothing --to N", 4),
        ("archive push --store S --to s3://bucket/S", 2),
        ("archive push --store S --to ftp://host/S", 2),
        ("archive push --store S --to S/lock", 4),
        ("archive ls --from nothing", 4),
        ("archive verify --from nothing", 4),
        ("archive restore --from A --to R --at 10", 3),
        ("archive restore --from A --to S", 4),
        ("archive pull --from A --store T", 4),
        ("get --archive A nothing", 1),
        ("scan --archive A --at 10", 3),
        ("scan --archive A --store S", 2),
        ("scan --at 10", 2),
    ] {
        said += &format!("{line}\n  {}\n", fixture.run(&words(line)).failure(code));
    }
    let directory = fixture.path("").display().to_string();
    insta::assert_snapshot!(said.replace(&directory, "/here/"));
    assert!(
        !fixture.path("N").exists()
            && !fixture.path("nothing").exists()
            && !fixture.path("R").exists()
    );
}

/// A changed byte, a missing object, an object of another archive.
#[test]
fn damage_is_named() {
    let fixture = Fixture::new();
    fill(&fixture, "S", 1, 6, "");
    fill(&fixture, "T", 1, 6, "other");
    run(&fixture, "archive push --store S --to A");
    run(&fixture, "archive push --store T --to Z");
    let window = fixture.path("A/window/02/00000000000000000004");
    let whole = std::fs::read(&window).unwrap();
    let mut said = Vec::new();
    let mut look = || {
        let shown = fixture.run(&words("scan --archive A")).failure(5);
        // Identities and digests differ in every run.
        let is_number =
            |word: &&str| word.len() > 31 && word.bytes().all(|it| it.is_ascii_hexdigit());
        let words = shown.split(' ').map(|word| {
            let bare = word.trim_end_matches([',', ':']);
            if is_number(&bare) {
                word.replace(bare, "NUMBER")
            } else {
                word.to_owned()
            }
        });
        said.push(words.collect::<Vec<_>>().join(" "));
        let verified = fixture.run(&words_of_verify());
        assert_eq!(verified.code, 5, "{}", verified.stderr);
    };
    let mut changed = whole.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    std::fs::write(&window, &changed).unwrap();
    look();
    std::fs::copy(fixture.path("Z/window/02/00000000000000000004"), &window).unwrap();
    look();
    std::fs::copy(fixture.path("A/window/01/00000000000000000006"), &window).unwrap();
    look();
    std::fs::remove_file(&window).unwrap();
    look();
    insta::assert_snapshot!(said.join("\n"));
    std::fs::write(&window, &whole).unwrap();
    run(&fixture, "archive verify --from A");
}

fn words_of_verify() -> Vec<&'static str> {
    words("archive verify --from A")
}

#[test]
fn help_of_every_part() {
    let fixture = Fixture::new();
    let mut text = String::new();
    for command in ["push", "pull", "restore", "ls", "verify", "trim"] {
        text += &fixture.run(&["archive", command, "--help"]).text();
        text += "\n----\n";
    }
    insta::assert_snapshot!(text);
}
