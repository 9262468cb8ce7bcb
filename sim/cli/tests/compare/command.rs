//! Goal: `lithify compare` as its user sees it. Method: the binary runs; the small
//! table and all refusals are snapshots.

use std::process::Command;

fn compare(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lithify"))
        .arg("compare")
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn text(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = compare(arguments);
    assert_eq!((code, stderr.as_str()), (0, ""));
    stdout
}

const SMALL: &[&str] = &[
    "--policy",
    "none,aligned:2,count:2,strict:2,geometric:2,wal-ratio:3:check=0:min-interval=0",
    "--workload",
    "odd-only,hot-key",
    "--commits",
    "22",
    "--keyspaces",
    "1",
];

#[test]
fn a_small_table() {
    insta::assert_snapshot!(text(SMALL));
}

/// A new policy is one file; the page states its number of lines.
#[test]
fn a_policy_of_ones_own_is_small() {
    let lines = include_str!("../../../policies/examples/own_policy.rs")
        .lines()
        .count();
    let page = include_str!("../../../../design/policies.md");
    assert!(lines <= 60);
    assert!(page.contains(&format!(
        "`sim/policies/examples/own_policy.rs` adds one in {lines} lines."
    )));
}

/// The tables of `design/policies.md` equal the output of the command in its text.
#[test]
fn the_page_has_the_tables_of_the_final_code() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let page = std::fs::read_to_string(format!("{root}/design/policies.md")).unwrap();
    for history in ["ripgrep", "redb"] {
        let workload = format!("git:{root}/tests/data/git-history/{history}.rawlog.zst");
        let arguments = [
            "--policy",
            "all",
            "--workload",
            &workload,
            "--format",
            "markdown",
        ];
        let table = text(&arguments);
        assert!(
            page.contains(&table),
            "design/policies.md has another table for {history} than this:\n{table}"
        );
    }
}

#[test]
fn explained_merges() {
    insta::assert_snapshot!(text(&[
        "--policy",
        "aligned:2:cascade=step,universal",
        "--workload",
        "dense",
        "--commits",
        "9",
        "--explain",
        "--optimal",
    ]));
}

#[test]
fn schedules_are_counted() {
    let text = text(&[
        "--policy",
        "aligned:2,count:2",
        "--workload",
        "scrape",
        "--commits",
        "40",
        "--reorder",
        "6",
        "--schedules",
        "50",
    ]);
    assert!(
        text.contains("aligned:2: 1 distinct layouts in 50 schedules"),
        "{text}"
    );
    assert!(!text.contains("count:2: 1 distinct"), "{text}");
}

#[test]
fn json_has_every_number() {
    let value: serde_json::Value =
        serde_json::from_str(&text(&[SMALL, &["--format", "json"]].concat())).unwrap();
    let policies = value["workloads"][0]["policies"].as_array().unwrap();
    assert_eq!(policies.len(), 6);
    assert_eq!(policies[0]["live_segments"], 11);
    let predictions = policies[1]["predictions"].as_array().unwrap();
    assert!(predictions.iter().all(|one| one["difference"] == 0.0));
    assert_eq!(predictions[0]["expected"]["kind"], "exactly");
}

#[test]
fn csv_has_a_row_for_each_pair() {
    let text = text(&[SMALL, &["--format", "csv"]].concat());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|title| title == name).expect(name);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 12);
    assert_eq!(&rows[0][column("policy")], "none");
    assert_eq!(&rows[1][column("prediction_live_segments")], "exactly");
    assert_eq!(&rows[1][column("difference_live_segments")], "0");
    assert_eq!(&rows[7][column("workload")], "hot-key");
}

#[test]
fn the_list_names_everything() {
    let text = text(&["--list"]);
    for policy in lithify_policies::policies::POLICIES {
        assert!(
            text.contains(&format!("  {} ", policy.name)),
            "{}",
            policy.name
        );
    }
    let json: serde_json::Value =
        serde_json::from_str(&self::text(&["--list", "--format", "json"])).unwrap();
    assert_eq!(
        json["policies"].as_array().unwrap().len(),
        lithify_policies::policies::POLICIES.len()
    );
}

#[test]
fn refusals() {
    let mut text = String::new();
    for arguments in [
        "--workload dense",
        "--policy aligned",
        "--policy alligned:4 --workload dense",
        "--policy zzz --workload dense",
        "--policy aligned:4:divisr=2 --workload dense",
        "--policy aligned:4:5 --workload dense",
        "--policy aligned:4:divisor=5 --workload dense",
        "--policy aligned:1 --workload dense",
        "--policy aligned:30/0 --workload dense",
        "--policy aligned:4:cascade=both --workload dense",
        "--policy aligned:4:remove=sometimes --workload dense",
        "--policy aligned-lazy:4:max-level=0 --workload dense",
        "--policy count:1 --workload dense",
        "--policy tiered-retention:0 --workload dense",
        "--policy tiered-retention:base-interval=0 --workload dense",
        "--policy tiered-retention:multiplier=1 --workload dense",
        "--policy tiered-retention:slots=0 --workload dense",
        "--policy tiered-retention:patches=some --workload dense",
        "--policy lethe:0 --workload dense",
        "--policy lethe:10:ratio=1 --workload dense",
        "--policy leth:10 --workload dense",
        "--policy none:3 --workload dense",
        "--policy wal-ratio:10:max-interval=never --workload dense",
        "--policy aligned:x --workload dense",
        "--policy redis --workload dense",
        "--policy callback --workload dense",
        "--policy rocksdb --workload dense",
        "--policy dead-ratio:100 --workload dense",
        "--policy delta-log:10:compact=10 --workload dense",
        "--policy litestream:30/20 --workload dense",
        "--policy prometheus:7200:levels=60 --workload dense",
        "--policy intent:2:race=maybe --workload dense",
        "--policy none --workload ycsb-g",
        "--policy none --workload bernoulli:2",
        "--policy none --workload git:nowhere",
        "--policy none --workload dense --keyspaces path",
        "--policy none --workload dense --keyspaces 0",
        "--policy none --workload dense --keyspaces 7",
        "--policy none --workload ycsb-a:requests=normal",
        "--policy none --workload dense --commits 0",
        "--policy none --workload dense --schedules 5",
        "--policy none --workload dense --explain --format csv",
        "--policy none --workload dense --explain --format markdown",
        "--policy none --workload dense --optimal",
        "--policy none --workload scrape --optimal --commits 10",
        "--policy none --workload dense --optimal --history all --commits 10",
        "--list --format csv",
    ] {
        let words: Vec<&str> = arguments.split(' ').collect();
        let (code, stdout, stderr) = compare(&words);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        text += &format!("$ compare {arguments}\n  {stderr}");
    }
    insta::assert_snapshot!(text);
}
