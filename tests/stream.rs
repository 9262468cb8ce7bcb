//! The change stream between two processes: what a sender makes, a receiver takes, and whatever
//! changes on the way is refused at the first line that differs.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::read::CommitChanges;
use lithify::stream::{Header, Line, Receiver, Sender, StreamError, VERSION, Version};
use lithify::{Commit, History, Options, Placement, Replica, Store, WriteBatch};
use serde_json::{Value, json};

/// A store with a commit of each kind: two puts, an empty commit, a deletion with an empty value, and
/// bytes that are no text.
fn primary(placement: Placement) -> Store {
    let options = Options {
        placement: Some(placement),
        ..Options::default()
    };
    let mut store = Store::open(Arc::new(MemFs::new()), options).unwrap();
    let mut batches = vec![WriteBatch::new(); 4];
    batches[0].put("stones", b"granite", b"igneous");
    batches[0].put("stones", b"slate", b"metamorphic");
    batches[2].delete("stones", b"granite");
    batches[2].put("other", b"empty", b"");
    batches[3].put("other", b"\xff\x00", b"\x80");
    for batch in &batches {
        store.commit(batch).unwrap();
    }
    store
}

/// The header and the lines after a commit, as an encoding sees them.
fn sent(store: &Store, since: u64) -> Vec<Value> {
    let changes = store.changes_since(Commit::new(since)).unwrap();
    let mut sender = Sender::new(store.placement(), &changes);
    let mut lines = vec![serde_json::to_value(sender.header()).unwrap()];
    lines.extend(
        changes.map(|changes| serde_json::to_value(sender.line(changes.unwrap())).unwrap()),
    );
    lines
}

/// What a receiver makes of lines: the commits, or the error of the first line that it refuses.
fn received(lines: &[Value]) -> Result<Vec<CommitChanges>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let header: Header = serde_json::from_value(lines[0].clone()).map_err(|error| text(&error))?;
    let mut receiver = Receiver::new(header).map_err(|error| text(&error))?;
    let mut taken = Vec::new();
    for line in &lines[1..] {
        let line: Line = serde_json::from_value(line.clone()).map_err(|error| text(&error))?;
        taken.push(receiver.take(line).map_err(|error| text(&error))?);
    }
    receiver.finish().map_err(|error| text(&error))?;
    Ok(taken)
}

fn refusal(lines: &[Value]) -> String {
    received(lines).expect_err("lines that no sender has made")
}

#[test]
fn what_is_sent_is_received() {
    for history in [History::All, History::Newest] {
        let placement = Placement {
            history,
            ..Placement::with_divisor(3).unwrap()
        };
        let store = primary(placement);
        // Thinned history has fewer streams, and their headers have a base.
        let first = match history {
            History::All => 0,
            _ => 3,
        };
        for since in first..=4 {
            let changes = store.changes_since(Commit::new(since)).unwrap();
            let expected: Vec<CommitChanges> = changes.map(Result::unwrap).collect();
            assert_eq!(
                received(&sent(&store, since)).unwrap(),
                expected,
                "{history:?} {since}"
            );
        }
    }
}

/// The format is public: other programs may read it.
#[test]
fn the_lines_of_a_stream() {
    let lines = sent(&primary(Placement::default()), 0);
    insta::assert_json_snapshot!(lines);
}

/// Every number, string, list and object of every line, changed in its own way.
#[test]
fn no_change_on_the_way_passes() {
    for since in [0, 2] {
        let lines = sent(&primary(Placement::default()), since);
        let expected = received(&lines).unwrap();
        for number in 0..lines.len() {
            let mut changed = lines.clone();
            for_each_change(&lines[number], &mut |line| {
                changed[number] = line.clone();
                match received(&changed) {
                    Err(_) => {}
                    Ok(taken) => assert_eq!(taken, expected, "line {number} became {line}"),
                }
            });
        }
    }
}

/// Calls `visit` with a copy of `value` for each place in it that can be changed.
fn for_each_change(value: &Value, visit: &mut dyn FnMut(Value)) {
    match value {
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            visit(json!(number + 1));
            visit(json!(number / 2));
        }
        Value::String(text) => {
            visit(json!(format!("{text}x")));
            visit(json!(text.replacen(|_: char| true, "7", 1)));
        }
        Value::Array(items) => {
            for place in 0..items.len() {
                let mut shorter = items.clone();
                shorter.remove(place);
                visit(Value::Array(shorter));
                let mut longer = items.clone();
                longer.insert(place, items[place].clone());
                visit(Value::Array(longer));
                for_each_change(&items[place], &mut |item| {
                    let mut items = items.clone();
                    items[place] = item;
                    visit(Value::Array(items));
                });
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let mut fewer = fields.clone();
                fewer.remove(name);
                visit(Value::Object(fewer));
                for_each_change(field, &mut |field| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), field);
                    visit(Value::Object(fields));
                });
            }
        }
        Value::Null | Value::Bool(_) => visit(json!(1)),
    }
}

