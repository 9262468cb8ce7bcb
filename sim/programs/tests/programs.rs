//! Programs of the machine, recorded and crashed: a writer with a planted mistake and one without, and
//! SQLite in the modes whose promises are documented.
//!
//! A test that needs `strace` says that it was skipped where there is none, or where tracing is not
//! permitted; the same for `sqlite3`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use lithify_programs::checker::{Checker, Judge, Wrong};
use lithify_programs::crash::{Options, Outcome, Verdicts, check_checker, crash};
use lithify_programs::fix::{Fixed, fix, superfluous};
use lithify_programs::gaps::Kind;
use lithify_programs::losses::Crashes;
use lithify_programs::shrink::shrink;
use lithify_programs::steps::Step;
use lithify_programs::{Recording, Request, record, strace_version};
use lithify_sim::disk::{Budget, Model, Place};
use lithify_sim::stop::Stop;

fn request(directory: &Path, script: &str, allowed: &[Kind]) -> Request {
    let words = ["sh", "-c", script];
    Request {
        directory: directory.to_owned(),
        program: words.iter().map(OsString::from).collect(),
        marker: None,
        allowed: allowed.iter().copied().collect::<BTreeSet<_>>(),
        injected: Vec::new(),
    }
}

/// Whether programs can be recorded here; says so if not.
fn can_record() -> bool {
    let place = tempfile::tempdir().expect("a directory");
    let why = match strace_version() {
        Err(failure) => failure.message,
        Ok(_) => match record(&request(place.path(), "true", &[])) {
            Err(failure) => failure.message,
            Ok(_) => return true,
        },
    };
    eprintln!("skipped: {why}");
    false
}

fn has(program: &str) -> bool {
    let found = std::process::Command::new(program)
        .arg("--version")
        .output();
    let is_there = found.is_ok();
    if !is_there {
        eprintln!("skipped: there is no {program}");
    }
    is_there
}

/// Runs a script in a new directory that holds `files`, with the directory as `$1`.
fn recorded(files: &[(&str, &str)], script: &str, allowed: &[Kind]) -> Recording {
    let place = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        std::fs::write(place.path().join(name), text).expect("there is room");
    }
    let script = format!("cd {} && {script}", place.path().display());
    record(&request(place.path(), &script, allowed)).expect("it can be recorded")
}

fn checker(command: &str) -> Checker {
    let judge = Judge::Command(command.to_owned());
    Checker::new(judge, Duration::from_secs(30), None).expect("a directory")
}

fn crashed(recording: &Recording, check: &str, model: &str) -> (Outcome, Verdicts) {
    let checker = checker(check);
    check_checker(&recording.disk, &checker, &Stop::never()).expect("nothing is lost");
    let options = Options {
        models: vec![Model::named(model).expect("a model")],
        budget: Budget::SMALL,
        jobs: 2,
        by_class: false,
        stop: Stop::never(),
    };
    let mut verdicts = Verdicts::new();
    let outcome = crash(&recording.disk, &checker, &options, &mut verdicts);
    let outcome = outcome.expect("it can be judged");
    assert!(outcome.is_complete && outcome.judged > 0);
    (outcome, verdicts)
}

/// A configuration is replaced: `sync` of the new file, rename, `sync` of the directory.
const RIGHT: &str = "echo new >t && sync t && mv t config && sync . && echo saved";
/// The mistake: the new file is not synced.
const WRONG: &str = "echo new >t && mv t config && sync . && echo saved";
/// The configuration is the old one, or the new one; it is the new one once the user was told.
const CHECK: &str = r#"check() { case "$(cat "$1/config")" in
new) ;;
old) if grep -q saved "$2"; then echo saved, and old; exit 1; fi ;;
*) echo neither old nor new; exit 2 ;;
esac; }; check"#;

#[test]
fn a_missing_sync_is_found_shrunk_and_named() {
    if !can_record() {
        return;
    }
    let recording = recorded(&[("config", "old\n")], WRONG, &[]);
    let (outcome, mut verdicts) = crashed(&recording, CHECK, "posix-min");
    // The old bytes may be where the new ones are lost.
    let wrongs: Vec<Wrong> = outcome.found.iter().map(|found| found.wrong).collect();
    assert_eq!(wrongs, [Wrong::Inconsistent, Wrong::Lost]);
    let crashes = Crashes::of(&recording.disk);
    let found = &outcome.found[0];
    let checker = checker(CHECK);
    let shrunk = shrink(
        &recording,
        &checker,
        &found.loss,
        found.wrong,
        &mut verdicts,
        &Stop::never(),
    );
    let shrunk = shrunk.expect("it can be judged");
    let cures: Vec<String> = (shrunk.cures.iter())
        .map(|cure| format!("fsync({}) comes before {}", cure.target, cure.before))
        .collect();
    assert_eq!(cures, ["fsync(t) comes before rename t config"]);
    let words = crashes.words(&shrunk.loss);
    assert!(
        words.len() == 1 && words[0].text.contains("(config"),
        "{words:?}"
    );
}

