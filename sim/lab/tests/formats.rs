//! The formats for continuous integration, read back as their readers read them: JUnit XML with
//! a strict parser, SARIF as JSON, annotations with GitHub's rules of escaping.
//!
//! The store under test is a tiny log with one more planted bug, whose error message has every
//! character that one of the formats treats in its own way. With an environment variable this
//! program is the binary of that store; without it, the program runs itself.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "starts itself as a program, with files for it"
)]

#[path = "../examples/own_system/store.rs"]
mod store;

use std::path::Path;
use std::process::{Command, ExitCode, Output};
use std::sync::Arc;

use lithify::fs::Fs;
use lithify_sim::planted::{Planted, is_active};
use lithify_sim::system::{Engine, Failure, Instance, Setting, Settings, System};
use roxmltree::{Document, Node};
use serde_json::Value;
use store::{COMMIT_NOT_SYNCED, DIRECTORY_NOT_SYNCED, SYNC_ERROR_IGNORED, TinyLog};

const IS_PROGRAM: &str = "FORMATS_IS_THE_PROGRAM";
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// The planted bug with the odd message.
const ODD_WORDS: &str = "odd-words";
const ODD: &str = "<log> & \"50%0A\": a, b\n::error::|```\r\u{1b}[31m\u{0}";

/// A tiny log that can refuse to open, with odd words.
struct OddLog;

impl System for OddLog {
    fn name(&self) -> &'static str {
        "odd-log"
    }

    fn about(&self) -> &'static str {
        "a tiny log with odd words"
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        TinyLog.configure(settings)?;
        Ok(Arc::new(Self))
    }

    fn bugs(&self) -> Vec<Planted> {
        let odd = Planted::new(ODD_WORDS, "words", "the store does not open");
        [TinyLog.bugs(), vec![odd]].concat()
    }
}

impl Engine for OddLog {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        match is_active(ODD_WORDS) {
            true => Err(Failure::Other(ODD.to_owned())),
            false => TinyLog.open(fs),
        }
    }
}

fn main() -> ExitCode {
    if std::env::var_os(IS_PROGRAM).is_some() {
        return lithify_sim::cli::main(&[&OddLog]);
    }
    a_planted_bug_is_a_failure_a_result_and_an_error();
    a_clean_run_passes_everywhere();
    odd_words_arrive_as_they_are();
    a_model_that_shows_a_finding_does_not_pass();
    a_known_finding_is_no_failure();
    an_unfinished_run_is_an_error_if_it_must_be_finished();
    a_file_that_cannot_be_written_is_refused_before_the_run();
    arguments_that_contradict_each_other_are_refused();
    a_file_is_replaced_and_a_summary_goes_on();
    merged_shards_give_the_files_of_one_run();
    ExitCode::SUCCESS
}

// What is run.

/// A directory for the runs of one test.
struct Place(tempfile::TempDir);

struct Ended {
    code: Option<i32>,
    output: String,
    errors: String,
}

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room"))
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("there is room");
    }

    /// Runs the program, with this file as the summary of a job.
    fn run_with(&self, arguments: &[&str], summary: Option<&Path>) -> Ended {
        let program = std::env::current_exe().expect("this program is somewhere");
        let mut command = Command::new(program);
        command.current_dir(self.0.path()).args(arguments);
        // These tests may be a step of a job themselves.
        command.env_remove(SUMMARY).env(IS_PROGRAM, "");
        command.envs(summary.map(|path| (SUMMARY, path)));
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("it starts");
        let text = |bytes| String::from_utf8(bytes).expect("it is text");
        Ended {
            code: status.code(),
            output: text(stdout),
            errors: text(stderr),
        }
    }

    /// Runs the program with all formats: the files junit.xml, sarif.json and summary.md.
    fn run(&self, arguments: &[&str], code: i32) -> Ended {
        let formats = ["--junit", "junit.xml", "--sarif", "sarif.json", "--github"];
        let summary = self.path("summary.md");
        let ended = self.run_with(&[arguments, &formats].concat(), Some(&summary));
        assert_eq!(ended.code, Some(code), "{}{}", ended.output, ended.errors);
        ended
    }

    fn sarif(&self) -> Value {
        let log: Value = serde_json::from_str(&self.read("sarif.json")).expect("it is JSON");
        assert_eq!(log["version"], "2.1.0");
        let [run] = &log["runs"].as_array().expect("a list")[..] else {
            panic!("one run: {log:#}");
        };
        run.clone()
    }
}

fn results(run: &Value) -> &[Value] {
    run["results"].as_array().expect("a list")
}

// How the readers read it.