#[test]
fn lines_that_are_missing_doubled_or_too_many() {
    let lines = sent(&primary(Placement::default()), 0);
    let mut missing = lines.clone();
    missing.remove(2);
    assert_eq!(
        refusal(&missing),
        "commit 3 cannot be applied: commit 2 comes next"
    );
    let mut doubled = lines.clone();
    doubled.insert(2, lines[1].clone());
    assert_eq!(
        refusal(&doubled),
        "commit 1 cannot be applied: commit 2 comes next"
    );
    assert_eq!(
        refusal(&lines[..4]),
        "the stream ends with commit 3, but its header says 4: it was cut off"
    );
    // The lines of a longer stream behind the header of a shorter one.
    let mut store = primary(Placement::default());
    store.commit(&WriteBatch::new()).unwrap();
    let mut longer = lines;
    longer.push(sent(&store, 0)[5].clone());
    assert_eq!(
        refusal(&longer),
        "commit 5 is beyond the end that the header names, 4"
    );
}

/// A refused line changes nothing: the line that was sent is taken after it.
#[test]
fn a_receiver_stands_before_the_refused_line() {
    let lines = sent(&primary(Placement::default()), 0);
    let header = serde_json::from_value(lines[0].clone()).unwrap();
    let mut receiver = Receiver::new(header).unwrap();
    let line = |number: usize| serde_json::from_value(lines[number].clone()).unwrap();
    receiver.take(line(1)).unwrap();
    let refused = receiver.take(line(3)).unwrap_err();
    let (expected, found) = (Commit::new(2), Commit::new(3));
    assert_eq!(refused, StreamError::Gap { expected, found });
    let mut garbled = lines[2].clone();
    garbled["digest"] = lines[3]["digest"].clone();
    let refused = receiver.take(serde_json::from_value(garbled).unwrap());
    assert!(
        matches!(refused, Err(StreamError::Changed { commit: Some(commit), .. }) if commit == Commit::new(2))
    );
    assert_eq!(receiver.last(), Commit::new(1));
    receiver.take(line(2)).unwrap();
    assert_eq!(receiver.last(), Commit::new(2));
}

/// Version 3 had another digest of the header.
#[test]
fn a_stream_of_another_version_is_refused() {
    let mut lines = sent(&primary(Placement::default()), 0);
    lines[0]["changes"] = json!(VERSION - 1);
    let version: Version = serde_json::from_value(lines[0].clone()).unwrap();
    let (found, supported) = (VERSION - 1, VERSION);
    let refused = StreamError::Version { found, supported };
    assert_eq!(version.check(), Err(refused.clone()));
    assert_eq!(refusal(&lines), refused.to_string());
    // Its fields may be others, too.
    let version: Version =
        serde_json::from_value(json!({"changes": VERSION + 1, "more": []})).unwrap();
    assert!(version.check().is_err());
}

/// A primary that keeps sending: one header, and lines for as long as it commits.
#[test]
fn a_stream_without_an_end() {
    let mut store = primary(Placement::default());
    let mut changes = store.changes_since(Commit::ZERO).unwrap();
    let mut sender = Sender::without_end(store.placement(), &changes);
    let mut receiver = Receiver::new(sender.header().clone()).unwrap();
    assert_eq!(receiver.header().head(), None);
    let options = Options {
        placement: Some(receiver.header().placement().clone()),
        ..Options::default()
    };
    let mut replica = Replica::open(Arc::new(MemFs::new()), options).unwrap();
    for _ in 0..3 {
        for changes in changes.by_ref() {
            let taken = receiver.take(sender.line(changes.unwrap())).unwrap();
            replica.apply(&taken).unwrap();
        }
        assert_eq!(replica.store().head(), store.head());
        let mut batch = WriteBatch::new();
        batch.put("stones", b"basalt", b"igneous");
        store.commit(&batch).unwrap();
        changes.go_on(&store.snapshot()).unwrap();
    }
    receiver.finish().unwrap();
}

#[test]
#[should_panic(expected = "commits are sent in order")]
fn a_sender_takes_commits_in_order() {
    let store = primary(Placement::default());
    let changes = store.changes_since(Commit::ZERO).unwrap();
    let mut sender = Sender::new(store.placement(), &changes);
    let last = changes.last().unwrap().unwrap();
    let _ = sender.line(last);
}
