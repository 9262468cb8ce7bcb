//! The output for a person: every command that prints, on a terminal of 80 columns.
//!
//! The binary runs on a pseudo terminal, and its output goes through an emulator, which
//! knows where a line was wrapped because it was wider than the terminal. A command
//! without a case fails a test. JSON is the exception: a long string in it stays whole.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::num::NonZeroU16;

use super::fixture::{Fixture, without_sizes};

const COLUMNS: u16 = 80;

/// Enough rows for the output of any command here.
const ROWS: u16 = 2000;

/// The character that Ctrl-D sends.
const END_OF_INPUT: &str = "\u{4}";

/// The result of a command on a terminal.
struct Shown {
    code: i32,
    /// The text on the screen at the end.
    text: String,
    /// The output with the codes for colours.
    written: String,
    /// Lines that were wider than the terminal at some time.
    wrapped: BTreeSet<String>,
}

impl Shown {
    fn has_colour(&self) -> bool {
        self.written.contains("\u{1b}[3") || self.written.contains("\u{1b}[1m")
    }
}

/// Runs `lithify` on a terminal, with this typed input.
fn typing(
    fixture: &Fixture,
    columns: u16,
    environment: &[(&str, &str)],
    arguments: &[&str],
    typed: &str,
) -> Shown {
    let (mut terminal, side) = pty_process::blocking::open().unwrap();
    terminal
        .resize(pty_process::Size::new(24, columns))
        .unwrap();
    let isolated = fixture.command(arguments);
    let mut command = pty_process::blocking::Command::new(isolated.get_program())
        .args(isolated.get_args())
        .current_dir(fixture.path(""))
        .env("TERM", "xterm-256color");
    for (name, value) in isolated.get_envs() {
        command = match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // With `CI`, every kind of terminal gets colours.
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command = command.env_remove(name);
    }
    for (name, value) in environment {
        command = command.env(name, value);
    }
    // Typed before the command begins, so that the echo comes before its output.
    terminal.write_all(typed.as_bytes()).unwrap();
    let mut child = command.spawn(side).unwrap();
    let mut written = Vec::new();
    let mut buffer = [0; 4096];
    // On this terminal the end of the process is an error, and not an end of input.
    while let Ok(length @ 1..) = terminal.read(&mut buffer) {
        written.extend(&buffer[..length]);
    }
    let code = child.wait().unwrap().code().expect("no signal ended it");
    let (text, wrapped) = emulated(&written, columns);
    Shown {
        code,
        text,
        written: String::from_utf8_lossy(&written).into_owned(),
        wrapped,
    }
}

/// The screen after this output, and the lines that were wrapped at any time.
fn emulated(written: &[u8], columns: u16) -> (String, BTreeSet<String>) {
    let size = |number| NonZeroU16::new(number).unwrap();
    let mut emulator = vt100::Parser::new(size(ROWS), size(columns), 0);
    let mut wrapped = BTreeSet::new();
    // A line of progress overwrites the previous one.
    for part in written.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
        emulator.process(part);
        let screen = emulator.screen();
        let rows = (0..ROWS).zip(screen.rows(0, columns));
        let is_wrapped = |row: &(u16, String)| screen.row_wrapped(row.0);
        let row = screen.cursor_position().0;
        let near = usize::from(row.saturating_sub(8));
        wrapped.extend(rows.skip(near).take(9).filter(is_wrapped).map(|row| row.1));
    }
    (emulator.screen().contents(), wrapped)
}

fn on_terminal(fixture: &Fixture, arguments: &[&str]) -> Shown {
    let typed = match arguments.first() {
        Some(&"apply") => "[{\"put\":\"a\",\"value\":\"1\"}]\n",
        Some(&"wal-node") => {
            "help\n{\"src\":\"c\",\"dest\":\"n\",\"body\":{\"type\":\"wal_info\",\"msg_id\":7}}\nx\n"
        }
        Some(&("ratio-store" | "data-file")) => "help\nput city Berlin\nget city\nstats\nx\n",
        _ => "",
    };
    typing(
        fixture,
        COLUMNS,
        &[],
        arguments,
        &format!("{typed}{END_OF_INPUT}"),
    )
}

/// Words of a command line; none of them has a space.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// A repository and several stores. One store is damaged, and one has several keyspaces
/// and a long history.
fn stores() -> Fixture {
    let fixture = Fixture::with_store();
    let long = "x".repeat(300);
    let value = format!("[{{\"put\":\"long\",\"value\":\"{long}\"}}]\n");
    let mut lines = value.repeat(3);
    for number in 0..97 {
        lines += &format!(
            "[{{\"put\":\"k{number}\",\"value\":\"v\",\"keyspace\":\"keyspace {number:03}\"}}]\n"
        );
    }
    let apply = words("apply --store L --divisor 2 --file-level 3 --memory-budget 100");
    fixture.run_with(&apply, lines.as_bytes()).text();
    fixture
        .run(&words("import-git --repo repo --store T --divisor 4"))
        .text();
    fixture
}

