//! `put`, `delete`, `apply` and `compact`.

use super::fixture::Fixture;

#[test]
fn puts_and_deletes_are_commits() {
    let fixture = Fixture::new();
    let number = |arguments: &[&str]| fixture.run(arguments).text();
    assert_eq!(number(&["put", "--store", "S", "stone", "granite"]), "1\n");
    assert_eq!(number(&["put", "--store", "S", "stone", "marble"]), "2\n");
    assert_eq!(number(&["delete", "--store", "S", "stone"]), "3\n");
    assert_eq!(number(&["delete", "--store", "S", "never there"]), "4\n");
    assert_eq!(
        number(&["put", "--store", "S", "--keyspace", "other", "", ""]),
        "5\n"
    );
    let history = number(&["history", "--store", "S", "stone"]);
    assert_eq!(history, "1\tput\tgranite\n2\tput\tmarble\n3\tdelete\n");
    assert_eq!(
        number(&["get", "--store", "S", "--keyspace", "other", ""]),
        "\n"
    );
    let absent = fixture.run(&["get", "--store", "S", "stone"]).failure(1);
    assert_eq!(absent, "key \"stone\" has no value at commit 5");
    let absent = fixture.run(&["history", "--store", "S", "sand"]).failure(1);
    assert_eq!(absent, "no commit wrote key \"sand\"");
}

#[test]
fn placement_is_chosen_once() {
    let fixture = Fixture::new();
    let first = [
        "put",
        "--store",
        "S",
        "a",
        "1",
        "--divisor",
        "3x4",
        "--min-inputs",
        "3",
    ];
    fixture.run(&first).text();
    let retention = [
        "--history",
        "last:5",
        "--remove-inputs",
        "head-window-up-to-level:7,2",
    ];
    fixture
        .run(&[&["put", "--store", "T", "a", "1"], &retention[..]].concat())
        .text();
    let stats = fixture.run(&["stats", "--store", "T"]).text();
    assert!(stats.contains("history           last:5\n"), "{stats}");
    assert!(stats.contains(" head-window-up-to-level:7,2\n"), "{stats}");
    // Options that are not given are taken from the store, so one part can be repeated
    // alone.
    fixture
        .run(&["put", "--store", "S", "a", "2", "--min-inputs", "3"])
        .text();
    fixture
        .run(&[
            "put",
            "--store",
            "S",
            "a",
            "2",
            "--divisor",
            "3",
            "--max-level",
            "4",
        ])
        .text();
    let refused = fixture.run(&["put", "--store", "S", "a", "2", "--divisor", "4"]);
    insta::assert_snapshot!(refused.failure(4));
}

#[test]
fn apply_commits_each_line() {
    let fixture = Fixture::new();
    let lines = concat!(
        r#"[{"put":"k","value":"v"},{"put":"k","value":"w","keyspace":"x"}]"#,
        "\n[]\n",
        r#"[{"delete":"k"},{"put":{"hex":"FF00"},"value":{"hex":""}}]"#,
    );
    let numbers = fixture.run_with(&["apply", "--store", "S"], lines.as_bytes());
    assert_eq!(numbers.text(), "1\n2\n3\n");
    let diff = ["diff", "--store", "S", "0", "3", "--format", "json"];
    let expected = "{\"key\":{\"hex\":\"ff00\"},\"before\":null,\"after\":\"\"}\n";
    assert_eq!(fixture.run(&diff).text(), expected);
    let get = ["get", "--store", "S", "k", "--keyspace", "x", "--at", "2"];
    assert_eq!(fixture.run(&get).text(), "w\n");
}

