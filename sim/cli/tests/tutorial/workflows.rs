//! The action, the workflows, and the workflows of the page, as far as they can be judged without GitHub.
//!
//! A check is a function that returns complaints about a file. Conditions of steps and permissions are not judged.

use std::collections::BTreeSet;

use super::blocks::{Content, blocks};
use super::commands::Help;
use super::yaml::Page;
use super::{read, root};

/// How the page names this repository.
const THIS_REPOSITORY: &str = "OWNER/lithify";

/// The names behind `word` in an expression: `inputs.` or `steps.`.
fn named<'text>(text: &'text str, word: &str) -> Vec<&'text str> {
    let is_part =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let behind = text.split(word).skip(1);
    let names = behind.map(|rest| rest.split(|character| !is_part(character)).next());
    names.map(|name| name.unwrap_or_default()).collect()
}

/// Actions that are named by something that can be moved.
fn unpinned(page: &Page) -> Vec<String> {
    let uses = page.texts().into_iter().filter(|(name, _)| *name == "uses");
    let is_pinned = |action: &str| match action.split_once('@') {
        None => action.starts_with("./"),
        Some((_, pin)) => {
            pin.len() == 40
                && pin
                    .bytes()
                    .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        }
    };
    let unpinned = uses.filter(|(_, action)| !is_pinned(action));
    unpinned
        .map(|(_, action)| format!("{action} is not pinned"))
        .collect()
}

/// Inputs that are used and not declared, or declared and not used, or without a word about them.
fn inputs_that_differ(page: &Page) -> Vec<String> {
    let declared: BTreeSet<&str> = page
        .inputs()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let expressions = page
        .texts()
        .into_iter()
        .filter(|(_, text)| text.contains("${{"));
    let used: BTreeSet<&str> = expressions
        .flat_map(|(_, text)| named(text, "inputs."))
        .collect();
    let mut complaints = Vec::new();
    complaints.extend(
        used.difference(&declared)
            .map(|name| format!("the input {name} is not declared")),
    );
    complaints.extend(
        declared
            .difference(&used)
            .map(|name| format!("the input {name} is not used")),
    );
    for (name, input) in page.inputs() {
        let has = |key: &str| input.get(key).is_some();
        if input["description"]
            .as_str()
            .is_none_or(|text| text.len() < 20)
            || !(has("default") || input["required"] == true)
        {
            complaints.push(format!(
                "the input {name} has no description, or no default and is not required"
            ));
        }
    }
    complaints
}

/// Scripts with an expression in them, that go on after an error, or that ignore a variable of their step.
fn careless_scripts(page: &Page) -> Vec<String> {
    let mut complaints = Vec::new();
    for step in page.steps() {
        let Some(script) = step["run"].as_str() else {
            continue;
        };
        let first = script.lines().next().unwrap_or_default();
        if script.contains("${{") {
            complaints.push(format!("an expression is part of a script: {first}"));
        }
        if script.trim_end().contains('\n') && first != "set -euo pipefail" {
            complaints.push(format!(
                "a script begins without set -euo pipefail: {first}"
            ));
        }
        for (name, _) in step["env"].as_object().into_iter().flatten() {
            let forms = [format!("${name}"), format!("${{{name}")];
            if !forms.iter().any(|form| script.contains(form)) {
                complaints.push(format!("a script does not use {name}"));
            }
        }
    }
    complaints
}

/// Expressions that name a step which is not there.
fn missing_steps(page: &Page) -> Vec<String> {
    let ids: BTreeSet<&str> = page
        .steps()
        .iter()
        .filter_map(|step| step["id"].as_str())
        .collect();
    let expressions = page
        .texts()
        .into_iter()
        .filter(|(_, text)| text.contains("${{"));
    let named = expressions.flat_map(|(_, text)| named(text, "steps."));
    let missing = named.filter(|name| !ids.contains(name));
    missing
        .map(|name| format!("there is no step {name}"))
        .collect()
}

