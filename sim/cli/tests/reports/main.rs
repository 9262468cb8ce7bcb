//! The pages of `--report`, without a browser: they are well-formed, load nothing, stay
//! small, and show what the JSON of the same command has. `.ci/browser` looks at them in a
//! browser.

#![cfg(feature = "planted-bugs")]

mod dom;

use std::path::Path;

use assert_cmd::Command;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dom::Page;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The manifest of the store is removed before its successor has a durable name.
const REMOVED_EARLY: &str = "\
lithify-sim 1
system lithify
model posix-min
seed 0
bug old-manifest-removed-early
set memory-budget 0
begin
commit a/0=1.0
crash
settle
crash before sync_dir / #1 lose add(manifest-000004)
expect opens
";

/// Damage that a store meets, and names.
const FAULT: &str = "\
lithify-sim 1
system lithify
model posix-min
seed 0
begin
commit a/0=1.0
fault sync-error-dirty wal- 1
commit a/1=2.0
crash keep
expect pass
";

fn sim(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("lithify").expect("the binary is built");
    command.current_dir(directory).arg("sim").args(arguments);
    command
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room")
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).expect("there is room");
}

fn read(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).expect("it was written")
}

/// Replays a trace with a report. Returns the page and the facts.
fn replayed(text: &str, code: i32) -> (String, Value) {
    let directory = directory();
    write(directory.path(), "t.sim", text);
    let arguments = ["replay", "t.sim", "--report", "t.html", "--format", "json"];
    let output = sim(directory.path(), &arguments).assert().code(code);
    let line: Value = serde_json::from_slice(&output.get_output().stdout).expect("it is JSON");
    (read(directory.path(), "t.html"), line["report"].clone())
}

fn hash(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    format!("'sha256-{}'", BASE64_STANDARD.encode(hash))
}

/// What every page has to keep.
fn check_page(source: &str) {
    let page = Page::parse(source);
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    check_policy(&page);
    check_nothing_is_loaded(&page, source);
    check_structure(&page);
    check_drawings(&page);
    assert!(source.len() < 300_000, "{} bytes", source.len());
}

fn check_policy(page: &Page) {
    let is_policy =
        |element: &dom::Element| element.attribute("http-equiv") == Some("Content-Security-Policy");
    let [policy] = page.meant(is_policy)[..] else {
        panic!("a page has one policy");
    };
    let policy = policy.attribute("content").expect("it has a policy");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for name in ["style", "script"] {
        let [found] = page.named(name)[..] else {
            panic!("a page has one {name}");
        };
        let hash = hash(&found.text);
        assert!(
            policy.contains(&format!("{name}-src {hash};")),
            "the hash of {name} is {hash} now, and the policy is {policy}"
        );
    }
    // The policy allows no attribute with style or script.
    for name in page
        .elements
        .iter()
        .flat_map(|element| element.attributes.keys())
    {
        assert!(name != "style" && !name.starts_with("on"), "{name}");
    }
}

fn check_nothing_is_loaded(page: &Page, source: &str) {
    const LOADING: [&str; 10] = [
        "link", "img", "iframe", "object", "embed", "use", "image", "video", "audio", "base",
    ];
    for word in ["http:", "https:", "url(", "@import"] {
        assert!(!source.contains(word), "{word}");
    }
    for element in &page.elements {
        assert!(
            !LOADING.contains(&&*element.name),
            "{} loads something",
            element.name
        );
        assert_eq!(element.attribute("src"), None, "{}", element.name);
        if let Some(target) = element.attribute("href") {
            let is_near = !target.contains('/') && !target.contains(':');
            assert!(is_near, "{target} leaves the directory of the page");
        }
    }
}

