//! Goal: `lithify wal-node` follows the protocol of its document exactly, keeps what it
//! has acknowledged, and survives any input.
//!
//! Method: the binary runs with lines on its standard input. Answers are compared with
//! the document's samples, byte for byte if the document gives bytes, and otherwise as
//! JSON. A second process on the same directory checks what must be durable, after a
//! normal end and after SIGKILL.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// The messages of one client, with an envelope and numbers from 1.
fn lines(bodies: &[Value]) -> String {
    let line = |(number, body): (usize, &Value)| {
        let mut body = body.clone();
        body["msg_id"] = json!(number + 1);
        json!({"src": "c1", "dest": "n1", "body": body}).to_string() + "\n"
    };
    bodies.iter().enumerate().map(line).collect()
}

fn command(directory: Option<&Path>) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lithify"));
    command.arg("wal-node");
    if let Some(directory) = directory {
        command.arg("--dir").arg(directory);
    }
    command
}

/// The answers of a node to this input, line by line.
fn output(directory: Option<&Path>, input: &str) -> Vec<String> {
    let output = assert_cmd::Command::from_std(command(directory))
        .write_stdin(input)
        .output()
        .expect("the binary runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors, "");
    let text = String::from_utf8(output.stdout).expect("answers are text");
    text.lines().map(str::to_owned).collect()
}

/// The bodies of the answers to these messages.
fn ask(directory: Option<&Path>, bodies: &[Value]) -> Vec<Value> {
    output(directory, &lines(bodies))
        .iter()
        .map(|line| {
            let answer: Value = serde_json::from_str(line).expect("an answer is JSON");
            answer["body"].clone()
        })
        .collect()
}

fn init() -> Value {
    json!({"type": "init", "node_id": "n1", "node_ids": ["n1"]})
}

fn append(payload: &str) -> Value {
    json!({"type": "wal_append", "payload": payload})
}

fn compact(offset: u64) -> Value {
    json!({"type": "wal_compact", "snapshot_at_offset": offset})
}

fn of(kind: &str) -> Value {
    json!({"type": kind})
}

fn read(offset: u64) -> Value {
    json!({"type": "wal_read", "offset": offset})
}

/// The first sample of the document, and the cases that the document omits.
#[test]
fn the_samples_of_the_document_are_answered_to_the_letter() {
    let input = r#"{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}
{"src":"c1","dest":"n1","body":{"type":"wal_append","msg_id":2,"payload":"set x=1"}}
{"src":"c1","dest":"n1","body":{"type":"wal_append","msg_id":3,"payload":"set y=2"}}
{"src":"c1","dest":"n1","body":{"type":"wal_snapshot","msg_id":4}}
{"src":"c1","dest":"n1","body":{"type":"wal_compact","msg_id":5,"snapshot_at_offset":500}}
"#;
    insta::assert_snapshot!(output(None, input).join("\n"), @r#"
    {"src": "n1", "dest": "c0", "body": {"type": "init_ok", "in_reply_to": 1, "msg_id": 0}}
    {"src": "n1", "dest": "c1", "body": {"type": "wal_append_ok", "in_reply_to": 2, "offset": 0, "length": 7, "checksum": "d561137c", "msg_id": 1}}
    {"src": "n1", "dest": "c1", "body": {"type": "wal_append_ok", "in_reply_to": 3, "offset": 1, "length": 7, "checksum": "4daa28f1", "msg_id": 2}}
    {"src": "n1", "dest": "c1", "body": {"type": "wal_snapshot_ok", "in_reply_to": 4, "snapshot_offset": 2, "snapshot_size_bytes": 52, "msg_id": 3}}
    {"src": "n1", "dest": "c1", "body": {"type": "error", "in_reply_to": 5, "code": 22, "text": "cannot compact at 500: the newest durable snapshot is at 2; nothing was changed", "msg_id": 4}}
    "#);
}

/// The second sample: a thousand entries of 64 bytes, a snapshot at 500.
#[test]
fn compaction_frees_what_the_document_says() {
    let payload = "p".repeat(56);
    let mut messages = vec![append(&payload); 500];
    messages.push(of("wal_snapshot"));
    messages.extend(vec![append(&payload); 500]);
    messages.extend([compact(500), of("wal_info"), read(499), read(500)]);
    let answers = ask(None, &messages);
    let without = |answer: &Value| {
        let mut answer = answer.clone();
        let fields = answer.as_object_mut().expect("a body is an object");
        fields.retain(|key, _| key != "msg_id" && key != "in_reply_to");
        answer
    };
    let last = &answers[answers.len() - 4..];
    assert_eq!(
        without(&last[0]),
        json!({"type": "wal_compact_ok", "snapshot_offset": 500, "entries_before": 1000,
               "entries_after": 500, "bytes_freed": 32000})
    );
    assert_eq!(
        without(&last[1]),
        json!({"type": "wal_info_ok", "entries": 500, "total_bytes": 32000, "fsynced": true})
    );
    assert_eq!(
        last[2]["code"], 20,
        "what was compacted is gone: {}",
        last[2]
    );
    assert_eq!(last[3]["payload"], payload.as_str());
}

#[test]
fn compacting_beyond_the_newest_snapshot_changes_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let files = || -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(place.path())
            .expect("the directory is there")
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let bytes = std::fs::read(&path).expect("a file");
                (path.display().to_string(), bytes)
            })
            .collect();
        // Another process has another identity file.
        files.retain(|(name, _)| !name.ends_with(".identity"));
        files.sort();
        files
    };
    ask(
        Some(place.path()),
        &[append("a"), append("b"), of("wal_snapshot")],
    );
    let before = files();
    let answers = ask(Some(place.path()), &[compact(3), compact(u64::MAX)]);
    assert_eq!(files(), before);
    for answer in answers {
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!(22))
        );
    }
    let answers = ask(None, &[append("a"), compact(1)]);
    assert_eq!(answers[1]["code"], 22, "there is no snapshot at all");
}

