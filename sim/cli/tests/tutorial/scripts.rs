//! The scripts of the action and of `check.yml`, run with the variables that GitHub would give them.
//!
//! `cargo` is a function that starts the laboratory of the binary under test, in the place of an engine's own binary. What
//! is left to GitHub: the actions of others, and when a step runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::page::{path, records};
use super::yaml::Page;

/// `cargo run .. -- ARGUMENTS` starts `lithify sim ARGUMENTS`, and `cargo test ..` fails. Bash reads it before a script.
/// A program would be a file that is written and started at once, while other threads start processes: then Linux may
/// say that the file is busy.
const CARGO: &str = r#"
cargo() {
    if [ "$1" = test ]; then echo "asked for $*"; return 101; fi
    while [ "$1" != -- ]; do shift; done
    shift
    lithify sim "$@"
}
"#;
const HASH: &str = "fedcba9876543210fedcba9876543210fedcba98";

/// A directory in which steps run, as in a checked out repository.
struct Runner {
    directory: TempDir,
}

/// How a step ended, with both of its outputs.
#[derive(Debug)]
struct Ended {
    code: i32,
    said: String,
}

impl Runner {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("there is room");
        let runner = Self { directory };
        fs::write(runner.path("cargo.sh"), CARGO).expect("there is room");
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the step with this name. Inputs that are not given have their defaults.
    fn step(&self, page: &Page, name: &str, given: &[(&str, &str)]) -> Ended {
        let steps = page.steps();
        let step = steps.iter().find(|step| step["name"] == name).expect(name);
        let mut command = Command::new("bash");
        command
            .args(["-c", step["run"].as_str().expect("it is a script")])
            .current_dir(self.directory.path())
            .env("PATH", path())
            .env("BASH_ENV", self.path("cargo.sh"))
            .env("GITHUB_SHA", HASH)
            .env("GITHUB_OUTPUT", self.path("output"))
            .env_remove("GITHUB_STEP_SUMMARY");
        for (variable, expression) in step["env"].as_object().into_iter().flatten() {
            command.env(variable, value(page, expression, given));
        }
        let output = command.output().expect("bash runs");
        let both = [output.stdout, output.stderr].concat();
        Ended {
            code: output.status.code().expect("no signal ended it"),
            said: String::from_utf8_lossy(&both).into_owned(),
        }
    }

    /// The steps of the action that belong to these inputs and need no GitHub.
    fn action(&self, step: &str, given: &[(&str, &str)]) -> Ended {
        let action = Page::read("action.yml");
        let names = self.step(&action, "Names", given);
        assert_eq!(names.code, 0, "{}", names.said);
        self.step(&action, step, given)
    }

