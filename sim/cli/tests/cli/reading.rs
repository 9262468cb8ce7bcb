//! All commands that read, in all output forms.

use super::fixture::Change::Put;
use super::fixture::{COMMITS, Ended, Fixture, bytes, without_sizes};

#[test]
fn every_tree_is_that_of_git_byte_for_byte() {
    let fixture = Fixture::with_store();
    let ids = fixture.commit_ids();
    assert_eq!(ids.len() as u64, COMMITS);
    for (number, id) in (1_u64..).zip(&ids) {
        let expected = fixture.git(&["-c", "core.quotePath=true", "ls-tree", "-r", id]);
        let at = number.to_string();
        let scan = ["scan", "--store", "S", "--at", &at, "--format", "tree"];
        let text = fixture.run(&scan);
        assert_eq!((text.code, text.stdout), (0, expected), "commit {number}");
    }
}

#[test]
fn check_git_finds_all_equal_however_the_store_is_laid_out() {
    let fixture = Fixture::with_history();
    let ids = fixture.commit_ids();
    let tree = |id: &String| fixture.git(&["ls-tree", "-r", "-z", "--name-only", id]);
    let lines = |tree: Vec<u8>| tree.iter().filter(|byte| **byte == 0).count();
    let lines: usize = ids.iter().map(tree).map(lines).sum();
    let all = format!(
        "14 trees of 14 commits are equal, {lines} lines; 0 thinned out and not compared\n"
    );
    for (store, options) in [
        ("A", &["--divisor", "4"][..]),
        (
            "B",
            &["--divisor", "3", "--cascade", "direct", "--file-level", "1"],
        ),
        (
            "C",
            &[
                "--divisor",
                "2,3,2",
                "--compression",
                "zstd",
                "--file-level",
                "1",
            ],
        ),
        (
            "D",
            &[
                "--divisor",
                "10",
                "--max-level",
                "1",
                "--no-settle",
                "--group",
                "1",
            ],
        ),
        (
            "E",
            &[
                "--divisor",
                "2",
                "--memory-budget",
                "0",
                "--remove-inputs",
                "never",
            ],
        ),
        (
            "F",
            &[
                "--divisor",
                "2",
                "--compression",
                "lz4",
                "--durability",
                "buffered",
            ],
        ),
    ] {
        let import = ["import-git", "--repo", "repo", "--store", store];
        fixture.run(&[&import, options].concat()).text();
        let check = ["check-git", "--store", store, "--repo", "repo", "--all"];
        assert_eq!(fixture.run(&check).text(), all, "{options:?}");
    }
}

#[test]
fn check_git_reports_the_first_difference_of_both_sides() {
    let fixture = Fixture::with_store();
    fixture.reset("HEAD~1");
    fixture.commit("14: another", &[Put(b"README.md", "one more\n")]);
    let check = [
        "check-git",
        "--store",
        "S",
        "--repo",
        "repo",
        "--sample",
        "3",
    ];
    insta::assert_snapshot!(fixture.run(&check).failure(1));
}

#[test]
fn check_git_reads_trees_files_plain_and_compressed() {
    let fixture = Fixture::with_store();
    let mut trees = Vec::new();
    for (number, id) in (1_u64..).zip(&fixture.commit_ids()).skip(1).step_by(5) {
        trees.extend(format!("tree {number} {id}\n").bytes());
        trees.extend(fixture.git(&["-c", "core.quotePath=true", "ls-tree", "-r", id]));
    }
    std::fs::write(fixture.path("trees"), &trees).unwrap();
    let packed = zstd::encode_all(&trees[..], 0).unwrap();
    std::fs::write(fixture.path("trees.zst"), &packed).unwrap();
    let plain = fixture
        .run(&["check-git", "--store", "S", "--trees", "trees"])
        .text();
    let packed = fixture
        .run(&["check-git", "--store", "S", "--trees", "trees.zst"])
        .text();
    assert!(
        plain.starts_with("3 trees of 14 commits are equal"),
        "{plain}"
    );
    assert_eq!(plain, packed);

    let last = trees.len() - 10;
    trees[last] ^= 1;
    std::fs::write(fixture.path("trees"), &trees).unwrap();
    let difference = fixture.run(&["check-git", "--store", "S", "--trees", "trees"]);
    assert!(difference.failure(1).contains("commit 12"));
}