/// Calls of the action and of `check.yml` with inputs that these do not have, or without one that they need.
fn wrong_calls(page: &Page) -> Vec<String> {
    let mut complaints = Vec::new();
    for step in page.steps() {
        let action = step["uses"].as_str().unwrap_or_default();
        let path = action.split('@').next().unwrap_or_default();
        let called = match path.strip_prefix(THIS_REPOSITORY) {
            Some("") => "action.yml",
            Some(rest) => rest.trim_start_matches('/'),
            // Where `check.yml` puts this repository.
            None if path == "./.lithify" => "action.yml",
            None => match path.strip_prefix("./") {
                Some(path) => path,
                None => continue,
            },
        };
        let called = Page::read(called);
        let given: BTreeSet<&str> = step["with"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        let known: BTreeSet<&str> = called
            .inputs()
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        complaints.extend(
            given
                .difference(&known)
                .map(|name| format!("{action} has no input {name}")),
        );
        let needed = called
            .inputs()
            .into_iter()
            .filter(|(_, input)| input["required"] == true);
        let needed = needed.filter(|(name, _)| !given.contains(name.as_str()));
        complaints.extend(needed.map(|(name, _)| format!("{action} needs the input {name}")));
    }
    complaints
}

fn unknown_flags(page: &Page, help: &mut Help) -> Vec<String> {
    let scripts = page.texts().into_iter().filter(|(name, _)| *name == "run");
    scripts
        .flat_map(|(_, script)| help.complaints(script))
        .collect()
}

/// All complaints about a page.
fn complaints(page: &Page, help: &mut Help) -> Vec<String> {
    let all = [
        unpinned(page),
        inputs_that_differ(page),
        careless_scripts(page),
        missing_steps(page),
        wrong_calls(page),
        unknown_flags(page, help),
    ];
    all.concat()
}

/// The action, every workflow of this repository, and every workflow of the tutorial.
fn pages() -> Vec<Page> {
    let workflows = std::fs::read_dir(root().join(".github/workflows")).expect("it is a directory");
    let workflows = workflows.map(|entry| entry.expect("it can be read").file_name());
    let workflows = workflows.map(|name| format!(".github/workflows/{}", name.display()));
    let mut pages: Vec<Page> = workflows.map(|path| Page::read(&path)).collect();
    pages.push(Page::read("action.yml"));
    for block in blocks(&read("design/tutorial.md")).expect("it can be read") {
        match &block.content {
            Content::File { path, text } if path.ends_with(".yml") => {
                pages.push(Page::parse(path, text))
            }
            _ => {}
        }
    }
    pages
}

#[test]
fn the_action_and_all_workflows_are_in_order() {
    let mut help = Help::default();
    let pages = pages();
    let found = pages.iter().flat_map(|page| {
        let complaints = complaints(page, &mut help);
        complaints
            .into_iter()
            .map(|complaint| format!("{}: {complaint}", page.name))
            .collect::<Vec<_>>()
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{found:#?}");
    // Files or command lines that were found no more must not pass for files without faults.
    assert!(pages.len() >= 7, "{} files", pages.len());
    assert!(help.looked_at >= 7, "{} command lines", help.looked_at);
}

/// A page in order, and what is said of each page with one thing replaced.
#[test]
fn each_fault_of_a_workflow_is_found() {
    const CALLED: &str = "\
on:
  workflow_call:
    inputs:
      seeds:
        description: The number of seeds of the run.
        type: number
        default: 9
jobs:
  one:
    steps:
      - uses: actions/checkout@0123456789abcdef0123456789abcdef01234567
      - id: first
        env:
          SEEDS: ${{ inputs.seeds }}
        run: lithify sim run --seeds \"$SEEDS\"
      - if: ${{ steps.first.outputs.a }}
        run: |
          set -euo pipefail
          true
      - uses: OWNER/lithify@0123456789abcdef0123456789abcdef01234567
        with:
          kind: test
  two:
    uses: ./.github/workflows/check.yml
    with:
      lithify-repository: a/b
      lithify-ref: c
";
    let said = |text: &str| complaints(&Page::parse("page", text), &mut Help::default());
    assert_eq!(said(CALLED), [""; 0]);
    for (right, wrong, complaint) in [
        (
            "checkout@0123456789abcdef0123456789abcdef01234567",
            "checkout@v4",
            "is not pinned",
        ),
        (
            "checkout@0123456789abcdef0123456789abcdef01234567",
            "checkout@0123456",
            "is not pinned",
        ),
        (
            "checkout@0123456789abcdef0123456789abcdef01234567",
            "checkout",
            "is not pinned",
        ),
        (
            "inputs.seeds",
            "inputs.seed",
            "the input seed is not declared",
        ),
        (
            "${{ inputs.seeds }}",
            "\"9\"",
            "the input seeds is not used",
        ),
        (
            "The number of seeds of the run.",
            "Seeds.",
            "has no description",
        ),
        ("        default: 9\n", "", "no default and is not required"),
        (
            "\"$SEEDS\"",
            "${{ inputs.seeds }} $SEEDS",
            "an expression is part of a script",
        ),
        ("\"$SEEDS\"", "9", "a script does not use SEEDS"),
        ("set -euo pipefail", "set -eu", "without set -euo pipefail"),
        ("steps.first", "steps.second", "there is no step second"),
        ("kind: test", "kinds: test", "has no input kinds"),
        ("      lithify-ref: c\n", "", "needs the input lithify-ref"),
        (
            "--seeds",
            "--seed-count",
            "lithify sim run: no flag --seed-count",
        ),
    ] {
        let said = said(&CALLED.replacen(right, wrong, 1));
        let is_said = said.iter().any(|said| said.contains(complaint));
        assert!(is_said, "{wrong}: {complaint} is not in {said:?}");
    }
}
