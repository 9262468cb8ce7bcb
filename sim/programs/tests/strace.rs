//! The parser of `strace`: lines of the real program and what they mean, lines that were cut or made up,
//! and calls that were drawn, written as lines in every split, and read back.

use lithify_programs::names;
use lithify_programs::strace::{Argument, Call, Event, Outcome, Parser};
use proptest::prelude::*;

/// Bytes as `strace -xx` writes them.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

fn events(text: &str) -> Vec<Event> {
    let mut parser = Parser::default();
    let lines = text.lines();
    lines
        .filter_map(|line| parser.line(line.as_bytes()).expect("a line of strace"))
        .collect()
}

fn call(text: &str) -> Call {
    match events(text).pop() {
        Some(Event::Returned(call)) => call,
        other => panic!("{text} is {other:?}"),
    }
}

#[test]
fn an_open_has_the_path_that_the_kernel_reports() {
    let line = format!(
        "7 openat(AT_FDCWD<{}>, \"{}\", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3<{}>",
        hex(b"/d"),
        hex(b"a, \"b\")\n"),
        hex(b"/d/a, \"b\")\n")
    );
    let call = call(&line);
    assert_eq!((call.pid, &*call.name), (7, "openat"));
    let at = call.arguments[0].descriptor().expect("a descriptor");
    assert_eq!((at.number, at.path), (None, Some(b"/d".to_vec())));
    assert_eq!(
        call.arguments[1].string(),
        Some((b"a, \"b\")\n".to_vec(), false))
    );
    assert!(call.arguments[2].has("O_CREAT") && !call.arguments[2].has("O_CREATE"));
    let path = Some(b"/d/a, \"b\")\n".to_vec());
    assert_eq!(call.outcome, Outcome::Done(3, path));
}

#[test]
fn buffers_of_writev_are_one() {
    let line = format!(
        "7 pwritev2(3<{}>(deleted), [{{iov_base=\"{}\", iov_len=1}}, {{iov_base=\"{}\"..., iov_len=9}}], 2, 3, RWF_DSYNC) = 3",
        hex(b"/t"),
        hex(b"1"),
        hex(b"22")
    );
    let call = call(&line);
    assert_eq!(call.arguments[1].strings(), Some((b"122".to_vec(), true)));
    assert_eq!(call.arguments[3].number(), Some(3));
    assert_eq!(call.arguments[0].descriptor().expect("one").number, Some(3));
    assert!(call.arguments[4].has("RWF_DSYNC"));
}

#[test]
fn places_by_pointer() {
    let copied = call("5 sendfile(3<\\x61>, 6<\\x62>, [0] => [3], 3) = 3");
    assert_eq!(copied.arguments[2].pointed(), Some(0));
    let line = "5 copy_file_range(3<\\x61>, NULL, 4<\\x62>, [7], 9223372035781033984, 0) = 7";
    let copied = call(line);
    assert_eq!(
        (copied.arguments[1].pointed(), copied.arguments[3].pointed()),
        (None, Some(7))
    );
}

#[test]
fn outcomes() {
    let outcome = |text: &str| call(&format!("1 close(3) = {text}")).outcome;
    let failed = Outcome::Failed("ENOENT".to_owned());
    assert_eq!(outcome("-1 ENOENT (No such file or directory)"), failed);
    assert_eq!(outcome("?"), Outcome::Unknown);
    assert_eq!(outcome("? ERESTARTSYS (To be restarted)"), Outcome::Unknown);
    assert_eq!(
        outcome("0x8800 (flags O_RDONLY)"),
        Outcome::Done(0x8800, None)
    );
    // `lseek` may say -1 without an error for some devices.
    assert_eq!(outcome("-1"), Outcome::Done(-1, None));
}