/// The right program is what `fix` makes of the wrong one.
#[test]
fn the_missing_sync_is_enough() {
    if !can_record() {
        return;
    }
    let recording = recorded(&[("config", "old\n")], WRONG, &[]);
    let options = Options {
        models: vec![
            Model::DEFAULT,
            Model::named("ext4-ordered").expect("a model"),
        ],
        budget: Budget::SMALL,
        jobs: 2,
        by_class: false,
        stop: Stop::never(),
    };
    let fixed = fix(&recording, &checker(CHECK), &options, &mut Verdicts::new());
    let Fixed::With(missing, outcome) = fixed.expect("it can be judged") else {
        panic!("a sync is missing");
    };
    let missing: Vec<(&str, &str)> = (missing.iter())
        .map(|sync| (&*sync.target, &*sync.before))
        .collect();
    assert_eq!(missing, [("t", "rename t config")]);
    assert!(outcome.bad.is_empty() && outcome.is_complete);
}

/// A second sync of the same file is needed by no image, and the others are.
#[test]
fn a_superfluous_sync_is_named() {
    if !can_record() {
        return;
    }
    let script = "echo new >t && sync t && sync t && mv t config && sync . && echo saved";
    let recording = recorded(&[("config", "old\n")], script, &[]);
    let options = Options {
        models: vec![Model::DEFAULT],
        budget: Budget::SMALL,
        jobs: 2,
        by_class: false,
        stop: Stop::never(),
    };
    let found = superfluous(&recording, &checker(CHECK), &options, &mut Verdicts::new());
    let found: Vec<String> = (found.expect("it can be judged").0.iter())
        .map(|sync| format!("{} before {}", sync.target, sync.before))
        .collect();
    // Each of the two alone is.
    assert_eq!(found, ["t before sync t", "t before rename t config"]);
}

/// A checker that says two things of one image is refused, and says nothing of the program.
#[test]
fn a_flaky_checker_is_refused() {
    if !can_record() {
        return;
    }
    let recording = recorded(&[("config", "old\n")], WRONG, &[]);
    let place = tempfile::tempdir().expect("a directory");
    // Good until the first image is judged, bad once, and good again.
    let count = place.path().join("count");
    let command = format!(
        "flaky() {{ echo >>{0}; [ $(wc -l <{0}) -ne 3 ]; }}; flaky",
        count.display()
    );
    let checker = checker(&command);
    check_checker(&recording.disk, &checker, &Stop::never()).expect("good so far");
    let options = Options {
        models: vec![Model::DEFAULT],
        budget: Budget::SMALL,
        jobs: 1,
        by_class: false,
        stop: Stop::never(),
    };
    let refused = crash(&recording.disk, &checker, &options, &mut Verdicts::new());
    let failure = refused.expect_err("it changes its mind");
    let why = "the checker changes its mind about one image: first lost, but consistent, then good";
    assert_eq!(failure.message, why);
}

/// ext4 may do the same; a file system that orders everything may not.
#[test]
fn what_a_model_allows_decides() {
    if !can_record() {
        return;
    }
    let recording = recorded(&[("config", "old\n")], WRONG, &[]);
    for (model, is_refused) in [
        ("ext4-ordered", true),
        ("btrfs", false),
        ("strict-ordered", false),
    ] {
        let (outcome, _) = crashed(&recording, CHECK, model);
        assert_eq!(!outcome.found.is_empty(), is_refused, "{model}");
    }
}

#[test]
fn the_right_order_has_no_bad_image() {
    if !can_record() {
        return;
    }
    let recording = recorded(&[("config", "old\n")], RIGHT, &[]);
    for model in lithify_sim::disk::model::MODELS {
        let (outcome, _) = crashed(&recording, CHECK, model.name);
        // Where syncs do nothing, what was saved can be lost; where a rename can be lost in parts,
        // both names can.
        let is_safe = model.honest && !model.splits_renames;
        assert_eq!(outcome.found.is_empty(), is_safe, "{}", model.name);
    }
}