fn check_structure(page: &Page) {
    for name in ["h1", "main", "title"] {
        let outside = page.named(name).into_iter();
        let count = outside.filter(|it| !is_in_drawing(page, it)).count();
        assert_eq!(count, 1, "{name}");
    }
    assert_eq!(page.named("html")[0].attribute("lang"), Some("en"));
    for table in page.named("table") {
        assert_eq!(page.children(table)[0].name, "caption", "{}", table.text);
        let columns = page.inside(table, "th");
        let is_column = |it: &&dom::Element| it.attribute("scope") == Some("col");
        assert!(columns.iter().all(is_column));
        for row in page.inside(page.inside(table, "tbody")[0], "tr") {
            assert_eq!(page.children(row).len(), columns.len(), "{}", row.text);
        }
    }
    for region in page.classed("scroll") {
        assert_eq!(region.attribute("tabindex"), Some("0"));
        assert_eq!(region.attribute("role"), Some("region"));
        assert!(
            region
                .attribute("aria-label")
                .is_some_and(|label| !label.is_empty())
        );
    }
    let ids = page.elements.iter().filter_map(|it| it.attribute("id"));
    let mut ids: Vec<&str> = ids.collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id is used twice");
}

fn is_in_drawing(page: &Page, element: &dom::Element) -> bool {
    let mut around = element.around.iter();
    around.any(|&number| page.elements[number].name == "svg")
}

fn check_drawings(page: &Page) {
    for drawing in page.named("svg") {
        assert!(drawing.attribute("aria-label").is_some());
    }
    for mark in page.classed("mark") {
        let first = page.children(mark)[0];
        assert_eq!(first.name, "title");
        assert!(first.text.starts_with("Event "), "{}", first.text);
    }
}

/// The strings of a value, without the words of enumerations.
fn strings<'value>(value: &'value Value, found: &mut Vec<&'value str>) {
    const ENUMERATIONS: [&str; 4] = ["kind", "what", "fate", "shows"];
    match value {
        Value::String(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        Value::Object(fields) => {
            let meant = fields
                .iter()
                .filter(|(name, _)| !ENUMERATIONS.contains(&name.as_str()));
            meant.for_each(|(_, value)| strings(value, found));
        }
        _ => {}
    }
}

/// All that a page says, in its text or to a screen reader.
fn said(page: &Page) -> String {
    let mut said = page.named("main")[0].text.clone();
    for element in &page.elements {
        for name in ["aria-label", "title"] {
            said.push('\n');
            said.push_str(element.attribute(name).unwrap_or_default());
        }
    }
    said
}

/// All strings of the facts are on the page, and all that the page sets as code is in the
/// facts.
fn check_same_facts(source: &str, facts: &Value) {
    let page = Page::parse(source);
    let said = said(&page);
    let mut all = Vec::new();
    strings(facts, &mut all);
    assert!(all.len() > 50, "{}", all.len());
    for fact in &all {
        assert!(said.contains(fact), "{fact:?} is not on the page");
    }
    for code in page.named("code") {
        let code = code.text.as_str();
        let is_fact = all.iter().any(|fact| fact.contains(code));
        let is_setting = facts["settings"].get(code).is_some();
        assert!(
            is_fact || is_setting || code == "--format json",
            "{code:?} is no fact"
        );
    }
    let count = |value: &Value| value.as_array().map_or(0, Vec::len);
    assert_eq!(page.classed("mark").len(), count(&facts["events"]));
    assert_eq!(page.classed("bar").len(), count(&facts["curve"]["points"]));
    assert_eq!(
        page.inside(page.classed("lanes")[0], "li").len(),
        count(&facts["lanes"])
    );
    for loss in facts["losses"].as_array().into_iter().flatten() {
        let id = format!("loss-{}", loss["crash"]);
        let section = page.meant(|element| element.attribute("id") == Some(&id))[0];
        let rows = page.inside(section, "tr").len().saturating_sub(1);
        assert_eq!(rows, count(&loss["changes"]));
    }
}