/// Lines that are available are synced together: the same numbers come out in order,
/// and no group is larger than requested.
#[test]
fn apply_groups_what_is_there_already() {
    let fixture = Fixture::new();
    let lines = "[{\"put\":\"k\",\"value\":\"v\"}]\n".repeat(1_000);
    let numbers: String = (1..=1_000).map(|number| format!("{number}\n")).collect();
    for group in ["1", "7", "256", "65536"] {
        let apply = ["apply", "--store", group, "--group", group];
        let ended = fixture.run_with(&apply, lines.as_bytes());
        assert_eq!(ended.text(), numbers, "{group}");
        let layout = |store| fixture.run(&["layout", "--store", store]).text();
        assert_eq!(layout(group), layout("1"));
    }
    let apply = ["apply", "--store", "S", "--group", "0"];
    fixture.run(&apply).failure(2);
}

/// One group: a refused line does not affect the lines before it, and no line after it
/// is committed.
#[test]
fn a_refused_line_of_a_group_keeps_those_before_it() {
    let fixture = Fixture::new();
    let overlong = format!("[{{\"put\":\"{}\",\"value\":\"\"}}]", "k".repeat(70_000));
    let lines = format!("[]\n[]\n[]\n{overlong}\n[]\n");
    let ended = fixture.run_with(&["apply", "--store", "S"], lines.as_bytes());
    assert_eq!(ended.stdout, b"1\n2\n3\n");
    assert_eq!(
        ended.failure(3),
        "line 4: the longest key in bytes is 70000, the limit is 61440: nothing was written"
    );
    let stats = fixture.run(&["stats", "--store", "S"]).text();
    assert!(stats.starts_with("head              3\n"), "{stats}");
}

/// Once a store of one key that is overwritten repeatedly was as long after `compact`
/// as before, and no help explained that.
#[test]
fn a_key_that_is_overwritten_leaves_little_behind() {
    let fixture = Fixture::new();
    let lines: String = (0..5_000)
        .map(|number| format!("[{{\"put\":\"k\",\"value\":\"number {number}\"}}]\n"))
        .collect();
    let bytes = |store: &str| -> u64 {
        let files = std::fs::read_dir(fixture.path(store)).unwrap();
        // A manifest may use its 64 KiB, however little the store holds.
        files
            .map(|file| file.unwrap())
            .filter(|file| !file.file_name().to_string_lossy().starts_with("manifest-"))
            .map(|file| file.metadata().unwrap().len())
            .sum()
    };
    let fill = |store: &str, options: &[&str]| {
        let apply = [
            "apply",
            "--store",
            store,
            "--history",
            "newest",
            "--durability",
            "buffered",
        ];
        fixture
            .run_with(&[&apply[..], options].concat(), lines.as_bytes())
            .text();
        let before = bytes(store);
        fixture.run(&["compact", "--store", store]).text();
        (before, bytes(store))
    };
    let written = lines.len() as u64;
    let (before, after) = fill("A", &["--wal-file", "4096", "--file-level", "6"]);
    assert!(after < before / 2, "{after} of {before} bytes are left");
    let (_, after) = fill("B", &["--wal-file", "4096", "--file-level", "1"]);
    assert!(after < written / 4, "{after} of {written} bytes are left");
}