/// What a process does without a call, and what it does where nobody looks.
#[test]
fn what_is_recorded_is_what_is_there() {
    if !can_record() {
        return;
    }
    let script = "mkdir -p a/b && echo 1 >a/b/f && ln a/b/f g && mv a c && ln -s c/b s && echo 2 >>s/../../g \
        && cp g c/copy && (echo x; echo y) >c/two && truncate -s 3 c/two && rm c/b/f && rm -r c/b";
    let recording = recorded(&[("old", "1")], script, &[]);
    let tree = recording.disk.tree();
    let shown = tree.show(&tree.live());
    let paths: Vec<&str> = shown.keys().map(String::as_str).collect();
    assert_eq!(paths, ["c", "c/copy", "c/two", "g", "old", "s"]);
    let text = |path: &str| match &shown[path] {
        Place::File { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(
        (text("g"), text("c/copy"), text("c/two")),
        ("1\n2\n".into(), "1\n2\n".into(), "x\ny".into())
    );
}

/// What is in the directory before keeps its links, of both kinds, and its names.
#[test]
fn a_directory_may_hold_data_already() {
    if !can_record() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let path = |name: &str| place.path().join(name);
    std::fs::create_dir(path("d")).expect("there is room");
    std::fs::write(path("d/one"), "1").expect("there is room");
    std::fs::hard_link(path("d/one"), path("two")).expect("there is room");
    std::os::unix::fs::symlink("two", path("three")).expect("there is room");
    let script = format!("cd {} && printf 2 >>three", place.path().display());
    let recording = record(&request(place.path(), &script, &[])).expect("it can be recorded");
    let tree = recording.disk.tree();
    let shown = |image| -> Vec<String> {
        let shown = tree.show(image);
        let texts = shown.iter().map(|(path, place)| match place {
            Place::File { bytes, .. } => format!("{path}={}", String::from_utf8_lossy(bytes)),
            Place::Symlink(target) => format!("{path}->{target}"),
            Place::Directory => format!("{path}/"),
        });
        texts.collect()
    };
    assert_eq!(
        shown(tree.start()),
        ["d/", "d/one=1", "three->two", "two=1"]
    );
    assert_eq!(
        shown(&tree.live()),
        ["d/", "d/one=12", "three->two", "two=12"]
    );
}

/// Somebody else writes into the directory: the recording would not make what is there.
#[test]
fn what_was_not_seen_is_refused() {
    if !can_record() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let (begun, foreign) = (place.path().join("begun"), place.path().join("foreign"));
    let script = format!(
        "cd {} && echo >begun && until [ -e foreign ]; do :; done",
        place.path().display()
    );
    let write_foreign = || {
        while !begun.exists() {
            std::thread::yield_now();
        }
        std::fs::write(&foreign, "x").expect("there is room");
    };
    let recorded = |allowed: &[Kind]| {
        std::thread::scope(|scope| {
            scope.spawn(write_foreign);
            record(&request(place.path(), &script, allowed))
        })
    };
    let failure = recorded(&[]).expect_err("nobody saw the file come");
    let why = "the directory is not what was seen: foreign: is there and not recorded";
    assert!(failure.message.contains(why), "{}", failure.message);
    std::fs::remove_file(&begun).expect("it is there");
    std::fs::remove_file(&foreign).expect("it is there");
    let kept = recorded(&[Kind::Difference]).expect("it is allowed");
    assert_eq!(kept.header.gaps.len(), 1);
}

#[test]
fn a_bad_checker_is_refused_first() {
    if !can_record() {
        return;
    }
    let recording = recorded(&[("config", "old\n")], RIGHT, &[]);
    let refused = |command: &str| {
        let judge = Judge::Command(command.to_owned());
        let checker = Checker::new(judge, Duration::from_millis(300), None).expect("a directory");
        let failure =
            check_checker(&recording.disk, &checker, &Stop::never()).expect_err("it is refused");
        failure
            .message
            .split(" (exit")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(refused("./no-such-checker"), "the checker cannot be run");
    let why = "the checker refuses the complete run, of which nothing is lost";
    assert_eq!(refused("false"), format!("{why}: lost, but consistent"));
    assert_eq!(refused("sleep 9;"), format!("{why}: hangs"));
    // It says something else the second time.
    let place = tempfile::tempdir().expect("a directory");
    let once = format!("once() {{ mkdir {}/once; }}; once", place.path().display());
    assert!(refused(&once).starts_with(why));
}

/// <https://www.sqlite.org/pragma.html#pragma_synchronous>, read in November 2026: in EXTRA the directory is
/// synced after the journal was removed, so that what was committed stays; in FULL it may be rolled
/// back; in OFF the database may be corrupted.
#[test]
fn sqlite_keeps_what_it_documents() {
    if !can_record() || !has("sqlite3") {
        return;
    }
    let check = r#"check() { cd "$1" || exit 3
    seen=$(grep -c ok "$2"); there=$(sqlite3 t 'pragma integrity_check; select count(*) from t' 2>&1) || { echo "$there"; exit 2; }
    case "$there" in ok*) ;; *) echo "$there"; exit 2 ;; esac
    count=${there##*ok}; [ "$((count))" -ge "$seen" ] || { echo lost; exit 1; }; }; check"#;
    let run = |mode: &str| {
        let begin = tempfile::tempdir().expect("a directory");
        let database = begin.path().join("t");
        let made = std::process::Command::new("sqlite3")
            .args([database.as_os_str(), "create table t(x)".as_ref()])
            .status();
        assert!(made.expect("it was there").success());
        let script = format!(
            "cd {} && sqlite3 t 'pragma synchronous={mode}; insert into t values(1); select \"ok\"; insert into t values(2); select \"ok\"'",
            begin.path().display()
        );
        let recording = record(&request(begin.path(), &script, &[])).expect("it can be recorded");
        let (outcome, _) = crashed(&recording, check, "posix-min");
        let found = outcome.found.iter().map(|found| found.wrong);
        found.collect::<BTreeSet<Wrong>>()
    };
    assert_eq!(run("extra"), BTreeSet::new());
    assert_eq!(run("full"), BTreeSet::from([Wrong::Lost]));
    assert!(run("off").contains(&Wrong::Inconsistent));
}

/// The second sync of a file is made to fail. The program goes on without it, and says so.
#[test]
fn a_call_is_made_to_fail() {
    if !can_record() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let script = format!(
        "cd {}; dd if=/dev/zero of=f bs=9 count=1 conv=fsync; dd if=/dev/zero of=g bs=9 count=1 conv=fsync; echo done",
        place.path().display()
    );
    let with = |injection: &str| {
        let injected = vec![injection.parse().expect("it is one")];
        record(&Request {
            injected,
            ..request(place.path(), &script, &[])
        })
    };
    let recording = with("fsync:error=EIO").expect("it can be recorded");
    assert_eq!(recording.header.injected, ["fsync:error=EIO"]);
    let is_failed = |step: &&Step| matches!(step, Step::FailedSync { .. });
    assert_eq!(recording.steps.iter().filter(is_failed).count(), 2);
    let failure = with("fsync:error=EIO:when=9").expect_err("there is no ninth");
    assert!(
        failure.message.starts_with("nothing was made to fail"),
        "{}",
        failure.message
    );
}

/// The same findings as image by image, with fewer runs.
#[test]
fn classes_find_what_images_find() {
    if !can_record() || !has("sqlite3") {
        return;
    }
    let recording = recorded(
        &[],
        "sqlite3 t 'create table t(x)'; sqlite3 t 'pragma synchronous=off; insert into t values(1)'; echo ok",
        &[],
    );
    let check = r#"check() { cd "$1" && [ "$(sqlite3 t 'pragma integrity_check' 2>&1)" = ok ] || exit 2; }; check"#;
    let checker = checker(check);
    let found = |by_class| {
        let options = Options {
            models: vec![Model::named("ext4-ordered").expect("a model")],
            budget: Budget::SMALL,
            jobs: 2,
            by_class,
            stop: Stop::never(),
        };
        let outcome = crash(&recording.disk, &checker, &options, &mut Verdicts::new());
        outcome.expect("it can be judged")
    };
    let (one_by_one, by_class) = (found(false), found(true));
    let wrongs = |outcome: &Outcome| -> BTreeSet<Wrong> {
        outcome.found.iter().map(|found| found.wrong).collect()
    };
    assert_eq!(wrongs(&one_by_one), wrongs(&by_class));
    let classes = by_class.rows[0].classes.as_ref().expect("they were used");
    assert_eq!(classes.unseen, None);
    assert!(classes.whole_points > 1, "{classes:?}");
    assert!(
        by_class.judged < one_by_one.judged,
        "{} runs",
        by_class.judged
    );
}