/// Commands and their exit codes.
const CASES: &[(&str, i32)] = &[
    ("get --store L long", 0),
    ("get --store S nothing", 1),
    ("scan --store S", 0),
    ("scan --store S --format tree", 0),
    ("scan --store L", 0),
    ("history --store L long", 0),
    ("history --store S README.md", 0),
    ("diff --store S 1 14", 0),
    ("diff --store L 0 100", 0),
    ("layout --store S", 0),
    ("layout --store L", 0),
    ("layout --store L --pyramid", 0),
    ("layout --store S --against L", 1),
    ("layout --store L --report L.html", 0),
    ("stats --store L", 0),
    ("verify --store L", 0),
    ("check-git --store S --repo repo", 0),
    ("put --store P stone granite", 0),
    ("delete --store P stone", 0),
    ("compact --store P", 0),
    ("apply --store P", 0),
    ("export --store P", 0),
    ("import --store P nowhere.jsonl", 6),
    ("backup --store S --to B", 0),
    ("restore --from B --to N", 0),
    ("archive push --store S --to A", 0),
    ("archive ls --from A", 0),
    ("archive verify --from A", 0),
    ("archive trim --to A", 0),
    ("archive pull --from A --store U", 0),
    ("archive restore --from A --to M --at 3", 0),
    ("archive push --store L --to A", 3),
    ("scan --archive A", 0),
    ("salvage --store S --to V", 0),
    ("changes --store S", 0),
    ("follow --store F", 3),
    ("promote --store P", 0),
    ("import-git --repo repo --store I", 0),
    ("predict --divisor 30,10,12,24 --commits 1000000", 0),
    ("compare --list", 0),
    (
        "compare --policy all --workload hot-key --commits 60 --optimal --keyspaces 1",
        0,
    ),
    (
        "compare --policy aligned:2:cascade=step,universal --workload dense --commits 20 --explain",
        0,
    ),
    (
        "compare --policy aligned:2 --workload scrape --commits 40 --reorder 6 --schedules 9",
        0,
    ),
    ("record --dir W --out R --allow everything -- true", 2),
    ("record --dir W --out no/R -- true", 6),
    ("record --dir W --out R --inject fsync:retval=0 -- true", 2),
    ("crash nowhere.rec --check true", 6),
    ("crash nowhere.rec --check true --classes", 6),
    ("crash nowhere.rec --warm true", 6),
    ("crash nowhere.rec", 2),
    ("crash nowhere.rec --check true --junit no/way/j.xml", 6),
    ("sim run --seeds 2 --images 9 --github", 0),
    ("sim run --seeds 1 --junit S/j.xml --sarif S/j.xml", 2),
    ("sim merge nowhere --github --format json", 2),
    ("crash nowhere.rec --check true --warm true", 2),
    ("fix nowhere.rec --check true", 6),
    ("image nowhere.rec --at 1", 6),
    ("wal-node", 0),
    ("ratio-store --dir R", 0),
    ("data-file --dir D", 0),
    ("completions bash", 2),
    ("man sim run", 2),
    ("sim list", 0),
    ("sim list --system lithify", 0),
    ("sim list --litmus", 0),
    ("sim run --seeds 4 --jobs 1", 0),
    ("sim run --seed 7 --trace", 0),
    ("sim enumerate --commits 2 --divisor 2", 0),
    (
        "sim economy --system snapshot-log --seeds 1 --time 1 --jobs 1",
        0,
    ),
    ("sim run --seeds 4 --jobs 1 --shard 2/2 --out results", 0),
    ("sim merge results", 0),
    ("sim replay nowhere.sim", 2),
    ("sim shrink nowhere.sim", 2),
    ("sim bisect nowhere.sim --good HEAD~1", 2),
    (
        "sim mutants --system wal-ratio --only nothing-of-that-name",
        2,
    ),
];

