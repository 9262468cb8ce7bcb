//! Help, predictions and completions: output without a store.

use super::fixture::Fixture;

const COMMANDS: [&str; 27] = [
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
    "changes",
    "follow",
    "promote",
    "predict",
    "compare",
    "sim",
    "wal-node",
    "ratio-store",
    "data-file",
    "completions",
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
fn completions_name_every_command() {
    let fixture = Fixture::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = fixture.run(&["completions", shell]).text();
        for command in COMMANDS {
            assert!(
                text.contains(command),
                "{shell} does not complete {command}"
            );
        }
    }
}