/// The output of one command, after a line with its arguments.
fn shown(fixture: &Fixture, arguments: &[&str]) -> String {
    let words: Vec<&str> = arguments
        .iter()
        .copied()
        .filter(|word| *word != "S")
        .collect();
    let text = fixture.run(arguments).text();
    format!("$ {}\n{text}", words.join(" ").replace(" --store", ""))
}

#[test]
fn outputs_in_text_and_json() {
    let fixture = Fixture::with_store();
    let commands: [&[&str]; 7] = [
        &["get", "--store", "S", "README.md"],
        &["get", "--store", "S", "README.md", "--at", "2"],
        &["history", "--store", "S", "with space"],
        &["diff", "--store", "S", "2", "9"],
        &["diff", "--store", "S", "9", "2"],
        &["scan", "--store", "S"],
        &["scan", "--store", "S", "--at", "0"],
    ];
    let mut text = String::new();
    for command in commands {
        text += &shown(&fixture, command);
        text += &shown(&fixture, &[command, &["--format", "json"]].concat());
        text += "\n";
    }
    insta::assert_snapshot!(text);
}

#[test]
fn layouts_and_statistics() {
    let fixture = Fixture::with_store();
    let commands: [&[&str]; 5] = [
        &["layout", "--store", "S", "--pyramid"],
        &["layout", "--store", "S", "--format", "json"],
        &["layout", "--store", "S", "--against", "S"],
        &["stats", "--store", "S"],
        &["stats", "--store", "S", "--format", "json"],
    ];
    let text: String = commands.map(|command| shown(&fixture, command)).concat();
    insta::assert_snapshot!(without_sizes(&text));
}

/// Each look is a line. The titles come first, and a rate needs two looks.
#[test]
fn a_store_can_be_watched() {
    let fixture = Fixture::with_store();
    let watch = ["stats", "--store", "S", "--watch", "0.001", "--times", "3"];
    let text = fixture.run(&watch).text();
    let rows: Vec<Vec<&str>> = (text.lines())
        .map(|line| line.split_whitespace().collect())
        .collect();
    let titles = [
        "commit",
        "commits/s",
        "unflushed",
        "segments",
        "memory",
        "wal",
        "files",
    ];
    assert_eq!(rows[0], titles);
    assert_eq!(rows.len(), 4, "{text}");
    let head = fixture
        .run(&["stats", "--store", "S", "--format", "json"])
        .text();
    let head: serde_json::Value = serde_json::from_str(&head).unwrap();
    let head = head["stats"]["head"].to_string();
    let commits_and_rates: Vec<_> = rows[1..].iter().map(|row| (row[0], row[1])).collect();
    assert_eq!(
        commits_and_rates,
        [(&*head, "-"), (&*head, "0"), (&*head, "0")]
    );

    let json = fixture
        .run(&[&watch[..], &["--format", "json"]].concat())
        .text();
    assert_eq!(json.lines().count(), 3);
    for line in json.lines() {
        let look: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(look["stats"]["head"].to_string(), head);
    }
    for pause in ["0", "-1", "soon", "100000", "NaN"] {
        let refused = fixture.run(&["stats", "--store", "S", "--watch", pause]);
        let message = refused.failure(2);
        assert!(
            message.contains("from 0.001 to 86400"),
            "{pause}: {message}"
        );
    }
}

