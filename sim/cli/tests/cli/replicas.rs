//! `changes`, `follow` and `promote`: a replica that is fed through a pipe.

use super::fixture::{Ended, Fixture};

fn without_line(stream: &str, number: usize) -> String {
    let lines = stream.split_inclusive('\n').enumerate();
    let kept = lines.filter(|(position, _)| position + 1 != number);
    kept.map(|(_, line)| line).collect()
}

fn changes(fixture: &Fixture, since: &str) -> Vec<u8> {
    let stream = fixture.run(&["changes", "--store", "S", "--since", since]);
    assert_eq!((stream.code, stream.stderr.as_str()), (0, ""));
    stream.stdout
}

fn layout(fixture: &Fixture, store: &str) -> String {
    fixture.run(&["compact", "--store", "S"]).text();
    fixture.run(&["layout", "--store", store]).text()
}

#[test]
fn a_replica_that_has_caught_up_has_the_layout_of_its_primary() {
    let fixture = Fixture::with_store();
    let stream = changes(&fixture, "0");
    let applied = fixture
        .run_with(&["follow", "--store", "R"], &stream)
        .text();
    let commits: Vec<String> = (1..=super::fixture::COMMITS)
        .map(|it| it.to_string())
        .collect();
    assert_eq!(applied.lines().collect::<Vec<_>>(), commits);
    assert_eq!(layout(&fixture, "R"), layout(&fixture, "S"));
    // Merging makes no commit.
    let settled = fixture.run(&["compact", "--store", "R"]).text();
    assert!(settled.starts_with("settled at commit 14: "), "{settled}");
    // Existing commits are compared and not applied again.
    let again = fixture
        .run_with(&["follow", "--store", "R"], &stream)
        .text();
    assert_eq!(again, "");
    fixture.run(&["verify", "--store", "R"]).text();
}

#[test]
fn a_replica_takes_nothing_but_what_follows() {
    let fixture = Fixture::with_store();
    let later = changes(&fixture, "3");
    let gap = fixture.run_with(&["follow", "--store", "R"], &later);
    assert_eq!(
        gap.failure(3),
        "line 1: commit 4 cannot be applied: commit 1 comes next"
    );
    fixture.run(&["layout", "--store", "R"]).failure(4);
    // A commit is missing in the middle of the stream.
    let stream = String::from_utf8(changes(&fixture, "0")).unwrap();
    let holed: String = without_line(&stream, 6);
    let gap = fixture.run_with(&["follow", "--store", "H"], holed.as_bytes());
    assert_eq!(gap.stdout, b"1\n2\n3\n4\n");
    assert_eq!(
        gap.failure(3),
        "line 6: commit 6 cannot be applied: commit 5 comes next"
    );
    fixture
        .run_with(&["follow", "--store", "R"], &changes(&fixture, "0"))
        .text();
    let own = fixture.run(&["put", "--store", "R", "a", "1"]).failure(4);
    assert_eq!(
        own,
        "R: the store is a replica and takes commits from its primary only, until it is promoted"
    );
    // Reads still work.
    fixture.run(&["stats", "--store", "R"]).text();
}

#[test]
fn another_history_is_refused_at_its_first_commit_that_differs() {
    let fixture = Fixture::with_store();
    fixture
        .run_with(&["follow", "--store", "R"], &changes(&fixture, "0"))
        .text();
    let promoted = fixture.run(&["promote", "--store", "R"]).text();
    assert_eq!(promoted, "a primary from commit 14 on\n");
    fixture.run(&["put", "--store", "R", "a", "1"]).text();
    fixture.run(&["put", "--store", "S", "a", "2"]).text();
    let stream = changes(&fixture, "10");
    let message = fixture
        .run_with(&["follow", "--demote", "--store", "R"], &stream)
        .failure(3);
    assert_eq!(
        message,
        "line 6: the histories of primary and replica differ at commit 15: nothing was written"
    );
}

/// Puts each value under one key, in a commit of its own.
fn put_all(fixture: &Fixture, store: &str, values: &[&str]) {
    for value in values {
        let put = ["put", "--store", store, "--divisor", "2", "key", value];
        fixture.run(&put).text();
    }
}

