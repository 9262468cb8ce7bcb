//! Help, the manual, predictions, completions, suggestions: output without a store.

use std::collections::BTreeSet;

use super::fixture::Fixture;

const COMMANDS: [&str; 34] = [
    "import-git",
    "check-git",
    "get",
    "scan",
    "history",
    "diff",
    "layout",
    "stats",
    "verify",
    "put",
    "delete",
    "apply",
    "export",
    "import",
    "compact",
    "backup",
    "restore",
    "archive",
    "salvage",
    "changes",
    "follow",
    "promote",
    "predict",
    "compare",
    "sim",
    "record",
    "crash",
    "fix",
    "image",
    "wal-node",
    "ratio-store",
    "data-file",
    "completions",
    "man",
];

#[test]
fn help_of_every_command() {
    let fixture = Fixture::new();
    insta::assert_snapshot!("help", fixture.run(&["--help"]).text());
    for command in COMMANDS {
        let text = fixture.run(&[command, "--help"]).text();
        assert!(text.contains("Examples:"), "{command}");
        insta::assert_snapshot!(format!("help_{command}"), text);
    }
    assert_eq!(
        fixture.run(&["settle", "-h"]).text(),
        fixture.run(&["compact", "-h"]).text()
    );
}

#[test]
fn the_help_lists_the_commands_tested_here() {
    let text = Fixture::new().run(&["--help"]).text();
    let listed: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(listed, [&COMMANDS[..], &["help"]].concat());
}

#[test]
fn predictions_in_text_and_json() {
    let fixture = Fixture::new();
    let text = fixture
        .run(&["predict", "--divisor", "4", "--commits", "1691"])
        .text();
    insta::assert_snapshot!("predict_text", text);
    let direct = [
        "--cascade",
        "direct",
        "--max-level",
        "2",
        "--format",
        "json",
    ];
    let predict = ["predict", "--divisor", "30,10,12,24", "--commits", "100000"];
    let text = fixture.run(&[&predict[..], &direct].concat()).text();
    insta::assert_snapshot!("predict_json", text);
    let options = [
        "--history",
        "newest",
        "--remove-inputs",
        "head-window:5",
        "--keys",
        "3",
    ];
    let text = fixture
        .run(
            &[
                &["predict", "--divisor", "2", "--commits", "9"][..],
                &options,
            ]
            .concat(),
        )
        .text();
    insta::assert_snapshot!("predict_thinned", text);
}

#[test]
fn completions_name_every_command_and_every_name() {
    use lithify_cli::systems::SYSTEMS;
    use lithify_policies::policies::POLICIES;
    use lithify_sim::disk::{FaultKind, Model};
    use lithify_sim::run::workload::Workload;

    let systems = SYSTEMS.iter().map(|system| system.name());
    let settings = SYSTEMS.iter().flat_map(|system| system.settings());
    let bugs = SYSTEMS.iter().flat_map(|system| system.bugs());
    let names: Vec<&str> = systems
        .chain(settings.map(|setting| setting.name))
        .chain(bugs.map(|bug| bug.name))
        .chain(Model::names())
        .chain(FaultKind::names())
        .chain(Workload::names())
        .chain(POLICIES.iter().map(|policy| policy.name))
        .chain(COMMANDS)
        .collect();
    let fixture = Fixture::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = fixture.run(&["completions", shell]).text();
        let is_part = |letter: char| letter.is_alphanumeric() || "-_".contains(letter);
        let words: BTreeSet<&str> = text.split(|letter| !is_part(letter)).collect();
        // Two of these shells do not complete values of options.
        let complete_values = !["elvish", "powershell"].contains(&shell);
        for name in names
            .iter()
            .filter(|name| complete_values || COMMANDS.contains(name))
        {
            assert!(words.contains(name), "{shell} does not complete {name}");
        }
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let fixture = Fixture::new();
    assert_eq!(fixture.run(&["man", "--out", "pages"]).text(), "");
    for command in COMMANDS {
        let page = std::fs::read_to_string(fixture.path(format!("pages/lithify-{command}.1")));
        let page = page.unwrap();
        assert!(page.contains("Examples:"), "{command}: {page}");
        assert_eq!(page, fixture.run(&["man", command]).text());
    }
    let page = std::fs::read_to_string(fixture.path("pages/lithify-sim-run.1")).unwrap();
    assert_eq!(page, fixture.run(&["man", "sim", "run"]).text());
    assert!(page.contains("Maximum number of crash images"), "{page}");
}

/// A typing error in every kind of name.
#[test]
fn typing_errors_get_a_suggestion() {
    let fixture = Fixture::new();
    let mut text = String::new();
    for arguments in [
        "layuot",
        "sim lst",
        "man simm",
        "layout --stroe S",
        "layout --store S --format jsno",
        "put --store S --cascade stpe a b",
        "put --store S --history newset a b",
        "sim run --system lithfy",
        "sim run --model posix-mni",
        "sim run --model paranoid,ext4-ordred",
        "sim run --faults bit-rott",
        "sim run --workload hot-kye",
        "sim run --order fife",
        "sim run --order starve:comitted",
        "sim run --set divisro=3",
        "sim run --set durability=synct",
        "sim run --bug ack-befor-sync",
        "sim run --bug zzz",
        "sim mutants --without durabilty",
        "compare --policy algined:4 --workload dense",
        "compare --policy aligned:4:divisr=2 --workload dense",
        "compare --policy none --workload dens",
        "completions bsh",
    ] {
        let words: Vec<&str> = arguments.split(' ').collect();
        text += &format!("$ {arguments}\n  {}\n", fixture.run(&words).failure(2));
    }
    insta::assert_snapshot!(text);
}

/// The requests in the README get the answers that it shows.
#[test]
fn the_readme_shows_what_the_specimens_answer() {
    let readme = include_str!("../../../../README.md");
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.path("target")).unwrap();
    let lines: Vec<&str> = readme.lines().map(str::trim).collect();
    let requests: Vec<&[&str]> = lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("$ echo"))
        .collect();
    assert_eq!(requests.len(), 3);
    for pair in requests {
        let (request, command) = pair[0].split_once(" | lithify ").unwrap();
        let request = request
            .trim_start_matches("$ echo '")
            .trim_end_matches('\'');
        let words: Vec<&str> = command.split(' ').collect();
        let ended = fixture.run_with(&words, format!("{request}\n").as_bytes());
        assert_eq!(ended.text(), format!("{}\n", pair[1]), "{command}");
    }
}

/// In a pipe help is answered, and there is no greeting.
#[test]
fn the_specimens_answer_help() {
    let fixture = Fixture::new();
    for (command, request) in [
        (&["wal-node"][..], "wal_append"),
        (&["ratio-store", "--dir", "R"], "put KEY VALUE"),
        (&["data-file", "--dir", "D"], "changes-since COMMIT"),
    ] {
        let text = fixture.run_with(command, b"help\n").text();
        assert!(text.contains(request), "{text}");
    }
}