/// Only the segments before the offset in the message are removed, and a snapshot
/// without new entries is the last snapshot.
#[test]
fn compaction_may_stop_before_the_newest_snapshot() {
    let place = tempfile::tempdir().expect("a directory");
    let answers = ask(
        Some(place.path()),
        &[
            append("set x=1"),
            of("wal_snapshot"),
            append("set y=2"),
            of("wal_snapshot"),
            of("wal_snapshot"),
            compact(1),
            read(1),
            compact(0),
        ],
    );
    assert_eq!(answers[1]["snapshot_offset"], 1);
    assert_eq!(answers[3]["snapshot_offset"], 2);
    assert_eq!(
        answers[4]["snapshot_size_bytes"],
        answers[3]["snapshot_size_bytes"]
    );
    let counts = |answer: &Value| {
        ["entries_before", "entries_after", "bytes_freed"].map(|field| answer[field].clone())
    };
    assert_eq!(counts(&answers[5]), [json!(2), json!(1), json!(15)]);
    assert_eq!(answers[6]["payload"], "set y=2");
    assert_eq!(counts(&answers[7]), [json!(1), json!(1), json!(0)]);
    // The older snapshot is removed, and the newer one is enough.
    assert!(!place.path().join("00000001.snapshot").exists());
    let answers = ask(
        Some(place.path()),
        &[compact(2), of("wal_info"), append("z")],
    );
    assert_eq!(answers[1]["entries"], 0);
    assert_eq!(answers[2]["offset"], 2);
}

