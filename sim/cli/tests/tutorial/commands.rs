//! The command lines of the binary in scripts, and whether the binary knows their flags.
//!
//! A command line is `lithify COMMAND ..`, `cargo run .. -- COMMAND ..` of an engine's own binary, or an array
//! `command=(COMMAND ..)` that a script fills. Only long flags are looked at; what their values mean is not.

use std::collections::BTreeMap;
use std::process::Command;

/// The commands of `lithify sim`, which the binary of an engine has without `sim`.
const OF_THE_LABORATORY: [&str; 9] = [
    "run",
    "merge",
    "replay",
    "shrink",
    "enumerate",
    "mutants",
    "economy",
    "bisect",
    "list",
];

/// The texts of `--help`, each of which is asked for once.
#[derive(Default)]
pub(crate) struct Help {
    texts: BTreeMap<String, Option<String>>,
    /// The number of command lines that were looked at.
    pub(crate) looked_at: usize,
}

impl Help {
    /// Complaints about the command lines of a script.
    pub(crate) fn complaints(&mut self, script: &str) -> Vec<String> {
        let script = script.replace("\\\n", " ");
        let (mut complaints, mut filled) = (Vec::new(), Vec::new());
        for line in script
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
        {
            let words = words(line);
            for at in 1..words.len() {
                let Some(command) = command_at(&words, at) else {
                    continue;
                };
                self.looked_at += 1;
                if words[at - 1].ends_with("=(") {
                    filled.push(command.clone());
                }
                complaints.extend(self.unknown(&[command], &words[at + 1..]));
            }
            if let Some(at) = words.iter().position(|word| word.ends_with("+=(")) {
                complaints.extend(self.unknown(&filled, &words[at + 1..]));
            }
        }
        complaints
    }

    /// Complaints about flags that none of these commands has, up to the end of the command line.
    fn unknown(&mut self, commands: &[String], words: &[String]) -> Vec<String> {
        let ends = ["--", "|", ";", "&&", ")"];
        let words = words
            .iter()
            .take_while(|word| !ends.contains(&word.as_str()));
        let flags = words.filter(|word| word.starts_with("--"));
        let flags = flags.filter(|flag| !commands.iter().any(|command| self.has(command, flag)));
        let complaints =
            flags.map(|flag| format!("lithify {}: no flag {flag}", commands.join(" or ")));
        complaints.collect()
    }

    /// Whether the help of a command lists a flag.
    fn has(&mut self, command: &str, flag: &str) -> bool {
        let (flag, _) = flag.split_once('=').unwrap_or((flag, ""));
        let text = self
            .texts
            .entry(command.to_owned())
            .or_insert_with(|| help(command));
        let is_first = |line: &str| {
            let words = line
                .split_whitespace()
                .take_while(|word| word.starts_with('-'));
            words
                .into_iter()
                .any(|word| word.trim_end_matches(',') == flag)
        };
        text.as_ref().is_some_and(|text| text.lines().any(is_first))
    }
}

/// `--help` of a command; `None` if there is no such command.
fn help(command: &str) -> Option<String> {
    let mut lithify = Command::new(env!("CARGO_BIN_EXE_lithify"));
    let lithify = lithify.args(command.split(' ')).arg("--help");
    let output = lithify.output().expect("the binary runs");
    let text = String::from_utf8(output.stdout).expect("it is text");
    output.status.success().then_some(text)
}

/// The words of a line, without quotes; a bracket that begins or ends an array is a word of its own, and the output of
/// another command is no word.
fn words(line: &str) -> Vec<String> {
    let mut line = line.to_owned();
    while let Some(start) = line.find("$(") {
        let length = line[start..].find(')').unwrap_or(line.len() - start - 1);
        line.replace_range(start..=start + length, "");
    }
    let line = line
        .replace("=(", "=( ")
        .replace(')', " ) ")
        .replace(';', " ; ");
    let words = line
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']));
    words.map(str::to_owned).collect()
}

/// The command whose name is the word at this place, as arguments of `lithify`.
fn command_at(words: &[String], at: usize) -> Option<String> {
    let name = words[at].as_str();
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase());
    let is_ours = |word: &str| word == "lithify" || word.ends_with("/lithify");
    let laboratory = OF_THE_LABORATORY.contains(&name);
    match words[at - 1].as_str() {
        "sim" if at > 1 && is_ours(&words[at - 2]) => Some(format!("sim {name}")),
        before if is_ours(before) && is_name && name != "sim" => Some(name.to_owned()),
        before if before.ends_with("=(") && !before.ends_with("+=(") && laboratory => {
            Some(format!("sim {name}"))
        }
        "--" if words[..at].iter().any(|word| word == "cargo") && laboratory => {
            Some(format!("sim {name}"))
        }
        before if before.ends_with("=(") && name == "crash" => Some(name.to_owned()),
        _ => None,
    }
}

#[test]
fn an_unknown_flag_is_found_in_each_form() {
    for (script, complaints) in [
        (
            "target/release/lithify sim run --seeds 3 --fail-on-incomplete",
            0,
        ),
        (
            "target/release/lithify sim run --seeds 3 --fail-if-incomplete",
            1,
        ),
        ("lithify sim run --from $(date +%Y)000 --fault all", 1),
        ("lithify record --dir data --out run.rec -- ls --any", 0),
        ("lithify record --directory data -- ls", 1),
        ("lithify recrod --dir data", 1),
        (
            "cargo run --release -- run --junit a.xml \\\n  --sarif a.sarif | tee --append b",
            0,
        ),
        (
            "cargo run --release -- run --junit a.xml \\\n  --sarfi a.sarif",
            1,
        ),
        (
            "command=(merge \"$R\")\nif a; then command+=(--known \"$K\"); fi",
            0,
        ),
        (
            "command=(merge \"$R\")\nif a; then command+=(--know \"$K\"); fi",
            1,
        ),
        ("command=(merge \"$R\")\ncommand+=(--shard 1/2)", 1),
        ("command=(crash \"$R\" --shrink --chekc x)", 1),
    ] {
        let mut help = Help::default();
        let found = help.complaints(script);
        assert_eq!(found.len(), complaints, "{script}: {found:?}");
        assert!(help.looked_at > 0, "{script}");
    }
}