#[test]
fn a_split_call_is_entered_and_returns_once() {
    let text = "\
5 fsync(3<\\x61> <unfinished ...>
6 fsync(4<\\x61> <unfinished ...>
5 <... fsync resumed>)                  = 0
6 <... fsync resumed>)                  = -1 EIO (Input/output error)
5 read(3<\\x61>,  <unfinished ...>
5 <... read resumed>\"\\x0a\", 4096) = 1";
    insta::assert_debug_snapshot!(events(text));
}

#[test]
fn what_is_no_call() {
    for line in [
        "5 --- SIGCHLD {si_signo=SIGCHLD, si_pid=6} ---",
        "5 +++ exited with 0 +++",
        "[ Process PID=5 runs in 32 bit mode. ]",
        "",
    ] {
        assert_eq!(events(line), [], "{line}");
    }
}

#[test]
fn what_is_malformed_says_why() {
    let mut parser = Parser::default();
    parser
        .line(b"9 fsync(3 <unfinished ...>")
        .expect("it begins");
    let lines = [
        "strace: what",
        "5 <... read resumed>) = 0",
        "9 <... write resumed>) = 0",
        "5 <... read",
        "5 read(3, \"a",
        "5 read(3)",
        "5 read(3) = many",
        "5 (3) = 0",
        "5 read(3]) = 0",
        "5 open(\"\\x6",
    ];
    let said = lines.map(|line| match parser.line(line.as_bytes()) {
        Err(malformed) => malformed.to_string(),
        other => panic!("{line}: {other:?}"),
    });
    insta::assert_snapshot!(said.join("\n"));
}

/// An argument as it stands in a line.
fn argument() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| format!("\"{}\"", hex(&bytes))),
        (0..99_i32, prop::collection::vec(any::<u8>(), 0..9))
            .prop_map(|(number, path)| format!("{number}<{}>", hex(&path))),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("O_RDWR|O_CREAT".to_owned()),
        Just("{flags=O_RDWR, mode=0}".to_owned()),
        Just("[{iov_base=\"\\x29\", iov_len=1}, 0x5 /* 39 vars */]".to_owned()),
    ]
}

proptest! {
    #[test]
    fn a_call_is_read_back_in_every_split(
        name in "[a-z_][a-z0-9_]{0,9}",
        arguments in prop::collection::vec(argument(), 0..5),
        value in 0..9_i64,
        split in any::<prop::sample::Index>(),
    ) {
        let inside = arguments.join(", ");
        let whole = format!("{name}({inside}) = {value}");
        let expected = Call {
            pid: 4,
            name: name.clone(),
            arguments: arguments.iter().map(|it| Argument(it.clone().into_bytes())).collect(),
            outcome: Outcome::Done(value, None),
        };
        prop_assert_eq!(&call(&format!("4 {whole}")), &expected);
        // `strace` splits between arguments.
        let ends: Vec<usize> = whole.match_indices(", ").map(|(place, _)| place + 2).collect();
        let is_between = |end: &usize| whole[..*end].matches('"').count() % 2 == 0;
        let mut ends: Vec<usize> = ends.into_iter().filter(is_between).collect();
        ends.push(name.len() + 1);
        let (begun, rest) = whole.split_at(ends[split.index(ends.len())]);
        let text = format!("4 {begun} <unfinished ...>\n4 <... {name} resumed>{rest}");
        let events = events(&text);
        prop_assert_eq!(&events[0], &Event::Entered { pid: 4, name });
        prop_assert_eq!(&events[1], &Event::Returned(expected));
    }

    #[test]
    fn no_line_is_too_strange(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..9)) {
        let mut parser = Parser::default();
        for line in lines {
            if let Ok(Some(Event::Returned(call))) = parser.line(&line) {
                for argument in &call.arguments {
                    let _ = (argument.descriptor(), argument.string(), argument.strings());
                    let _ = (argument.number(), argument.pointed());
                }
            }
        }
    }

    #[test]
    fn names_come_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let text = names::escape(&bytes);
        prop_assert!(!text.chars().any(char::is_control));
        prop_assert_eq!(names::unescape(&text), bytes);
    }
}
