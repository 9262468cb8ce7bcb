//! The laboratory as the binary of another store: every command, with its exit code.
//!
//! With an environment variable this program is that binary; without it, the program
//! runs itself with the variable.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "starts itself as a program, with files for it"
)]

#[path = "../examples/own_system/store.rs"]
mod store;

use std::path::Path;
use std::process::{Command, ExitCode, Output};

use store::{COMMIT_NOT_SYNCED, DIRECTORY_NOT_SYNCED, TinyLog};

const IS_PROGRAM: &str = "OWN_BINARY_IS_THE_PROGRAM";

fn main() -> ExitCode {
    if std::env::var_os(IS_PROGRAM).is_some() {
        return lithify_sim::cli::main(&[&TinyLog]);
    }
    let directory = tempfile::tempdir().expect("there is room");
    let directory = directory.path();
    clean_runs(directory);
    findings(directory);
    known_findings(directory);
    unfinished_runs(directory);
    other_commands(directory);
    ExitCode::SUCCESS
}

struct Ended {
    code: Option<i32>,
    output: String,
    errors: String,
}

fn run(directory: &Path, arguments: &[&str]) -> Ended {
    let program = std::env::current_exe().expect("this program is somewhere");
    let mut command = Command::new(program);
    command.current_dir(directory).args(arguments);
    let Output {
        status,
        stdout,
        stderr,
    } = command.env(IS_PROGRAM, "").output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    Ended {
        code: status.code(),
        output: text(stdout),
        errors: text(stderr),
    }
}

fn expect(ended: &Ended, code: i32, parts: &[&str]) {
    let all = format!("{}{}", ended.output, ended.errors);
    assert_eq!(ended.code, Some(code), "{all}");
    for part in parts {
        assert!(all.contains(part), "{part:?} is missing in {all}");
    }
}

fn json(ended: &Ended) -> serde_json::Value {
    serde_json::from_str(&ended.output).expect("it is JSON")
}

fn clean_runs(directory: &Path) {
    let list = run(directory, &["list"]);
    expect(&list, 0, &["tiny-log", "posix-min"]);
    assert!(!list.output.contains("snapshot-log"), "{}", list.output);
    let clean = run(directory, &["run", "--seeds", "8"]);
    expect(&clean, 0, &["8 seeds:", "nothing found"]);
    let help = run(directory, &["run", "--help"]);
    expect(&help, 0, &["own_binary", "run --seeds 1000"]);
    assert!(!help.output.contains("lithify sim"), "{}", help.output);
    let other = run(directory, &["run", "--system", "lithify"]);
    expect(&other, 2, &["known are tiny-log"]);
}

fn findings(directory: &Path) {
    let bug = ["run", "--bug", DIRECTORY_NOT_SYNCED, "--faults", "none"];
    let first = run(directory, &[&bug[..], &["--seeds", "30"]].concat());
    expect(
        &first,
        1,
        &[
            "ended early",
            "durability: no sync_dir(/) before commit N is acknowledged",
            "goes away if sync_dir(/) comes before",
            "replay sim-findings/seed-",
            "shrink sim-findings/seed-",
        ],
    );
    let more = ["--seeds", "30", "--keep-going", "--format", "json"];
    let all = run(directory, &[&bug[..], &more].concat());
    expect(&all, 1, &[]);
    let all = json(&all);
    assert_eq!(all["complete"], true);
    assert_eq!(all["seeds"], 30);
    let kinds = all["findings"].as_array().expect("they are listed");
    assert_eq!(kinds.len(), 1, "{kinds:?}");
    assert!(kinds[0]["count"].as_u64() > Some(20), "{kinds:?}");
    let trace = kinds[0]["trace"].as_str().expect("it was written");
    expect(&run(directory, &["replay", trace]), 0, &["durability"]);
    let small = run(directory, &["shrink", trace, "--out", "small.sim"]);
    let found = "durability: commit 1 was acknowledged, the newest commit is 0";
    expect(&small, 0, &[found, "goes away if sync_dir(/)"]);
    expect(&run(directory, &["replay", "small.sim"]), 0, &[]);
}

fn known_findings(directory: &Path) {
    let run = |known: &str| {
        std::fs::write(directory.join("known.txt"), known).expect("there is room");
        let bug = ["run", "--bug", COMMIT_NOT_SYNCED, "--faults", "none"];
        run(
            directory,
            &[&bug[..], &["--seeds", "10", "--known", "known.txt"]].concat(),
        )
    };
    let signature = "durability: no sync_data(log) before commit N is acknowledged";
    let known = run(&format!("// ours\n9999-12-31 {signature} // issue 14\n"));
    expect(
        &known,
        0,
        &["10 seeds:", "known until 9999-12-31: issue 14"],
    );
    let passed = run(&format!("2001-01-01 {signature} // issue 14\n"));
    expect(&passed, 1, &["was known until 2001-01-01"]);
    let other = run("9999-12-31 durability: no sync_dir(/) before the crash // issue 15\n");
    expect(
        &other,
        1,
        &["known, but not found: durability: no sync_dir(/)"],
    );
    let bad = run(&format!("soon {signature} // issue 14\n"));
    expect(&bad, 2, &["known.txt: line 1: \"soon\" is no day"]);
}

fn unfinished_runs(directory: &Path) {
    let endless = ["run", "--seeds", "1000000000", "--time", "1"];
    let told = run(directory, &endless);
    expect(
        &told,
        0,
        &[
            "ended early:",
            "of 1000000000 seeds were run, then --time was over",
        ],
    );
    let failed = run(
        directory,
        &[&endless[..], &["--fail-on-incomplete"]].concat(),
    );
    expect(&failed, 7, &["not finished:"]);
    let asked = run(directory, &["run", "--time", "1", "--fail-on-incomplete"]);
    expect(&asked, 0, &["nothing found"]);
    assert!(!asked.output.contains("ended early"), "{}", asked.output);
}

fn other_commands(directory: &Path) {
    let help = run(directory, &["--help"]);
    expect(
        &help,
        0,
        &["Runs stores in the laboratory", " replay finding.sim"],
    );
    let unread = run(directory, &["run", "--workload", "git:."]);
    expect(&unread, 2, &["this program reads no git histories"]);
    let mutants = run(directory, &["mutants", "--rounds", "2"]);
    expect(&mutants, 0, &["3 of 3 found"]);
    let enumerated = run(directory, &["enumerate", "--commits", "2"]);
    expect(&enumerated, 0, &["everything was seen"]);
    let economy = run(directory, &["economy", "--seeds", "1", "--time", "1"]);
    expect(
        &economy,
        0,
        &["sync_data log", "needed: without it, durability objects"],
    );
}