/// The suite, after a check of what the schema of Jenkins demands.
fn suite<'xml>(document: &'xml Document<'_>) -> Node<'xml, 'xml> {
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    let suite = root.first_element_child().expect("there is a suite");
    let cases = cases(suite);
    let with = |name: &str| {
        let of = |case: &&Node<'_, '_>| case.children().any(|it| it.has_tag_name(name));
        cases.iter().filter(of).count().to_string()
    };
    for (name, count) in [
        ("tests", cases.len().to_string()),
        ("failures", with("failure")),
        ("errors", with("error")),
        ("skipped", with("skipped")),
    ] {
        assert_eq!(suite.attribute(name), Some(&*count), "{name}");
    }
    let time = suite.attribute("time").expect("it is required");
    assert!(time.parse::<f64>().is_ok(), "{time}");
    for case in &cases {
        for name in ["name", "classname", "time"] {
            assert!(case.has_attribute(name), "{name}: {case:?}");
        }
        assert!(case.children().filter(Node::is_element).count() <= 1);
    }
    suite
}

fn cases<'xml>(suite: Node<'xml, 'xml>) -> Vec<Node<'xml, 'xml>> {
    let children = suite.children();
    children.filter(|it| it.has_tag_name("testcase")).collect()
}

/// What is in a case, and its text.
fn inside<'xml>(case: Node<'xml, 'xml>) -> (&'xml str, Node<'xml, 'xml>, &'xml str) {
    let inside = case.first_element_child().expect("it holds something");
    let name = inside.tag_name().name();
    (name, inside, inside.text().unwrap_or_default())
}

fn property(suite: Node<'_, '_>, name: &str) -> Option<String> {
    let all = suite.descendants().filter(|it| it.has_tag_name("property"));
    let mut found = all.filter(|it| it.attribute("name") == Some(name));
    found.next()?.attribute("value").map(str::to_owned)
}

struct Annotation {
    level: String,
    file: Option<String>,
    title: String,
    message: String,
}

/// The annotations, as GitHub's runner reads lines that begin with two colons: none between a
/// line that stops commands and the line with the word that it names.
fn annotations(output: &str) -> Vec<Annotation> {
    let mut annotations = Vec::new();
    let mut stopped_by: Option<String> = None;
    for line in output
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("::"))
    {
        let (head, message) = line.split_once("::").expect("it is a command");
        match &stopped_by {
            Some(word) if head == word => stopped_by = None,
            Some(_) => {}
            None if head == "stop-commands" => stopped_by = Some(message.to_owned()),
            None => annotations.push(annotation(head, message)),
        }
    }
    assert_eq!(stopped_by, None, "later commands of the job count");
    annotations
}

fn annotation(head: &str, message: &str) -> Annotation {
    let unescaped = |text: &str| {
        text.replace("%2C", ",")
            .replace("%3A", ":")
            .replace("%0A", "\n")
            .replace("%0D", "\r")
            .replace("%25", "%")
    };
    let (level, properties) = head.split_once(' ').expect("a level and properties");
    let property = |name: &str| {
        let mut all = properties.split(',').filter_map(|it| it.split_once('='));
        let found = all.find(|(found, _)| *found == name);
        found.map(|(_, value)| unescaped(value))
    };
    Annotation {
        level: level.to_owned(),
        file: property("file"),
        title: property("title").expect("each has one"),
        message: unescaped(message),
    }
}

// The tests.

const LOST_NAME: &str = "durability: no sync_dir(/) before commit N is acknowledged";
const WITH_BUG: [&str; 7] = [
    "run",
    "--bug",
    DIRECTORY_NOT_SYNCED,
    "--faults",
    "none",
    "--seeds",
    "12",
];