#[test]
fn nothing_is_wider_than_the_terminal() {
    let fixture = stores();
    let mut wrong = Vec::new();
    for (line, code) in CASES {
        let shown = on_terminal(&fixture, &words(line));
        if shown.code != *code || shown.text.is_empty() || !shown.wrapped.is_empty() {
            wrong.push((line, shown.code, shown.wrapped));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The commands that the help of a command lists.
fn listed(fixture: &Fixture, command: &[&str]) -> Vec<String> {
    let help = fixture.run(&[command, &["--help"]].concat()).text();
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

#[test]
fn every_command_has_a_case_and_its_help_fits() {
    let fixture = Fixture::new();
    for above in [&[][..], &["sim"]] {
        let names = listed(&fixture, above);
        assert!(names.len() > 6, "{names:?}");
        for name in names {
            let command = [above, &[name.as_str()]].concat();
            let line = command.join(" ");
            let has_case = CASES.iter().any(|(case, _)| case.starts_with(&line));
            assert!(has_case, "{line} is in no case");
            for help in ["--help", "-h"] {
                let shown = on_terminal(&fixture, &[&command[..], &[help]].concat());
                assert_eq!(shown.code, 0, "{line}");
                assert!(
                    shown.wrapped.is_empty(),
                    "{line} {help}: {:#?}",
                    shown.wrapped
                );
            }
        }
    }
    let shown = on_terminal(&fixture, &["--help"]);
    assert!(shown.wrapped.is_empty(), "{:#?}", shown.wrapped);
}

/// A campaign with a finding, and the commands for the finding.
#[cfg(feature = "planted-bugs")]
#[test]
fn findings_fit() {
    let fixture = Fixture::new();
    let lines = [
        (
            "sim run --bug old-manifest-removed-early --seeds 12 --keep-going --jobs 1",
            1,
        ),
        (
            "sim mutants --only old-manifest-removed-early --models --rounds 1 --out found --jobs 1",
            0,
        ),
        (
            "sim replay found/lithify-old-manifest-removed-early.sim --trace",
            0,
        ),
        ("sim shrink found/lithify-old-manifest-removed-early.sim", 0),
    ];
    for (line, code) in lines {
        let shown = on_terminal(&fixture, &words(line));
        assert_eq!(shown.code, code, "{line}: {}", shown.text);
        assert!(shown.wrapped.is_empty(), "{line}: {:#?}", shown.wrapped);
        assert!(shown.has_colour() || line.contains("shrink"), "{line}");
    }
}

/// The emulator detects a line that is too wide; otherwise the tests here could not
/// fail.
#[test]
fn a_wide_line_is_seen() {
    let (text, wrapped) = emulated(&[b'x'; 80], COLUMNS);
    assert!(wrapped.is_empty() && text.len() == 80);
    assert_eq!(emulated(&[b'x'; 81], COLUMNS).1.len(), 1);
    // Even if the line is removed in the end.
    let gone = [&[b'x'; 81][..], b"\r\x1b[2K\x1b[1A\x1b[2K"].concat();
    assert_eq!(emulated(&gone, COLUMNS).1.len(), 1);
    // The same for a command: JSON is as wide as its strings.
    let fixture = stores();
    let shown = on_terminal(&fixture, &words("get --store L long --format json"));
    assert!(!shown.wrapped.is_empty());
}

#[test]
fn screens() {
    let fixture = stores();
    for (name, line) in [
        ("layout", "layout --store S"),
        ("layout_pyramid", "layout --store S --pyramid"),
        ("layout_against", "layout --store S --against T"),
        ("history", "history --store S README.md"),
        ("diff", "diff --store S 1 14"),
        ("stats", "stats --store S"),
        ("verify", "verify --store S"),
        (
            "compare",
            "compare --policy aligned:4,count:4 --workload hot-key --commits 200",
        ),
        ("sim_list", "sim list"),
        ("wal_node", "wal-node"),
        ("ratio_store", "ratio-store --dir R"),
        ("data_file", "data-file --dir D"),
    ] {
        let shown = on_terminal(&fixture, &words(line));
        let text = match name {
            "stats" => without_sizes(&shown.text),
            _ => shown.text,
        };
        insta::assert_snapshot!(
            format!("terminal_{name}"),
            format!("$ lithify {line}\n{text}")
        );
    }
}

#[test]
fn a_drawing_is_as_wide_as_its_terminal() {
    let fixture = stores();
    for columns in [60, 80, 132] {
        let pyramid = words("layout --store S --pyramid");
        let shown = typing(&fixture, columns, &[], &pyramid, END_OF_INPUT);
        assert!(shown.wrapped.is_empty(), "{:#?}", shown.wrapped);
        let widest = shown.text.lines().map(str::len).max();
        assert_eq!(widest, Some(columns.into()), "{}", shown.text);
        assert!(!shown.text.contains("readable"), "{}", shown.text);
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let fixture = stores();
    let lines = [
        "layout --store S --pyramid",
        "diff --store S 1 14",
        "get --store S nothing",
        "scan --help",
    ];
    for line in lines {
        let shown = on_terminal(&fixture, &words(line));
        assert!(shown.has_colour(), "{line}: {}", shown.written);
        for refusal in [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")] {
            let shown = typing(&fixture, COLUMNS, &[refusal], &words(line), END_OF_INPUT);
            assert!(!shown.has_colour(), "{refusal:?} {line}: {}", shown.written);
        }
        // A pipe gets no colours, even if they are requested.
        let mut command = fixture.command(&words(line));
        command.env("CLICOLOR_FORCE", "1");
        let ended = Fixture::end(command);
        let text = String::from_utf8_lossy(&ended.stdout).into_owned() + &ended.stderr;
        assert!(!text.contains('\u{1b}'), "{line}: {text}");
    }
    let json = on_terminal(&fixture, &words("diff --store S 1 14 --format json"));
    assert!(!json.has_colour(), "{}", json.written);
}

/// In a pipe every line stays whole.
#[test]
fn a_pipe_is_not_folded() {
    let fixture = stores();
    let layout = fixture.run(&words("layout --store S")).text();
    assert!(layout.lines().any(|line| line.len() > 80), "{layout}");
    let value = fixture.run(&words("get --store L long")).text();
    assert_eq!(value.len(), 301);
}
