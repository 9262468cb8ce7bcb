//! How many places a new item changes, as the table in CONTRIBUTING.md states.
//!
//! A row or a line must be enough: the item is drawn, printed, read, struck, excused
//! and listed without changes elsewhere. The test also reads the sources: only its own
//! place names a kind of fault, an oracle is a row and its condition, and a policy, a
//! system and a command are one line each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lithify_cli::systems::{SYSTEMS, parse};
use lithify_policies::policies::POLICIES;
use lithify_sim::disk::FaultKind;
use lithify_sim::disk::model::MODELS;
use lithify_sim::finding::replay::replay;
use lithify_sim::judge::oracle::Oracle;
use lithify_sim::keyed::Seed;
use lithify_sim::run::execute::execute;
use lithify_sim::run::generate::{Recipe, generate};
use lithify_sim::run::plan::Plan;

fn lithify(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lithify"));
    let output = command.args(arguments).output().expect("the binary runs");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

/// Whether a list has a line that begins with this name.
fn lists(list: &str, name: &str) -> bool {
    list.lines()
        .any(|line| line.split_whitespace().next() == Some(name))
}

/// A plan, among the first few hundred seeds, in which a fault of this kind has struck.
fn struck(kind: FaultKind) -> Option<Plan> {
    let recipe = Recipe {
        faults: vec![kind],
        ..Recipe::new(SYSTEMS[0])
    };
    (0..300)
        .map(|seed| generate(&recipe, Seed(seed)))
        .find(|plan| {
            let execution = execute(plan, &lithify_sim::judge::Enabled::default(), false);
            execution.struck.iter().any(|struck| struck.kind == kind)
        })
}

#[test]
fn a_row_of_faults_is_drawn_printed_read_excused_and_listed() {
    let list = lithify(&["sim", "list"]);
    for &kind in FaultKind::ALL {
        let plan =
            struck(kind).unwrap_or_else(|| panic!("{kind} is never drawn, or never strikes"));
        let text = plan.to_string();
        assert!(text.contains(kind.name()), "{kind} is not printed:\n{text}");
        let again = parse(&text).unwrap_or_else(|error| panic!("{kind} is not read: {error}"));
        assert_eq!(again.actions, plan.actions, "{kind}");
        let finding = replay(&again, false).expect("no bug is named").finding;
        assert!(finding.is_none(), "{kind} is not excused: {finding:?}");
        assert!(lists(&list, kind.name()), "{kind} is not listed");
    }
}

#[test]
fn a_row_of_models_oracles_policies_and_systems_is_listed() {
    let list = lithify(&["sim", "list"]);
    let models = MODELS.iter().map(|model| model.name);
    let oracles = Oracle::ALL.iter().map(|oracle| oracle.name());
    let systems = SYSTEMS.iter().map(|system| system.name());
    for name in models.chain(oracles).chain(systems) {
        assert!(lists(&list, name), "{name} is not listed");
    }
    let list = lithify(&["compare", "--list"]);
    for policy in POLICIES {
        assert!(lists(&list, policy.name), "{} is not listed", policy.name);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The sources below a directory, each with its path from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).expect("the folder is there") {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        let path = format!("{folder}/{}", name.to_str().expect("names are text"));
        if entry.file_type().expect("a kind").is_dir() {
            found.extend(sources(&path));
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(root().join(&path)).expect("text");
            found.push((path, text));
        }
    }
    found.sort();
    found
}

/// The lines outside of tests with this word, except in files in these places.
fn lines_with(word: &str, folders: &[&str], but: &[&str]) -> Vec<String> {
    let sources = folders.iter().flat_map(|folder| sources(folder));
    let others = sources.filter(|(path, _)| !but.iter().any(|place| path.starts_with(place)));
    let is_word = |line: &str| {
        let parts = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        parts.clone().any(|part| part == word)
    };
    others
        .flat_map(|(path, text)| {
            let lines = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let lines = lines.filter(|line| is_word(line));
            lines
                .map(|line| format!("{path}: {}", line.trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

const ABOVE_THE_ENGINE: [&str; 5] = [
    "sim/cli/src",
    "sim/lab/src",
    "sim/policies/src",
    "sim/programs/src",
    "sim/specimens/src",
];

#[test]
fn nobody_names_a_fault_but_the_disk() {
    for kind in FaultKind::ALL {
        let name = format!("{kind:?}");
        let elsewhere = lines_with(&name, &ABOVE_THE_ENGINE, &["sim/lab/src/disk/"]);
        let elsewhere: Vec<_> = (elsewhere.iter())
            .filter(|line| line.contains("FaultKind::"))
            .collect();
        assert!(elsewhere.is_empty(), "{elsewhere:#?}");
        let effects = lines_with(&name, &["sim/lab/src/disk"], &["sim/lab/src/disk/fault/"]);
        assert!(!effects.is_empty(), "{kind} has no effect");
    }
}

#[test]
fn an_oracle_is_a_row_and_its_condition() {
    for oracle in Oracle::ALL {
        let name = format!("{oracle:?}");
        let row = ["sim/lab/src/judge/oracle.rs"];
        let elsewhere = lines_with(&name, &["sim/lab/src"], &row);
        let conditions = elsewhere.iter().filter(|line| line.contains("Oracle::"));
        assert!(conditions.count() > 0, "{oracle} objects to nothing");
    }
}

#[test]
fn a_policy_is_a_file_and_a_line() {
    let folder = "sim/policies/src/policies";
    let sources = sources(folder);
    let text_of = |name: &str| {
        let path = format!("{folder}/{name}.rs");
        let (_, text) = sources
            .iter()
            .find(|(of, _)| *of == path)
            .expect("it is there");
        text
    };
    let count = |text: &str, part: &str| text.matches(part).count();
    let mut registered = 0;
    for (path, text) in &sources {
        let policies = count(text, ": Registered =");
        let name = Path::new(path)
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("text");
        if policies > 0 {
            let lines = count(text_of("registry"), &format!(" super::{name}::"));
            assert_eq!(lines, policies, "{name}");
            assert_eq!(count(text_of("mod"), &format!("mod {name};")), 1, "{name}");
        }
        registered += policies;
    }
    assert_eq!(registered, POLICIES.len());
}

#[test]
fn a_system_and_a_command_stand_on_one_line() {
    let binary = ["sim/cli/src"];
    for name in ["LithifyDb", "ReplicaSystem", "WalRatioSystem"] {
        let lines = lines_with(name, &binary, &[]);
        let is_list = |line: &String| line.starts_with("sim/cli/src/systems.rs: &lithify_");
        assert!(lines.len() == 1 && lines.iter().all(is_list), "{lines:#?}");
    }
    for name in ["check_git", "completions", "import_git"] {
        let lines = lines_with(name, &binary, &[&format!("sim/cli/src/{name}")]);
        let places: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.split(':').next())
            .collect();
        assert_eq!(
            places,
            ["sim/cli/src/args.rs", "sim/cli/src/lib.rs"],
            "{lines:#?}"
        );
    }
}