/// Only what the store holds: this process does no work on the store, so it has none to count.
#[test]
fn a_scraper_gets_the_state_of_a_store() {
    let fixture = Fixture::with_store();
    let text = fixture
        .run(&["stats", "--store", "S", "--prometheus"])
        .text();
    let shown = fixture
        .run(&["stats", "--store", "S", "--format", "json"])
        .text();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    for (name, number) in [("head", "head"), ("live_entries", "live_entries")] {
        let line = format!("\nlithify_{name} {}\n", shown["stats"][number]);
        assert!(text.contains(&line), "{line:?} in {text}");
    }
    assert!(!text.contains("_total"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

/// `--log` adds lines to standard error, and changes no answer.
#[test]
fn the_engine_tells_what_it_does() {
    let fixture = Fixture::with_store();
    let plain = fixture.run(&["get", "README.md", "--store", "S"]);
    let told = fixture.run(&["--log", "debug", "get", "README.md", "--store", "S"]);
    assert_eq!((told.code, &told.stdout), (0, &plain.stdout));
    assert_eq!(plain.stderr, "");
    assert!(told.stderr.contains("opened head="), "{}", told.stderr);
    assert!(told.stderr.contains("time.busy="), "{}", told.stderr);
    let put = ["put", "--store", "S", "key", "value"];
    let told = fixture
        .run(&[&["--log", "debug"], &put[..]].concat())
        .stderr;
    assert!(told.contains("commit{first="), "{told}");
    assert!(!told.contains("append{"), "{told}");
}

#[test]
fn two_layouts_can_be_compared() {
    let fixture = Fixture::with_store();
    let import = [
        "import-git",
        "--repo",
        "repo",
        "--store",
        "T",
        "--divisor",
        "4",
    ];
    fixture.run(&import).text();
    let Ended {
        code,
        stdout,
        stderr,
    } = fixture.run(&["layout", "--store", "S", "--against", "T"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(format!("{}{stderr}", String::from_utf8(stdout).unwrap()));
}

#[test]
fn scans_can_be_bounded_and_reversed() {
    let fixture = Fixture::with_store();
    let keys = |options: &[&str]| -> Vec<String> {
        let text = fixture
            .run(&[&["scan", "--store", "S", "--at", "10"], options].concat())
            .text();
        let key = |line: &str| line.split('\t').next().unwrap().to_owned();
        text.lines().map(key).collect()
    };
    let all = keys(&[]);
    let mut backward = keys(&["--reverse"]);
    backward.reverse();
    assert_eq!(all, backward);
    assert_eq!(keys(&["--limit", "2"]), all[..2]);
    assert_eq!(keys(&["--limit", "0"]), [""; 0]);
    assert_eq!(keys(&["--prefix", "side/"]), ["side/one", "side/two"]);
    assert_eq!(
        keys(&["--from", "side/two", "--to", "thing/inside"])[..2],
        ["side/two", "src/main.rs"]
    );
    assert_eq!(keys(&["--from", "side/two", "--to", "side/two"]), [""; 0]);
}

#[test]
fn keys_on_the_command_line_are_bytes() {
    let fixture = Fixture::with_store();
    let mut command = fixture.command(&["get", "--store", "S"]);
    command.arg(bytes(b"bytes-\xff\xfe"));
    assert!(Fixture::end(command).text().starts_with("100644 blob "));
    let mut command = fixture.command(&["scan", "--store", "S", "--format", "json", "--prefix"]);
    command.arg(bytes(b"bytes-\xff"));
    let text = Fixture::end(command).text();
    assert!(
        text.starts_with(r#"{"key":{"hex":"62797465732dfffe"},"value":"100644 blob"#),
        "{text}"
    );
}

#[test]
fn reading_changes_nothing_on_disk() {
    let fixture = Fixture::with_store();
    let listing = || {
        let mut files: Vec<_> = std::fs::read_dir(fixture.path("S"))
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                (path.clone(), std::fs::read(path).unwrap())
            })
            .collect();
        files.sort();
        files
    };
    let before = listing();
    for command in [
        &["get", "README.md", "--store", "S"][..],
        &["scan", "--store", "S"],
        &["history", "README.md", "--store", "S"],
        &["diff", "1", "2", "--store", "S"],
        &["layout", "--store", "S"],
        &["stats", "--store", "S"],
        &["verify", "--store", "S"],
        &["check-git", "--repo", "repo", "--store", "S"],
    ] {
        fixture.run(command).text();
        let mut missing = command.to_vec();
        *missing.last_mut().unwrap() = "missing";
        assert!(
            fixture
                .run(&missing)
                .failure(4)
                .contains("not a lithify store")
        );
        assert!(!fixture.path("missing").exists());
    }
    assert!(listing() == before);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let fixture = Fixture::with_store();
    for arguments in [
        &["scan", "--store", "S"][..],
        &["layout", "--store", "S", "--pyramid"],
        &["completions", "bash"],
        &["--help"],
        &["put", "--store", "S", "key", "value"],
    ] {
        let mut command = fixture.command(arguments);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command.stdout(writer);
        let ended = Fixture::end(command);
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
    }
    let value = fixture.run(&["get", "--store", "S", "key"]);
    assert_eq!(
        value.text(),
        "value\n",
        "a writing command does its work all the same"
    );
}

#[test]
fn an_output_that_cannot_be_written_is_one() {
    let fixture = Fixture::with_store();
    let mut command = fixture.command(&["scan", "--store", "S"]);
    command.stdout(
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap(),
    );
    assert!(
        Fixture::end(command)
            .failure(6)
            .starts_with("cannot write the output")
    );
}