/// Only whole segments are removed, so a segment with a later entry stays. A log
/// without entries has no entry that is not durable.
#[test]
fn a_segment_that_holds_a_later_entry_stays() {
    let answers = ask(
        None,
        &[
            append("a"),
            append("b"),
            append("c"),
            of("wal_snapshot"),
            compact(2),
            read(0),
            of("wal_info"),
            read(3),
            compact(3),
            of("wal_info"),
            read(0),
        ],
    );
    assert_eq!(answers[4]["entries_after"], 3);
    assert_eq!(answers[4]["bytes_freed"], 0);
    assert_eq!(answers[5]["payload"], "a");
    assert_eq!(answers[6]["fsynced"], true);
    assert_eq!(
        answers[7]["text"],
        "the log has no entry 3: it holds entries 0 to 2"
    );
    assert_eq!(answers[8]["bytes_freed"], 27);
    assert_eq!(answers[9]["entries"], 0);
    assert_eq!(answers[9]["fsynced"], true);
    assert_eq!(
        answers[10]["text"],
        "the log has no entry 0: it is empty, and the next entry is 3"
    );
}

#[test]
fn segments_end_where_they_are_told_to() {
    let configure = json!({"type": "wal_segment_config", "max_segment_bytes": 40});
    let answers = ask(
        None,
        &[
            configure,
            append("0123456789ab"),
            append("0123456789ab"),
            append("0123456789ab"),
            of("wal_segment_info"),
        ],
    );
    assert_eq!(answers[0]["type"], "wal_segment_config_ok");
    assert_eq!(
        answers[4]["segments"],
        json!([
            {"file": "00000000.log", "start_offset": 0, "end_offset": 2, "size_bytes": 40, "sealed": true},
            {"file": "00000002.log", "start_offset": 2, "end_offset": 3, "size_bytes": 20, "sealed": false},
        ])
    );
    assert_eq!(answers[4]["active_segment"], "00000002.log");
}