#[test]
fn what_apply_refuses_and_what_it_keeps() {
    let good = r#"[{"put":"k","value":"v"}]"#;
    let overlong = format!(r#"[{{"put":"{}","value":""}}]"#, "k".repeat(70_000));
    let mut text = String::new();
    for bad in [
        "",
        "{}",
        "[{\"put\":\"k\"}]",
        "[{\"put\":\"k\",\"value\":\"v\",\"delete\":\"k\"}]",
        "[{\"delete\":{\"hex\":\"f\"}}]",
        "[{\"delete\":\"k\"}] []",
        "[{\"delete\":\"k\"",
        &overlong,
    ] {
        let fixture = Fixture::new();
        let lines = format!("{good}\n{good}\n{bad}\n{good}\n");
        let ended = fixture.run_with(&["apply", "--store", "S"], lines.as_bytes());
        assert_eq!(ended.stdout, b"1\n2\n", "what came before is acknowledged");
        let bad = if bad.len() > 80 {
            "[an overlong key]"
        } else {
            bad
        };
        text += &format!("{bad}\n  {}\n", ended.failure(3));
        let history = fixture.run(&["history", "--store", "S", "k"]).text();
        assert_eq!(history.lines().count(), 2, "and kept");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn compact_reaches_the_settled_layout() {
    let fixture = Fixture::with_history();
    let import = [
        "import-git",
        "--repo",
        "repo",
        "--divisor",
        "2",
        "--file-level",
        "1",
    ];
    fixture
        .run(&[&import[..], &["--store", "S"]].concat())
        .text();
    fixture
        .run(&[&import[..], &["--store", "T", "--no-settle"]].concat())
        .text();
    let settled = fixture
        .run(&["settle", "--store", "T", "--file-level", "1"])
        .text();
    assert!(
        settled.starts_with("settled at commit 14: 3 live segments, "),
        "{settled}"
    );
    let [s, t] = ["S", "T"].map(|store| fixture.run(&["layout", "--store", store]).text());
    assert_eq!(s, t);
    let again = fixture
        .run(&["compact", "--store", "T", "--file-level", "1"])
        .text();
    assert_eq!(
        again,
        "settled at commit 14: 3 live segments, 0 merges wrote 0 entries\n"
    );
}

/// Once each segment file kept a file descriptor open, so a store ended at its 1,024th
/// file, and could not be opened with fewer descriptors.
#[test]
fn many_segment_files_need_few_descriptors() {
    let fixture = Fixture::new();
    let lines: String = (0..300)
        .map(|number| format!("[{{\"put\":\"{number}\",\"value\":\"v\"}}]\n"))
        .collect();
    let options = [
        "--divisor",
        "2",
        "--file-level",
        "1",
        "--remove-inputs",
        "never",
    ];
    let apply = [
        &["apply", "--store", "S", "--durability", "buffered"][..],
        &options,
    ]
    .concat();
    fixture.run_with(&apply, lines.as_bytes()).text();
    let files = std::fs::read_dir(fixture.path("S")).unwrap().count();
    assert!(files > 150, "{files}");
    let script = "ulimit -n 48; exec \"$0\" \"$@\"";
    let limited = |arguments: &[&str]| {
        let output = std::process::Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_lithify")])
            .args(arguments)
            .current_dir(fixture.path("."))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(limited(&["put", "--store", "S", "301", "v"]), "301\n");
    assert_eq!(
        limited(&["scan", "--store", "S", "--at", "200"])
            .lines()
            .count(),
        200
    );
}

#[test]
fn commands_that_write_print_json() {
    let fixture = Fixture::new();
    let json = ["--format", "json"];
    let run = |arguments: &[&str], input: &str| {
        let arguments = [arguments, &json].concat();
        fixture.run_with(&arguments, input.as_bytes()).text()
    };
    let store = ["--store", "S"];
    assert_eq!(
        run(&["put", "--store", "S", "a", "1"], ""),
        "{\"commit\":1}\n"
    );
    assert_eq!(
        run(&["delete", "--store", "S", "a"], ""),
        "{\"commit\":2}\n"
    );
    let applied = run(&[&["apply"][..], &store].concat(), "[]\n[]\n");
    assert_eq!(applied, "{\"commit\":3}\n{\"commit\":4}\n");
    let compacted = run(&[&["compact"][..], &store].concat(), "");
    let compacted: serde_json::Value = serde_json::from_str(&compacted).unwrap();
    assert_eq!(compacted["commit"], 4);
    let changes = fixture.run(&[&["changes"][..], &store].concat()).text();
    let followed = run(&["follow", "--store", "R"], &changes);
    assert_eq!(followed.lines().last(), Some("{\"commit\":4}"));
    assert_eq!(run(&["promote", "--store", "R"], ""), "{\"head\":4}\n");
}
