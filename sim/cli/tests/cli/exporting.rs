//! `export` and `import`: the state as lines, and back.

use proptest::prelude::*;

use super::fixture::Fixture;

/// Three keyspaces, bytes that are not text, a deletion, and overwritten values.
fn eventful() -> Fixture {
    let fixture = Fixture::new();
    let lines = concat!(
        r#"[{"put":"b","value":"1"},{"put":"k","value":"x","keyspace":"zoo"}]"#,
        "\n",
        r#"[{"put":{"hex":"ff00"},"value":{"hex":"fe"}},{"put":"","value":""}]"#,
        "\n",
        r#"[{"delete":"b"},{"put":"k","value":"y","keyspace":"zoo"},{"put":"\"","value":"\n"}]"#,
        "\n",
        r#"[{"put":"late","value":"h\u00e9","keyspace":"ant"}]"#,
    );
    fixture
        .run_with(&["apply", "--store", "S"], lines.as_bytes())
        .text();
    fixture
}

fn export(fixture: &Fixture, arguments: &[&str]) -> String {
    fixture
        .run(&[&["export", "--store"], arguments].concat())
        .text()
}

#[test]
fn a_state_is_a_line_for_each_key() {
    let fixture = eventful();
    let newest = concat!(
        r#"{"keyspace":"default","key":"","value":""}"#,
        "\n",
        r#"{"keyspace":"default","key":"\"","value":"\n"}"#,
        "\n",
        r#"{"keyspace":"default","key":{"hex":"ff00"},"value":{"hex":"fe"}}"#,
        "\n",
        r#"{"keyspace":"zoo","key":"k","value":"y"}"#,
        "\n",
        r#"{"keyspace":"ant","key":"late","value":"hé"}"#,
        "\n",
    );
    assert_eq!(export(&fixture, &["S"]), newest);
    let first = concat!(
        r#"{"keyspace":"default","key":"b","value":"1"}"#,
        "\n",
        r#"{"keyspace":"zoo","key":"k","value":"x"}"#,
        "\n",
    );
    assert_eq!(export(&fixture, &["S", "--at", "1"]), first);
    assert_eq!(export(&fixture, &["S", "--at", "0"]), "");
    let zoo = export(&fixture, &["S", "--at", "2", "--keyspace", "zoo"]);
    assert_eq!(zoo, first.lines().nth(1).unwrap().to_owned() + "\n");
    // For an intact store, reading with --damaged gives the same.
    assert_eq!(export(&fixture, &["S", "--damaged"]), newest);
    let refused = |arguments: &[&str]| {
        let export = [&["export", "--store", "S"], arguments].concat();
        fixture.run(&export).failure(3)
    };
    assert!(refused(&["--keyspace", "bee"]).contains("\"bee\""));
    assert!(refused(&["--at", "5"]).contains("commit 5 does not exist"));
}