/// A permanent directory: files as documented, and a second process that finds them.
#[test]
fn another_process_finds_everything() {
    let place = tempfile::tempdir().expect("a directory");
    let messages = [
        json!({"type": "wal_segment_config", "max_segment_bytes": 30}),
        append("set x=1"),
        append("set y=2"),
        append("a note"),
        of("wal_snapshot"),
        append("del x"),
    ];
    ask(Some(place.path()), &messages);
    for name in [
        "00000000.log",
        "00000000.index",
        "00000002.log",
        "00000003.log",
        "00000003.snapshot",
    ] {
        assert!(place.path().join(name).exists(), "{name} is missing");
    }
    let answers = ask(
        Some(place.path()),
        &[
            read(0),
            read(2),
            read(3),
            read(4),
            compact(3),
            read(2),
            append("set z=3"),
            of("wal_snapshot"),
        ],
    );
    assert_eq!(answers[0]["payload"], "set x=1");
    assert_eq!(
        (&answers[1]["payload"], &answers[1]["checksum_valid"]),
        (&json!("a note"), &json!(true))
    );
    assert_eq!(answers[2]["payload"], "del x");
    assert_eq!(answers[3]["code"], 20);
    assert_eq!(
        (&answers[4]["entries_before"], &answers[4]["entries_after"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(answers[5]["code"], 20);
    assert_eq!(answers[6]["offset"], 4);
    assert_eq!(answers[7]["snapshot_offset"], 5);
    let first = std::fs::read(place.path().join("00000003.log")).expect("the log");
    assert_eq!(&first[..4], 5_u32.to_le_bytes(), "4 bytes of length");
    assert_eq!(
        &first[8..13],
        b"del x",
        "4 bytes of checksum, then the payload"
    );
}

/// A node with its pipes, for a test that kills it.
fn start(directory: &Path) -> Child {
    command(Some(directory))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs")
}

/// SIGKILL during further requests: every answered entry is there, at its offset.
#[test]
fn a_killed_node_keeps_what_it_has_answered() {
    let place = tempfile::tempdir().expect("a directory");
    for round in 0..9_u64 {
        let mut node = start(place.path());
        let mut input = node.stdin.take().expect("a pipe");
        let mut answers = BufReader::new(node.stdout.take().expect("a pipe")).lines();
        let payload = format!("set k{round}={round}");
        input
            .write_all(lines(&[append(&payload)]).as_bytes())
            .expect("the node reads");
        let answer = answers.next().expect("an answer").expect("text");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let offset = answer["body"]["offset"].as_u64().expect("an offset");
        // The test does not wait for these answers, so the kill happens among them.
        let mut hurried = vec![append("hurried"); 20];
        hurried.extend([of("wal_snapshot"), append("hurried"), of("wal_snapshot")]);
        input
            .write_all(lines(&hurried).as_bytes())
            .expect("the node reads");
        for _ in 0..round * 2 {
            answers.next().expect("an answer").expect("text");
        }
        node.kill().expect("the node runs");
        node.wait().expect("the node has ended");
        let answers = ask(Some(place.path()), &[read(offset), of("wal_info")]);
        assert_eq!(answers[0]["payload"], payload.as_str(), "round {round}");
        assert_eq!(answers[0]["checksum_valid"], true, "round {round}");
        let entries = answers[1]["entries"].as_u64().expect("a number");
        assert!(entries > offset, "round {round}: {entries} entries");
    }
}

#[test]
fn two_nodes_cannot_share_a_directory() {
    let place = tempfile::tempdir().expect("a directory");
    let mut node = start(place.path());
    let mut input = node.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(node.stdout.take().expect("a pipe")).lines();
    input
        .write_all(lines(&[init()]).as_bytes())
        .expect("the node reads");
    answers.next().expect("an answer").expect("text");
    let second = command(Some(place.path()))
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert_eq!(second.status.code(), Some(4));
    let errors = String::from_utf8_lossy(&second.stderr);
    assert_eq!(errors.lines().count(), 1);
    assert!(
        errors.contains("the store is locked: another process or handle has it open"),
        "{errors}"
    );
    drop(input);
    assert!(node.wait().expect("the node ends with its input").success());
}

/// Every line gets one answer, whatever it holds, and the next line is answered too.
#[test]
fn no_line_ends_the_node() {
    let bad = [
        ("garbage", 12),
        ("[1, 2]", 12),
        ("{\"src\": \"c1\"}", 12),
        ("\u{fffd}{", 12),
        (r#"{"src":"c1","dest":"n1","body":{"msg_id":1}}"#, 12),
        (
            r#"{"src":"c1","dest":"n1","body":{"type":"wal_info","msg_id":-1}}"#,
            12,
        ),
        (
            r#"{"src":7,"dest":"n1","body":{"type":"wal_info","msg_id":1}}"#,
            12,
        ),
        (
            r#"{"src":"c1","dest":"n1","body":{"type":"unheard","msg_id":1}}"#,
            10,
        ),
        (
            r#"{"src":"c1","dest":"n1","body":{"type":"wal_append","msg_id":1}}"#,
            12,
        ),
        (
            r#"{"src":"c1","dest":"n1","body":{"type":"wal_append","payload":1,"msg_id":1}}"#,
            12,
        ),
        (
            r#"{"src":"c1","dest":"n1","body":{"type":"wal_read","offset":0,"msg_id":1}}"#,
            20,
        ),
        (
            r#"{"src":"c1","dest":"n1","body":{"type":"wal_read","offset":1.5,"msg_id":1}}"#,
            12,
        ),
        (
            r#"{"src":"c1","dest":"n1","body":{"type":"wal_segment_config","max_segment_bytes":0,"msg_id":1}}"#,
            12,
        ),
        (
            r#"{"src":"c1","dest":"n1","body":{"type":"wal_recover","wal_entries":3,"msg_id":1}}"#,
            12,
        ),
        (
            r#"{"src":"c1","dest":"n1","body":{"type":"fsync_benchmark","entries":0,"strategies":[],"msg_id":1}}"#,
            12,
        ),
        (
            r#"{"src":"c1","dest":"n1","body":{"type":"fsync_benchmark","entries":1,"strategies":["x"],"msg_id":1}}"#,
            12,
        ),
    ];
    let deep = "[".repeat(100_000);
    let mut input: String = bad.iter().map(|(line, _)| format!("{line}\n")).collect();
    input += &format!("{deep}\n\n{}", lines(&[append("still here")]));
    let answers = output(None, &input);
    assert_eq!(answers.len(), bad.len() + 2, "an empty line is no message");
    for (number, answer) in answers.iter().enumerate() {
        let answer: Value = serde_json::from_str(answer).expect("JSON");
        let body = &answer["body"];
        assert_eq!(body["msg_id"], number, "answers are numbered in order");
        match bad.get(number) {
            Some((line, code)) => assert_eq!(&body["code"], code, "{line}: {body}"),
            None if number == bad.len() => assert_eq!(body["code"], 12),
            None => assert_eq!(body["offset"], 0),
        }
    }
}

/// Cases that the protocol leaves open, as design/wal-snapshot.md decides them.
#[test]
fn names_numbers_and_fields_that_are_missing() {
    let line = |dest: &str, body: Value| json!({"src": "c1", "dest": dest, "body": body});
    let info = of("wal_info");
    let named = |name: &str| json!({"type": "init", "node_id": name, "msg_id": 1});
    let lines = [
        // Before init the node serves any name, and msg_id may be omitted.
        line("n7", info.clone()),
        line("n2", named("n1")),
        line("n1", named("n1")),
        line("n1", named("n1")),
        line("n2", named("n2")),
        line(
            "n2",
            json!({"type": "wal_append", "payload": "lost", "msg_id": 2}),
        ),
        line("n1", info),
        line("n1", json!({"msg_id": 3})),
        line("n1", json!({"type": "wal_append", "msg_id": 4})),
        json!({"dest": "n1", "body": {"type": "wal_info"}}),
        json!({"src": "c1", "body": {"type": "wal_info"}}),
        json!({"src": "c1", "dest": "n1"}),
        json!({"src": "c1", "dest": "n1", "body": 1}),
        json!({"src": 1, "dest": "n1", "body": {"type": "wal_info"}}),
        line("n1", json!({"type": 1})),
    ];
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(output(None, &input).join("\n"));
}

#[test]
fn a_line_that_is_too_long_is_skipped() {
    let long = format!("\"{}\"\n", "x".repeat(33 << 20));
    let answers = output(None, &(long + &lines(&[append("still here")])));
    assert_eq!(answers.len(), 2);
    assert!(answers[0].contains("\"code\": 12"), "{}", answers[0]);
    assert!(answers[1].contains("wal_append_ok"), "{}", answers[1]);
}

#[test]
fn bytes_that_are_no_text_are_answered() {
    let output = assert_cmd::Command::from_std(command(None))
        .write_stdin(b"\xff\xfe\n\0\n".as_slice())
        .output()
        .expect("the binary runs");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
}

/// A reader that stops reading is not a failure.
#[test]
fn a_closed_pipe_ends_the_node_quietly() {
    let place = tempfile::tempdir().expect("a directory");
    let mut node = command(Some(place.path()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(node.stdout.take());
    let mut input = node.stdin.take().expect("a pipe");
    // The node may have ended before everything is written.
    let _ = input.write_all(lines(&[append("kept"), append("perhaps")]).as_bytes());
    drop(input);
    let output = node.wait_with_output().expect("the node ends");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let answers = ask(Some(place.path()), &[read(0)]);
    assert_eq!(answers[0]["payload"], "kept");
}

#[test]
fn given_entries_are_replayed_up_to_the_first_invalid_one() {
    let entry = |offset: u64, payload: &str, checksum: &str| json!({"offset": offset, "payload": payload, "checksum": checksum});
    let recover = |entries: Value| {
        let answer = &ask(
            None,
            &[json!({"type": "wal_recover", "wal_entries": entries})],
        )[0];
        (
            answer["entries_replayed"].clone(),
            answer["entries_skipped"].clone(),
            answer["state"].clone(),
        )
    };
    let whole = (json!(2), json!(0), json!({"x": "1", "y": "2"}));
    assert_eq!(recover(json!(["set x=1", "set y=2"])), whole);
    let valid = [
        entry(4, "set x=1", "d561137c"),
        entry(5, "set y=2", "0x4DAA28F1"),
    ];
    assert_eq!(recover(json!(valid)), whole);
    // Entries as a neighbouring exercise writes them: the sender has compared the
    // checksum.
    let judged = |payload: &str, checksum: &str| json!({"payload": payload, "checksum": checksum});
    let entries = [
        judged("set x=1", "valid"),
        judged("set y=2", "valid"),
        judged("set z=", "invalid"),
    ];
    let two = (json!(2), json!(1), json!({"x": "1", "y": "2"}));
    assert_eq!(recover(json!(entries)), two);
    let [x, y, z] = entries;
    let one = (json!(1), json!(2), json!({"x": "1"}));
    assert_eq!(recover(json!([x, z, y])), one, "nothing behind it counts");
    assert_eq!(recover(json!([x, judged("set y=2", "Valid"), y])), one);
    assert_eq!(
        recover(json!([judged("set z=", "valid")])),
        (json!(1), json!(0), json!({"z": ""}))
    );
    let first = (json!(1), json!(2), json!({"x": "1"}));
    for second in [
        entry(5, "set y=3", "4daa28f1"),
        entry(6, "set y=2", "4daa28f1"),
        json!({"payload": "set y=2", "checksum_valid": false}),
        json!({"payload": "set y=2", "length": 8}),
        json!({"offset": 5}),
        json!(null),
    ] {
        let entries = json!([valid[0], second, "set z=3"]);
        assert_eq!(recover(entries), first, "{second}");
    }
    assert_eq!(
        recover(json!(["set x=1", "note", "del x", "set a=b=c"])),
        (json!(4), json!(0), json!({"a": "b=c"}))
    );
    assert_eq!(recover(json!([])), (json!(0), json!(0), json!({})));
}

/// A flipped bit is reported and not hidden.
#[test]
fn a_damaged_entry_is_read_as_invalid_and_stops_the_next_opening() {
    let place = tempfile::tempdir().expect("a directory");
    let mut node = start(place.path());
    let mut input = node.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(node.stdout.take().expect("a pipe")).lines();
    let mut ask_on = |bodies: &[Value]| -> Vec<Value> {
        input
            .write_all(lines(bodies).as_bytes())
            .expect("the node reads");
        let next = |_: &Value| {
            let line = answers.next().expect("an answer").expect("text");
            let answer: Value = serde_json::from_str(&line).expect("JSON");
            answer["body"].clone()
        };
        bodies.iter().map(next).collect()
    };
    ask_on(&[append("one"), append("two"), append("three")]);
    let log = place.path().join("00000000.log");
    let mut bytes = std::fs::read(&log).expect("the log");
    bytes[11 + 8] ^= 1;
    std::fs::write(&log, bytes).expect("the log");
    let read_on = ask_on(&[read(0), read(1), read(2)]);
    let valid: Vec<&Value> = read_on
        .iter()
        .map(|answer| &answer["checksum_valid"])
        .collect();
    assert_eq!(valid, [&json!(true), &json!(false), &json!(true)]);
    assert_eq!(read_on[1]["payload"], "uwo");
    drop(input);
    node.wait().expect("the node ends");
    let next = command(Some(place.path()))
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert_eq!(
        next.status.code(),
        Some(5),
        "an acknowledged entry is damaged, not torn"
    );
}

/// A torn tail is not damage: the entry was never acknowledged.
#[test]
fn a_torn_tail_is_cut() {
    let place = tempfile::tempdir().expect("a directory");
    ask(Some(place.path()), &[append("one"), append("two")]);
    let log = place.path().join("00000000.log");
    let bytes = std::fs::read(&log).expect("the log");
    std::fs::write(&log, &bytes[..bytes.len() - 1]).expect("the log");
    let answers = ask(
        Some(place.path()),
        &[of("wal_info"), append("new"), read(1)],
    );
    assert_eq!(answers[0]["entries"], 1);
    assert_eq!(answers[2]["payload"], "new");
}

/// The exit code and the message of a node that does not open.
fn refusal(directory: &Path) -> (Option<i32>, String) {
    let output = command(Some(directory))
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    (output.status.code(), errors)
}

/// Nothing is written into the directory of another store.
#[test]
fn a_directory_of_another_store_is_refused() {
    for name in ["wal-00000001.log", "data.db", "manifest-000001"] {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::write(place.path().join(name), b"theirs").expect("a file");
        let (code, errors) = refusal(place.path());
        assert_eq!(code, Some(4), "{name}");
        assert!(errors.contains(&format!("{name} belongs to ")), "{errors}");
        let names = std::fs::read_dir(place.path()).expect("a directory");
        assert_eq!(names.count(), 1, "{name}");
    }
}

/// A foreign file with the name of a first segment is not a torn tail.
#[test]
fn a_first_segment_that_no_store_began_is_not_cut() {
    let place = tempfile::tempdir().expect("a directory");
    let log = place.path().join("00000000.log");
    std::fs::write(&log, b"Monday: all quiet\n").expect("a file");
    let (code, errors) = refusal(place.path());
    assert_eq!(code, Some(5));
    assert!(
        errors.contains("00000000.log has 18 bytes, and no identity says whose"),
        "{errors}"
    );
    assert_eq!(
        std::fs::read(&log).expect("the file"),
        b"Monday: all quiet\n"
    );
    // What a crash may leave of a first entry, its beginning or zeros, is cut, but only
    // in a segment that a store has begun.
    for torn in [&[3, 0, 0, 0, 9, 9][..], &[0; 40], &[3, 0]] {
        std::fs::write(&log, torn).expect("a file");
        assert_eq!(refusal(place.path()).0, Some(5));
        let store = tempfile::tempdir().expect("a directory");
        ask(Some(store.path()), &[of("wal_info")]);
        std::fs::write(store.path().join("00000000.log"), torn).expect("a file");
        let answers = ask(Some(store.path()), &[of("wal_info")]);
        assert_eq!(answers[0]["entries"], 0);
    }
}

/// The files that identify the store of the segments.
fn identities(directory: &Path) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(directory).expect("a directory");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let is_identity = |path: &std::path::PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "identity")
    };
    paths.filter(is_identity).collect()
}

/// A log without its identity file is not a torn tail, and nothing of it is cut.
#[test]
fn a_log_that_has_lost_its_identity_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    ask(Some(place.path()), &[append("one"), append("two")]);
    let files = identities(place.path());
    assert_eq!(files.len(), 1, "{files:?}");
    let log = place.path().join("00000000.log");
    let bytes = std::fs::read(&log).expect("the log");
    std::fs::remove_file(&files[0]).expect("it is there");
    let (code, errors) = refusal(place.path());
    assert_eq!(code, Some(5));
    assert!(errors.contains(".identity is missing"), "{errors}");
    assert_eq!(std::fs::read(&log).expect("the log"), bytes);
    std::fs::write(&files[0], []).expect("a file");
    let answers = ask(Some(place.path()), &[read(1)]);
    assert_eq!(answers[0]["payload"], "two");
}

/// The log of one store with the identity of another store: none of its bytes is an
/// entry.
#[test]
fn a_segment_of_another_store_has_no_entry() {
    let (ours, theirs) = (
        tempfile::tempdir().expect("a directory"),
        tempfile::tempdir().expect("a directory"),
    );
    ask(Some(ours.path()), &[of("wal_info")]);
    ask(Some(theirs.path()), &[append("theirs")]);
    let [from, to] = [&theirs, &ours].map(|place| place.path().join("00000000.log"));
    std::fs::copy(from, to).expect("a copy");
    let answers = ask(Some(ours.path()), &[of("wal_info")]);
    assert_eq!(answers[0]["entries"], 0);
    // With its identity it is a file of another store.
    let identity = identities(theirs.path()).remove(0);
    let name = identity.file_name().expect("a name");
    std::fs::copy(&identity, ours.path().join(name)).expect("a copy");
    let (code, errors) = refusal(ours.path());
    assert_eq!(code, Some(5));
    assert!(errors.contains("are of two stores"), "{errors}");
}

#[test]
fn the_benchmark_measures_each_strategy() {
    let place = tempfile::tempdir().expect("a directory");
    let strategies = json!(["always", "batch_10ms", "none"]);
    let message = json!({"type": "fsync_benchmark", "entries": 50, "strategies": strategies});
    let answers = ask(Some(place.path()), &[message, of("wal_info")]);
    let results = answers[0]["results"].as_array().expect("results");
    let names: Vec<&Value> = results.iter().map(|result| &result["strategy"]).collect();
    assert_eq!(json!(names), strategies);
    for result in results {
        assert!(
            result["ops_per_sec"]
                .as_f64()
                .is_some_and(|rate| rate > 0.0),
            "{result}"
        );
        assert!(result["durability"].is_string() && result["data_loss_window"].is_string());
        assert!(
            result["entries"]
                .as_u64()
                .is_some_and(|entries| (1..=50).contains(&entries))
        );
    }
    assert_eq!(answers[1]["entries"], 0, "the log was not touched");
    let left = std::fs::read_dir(place.path()).expect("the directory");
    let names: Vec<_> = left
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().contains("benchmark")),
        "{names:?}"
    );
}