fn follow(fixture: &Fixture, primary: &str, since: &str, replica: &str) -> Ended {
    let stream = fixture.run(&["changes", "--store", primary, "--since", since]);
    assert_eq!((stream.code, stream.stderr.as_str()), (0, ""));
    fixture.run_with(&["follow", "--store", replica], &stream.stdout)
}

#[test]
fn a_stream_that_begins_at_the_head_is_refused_when_history_has_parted_before() {
    let fixture = Fixture::new();
    put_all(&fixture, "A", &["1", "2", "3", "4", "5"]);
    follow(&fixture, "A", "0", "R").text();
    // The state at commit 5 and the lengths of all values are the same, but the history
    // differs.
    put_all(&fixture, "B", &["1", "2", "9", "4", "5", "6"]);
    let differ = |since| follow(&fixture, "B", since, "R").failure(3);
    let at_3 = "the histories of primary and replica differ at commit 3: nothing was written";
    for since in ["5", "4", "3"] {
        assert_eq!(differ(since), format!("line 1: {at_3}"));
    }
    for (since, line) in [("2", 2), ("1", 3), ("0", 4)] {
        assert_eq!(differ(since), format!("line {line}: {at_3}"));
    }
    // A stream of its own primary is still accepted.
    put_all(&fixture, "A", &["6"]);
    assert_eq!(follow(&fixture, "A", "5", "R").text(), "6\n");
}

#[test]
fn where_history_has_parted_long_ago_a_longer_stream_shows_the_commit() {
    let fixture = Fixture::new();
    let batches = |first: &str| {
        let first = format!("[{{\"put\":\"first\",\"value\":\"{first}\"}}]\n");
        format!("[]\n{first}{}", "[]\n".repeat(498))
    };
    for (store, first) in [("A", "1"), ("B", "2")] {
        let apply = ["apply", "--store", store, "--divisor", "2"];
        fixture.run_with(&apply, batches(first).as_bytes()).text();
    }
    follow(&fixture, "A", "0", "R").text();
    let message = follow(&fixture, "B", "500", "R").failure(3);
    assert_eq!(
        message,
        "line 1: the histories of primary and replica differ at one of the commits 1 to 244: \
         nothing was written; the changes since commit 0 show at which"
    );
    let message = follow(&fixture, "B", "0", "R").failure(3);
    assert!(
        message.starts_with("line 3: the histories of primary and replica differ at commit 2:")
    );
}

#[test]
fn thinned_stores_are_compared_by_what_they_have_at_the_beginning_of_the_stream() {
    let fixture = Fixture::new();
    let newest = |store: &str, values: &[&str]| {
        for value in values {
            let put = [
                "put",
                "--store",
                store,
                "--divisor",
                "2",
                "--history",
                "newest",
            ];
            // If inputs are removed, a merge removes what a replica would still need.
            let kept = ["--remove-inputs", "head-window:4", "key", value];
            let put = [&put[..], &kept].concat();
            fixture.run(&put).text();
        }
    };
    newest("A", &["1", "2", "3"]);
    follow(&fixture, "A", "0", "R").text();
    newest("A", &["4", "5"]);
    assert_eq!(follow(&fixture, "A", "3", "R").text(), "4\n5\n");
    fixture.run(&["compact", "--store", "R"]).text();
    newest("B", &["1", "2", "3", "4", "9", "6"]);
    assert_eq!(
        follow(&fixture, "B", "5", "R").failure(3),
        "line 1: the histories of primary and replica differ at one of the commits 1 to 5: \
         nothing was written; the changes since commit 0 show at which"
    );
    newest("A", &["6"]);
    assert_eq!(follow(&fixture, "A", "5", "R").text(), "6\n");
}

#[test]
fn a_stream_that_was_cut_off_is_no_success() {
    let fixture = Fixture::with_store();
    let stream = String::from_utf8(changes(&fixture, "0")).unwrap();
    let cut: String = stream.split_inclusive('\n').take(5).collect();
    let ended = fixture.run_with(&["follow", "--store", "R"], cut.as_bytes());
    assert_eq!(ended.stdout, b"1\n2\n3\n4\n");
    assert_eq!(
        ended.failure(3),
        "the stream ends with commit 4, but its header says 14: it was cut off"
    );
    let end = stream.lines().last().unwrap();
    assert!(end.starts_with("{\"commit\":14,"), "{end}");
}

