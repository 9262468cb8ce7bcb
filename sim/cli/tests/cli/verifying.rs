//! `verify`: findings as text and JSON, and exit codes.

use std::fs;

use super::fixture::Fixture;

const VERIFY: [&str; 3] = ["verify", "--store", "S"];

#[test]
fn sound_stores() {
    let fixture = Fixture::with_store();
    let text = fixture.run(&VERIFY).text();
    assert!(text.starts_with("sound through commit 14: "), "{text}");
    let json = fixture
        .run(&[&VERIFY[..], &["--format", "json"]].concat())
        .text();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["head"], 14);
    assert_eq!(json["findings"], serde_json::json!([]));
    let files = [
        "--no-settle",
        "--divisor",
        "2",
        "--file-level",
        "1",
        "--compression",
        "zstd",
    ];
    let import = [
        "import-git",
        "--repo",
        "repo",
        "--store",
        "T",
        "--group",
        "1",
    ];
    fixture.run(&[&import[..], &files].concat()).text();
    fixture.run(&["verify", "--store", "T"]).text();
}

#[test]
fn a_flipped_bit_in_any_file_is_found() {
    let fixture = Fixture::with_history();
    let files = ["--divisor", "2", "--file-level", "2", "--group", "1"];
    let import = ["import-git", "--repo", "repo", "--store", "S"];
    fixture.run(&[&import[..], &files].concat()).text();
    let mut kinds = std::collections::BTreeSet::new();
    for entry in fs::read_dir(fixture.path("S")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some((kind, _)) = name.split_once('-') else {
            continue;
        };
        let intact = fs::read(&path).unwrap();
        let mut bytes = intact.clone();
        bytes[20] ^= 4;
        fs::write(&path, bytes).unwrap();
        let ended = fixture.run(&VERIFY);
        let text = String::from_utf8(ended.stdout.clone()).unwrap();
        assert!(ended.failure(1).ends_with(" findings of damage"));
        assert!(
            text.contains(&format!("damage: {name} at offset ")),
            "{text}"
        );
        fs::write(&path, intact).unwrap();
        kinds.insert(kind.to_owned());
    }
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["manifest", "segment", "wal"]
    );
    fixture.run(&VERIFY).text();
}

#[test]
fn what_cannot_be_verified() {
    let fixture = Fixture::new();
    assert!(
        fixture
            .run(&VERIFY)
            .failure(4)
            .starts_with("S: not a lithify store: ")
    );
    assert!(!fixture.path("S").exists());
}