    fn has_file(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// Whether there is something in a file or a directory.
    fn has(&self, path: &str) -> bool {
        fs::metadata(self.path(path)).is_ok_and(|file| file.is_dir() || file.len() > 0)
    }
}

/// The value of `${{ inputs.NAME }}`, the first one that is given; every other expression is empty.
fn value(page: &Page, expression: &Value, given: &[(&str, &str)]) -> String {
    let expression = expression.as_str().expect("it is a text");
    let name = expression
        .strip_prefix("${{ inputs.")
        .and_then(|rest| rest.strip_suffix(" }}"));
    let Some(name) = name else {
        return String::new();
    };
    let given = given.iter().find(|(given, _)| *given == name);
    let inputs = page.inputs();
    let default = inputs.iter().find(|(input, _)| *input == name);
    match (given, default.map(|(_, input)| &input["default"])) {
        (Some((_, value)), _) => (*value).to_owned(),
        (None, Some(Value::String(default))) => default.clone(),
        (None, Some(default)) => default.to_string(),
        (None, None) => panic!("there is no input {name}"),
    }
}

fn expect(ended: &Ended, code: i32, part: &str) {
    assert_eq!(ended.code, code, "{}", ended.said);
    assert!(
        ended.said.contains(part),
        "{part:?} is not in {}",
        ended.said
    );
}

const SMALL: [(&str, &str); 2] = [("seeds", "4"), ("arguments", "--system snapshot-log")];

#[test]
fn a_campaign_writes_its_report() {
    let runner = Runner::new();
    let ended = runner.action("Campaign", &SMALL);
    expect(&ended, 0, "nothing found");
    for file in ["junit.xml", "lithify.sarif", "output.txt"] {
        assert!(runner.has(&format!("lithify-report/{file}")), "{file}");
    }
}

/// The seeds, commits and file operations of a campaign that starts there.
fn counts(from: &str) -> Option<String> {
    let quiet = [("annotations", "false"), ("from", from)];
    let ended = Runner::new().action("Campaign", &[&SMALL[..], &quiet].concat());
    expect(&ended, 0, "nothing found");
    let first = ended.said.lines().next()?;
    // Behind the last comma stands the time.
    first.rsplit_once(", ").map(|(counts, _)| counts.to_owned())
}

#[test]
fn a_campaign_starts_at_the_commit() {
    let number = u64::from_str_radix(&HASH[..16], 16).expect("it is a hash");
    let first = counts("commit");
    assert!(first.is_some());
    assert_eq!(counts(&number.to_string()), first);
    assert_ne!(counts("0"), first);
}

#[test]
fn a_finding_fails_the_campaign_and_stays_in_its_report() {
    let runner = Runner::new();
    let bug = ("arguments", "--bug ack-before-sync");
    let ended = runner.action("Campaign", &[("seeds", "12"), ("faults", "none"), bug]);
    expect(&ended, 1, "::error");
    assert!(runner.has("lithify-report/findings"));
    let known = ("known", "known.txt");
    fs::write(runner.path("known.txt"), "soon durability // no day\n").expect("there is room");
    expect(
        &runner.action("Campaign", &[SMALL[0], bug, known]),
        2,
        "is no day",
    );
}

#[test]
fn shards_leave_results_and_merge_wants_all_of_them() {
    let runner = Runner::new();
    let shard = |shard| runner.action("Campaign", &[&SMALL[..], &[("shard", shard)]].concat());
    expect(&shard("1/2"), 0, "2 seeds");
    assert!(runner.has("lithify-results/shard-1-of-2.json"));
    let merge = || runner.action("Campaign", &[("kind", "merge")]);
    expect(&merge(), 7, "shard");
    expect(&shard("2/2"), 0, "2 seeds");
    expect(&merge(), 0, "4 seeds");
    let names = fs::read_to_string(runner.path("output")).expect("it was written");
    assert!(names.contains("artifact=lithify-shard-2-of-2\n"), "{names}");
}

#[test]
fn an_input_is_never_a_part_of_a_script() {
    let runner = Runner::new();
    let hostile = [
        "$(touch hostile)",
        "`touch hostile`",
        "; touch hostile",
        "\"; touch hostile; \"",
        "a[$(touch hostile)]",
    ];
    let inputs = [
        "arguments",
        "artifact",
        "cargo-arguments",
        "fail-on-incomplete",
        "faults",
        "from",
        "known",
        "model",
        "results",
        "seeds",
        "shard",
        "time",
    ];
    for input in inputs {
        for value in hostile {
            let given = [(input, value), ("seeds", "1"), ("arguments", "--images 0")];
            runner.action("Campaign", &given);
            assert!(!runner.has_file("hostile"), "{input}: {value}");
        }
    }
    let check = Page::read(".github/workflows/check.yml");
    for input in ["from", "kind", "shards"] {
        for value in hostile {
            runner.step(&check, "First seed and shards", &[(input, value)]);
            assert!(!runner.has_file("hostile"), "{input}: {value}");
        }
    }
}

#[test]
fn a_program_is_recorded_and_crashed() {
    if !records() {
        return;
    }
    let runner = Runner::new();
    let program = "cd data; echo new >t; SYNC mv t config; sync .; echo saved";
    fs::write(
        runner.path("check.sh"),
        "grep -qx 'old\\|new' \"$1/config\" || exit 2\n",
    )
    .expect("there is room");
    let crash = |sync: &str| {
        let program = program.replace("SYNC", sync);
        let prepare = ("prepare", "mkdir -p data\necho old >data/config");
        let check = ("check", "sh check.sh");
        runner.action("Program", &[prepare, check, ("program", &program)])
    };
    expect(
        &crash(""),
        1,
        "goes away if fsync(t) comes before rename t config",
    );
    for file in ["junit.xml", "lithify.sarif", "output.txt", "run.rec"] {
        assert!(runner.has(&format!("lithify-report/{file}")), "{file}");
    }
    expect(&crash("sync t;"), 0, "0 refused");
}

#[test]
fn a_failed_test_fails_the_step_and_its_words_are_kept() {
    let runner = Runner::new();
    let given = [("kind", "test"), ("cargo-arguments", "--example crashes")];
    let ended = runner.action("Test", &given);
    expect(&ended, 101, "asked for test --example crashes\n");
    assert!(runner.has("lithify-report/output.txt"));
}

#[test]
fn an_unknown_kind_is_refused() {
    let action = Page::read("action.yml");
    let ended = Runner::new().step(&action, "Names", &[("kind", "campain")]);
    expect(&ended, 2, "::error::kind is none of");
}

#[test]
fn shards_are_planned_once_for_all_jobs() {
    let check = Page::read(".github/workflows/check.yml");
    let plan = |given: &[(&str, &str)]| {
        let runner = Runner::new();
        let ended = runner.step(&check, "First seed and shards", given);
        let output = fs::read_to_string(runner.path("output")).unwrap_or_default();
        (ended.code, output)
    };
    assert_eq!(
        plan(&[("shards", "3")]),
        (0, format!("from={HASH}\nshards=[1,2,3]\n"))
    );
    assert_eq!(
        plan(&[("from", "7")]),
        (0, "from=7\nshards=[1]\n".to_owned())
    );
    let (code, dated) = plan(&[("from", "date")]);
    assert!(
        code == 0 && dated.contains("000000\nshards=[1]\n"),
        "{dated}"
    );
    for wrong in ["0", "1.5", "257", "two"] {
        assert_eq!(plan(&[("shards", wrong)]), (2, String::new()), "{wrong}");
    }
    assert_eq!(
        plan(&[("shards", "2"), ("kind", "program")]),
        (2, String::new())
    );
}

#[test]
fn the_sources_of_the_action_are_the_key_of_its_cache() {
    let action = Page::read("action.yml");
    let key = |change: &dyn Fn(&Path)| {
        let runner = Runner::new();
        let sources = runner.path("sources");
        fs::create_dir_all(sources.join("target")).expect("there is room");
        fs::write(sources.join("a.rs"), "fn a() {}").expect("there is room");
        change(&sources);
        let step = action
            .steps()
            .into_iter()
            .find(|step| step["id"] == "lithify")
            .expect("it is there");
        let mut command = Command::new("bash");
        let command = command.args(["-c", step["run"].as_str().expect("it is a script")]);
        let command = command
            .env("GITHUB_ACTION_PATH", &sources)
            .env("RUNNER_TEMP", "/temp");
        let status = command.env("GITHUB_OUTPUT", runner.path("output")).status();
        assert!(status.expect("bash runs").success());
        fs::read_to_string(runner.path("output")).expect("it was written")
    };
    let first = key(&|_| ());
    assert!(first.contains("\nroot=/temp/lithify\n"), "{first}");
    assert_eq!(
        key(&|sources| fs::write(sources.join("target/b"), "b").expect("there is room")),
        first
    );
    assert_ne!(
        key(&|sources| fs::write(sources.join("a.rs"), "fn b() {}").expect("there is room")),
        first
    );
    assert_ne!(
        key(
            &|sources| fs::rename(sources.join("a.rs"), sources.join("b.rs"))
                .expect("there is room")
        ),
        first
    );
}