#[test]
fn what_was_exported_can_be_imported() {
    let fixture = eventful();
    let text = export(&fixture, &["S"]);
    let said = fixture.run_with(&["import", "--store", "T"], text.as_bytes());
    assert_eq!(
        said.text(),
        "imported 5 lines in 1 commits; the newest commit is 1\n"
    );
    assert_eq!(export(&fixture, &["T"]), text);
    // Imported again from a file, in other groups: the state is the same.
    std::fs::write(fixture.path("state.jsonl"), &text).unwrap();
    let import = [
        "import",
        "--store",
        "T",
        "--group",
        "2",
        "--format",
        "json",
        "state.jsonl",
    ];
    assert_eq!(
        fixture.run(&import).text(),
        "{\"lines\":5,\"commits\":3,\"head\":4}\n"
    );
    assert_eq!(export(&fixture, &["T"]), text);
    // Lines of `scan` name no keyspace.
    let scan = ["scan", "--store", "S", "--format", "json"];
    let lines = fixture.run(&scan).text();
    let import = ["import", "--store", "U", "--keyspace", "other", "-"];
    fixture.run_with(&import, lines.as_bytes()).text();
    let other = export(&fixture, &["U"]);
    assert_eq!(other.lines().count(), 3);
    assert!(other.starts_with(r#"{"keyspace":"other","key":"","#));
    // Empty input makes a store without commits.
    let said = fixture.run_with(&["import", "--store", "V"], b"").text();
    assert!(said.starts_with("imported 0 lines in 0 commits"), "{said}");
}

#[test]
fn what_import_refuses_and_what_it_keeps() {
    let line = |key: &str| format!("{{\"key\":\"{key}\",\"value\":\"v\"}}");
    let overlong = line(&"k".repeat(70_000));
    let mut text = String::new();
    for bad in [
        "",
        "[]",
        "{\"key\":\"k\"}",
        "{\"key\":\"k\",\"value\":null}",
        "{\"key\":\"k\",\"value\":\"v\",\"at\":1}",
        "{\"key\":{\"hex\":\"f\"},\"value\":\"v\"}",
        "{\"key\":\"k\",\"value\":\"v\"} {}",
        "{\"key\":\"k\",\"val",
        "{\"changes\":3}",
        &overlong,
    ] {
        let fixture = Fixture::new();
        let lines = format!("{}\n{}\n{}\n{bad}\n", line("a"), line("b"), line("c"));
        let import = ["import", "--store", "S", "--group", "2"];
        let ended = fixture.run_with(&import, lines.as_bytes());
        assert_eq!(ended.stdout, b"", "{bad}");
        let shown = match bad.len() {
            ..80 => bad,
            _ => "[an overlong key]",
        };
        text += &format!("{shown}\n  {}\n", ended.failure(3));
        assert_eq!(export(&fixture, &["S"]).lines().count(), 3, "{bad}");
        // If the input is refused at once, no store is created.
        let import = ["import", "--store", "T"];
        fixture.run_with(&import, bad.as_bytes().trim_ascii_start());
        let exists = fixture.path("T").exists();
        assert_eq!(exists, bad.is_empty(), "{bad}");
    }
    insta::assert_snapshot!(text);
    let fixture = Fixture::new();
    let import = ["import", "--store", "S", "not there"];
    let message = fixture.run(&import).failure(6);
    assert!(message.starts_with("cannot open not there: "), "{message}");
}

/// Keys and values of any bytes and of any number are exported and imported unchanged.
#[test]
fn any_bytes_survive() {
    let bytes = || prop::collection::vec(prop_oneof![any::<u8>(), 0x20_u8..0x7f], 0..12);
    let keyspace = prop::sample::select(vec!["default", "b", "a"]);
    let puts = prop::collection::vec((keyspace, bytes(), bytes()), 0..20);
    let config = ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(puts in puts, group in 1_u64..6)| {
        let fixture = Fixture::new();
        let mut expected = std::collections::BTreeMap::new();
        let mut store = open(&fixture, "S");
        for (keyspace, key, value) in &puts {
            let mut batch = lithify::WriteBatch::new();
            batch.put(keyspace, key, value);
            store.commit(&batch).unwrap();
            expected.insert((*keyspace, key.clone()), value.clone());
        }
        store.close().unwrap();
        let text = export(&fixture, &["S"]);
        prop_assert_eq!(text.lines().count(), expected.len());
        let group = group.to_string();
        fixture
            .run_with(&["import", "--store", "T", "--group", &group], text.as_bytes())
            .text();
        prop_assert_eq!(&export(&fixture, &["T"]), &text);
        let copy = open(&fixture, "T");
        for ((keyspace, key), value) in expected {
            let found = copy.get(keyspace, &key).unwrap();
            prop_assert_eq!(found.as_deref(), Some(&value[..]));
        }
    });
}

fn open(fixture: &Fixture, name: &str) -> lithify::Store {
    let fs = lithify::fs::OsFs::new(fixture.path(name));
    lithify::Store::open(std::sync::Arc::new(fs), lithify::Options::default()).unwrap()
}