#[test]
fn the_page_of_a_finding_shows_its_facts_and_loads_nothing() {
    let (page, facts) = replayed(REMOVED_EARLY, 0);
    check_page(&page);
    check_same_facts(&page, &facts);
    let shown = said(&Page::parse(&page));
    for part in [
        "Broken promise: after a crash the store opens",
        "The missing sync: the finding goes away if sync_dir(/) comes before remove manifest-000002",
        "lithify sim replay t.sim",
        "An opening without faults fails: not a lithify store",
        "The trace under the other models",
        "When the finding becomes possible",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(page.len() < 100_000, "{} bytes", page.len());
}

#[test]
fn the_page_of_a_trace_that_passes_says_that_nothing_was_found() {
    let (page, facts) = replayed(FAULT, 0);
    check_page(&page);
    check_same_facts(&page, &facts);
    assert_eq!(facts["found"], Value::Null);
    let shown = said(&Page::parse(&page));
    assert!(shown.contains("Nothing was found"), "{shown}");
    assert!(!shown.contains("Broken promise"), "{shown}");
    // The fault is told all the same.
    assert!(
        shown.contains("sync-error-dirty strikes sync_data wal-"),
        "{shown}"
    );
    assert!(shown.contains("Faults that struck"), "{shown}");
}

#[test]
fn a_replay_gives_the_same_page_again() {
    assert_eq!(replayed(REMOVED_EARLY, 0).0, replayed(REMOVED_EARLY, 0).0);
}

#[test]
fn shrinking_gives_the_page_of_the_short_trace() {
    let directory = directory();
    let long = REMOVED_EARLY.replace("settle\n", "commit b/1=2.0\nread 1\nsettle\n");
    write(directory.path(), "t.sim", &long);
    let arguments = ["shrink", "t.sim", "--report", "t.html", "--format", "json"];
    let output = sim(directory.path(), &arguments).assert().code(0);
    let line: Value = serde_json::from_slice(&output.get_output().stdout).expect("it is JSON");
    let page = read(directory.path(), "t.html");
    check_page(&page);
    check_same_facts(&page, &line["report"]);
    let short = read(directory.path(), "t.small.sim");
    assert!(short.lines().count() < long.lines().count());
    let lines: Vec<&str> = (line["report"]["trace"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(lines, short.lines().collect::<Vec<_>>());
}

/// Ten thousand operations: the page shows the last ones, and stays small.
#[test]
fn a_long_trace_does_not_make_the_page_long() {
    let (head, tail) = FAULT.split_once("commit").expect("it has one");
    let commits = "commit a/0=1.0\nsettle\n".repeat(600);
    let (page, facts) = replayed(&format!("{head}{commits}commit{tail}"), 0);
    let events = facts["events"].as_array().map_or(0, Vec::len);
    assert!(events > 5000, "{events}");
    check_page(&page);
    let page = Page::parse(&page);
    let marks = page.classed("mark");
    let first = format!("e{}", events - marks.len() + 1);
    assert_eq!(marks[0].attribute("id"), Some(first.as_str()));
    assert!(said(&page).contains(&format!("of {events} events")));
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_run() {
    let directory = directory();
    write(directory.path(), "t.sim", REMOVED_EARLY);
    write(directory.path(), "file", "");
    for command in [
        &["replay", "t.sim"][..],
        &["shrink", "t.sim"],
        &["run", "--seeds", "1"],
        &["merge", "nowhere"],
    ] {
        let arguments = [command, &["--report", "file/page.html"]].concat();
        let output = sim(directory.path(), &arguments).assert().code(2);
        let output = output.get_output();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            errors.contains("the report cannot be written to file/page.html"),
            "{errors}"
        );
        assert!(output.stdout.is_empty());
    }
    assert!(!directory.path().join("t.small.sim").exists());
}

/// Whoever asks for a page of something that cannot be read keeps the page that is there.
#[test]
fn a_failing_command_leaves_the_page_before_it() {
    let directory = directory();
    write(directory.path(), "page.html", "before");
    sim(
        directory.path(),
        &["replay", "nowhere.sim", "--report", "page.html"],
    )
    .assert()
    .code(2);
    assert_eq!(read(directory.path(), "page.html"), "before");
    sim(
        directory.path(),
        &["replay", "nowhere.sim", "--report", "new.html"],
    )
    .assert()
    .code(2);
    assert!(!directory.path().join("new.html").exists());
}

#[test]
fn a_report_is_about_one_trace() {
    let directory = directory();
    for name in ["a.sim", "b.sim"] {
        write(directory.path(), name, FAULT);
    }
    let output = sim(directory.path(), &["replay", ".", "--report", "page.html"])
        .assert()
        .code(2);
    let errors = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(
        errors.contains("--report is about one trace, and here are 2"),
        "{errors}"
    );
}

/// A campaign with a finding: the page names all that was covered, and links to a page for
/// each signature.
#[test]
fn the_page_of_a_campaign_links_to_the_pages_of_its_findings() {
    let directory = directory();
    let arguments = [
        "run",
        "--seeds",
        "16",
        "--jobs",
        "1",
        "--bug",
        "ack-before-sync",
        "--keep-going",
        "--images",
        "200",
        "--report",
        "campaign.html",
        "--format",
        "json",
    ];
    let output = sim(directory.path(), &arguments).assert().code(1);
    let summary: Value = serde_json::from_slice(&output.get_output().stdout).expect("it is JSON");
    let source = read(directory.path(), "campaign.html");
    check_page(&source);
    let page = Page::parse(&source);
    let shown = said(&page);
    let findings = summary["findings"].as_array().expect("a list");
    assert!(!findings.is_empty());
    let links = page.named("a");
    assert_eq!(links.len(), findings.len().min(24));
    for (link, finding) in links.iter().zip(findings) {
        assert_eq!(Some(link.text.as_str()), finding["signature"].as_str());
        assert_eq!(link.attribute("href"), finding["page"].as_str());
        let target = link.attribute("href").expect("it leads somewhere");
        let about = read(directory.path(), target);
        check_page(&about);
        assert!(about.contains("Broken promise"), "{target}");
        let trace = target.replace(".html", ".sim");
        assert!(
            about.contains(&format!("lithify sim replay {trace}")),
            "{target}"
        );
        sim(directory.path(), &["replay", &trace]).assert().code(0);
    }
    check_coverage(&shown, &summary);
}

/// What was covered, and what was not.
fn check_coverage(shown: &str, summary: &Value) {
    for name in [
        "seeds",
        "commits",
        "operations",
        "images",
        "distinct_images",
        "recoveries",
    ] {
        assert!(shown.contains(&summary[name].to_string()), "{name}");
    }
    for list in ["models", "faults"] {
        let lines = summary[list].as_array().expect("a list");
        assert!(!lines.is_empty(), "{list}");
        for (name, value) in lines
            .iter()
            .flat_map(|line| line.as_object().expect("an object"))
        {
            let value = value.as_str().map_or(value.to_string(), str::to_owned);
            assert!(shown.contains(&value), "{list}: {name} {value}");
        }
    }
    for list in ["marks", "operations_reached"] {
        let counts = summary[list].as_object().expect("an object");
        assert!(!counts.is_empty(), "{list}");
        for (name, count) in counts {
            assert!(shown.contains(name), "{list}: {name}");
            assert!(shown.contains(&count.to_string()), "{list}: {name} {count}");
        }
    }
    assert!(
        shown.contains("Not reached:"),
        "sixteen seeds do not reach everything"
    );
}

#[test]
fn the_page_of_a_clean_campaign_says_that_nothing_was_found() {
    let directory = directory();
    let arguments = [
        "run",
        "--seeds",
        "2",
        "--workload",
        "small",
        "--faults",
        "none",
        "--report",
        "page.html",
    ];
    sim(directory.path(), &arguments).assert().code(0);
    let page = read(directory.path(), "page.html");
    check_page(&page);
    let page = Page::parse(&page);
    assert_eq!(page.named("h1")[0].text, "Nothing was found");
    assert!(said(&page).contains("No fault was armed."));
}

/// The sum of shards has a page, too, and it does not say how long they took.
#[test]
fn the_page_of_merged_shards() {
    let directory = directory();
    for shard in ["1/2", "2/2"] {
        let arguments = [
            "run",
            "--seeds",
            "4",
            "--shard",
            shard,
            "--out",
            "results",
            "--workload",
            "small",
            "--faults",
            "none",
        ];
        sim(directory.path(), &arguments).assert().code(0);
    }
    let pages: Vec<String> = ["a.html", "b.html"]
        .into_iter()
        .map(|name| {
            sim(directory.path(), &["merge", "results", "--report", name])
                .assert()
                .code(0);
            read(directory.path(), name)
        })
        .collect();
    check_page(&pages[0]);
    assert_eq!(pages[0], pages[1]);
    assert!(pages[0].contains("4 seeds were run"));
    assert!(!pages[0].contains("a second"));
}

/// Runs a command on stores with lines on its standard input.
fn lithify(directory: &Path, arguments: &[&str], lines: &str) -> Vec<u8> {
    let mut command = Command::cargo_bin("lithify").expect("the binary is built");
    command
        .current_dir(directory)
        .args(arguments)
        .write_stdin(lines);
    command.assert().code(0).get_output().stdout.clone()
}

/// The page of a layout has each segment of each commit, and shows the newest layout if
/// there is no script.
#[test]
fn the_page_of_a_layout_has_every_commit() {
    let directory = directory();
    let lines: String = (1..=50)
        .map(|number| match number % 5 {
            0 => "[{\"put\":\"k\",\"value\":\"v\",\"keyspace\":\"seldom\"}]\n",
            _ => "[{\"put\":\"k\",\"value\":\"v\"}]\n",
        })
        .collect();
    let apply = ["apply", "--store", "S", "--divisor", "3"];
    lithify(directory.path(), &apply, &lines);
    lithify(directory.path(), &["compact", "--store", "S"], "");
    let layout = [
        "layout",
        "--store",
        "S",
        "--report",
        "layout.html",
        "--format",
        "json",
    ];
    let output = lithify(directory.path(), &layout, "");
    let found: Value = serde_json::from_slice(&output).expect("it is JSON");
    let over = &found["over_commits"];
    assert_eq!(found["head"], over["head"]);
    assert_eq!(over["is_store_as_predicted"], true);

    let source = read(directory.path(), "layout.html");
    check_page(&source);
    let page = Page::parse(&source);
    assert!(said(&page).contains("has the layout that the rule predicts for commit 50"));
    let commits: Vec<String> = (1..=50).map(|commit| commit.to_string()).collect();
    let slider = page.classed("slider")[0];
    assert_eq!(
        slider.attribute("data-commits"),
        Some(commits.join(" ").as_str())
    );
    let lives: Vec<&Value> = (over["keyspaces"].as_array().into_iter().flatten())
        .flat_map(|keyspace| [&keyspace["predicted"], &keyspace["actual"]])
        .flat_map(|lives| lives.as_array().into_iter().flatten())
        .collect();
    let boxes = page.classed("segment");
    assert_eq!(boxes.len(), lives.len());
    let live = |is_live: bool| {
        lives
            .iter()
            .filter(|life| life["until"].is_null() == is_live)
            .count()
    };
    assert_eq!(page.classed("off").len(), live(false));
    let segments = found["keyspaces"].as_array().into_iter().flatten();
    let segments =
        segments.flat_map(|keyspace| keyspace["segments"].as_array().into_iter().flatten());
    assert_eq!(
        live(true),
        2 * segments.count(),
        "live now, predicted and actual"
    );
    // Without --report the JSON is what it was.
    let plain = lithify(
        directory.path(),
        &["layout", "--store", "S", "--format", "json"],
        "",
    );
    let plain: Value = serde_json::from_slice(&plain).expect("it is JSON");
    assert_eq!(plain.get("over_commits"), None);
}

#[test]
fn the_page_of_a_long_layout_stays_small() {
    let directory = directory();
    let lines = "[{\"put\":\"k\",\"value\":\"v\"}]\n".repeat(5000);
    lithify(
        directory.path(),
        &["apply", "--store", "S", "--divisor", "3"],
        &lines,
    );
    lithify(
        directory.path(),
        &["layout", "--store", "S", "--report", "layout.html"],
        "",
    );
    let source = read(directory.path(), "layout.html");
    check_page(&source);
    assert!(said(&Page::parse(&source)).contains("of 5000 commits are shown"));
}

#[test]
fn the_page_of_an_empty_store_and_of_no_store() {
    let directory = directory();
    lithify(directory.path(), &["apply", "--store", "S"], "");
    lithify(
        directory.path(),
        &["layout", "--store", "S", "--report", "layout.html"],
        "",
    );
    let source = read(directory.path(), "layout.html");
    check_page(&source);
    assert!(said(&Page::parse(&source)).contains("The store has no commits."));
    let mut command = Command::cargo_bin("lithify").expect("the binary is built");
    let layout = ["layout", "--store", "nowhere", "--report", "nowhere.html"];
    command
        .current_dir(directory.path())
        .args(layout)
        .assert()
        .code(4);
    assert!(!directory.path().join("nowhere.html").exists());
}
