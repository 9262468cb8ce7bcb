//! `record`, `crash`, `fix` and `image` from the command line. What is found, and how, has its tests in
//! the package of recordings.
//!
//! A test that needs `strace` says that it was skipped where it cannot be used.

use std::process::Command;

use super::fixture::{Ended, Fixture};

/// A program that forgets to sync what it renames, in a directory whose name needs quotes.
const WRONG: &str = "cd \"it's data\" && echo new >t && mv t config && sync . && echo saved";
const CHECK: &str = r#"check() { case "$(cat "$1/config")" in new) ;; old) exit 1 ;; *) echo neither; exit 2 ;; esac; }; check"#;

/// A recording of the program, under a name that needs quotes.
fn recorded(script: &str) -> Option<Fixture> {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.path("it's data")).unwrap();
    std::fs::write(fixture.path("it's data/config"), "old\n").unwrap();
    let ended = record(&fixture, "run 1.rec", script);
    if ended.code == 6 && ended.stderr.contains("strace") {
        eprintln!("skipped: {}", ended.stderr);
        return None;
    }
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    Some(fixture)
}

fn record(fixture: &Fixture, out: &str, script: &str) -> Ended {
    let line = [
        "record",
        "--dir",
        "it's data",
        "--out",
        out,
        "--",
        "sh",
        "-c",
        script,
    ];
    fixture.run(&line)
}

/// The command that a finding ends with works as it stands.
#[test]
fn a_finding_names_a_command_that_shows_its_image() {
    let Some(fixture) = recorded(WRONG) else {
        return;
    };
    let ended = fixture.run(&["crash", "run 1.rec", "--check", CHECK, "--shrink"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(
        said.contains("goes away if fsync(t) comes before rename t config"),
        "{said}"
    );
    let command = said.lines().find(|line| line.contains("lithify image"));
    let command = command.unwrap().trim();
    let command = command.strip_prefix("lithify ").unwrap();
    let command = command.replace("DIRECTORY", "image");
    let mut shell = Command::new("sh");
    let script = format!("exec \"$0\" {command}");
    shell
        .current_dir(fixture.path(""))
        .args(["-c", &script, env!("CARGO_BIN_EXE_lithify")]);
    assert_eq!(Fixture::end(shell).text(), "");
    let config = std::fs::read(fixture.path("image/config")).unwrap();
    assert_ne!(config, b"new\n");
}

/// The checker's words arrive in every format, with the command that makes the image.
#[test]
fn a_finding_is_told_in_the_formats_of_ci() {
    let Some(fixture) = recorded(WRONG) else {
        return;
    };
    let check = CHECK.replace("echo neither", "printf '<nothing> & 50%%\\033[0m\\n'");
    let crash = ["crash", "run 1.rec", "--check", &check, "--shrink"];
    let formats = ["--junit", "j.xml", "--sarif", "s.json", "--github"];
    let ended = fixture.run(&[&crash[..], &formats].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let said = String::from_utf8(ended.stdout).unwrap();
    let cure = "goes away if fsync(t) comes before rename t config";

    let xml = std::fs::read_to_string(fixture.path("j.xml")).unwrap();
    let document = roxmltree::Document::parse(&xml).unwrap();
    let with = |name: &str| {
        let all = document.descendants();
        let all = all.filter(|node| node.has_tag_name(name));
        all.collect::<Vec<_>>()
    };
    let failure = with("failure").into_iter();
    let failure = failure.filter(|it| it.attribute("type") == Some("inconsistent"));
    let [failure] = failure.collect::<Vec<_>>()[..] else {
        panic!("one word of the checker: {xml}");
    };
    let message = failure.attribute("message").unwrap();
    assert!(
        message.contains("inconsistent: <nothing> & 50%"),
        "{message}"
    );
    let text = failure.text().unwrap();
    let image = "lithify image 'run 1.rec' --model posix-min";
    assert!(text.contains(cure) && text.contains(image), "{text}");
    // The only model has findings, so no case passes.
    assert_eq!(with("testcase").len(), with("failure").len(), "{xml}");

    let sarif = std::fs::read(fixture.path("s.json")).unwrap();
    let sarif: serde_json::Value = serde_json::from_slice(&sarif).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), with("failure").len());
    let place = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(place["uri"], "run%201.rec");

    let lines = said.lines().filter(|line| line.starts_with("::error "));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), results.len(), "{said}");
    assert!(lines.iter().any(|line| line.contains("& 50%25")), "{said}");
}

/// A long run must not end with the news that its recording has no place.
#[test]
fn the_place_of_a_recording_is_looked_at_before_the_run() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.path("it's data")).unwrap();
    let ended = record(&fixture, "no/run.rec", "echo ran >\"it's data/f\"");
    let said = ended.failure(6);
    assert!(said.contains("no/run.rec: entity not found"), "{said}");
    assert!(!fixture.path("it's data/f").exists());
}

#[test]
fn a_checker_that_stays_and_a_restart_judge_too() {
    let Some(fixture) = recorded(WRONG) else {
        return;
    };
    let warm = r#"tab=$(printf '\t'); while IFS=$tab read -r image seen; do
        case "$(cat "$image/config")" in new) echo 0 ;; old) echo 1 ;; *) echo 2 neither ;; esac; done"#;
    let ended = fixture.run(&["crash", "run 1.rec", "--warm", warm]);
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(
        ended.code == 1 && said.contains("inconsistent: neither"),
        "{said}"
    );
    // Started again, it makes a new configuration: no loss is seen.
    let ended = fixture.run(&["crash", "run 1.rec", "--check", "restart"]);
    if ended.code == 6 {
        eprintln!("skipped: {}", ended.stderr);
        return;
    }
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.code == 0 && said.contains("0 refused"), "{said}");
}

/// A store whose creation was cut short anywhere is created by the next command that writes, and keeps
/// what was acknowledged. The binary is recorded and judged by itself.
#[test]
fn a_creation_that_was_cut_short_is_done_again() {
    let lithify = env!("CARGO_BIN_EXE_lithify");
    let script = format!("'{lithify}' put --store \"it's data/S\" k v && echo done");
    let Some(fixture) = recorded(&script) else {
        return;
    };
    let check = format!(
        r#"check() {{ said=$('{lithify}' put --store "$1/S" a b 2>&1) || {{ echo "$said"; exit 3; }}
        grep -q done "$2" || exit 0
        [ "$('{lithify}' get --store "$1/S" k)" = v ] || exit 1; }}; check"#
    );
    for model in ["posix-min", "ext4-ordered"] {
        let ended = fixture.run(&["crash", "run 1.rec", "--check", &check, "--model", model]);
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert_eq!(ended.code, 0, "{model}: {said}{}", ended.stderr);
        let judged: usize = said
            .lines()
            .find_map(|line| line.strip_suffix(" images judged")?.parse().ok())
            .unwrap();
        assert!(judged > 20, "{judged}");
    }
}

/// The rows of `design/programs.md` whose programs are surely here are as they are told there.
#[test]
fn the_matrix_is_as_it_is_told() {
    let Some(fixture) = recorded("true") else {
        return;
    };
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../programs/examples/matrix.sh"
    );
    let mut command = Command::new("sh");
    let place = fixture.path("matrix");
    command
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_lithify"))
        .arg(place)
        .args(["replace", "sed", "git", "lithify"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for line in said.lines().filter(|line| line.starts_with("skipped")) {
        eprintln!("{line}");
    }
    let rows = said.lines().filter(|line| line.starts_with("| "));
    assert!(rows.count() >= 5, "{said}");
}