#[test]
fn a_stream_begins_where_its_header_says() {
    let fixture = Fixture::with_store();
    follow(&fixture, "S", "0", "R").text();
    put_all(&fixture, "S", &["15"]);
    let stream = String::from_utf8(changes(&fixture, "12")).unwrap();
    let message = fixture
        .run_with(
            &["follow", "--store", "R"],
            without_line(&stream, 2).as_bytes(),
        )
        .failure(3);
    assert_eq!(
        message,
        "line 2: commit 14 cannot be applied: commit 13 comes next"
    );
}

#[test]
fn a_primary_is_made_a_replica_only_when_asked_to() {
    let fixture = Fixture::with_store();
    put_all(&fixture, "P", &["1"]);
    let message = follow(&fixture, "S", "0", "P").failure(4);
    assert_eq!(
        message,
        "P: the store is a primary, its newest commit is 1: --demote makes a replica of it, which \
         takes no other commits until it is promoted"
    );
    // With --demote it is refused too, because the histories differ, and it stays a
    // primary.
    let demote = |store: &str| {
        let stream = changes(&fixture, "1");
        fixture.run_with(&["follow", "--demote", "--store", store], &stream)
    };
    let message = demote("P").failure(3);
    assert!(message.starts_with("line 1: the histories of primary and replica differ at commit 1"));
    put_all(&fixture, "P", &["2"]);
    // With the same history it becomes a replica.
    follow(&fixture, "S", "0", "R").text();
    fixture.run(&["promote", "--store", "R"]).text();
    demote("R").text();
    fixture.run(&["put", "--store", "R", "a", "1"]).failure(4);
}

#[test]
fn a_replica_that_is_ahead_of_its_primary_is_refused() {
    let fixture = Fixture::new();
    put_all(&fixture, "A", &["1", "2", "3"]);
    follow(&fixture, "A", "0", "R").text();
    put_all(&fixture, "B", &["1", "2"]);
    for since in ["0", "2"] {
        assert_eq!(
            follow(&fixture, "B", since, "R").failure(3),
            "line 1: the newest commit of the replica is 3, that of the stream is 2: the replica \
             has commits that its primary does not have"
        );
    }
}

#[test]
fn a_refused_line_keeps_what_came_before_it() {
    let fixture = Fixture::new();
    put_all(&fixture, "A", &["1", "2", "3", "4"]);
    follow(&fixture, "A", "0", "R").text();
    fixture.run(&["promote", "--store", "R"]).text();
    put_all(&fixture, "A", &["5", "6", "7", "8"]);
    put_all(&fixture, "R", &["5", "6", "9"]);
    // The replica has commits 1 to 6 of the stream, and another commit 7.
    let stream = fixture.run(&["changes", "--store", "A", "--since", "4"]);
    let ended = fixture.run_with(&["follow", "--store", "R", "--demote"], &stream.stdout);
    assert_eq!(ended.stdout, b"");
    assert_eq!(
        ended.failure(3),
        "line 4: the histories of primary and replica differ at commit 7: nothing was written"
    );
}

/// Once a stream went through a pipe, a disk or a mail; one digit of one value changed,
/// and the replica applied and acknowledged the commit. Now every line has a digest of
/// the stream up to it.
#[test]
fn a_byte_that_changes_on_the_way_is_refused_at_its_commit() {
    let fixture = Fixture::new();
    put_all(&fixture, "A", &["value-1", "value-2", "value-3", "value-4"]);
    let stream = fixture.run(&["changes", "--store", "A"]).text();
    let changed = stream.replace("value-3", "value-8");
    assert_ne!(changed, stream);
    let ended = fixture.run_with(&["follow", "--store", "R"], changed.as_bytes());
    assert_eq!(ended.stdout, b"1\n2\n", "what came before it is taken");
    let message = ended.failure(3);
    assert!(
        message.starts_with("line 4: commit 3 is not what was sent: its digest is "),
        "{message}"
    );
    assert!(
        message.ends_with(": the stream was changed on its way"),
        "{message}"
    );
    // From there the whole stream is accepted.
    let again = fixture.run_with(&["follow", "--store", "R"], stream.as_bytes());
    assert_eq!(again.text(), "3\n4\n");
}