/// A node with a schedule, its input, and its answers.
fn scheduled(directory: &Path, arguments: &[&str], input: &str) -> Vec<Value> {
    let mut command = command(Some(directory));
    command.args(arguments);
    let output = assert_cmd::Command::from_std(command)
        .write_stdin(input)
        .output()
        .expect("the binary runs");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("answers are text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("an answer is JSON"))
        .collect()
}

/// Without a request for a snapshot the log stays short, and no state is lost.
#[test]
fn snapshots_are_taken_when_enough_entries_have_come() {
    let place = tempfile::tempdir().expect("a directory");
    let messages: Vec<_> = (0..42)
        .map(|number| append(&format!("set k={number}")))
        .collect();
    let answers = scheduled(place.path(), &["--snapshot-every", "10"], &lines(&messages));
    assert_eq!(answers.len(), 42);
    assert!(
        answers
            .iter()
            .all(|it| it["body"]["type"] == "wal_append_ok")
    );
    let found = ask(
        Some(place.path()),
        &[of("wal_info"), append("set k=last"), of("wal_snapshot")],
    );
    let entries = found[0]["entries"].as_u64().expect("a number");
    assert!(
        entries < 10,
        "{entries} entries lie behind the newest snapshot"
    );
    assert_eq!(found[1]["offset"], 42);
    assert_eq!(found[2]["snapshot_offset"], 43);
    // Without a schedule no snapshot is taken.
    let other = tempfile::tempdir().expect("a directory");
    scheduled(other.path(), &[], &lines(&messages));
    assert_eq!(ask(Some(other.path()), &[of("wal_info")])[0]["entries"], 42);
}

#[test]
fn snapshots_are_taken_when_time_has_passed_and_requests_go_on() {
    let place = tempfile::tempdir().expect("a directory");
    let mut node = command(Some(place.path()))
        .args(["--snapshot-interval", "1ms"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut input = node.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(node.stdout.take().expect("a pipe")).lines();
    let mut ask = |body: Value| -> Value {
        input
            .write_all(lines(&[body]).as_bytes())
            .expect("the node reads");
        let line = answers.next().expect("an answer").expect("text");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        answer["body"].clone()
    };
    for number in 0..100 {
        assert_eq!(ask(append("set k=1"))["offset"], number);
    }
    // However long it takes: no request asks for a snapshot.
    while ask(of("wal_info"))["entries"] != 0 {
        std::thread::yield_now();
    }
    assert_eq!(ask(compact(50))["type"], "wal_compact_ok");
    drop(input);
    assert!(node.wait().expect("it ends").success());
}

#[test]
fn a_fault_in_a_line_is_told_by_its_column() {
    let answers = output(None, "{\n");
    assert!(
        answers[0].contains("the line is not JSON: EOF while parsing an object at column 1"),
        "{}",
        answers[0]
    );
}