/// One finding, told four times: each reader gets the signature, the reason, the trace, and the
/// command that shows it again.
fn a_planted_bug_is_a_failure_a_result_and_an_error() {
    let place = Place::new();
    let ended = place.run(&[&WITH_BUG[..], &["--keep-going"]].concat(), 1);
    let program = ended.errors.split(':').next().expect("it says its name");
    let why = "goes away if sync_dir(/) comes before commit 1 is acknowledged";

    let xml = place.read("junit.xml");
    let document = Document::parse(&xml).expect("it is XML");
    let suite = suite(&document);
    let [case] = &cases(suite)[..] else {
        panic!("one signature, one model: {xml}");
    };
    assert_eq!(case.attribute("classname"), Some("odd-log.posix-min"));
    assert_eq!(case.attribute("name"), Some(LOST_NAME));
    let ("failure", failure, text) = inside(*case) else {
        panic!("it is a failure: {xml}");
    };
    assert_eq!(failure.attribute("type"), Some("durability"));
    let message = failure.attribute("message").expect("it says something");
    assert!(message.contains("commit 1 was acknowledged"), "{message}");
    let replay = text.lines().find_map(|line| line.split_once("again: "));
    let (_, replay) = replay.expect("the command stands there");
    let trace = replay.strip_prefix(&format!("{program} replay "));
    let trace = trace.expect("it is a command of this program");
    assert!(text.contains(why) && text.contains(&format!("in {trace}\n")));
    assert_eq!(property(suite, "seeds").as_deref(), Some("12"));
    assert!(property(suite, "recoveries").is_some_and(|it| it != "0"));
    assert_eq!(place.run_with(&["replay", trace], None).code, Some(0));

    let run = place.sarif();
    let [result] = results(&run) else {
        panic!("one signature: {run:#}");
    };
    let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
    assert_eq!(result["ruleId"], "durability");
    assert_eq!(rule["id"], "durability");
    let about = "acknowledged commits survive";
    assert_eq!(rule["shortDescription"]["text"], about);
    assert_eq!(result["level"], "error");
    let file = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(file, trace);
    assert_eq!(result["partialFingerprints"]["signature/v1"], LOST_NAME);
    let text = result["message"]["text"].as_str().expect("it is text");
    assert!(text.contains(why) && text.contains(replay), "{text}");

    let [annotation] = &annotations(&ended.output)[..] else {
        panic!("one signature: {}", ended.output);
    };
    assert_eq!(annotation.level, "error");
    assert_eq!(annotation.file.as_deref(), Some(trace));
    assert_eq!(annotation.title, LOST_NAME);
    assert!(annotation.message.contains(why) && annotation.message.contains(replay));

    let summary = place.read("summary.md");
    assert!(summary.contains("| seeds | 12 |\n"), "{summary}");
    assert!(summary.contains(&format!("```sh\n{replay}\n```\n")));
}

