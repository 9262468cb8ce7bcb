//! `changes`, `follow` and `promote`: a replica, fed through a pipe.

use super::fixture::Fixture;

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
    // Merging is no commit.
    let settled = fixture.run(&["compact", "--store", "R"]).text();
    assert!(settled.starts_with("settled at commit 14: "), "{settled}");
    // What is there already is compared and not applied again.
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
        "line 2: commit 4 cannot be applied: commit 1 comes next"
    );
    fixture
        .run_with(&["follow", "--store", "R"], &changes(&fixture, "0"))
        .text();
    let own = fixture.run(&["put", "--store", "R", "a", "1"]).failure(4);
    assert_eq!(
        own,
        "R: the store is a replica and takes commits from its primary only, until it is promoted"
    );
    // Reading is as ever.
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
    let message = fixture
        .run_with(&["follow", "--store", "R"], &changes(&fixture, "10"))
        .failure(3);
    assert_eq!(
        message,
        "line 6: the histories of primary and replica differ at commit 15: nothing was written"
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
    let newer = header.replace("\"changes\":1", "\"changes\":2");
    assert_eq!(
        follow(newer.as_bytes()),
        "line 1: the stream has version 2, this program reads version 1"
    );
    let garbled = format!("{header}\n{{\"commit\":1}}\n");
    assert!(
        follow(garbled.as_bytes()).starts_with("line 2: not a commit: missing field `operations`")
    );
    let other = header.replace("\"alignment\":\"2\"", "\"alignment\":\"3\"");
    assert_ne!(other, header);
    let message = fixture
        .run_with(&["follow", "--store", "R"], other.as_bytes())
        .failure(4);
    assert_eq!(
        message,
        "R: the store was created with divisor 2 and cannot be opened with 3: divisor fixes the \
         layout for good"
    );
}