/// Every byte, with every flipped bit that leaves text: either the meaning is the same,
/// or the first changed line is refused. A new replica has only the stream to compare
/// with.
#[test]
fn no_byte_of_a_stream_can_change_its_meaning() {
    let fixture = Fixture::new();
    let batches = "[{\"put\":\"a\",\"value\":{\"hex\":\"ff00\"}},{\"put\":\"b\",\"value\":\"1\"}]\n\
                   []\n[{\"delete\":\"a\"},{\"put\":\"c\",\"value\":\"\",\"keyspace\":\"k\"}]\n";
    let apply = ["apply", "--store", "A", "--divisor", "2"];
    fixture.run_with(&apply, batches.as_bytes()).text();
    let stream = fixture.run(&["changes", "--store", "A"]).stdout;
    let taken = |stream: &[u8]| {
        let name = tempfile::tempdir_in(fixture.path(".")).unwrap();
        let store = name.path().join("R").display().to_string();
        let ended = fixture.run_with(&["follow", "--store", &store], stream);
        (ended.code == 0).then(|| {
            let read = |arguments: &[&str]| {
                fixture
                    .run(&[arguments, &["--store", &store]].concat())
                    .text()
            };
            [
                read(&["changes"]),
                read(&["layout"]),
                read(&["scan", "--keyspace", "k"]),
            ]
        })
    };
    let whole = taken(&stream).expect("the stream as it was sent");
    let mut refused = 0;
    for place in 0..stream.len() {
        let mut changed = stream.clone();
        // A digit becomes another digit and a letter another letter; most other
        // characters become neither.
        changed[place] ^= 1;
        match taken(&changed) {
            None => refused += 1,
            Some(found) => assert_eq!(
                found,
                whole,
                "byte {place} changed: {}",
                String::from_utf8_lossy(&changed)
            ),
        }
    }
    // Only the last newline may be changed without a refusal.
    assert!(refused + 8 >= stream.len(), "{refused} of {}", stream.len());
}

/// Each half is intact, but they are from different streams.
#[test]
fn the_header_of_one_stream_and_the_commits_of_another_are_refused() {
    let fixture = Fixture::new();
    put_all(&fixture, "A", &["1", "2"]);
    for value in ["1", "2"] {
        let put = ["put", "--store", "B", "--divisor", "3", "key", value];
        fixture.run(&put).text();
    }
    let [a, b] = ["A", "B"].map(|store| fixture.run(&["changes", "--store", store]).text());
    let (header, _) = a.split_once('\n').unwrap();
    let (_, commits) = b.split_once('\n').unwrap();
    let mixed = format!("{header}\n{commits}");
    let message = fixture
        .run_with(&["follow", "--store", "R"], mixed.as_bytes())
        .failure(3);
    assert!(
        message.starts_with("line 2: commit 1 is not what was sent"),
        "{message}"
    );
}

#[test]
fn a_stream_that_is_none_is_refused() {
    let fixture = Fixture::with_store();
    let follow = |input: &[u8]| {
        fixture
            .run_with(&["follow", "--store", "R"], input)
            .failure(3)
    };
    assert_eq!(follow(b""), "line 1: the stream has no header");
    assert!(follow(b"{}\n").starts_with("line 1: not a header of changes: missing field"));
    let stream = String::from_utf8(changes(&fixture, "0")).unwrap();
    let (header, _) = stream.split_once('\n').unwrap();
    for (other, more) in [(3, ""), (5, ",\"more\":[]")] {
        let other_version = format!("\"changes\":{other}{more}");
        let other_header = header.replace("\"changes\":4", &other_version);
        assert_ne!(other_header, header);
        assert_eq!(
            follow(other_header.as_bytes()),
            format!(
                "line 1: the stream has version {other}, this program reads version 4: both ends \
                 of the stream must be of the same version"
            )
        );
    }
    let garbled = format!("{header}\n{{\"commit\":1}}\n");
    assert!(
        follow(garbled.as_bytes()).starts_with("line 2: not a commit: missing field `operations`")
    );
    // The same commits at another divisor.
    let import = [
        "import-git",
        "--repo",
        "repo",
        "--store",
        "O",
        "--divisor",
        "3",
    ];
    fixture.run(&import).text();
    let other = fixture.run(&["changes", "--store", "O"]).stdout;
    let message = fixture
        .run_with(&["follow", "--store", "R"], &other)
        .failure(4);
    assert_eq!(
        message,
        "R: the store was created with divisor 2 and cannot be opened with 3: divisor fixes the \
         layout for good"
    );
}