/// The text of a run and its exit code are the same with and without the formats, and a
/// clean run has nothing but passing cases.
fn a_clean_run_passes_everywhere() {
    let place = Place::new();
    let clean = ["run", "--seeds", "4", "--model", "posix-min,xfs"];
    let ended = place.run(&clean, 0);
    let plain = place.run_with(&clean, None);
    // The first line tells the seconds, and the line of recoveries their rate.
    let untimed = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("::"));
        let lines = lines.skip(1);
        let lines = lines.filter(|line| !line.ends_with(" a second"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(untimed(&plain.output).len() > 3, "{}", plain.output);
    assert_eq!(untimed(&ended.output), untimed(&plain.output));
    assert!(annotations(&ended.output).is_empty(), "{}", ended.output);
    let xml = place.read("junit.xml");
    let document = Document::parse(&xml).expect("it is XML");
    let cases = cases(suite(&document));
    let classes: Vec<_> = cases.iter().map(|it| it.attribute("classname")).collect();
    assert_eq!(classes, [Some("odd-log.posix-min"), Some("odd-log.xfs")]);
    for case in cases {
        let (name, _, text) = inside(case);
        assert!(name == "system-out" && text.contains("crash points"));
    }
    let run = place.sarif();
    assert!(results(&run).is_empty(), "{run:#}");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    let rules = run["tool"]["driver"]["rules"].as_array().expect("a list");
    assert_eq!(rules.len(), lithify_sim::judge::oracle::Oracle::ALL.len());
    let summary = place.read("summary.md");
    assert!(summary.contains("odd-log: nothing new found"), "{summary}");
    // A run without crashes is a test, too.
    place.run(&["run", "--seeds", "1", "--images", "0"], 0);
    assert!(place.read("junit.xml").contains(r#" tests="1" "#));
}

/// No character of a message ends a tag, a line or a code block, and the readers get it back;
/// XML alone has no way to write control characters.
fn odd_words_arrive_as_they_are() {
    let place = Place::new();
    let ended = place.run(&["run", "--bug", ODD_WORDS, "--seeds", "1"], 1);
    let in_words = ODD.replace('\u{1b}', "\\u{1b}").replace('\0', "\\u{0}");

    let xml = place.read("junit.xml");
    let document = Document::parse(&xml).expect("it is XML");
    let (_, failure, text) = inside(cases(suite(&document))[0]);
    let message = failure.attribute("message").expect("it says something");
    assert!(message.contains(&in_words), "{message:?}");
    assert!(text.contains(&in_words), "{text:?}");

    let run = place.sarif();
    let text = results(&run)[0]["message"]["text"].as_str();
    assert!(text.is_some_and(|text| text.contains(ODD)), "{text:?}");

    assert!(
        ended.output.contains("\n::error::|"),
        "the text has it as it is"
    );
    let [annotation] = &annotations(&ended.output)[..] else {
        panic!("one signature: {}", ended.output);
    };
    assert!(annotation.message.contains(ODD), "{:?}", annotation.message);

    let summary = place.read("summary.md");
    let (_, block) = summary.split_once("````text\n").expect("a longer fence");
    let (block, _) = block.split_once("\n````\n").expect("it ends");
    assert!(block.contains("::error::|```"), "{block:?}");
}

/// A signature is told under the model of its shortest trace. Another model that has shown it
/// must not look as if it had passed.
fn a_model_that_shows_a_finding_does_not_pass() {
    let place = Place::new();
    // With one image of each execution, some seeds show the finding under the second model only.
    let run = ["run", "--bug", COMMIT_NOT_SYNCED, "--seeds", "60"];
    let more = ["--images", "1", "--model", "posix-min,xfs"];
    let run = [&run[..], &more].concat();
    let shard = ["--shard", "1/1", "--out", "parts"];
    place.run_with(&[&run[..], &shard].concat(), None);
    let whole = [&run[..], &["--keep-going"]].concat();
    for arguments in [&whole[..], &["merge", "parts"]] {
        place.run(arguments, 1);
        let xml = place.read("junit.xml");
        let document = Document::parse(&xml).expect("it is XML");
        let [case] = &cases(suite(&document))[..] else {
            panic!("one signature, and no model that passes: {xml}");
        };
        assert_eq!(case.attribute("classname"), Some("odd-log.posix-min"));
    }
}

/// What somebody knows of is skipped, suppressed, and a warning; the exit code is 0.
fn a_known_finding_is_no_failure() {
    let place = Place::new();
    let line = format!("9999-12-31 {LOST_NAME} // issue 14\n");
    place.write("known.txt", &line);
    let ended = place.run(&[&WITH_BUG[..], &["--known", "known.txt"]].concat(), 0);
    let known = "known until 9999-12-31: issue 14";
    let xml = place.read("junit.xml");
    let document = Document::parse(&xml).expect("it is XML");
    let (name, skipped, _) = inside(cases(suite(&document))[0]);
    assert_eq!(
        (name, skipped.attribute("message")),
        ("skipped", Some(known))
    );
    let run = place.sarif();
    assert_eq!(results(&run)[0]["level"], "warning");
    let suppression = &results(&run)[0]["suppressions"][0];
    assert_eq!(suppression["justification"], known);
    let [annotation] = &annotations(&ended.output)[..] else {
        panic!("one signature: {}", ended.output);
    };
    assert_eq!(annotation.level, "warning");
    assert!(annotation.title.contains(known), "{}", annotation.title);
    assert!(place.read("summary.md").contains("nothing new found"));
}

/// A run whose time is over is a warning, and an error for a caller who demands all seeds.
fn an_unfinished_run_is_an_error_if_it_must_be_finished() {
    let place = Place::new();
    let endless = ["run", "--seeds", "1000000000", "--time", "1"];
    for (more, code, level) in [
        (&[][..], 0, "warning"),
        (&["--fail-on-incomplete"], 7, "error"),
    ] {
        let ended = place.run(&[&endless[..], more].concat(), code);
        let [annotation] = &annotations(&ended.output)[..] else {
            panic!("one annotation: {}", ended.output);
        };
        assert_eq!(annotation.level, level);
        assert!(annotation.message.contains("of 1000000000 seeds were run"));
        let xml = place.read("junit.xml");
        let document = Document::parse(&xml).expect("it is XML");
        let suite = suite(&document);
        let errors = if code == 7 { "1" } else { "0" };
        assert_eq!(suite.attribute("errors"), Some(errors), "{xml}");
        assert!(property(suite, "not_finished").is_some(), "{xml}");
        let run = place.sarif();
        let invocation = &run["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        assert_eq!(invocation["toolExecutionNotifications"][0]["level"], level);
    }
    assert!(place.read("summary.md").contains("odd-log: not finished"));
}

/// A run of an hour must not end with the news that its files have no place. Nothing is left of a
/// refused run, and no file is touched.
fn a_file_that_cannot_be_written_is_refused_before_the_run() {
    let place = Place::new();
    place.write("file", "");
    place.write("kept.xml", "before");
    let long = ["run", "--seeds", "1000000000", "--time", "9"];
    for (arguments, summary, what) in [
        (&["--junit", "file/j.xml"][..], None, "the JUnit file"),
        (&["--sarif", "file/j.xml"], None, "the SARIF file"),
        (&["--github"], Some("file/j.xml"), "the summary for GitHub"),
    ] {
        let kept = match arguments[0] {
            "--junit" => &["--sarif", "new.json"][..],
            "--sarif" => &["--junit", "kept.xml"],
            _ => &["--junit", "new.xml"],
        };
        let arguments = [&long, arguments, kept].concat();
        let ended = place.run_with(&arguments, summary.map(Path::new));
        assert_eq!(ended.code, Some(2), "{}", ended.errors);
        let said = format!("{what} cannot be written to file/j.xml: ");
        assert!(ended.errors.contains(&said), "{}", ended.errors);
        assert_eq!(ended.errors.lines().count(), 1, "{}", ended.errors);
        assert!(ended.output.is_empty(), "{}", ended.output);
    }
    assert_eq!(place.read("kept.xml"), "before");
    let new = ["new.xml", "new.json", "sim-findings"];
    assert!(new.iter().all(|name| !place.path(name).exists()));
    // Without --github nobody asks for a summary, and the environment has no say.
    let plain = ["run", "--seeds", "1"];
    let ended = place.run_with(&plain, Some(Path::new("file/j.xml")));
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
}

fn arguments_that_contradict_each_other_are_refused() {
    let place = Place::new();
    for (arguments, said) in [
        (
            &["--github", "--format", "json"][..],
            "leave out --format json, or --github",
        ),
        (
            &["--junit", "a", "--sarif", "a"],
            "--junit and --sarif name one file",
        ),
        (
            &["--seed", "7", "--trace", "--github"],
            "cannot be used with '--github'",
        ),
    ] {
        let ended = place.run_with(&[&["run"], arguments].concat(), None);
        assert_eq!(ended.code, Some(2), "{}", ended.errors);
        assert!(ended.errors.contains(said), "{}", ended.errors);
    }
}

/// Other steps of a job write into its summary, too. The other files are of this run alone.
fn a_file_is_replaced_and_a_summary_goes_on() {
    let place = Place::new();
    place.write("summary.md", "before\n");
    place.write("sarif.json", &"x".repeat(100_000));
    place.write("real.xml", "before");
    std::os::unix::fs::symlink("real.xml", place.path("junit.xml")).expect("it can be linked");
    let clean = ["run", "--seeds", "1"];
    place.run(&clean, 0);
    let once = place.read("summary.md");
    assert!(once.starts_with("before\n## "), "{once}");
    place.sarif();
    assert!(place.path("junit.xml").is_symlink());
    assert!(place.read("real.xml").starts_with("<?xml"));
    place.run(&clean, 0);
    assert_eq!(place.read("summary.md").matches("## ").count(), 2);
}

/// The files depend on the seeds, and not on how many machines and threads ran them. Only JUnit
/// tells the time of a run; a sum of shards has none.
fn merged_shards_give_the_files_of_one_run() {
    let place = Place::new();
    let campaign = [
        "run",
        "--bug",
        SYNC_ERROR_IGNORED,
        "--seeds",
        "60",
        "--model",
    ];
    let campaign = [&campaign[..], &["posix-min,xfs"]].concat();
    let out = ["--out", "traces"];
    let files = || {
        let xml = place.read("junit.xml");
        let (before, _) = xml.split_once("<testsuites").expect("it is the root");
        let (_, after) = xml.split_once("<properties>").expect("they come first");
        let summary = place.read("summary.md");
        std::fs::remove_file(place.path("summary.md")).expect("it is there");
        [
            format!("{before}{after}"),
            place.read("sarif.json"),
            summary,
        ]
    };
    place.run(
        &[&campaign[..], &out, &["--keep-going", "--jobs", "1"]].concat(),
        1,
    );
    let whole = files();
    assert!(whole[0].matches("<failure").count() >= 1, "{}", whole[0]);
    place.run(
        &[&campaign[..], &out, &["--keep-going", "--jobs", "3"]].concat(),
        1,
    );
    assert_eq!(files(), whole);
    for number in 1..=3 {
        let shard = ["--shard", &format!("{number}/3"), "--out", "parts"];
        place.run_with(&[&campaign[..], &shard].concat(), None);
    }
    place.run(&["merge", "parts", "--out", "traces"], 1);
    assert_eq!(files(), whole);
    let again = ["run", "--bug", COMMIT_NOT_SYNCED, "--seeds", "1"];
    place.run(&again, 1);
    assert_ne!(files(), whole, "these checks can fail");
}
