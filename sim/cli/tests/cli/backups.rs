//! `backup` and `restore`.

use super::fixture::Fixture;

/// A store with commits up to this one, some of them in segment files.
fn fill(fixture: &Fixture, store: &str, from: u64, last: u64) {
    let lines: String = (from..=last)
        .map(|number| format!("[{{\"put\":\"{}\",\"value\":\"{number}\"}}]\n", number % 9))
        .collect();
    let options = [
        "--divisor",
        "2",
        "--file-level",
        "1",
        "--memory-budget",
        "0",
    ];
    let apply = [&["apply", "--store", store][..], &options].concat();
    fixture.run_with(&apply, lines.as_bytes()).text();
}

fn export(fixture: &Fixture, store: &str, at: &str) -> String {
    fixture
        .run(&["export", "--store", store, "--at", at])
        .text()
}

#[test]
fn a_store_is_backed_up_and_restored() {
    let fixture = Fixture::new();
    fill(&fixture, "S", 1, 40);
    let back_up = [
        "backup", "--store", "S", "--to", "deep/B", "--format", "json",
    ];
    let done = fixture.run(&back_up).text();
    assert!(
        done.starts_with("{\"commit\":40,\"copied_files\":"),
        "{done}"
    );
    assert!(
        done.ends_with("\"kept_files\":0,\"kept_bytes\":0}\n"),
        "{done}"
    );
    fill(&fixture, "S", 41, 50);
    let again = fixture.run(&back_up[..5]).text();
    assert!(again.starts_with("backed up commit 50: "), "{again}");
    assert!(!again.contains(" 0 there already"), "{again}");
    fixture.run(&["verify", "--store", "deep/B"]).text();
    let state = export(&fixture, "S", "50");
    assert_eq!(export(&fixture, "deep/B", "50"), state);

    let said = fixture
        .run(&["restore", "--from", "deep/B", "--to", "R"])
        .text();
    assert_eq!(said, "restored commit 50\n");
    fixture.run(&["verify", "--store", "R"]).text();
    assert_eq!(export(&fixture, "R", "50"), state);
    assert_eq!(export(&fixture, "R", "33"), export(&fixture, "S", "33"));
    let restore = ["restore", "--from", "deep/B", "--to", "E", "--at", "33"];
    assert_eq!(fixture.run(&restore).text(), "restored commit 33\n");
    assert_eq!(export(&fixture, "E", "33"), export(&fixture, "S", "33"));
    assert_eq!(
        fixture.run(&["put", "--store", "E", "a", "b"]).text(),
        "34\n"
    );
}

#[test]
fn what_backup_and_restore_refuse() {
    let fixture = Fixture::new();
    fill(&fixture, "S", 1, 9);
    fill(&fixture, "T", 1, 9);
    let failure = |arguments: &[&str], code| fixture.run(arguments).failure(code);
    std::fs::create_dir(fixture.path("full")).unwrap();
    std::fs::write(fixture.path("full/photo.jpg"), b"x").unwrap();
    let mut said = String::new();
    said += &failure(&["backup", "--store", "S", "--to", "full"], 4);
    said += "\n";
    said += &failure(&["backup", "--store", "S", "--to", "T"], 4);
    said += "\n";
    fixture.run(&["backup", "--store", "S", "--to", "B"]).text();
    said += &failure(&["backup", "--store", "T", "--to", "B"], 4);
    said += "\n";
    said += &failure(&["backup", "--store", "nothing", "--to", "N"], 4);
    said += "\n";
    said += &failure(&["put", "--store", "B", "a", "b"], 4);
    said += "\n";
    said += &failure(&["restore", "--from", "B", "--to", "T"], 4);
    said += "\n";
    said += &failure(&["restore", "--from", "B", "--to", "R", "--at", "10"], 3);
    said += "\n";
    said += &failure(&["restore", "--from", "full", "--to", "R"], 4);
    said += "\n";
    said += &failure(&["restore", "--from", "nothing", "--to", "R"], 4);
    said += "\n";
    // A restored store has another identity.
    fixture.run(&["restore", "--from", "B", "--to", "R"]).text();
    said += &failure(&["backup", "--store", "R", "--to", "B"], 4);
    insta::assert_snapshot!(said);
    assert!(!fixture.path("N").exists() && !fixture.path("nothing").exists());
}

/// A byte of a segment file has changed: the earlier backup does not change.
#[test]
fn damage_ends_a_backup() {
    let fixture = Fixture::new();
    fill(&fixture, "S", 1, 40);
    let back_up = ["backup", "--store", "S", "--to", "B"];
    fixture.run(&back_up).text();
    let state = export(&fixture, "B", "40");
    fill(&fixture, "S", 41, 60);
    let files = std::fs::read_dir(fixture.path("S")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut segments: Vec<String> = names.filter(|name| name.starts_with("segment-")).collect();
    segments.sort();
    let newest = fixture.path("S").join(segments.last().unwrap());
    let mut bytes = std::fs::read(&newest).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    let said = fixture.run(&back_up).failure(5);
    assert!(said.contains("is damaged at offset "), "{said}");
    assert_eq!(export(&fixture, "B", "40"), state);
    fixture.run(&["verify", "--store", "B"]).text();
}
