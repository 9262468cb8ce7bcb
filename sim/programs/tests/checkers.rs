//! Who judges: a command, one that stays, and the recorded program itself.

mod hand;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use hand::{at, recording, sync};
use lithify_programs::Recording;
use lithify_programs::checker::{Checker, Judge, Restart, Wrong};
use lithify_programs::crash::{Options, Outcome, Verdicts, check_checker, crash};
use lithify_programs::failure::{Failure, Matter};
use lithify_programs::steps::Step;
use lithify_sim::disk::{Budget, Model};
use lithify_sim::stop::Stop;

/// A configuration is replaced, and the user is told. What was written is synced before, or not.
fn replacing(is_synced: bool) -> Recording {
    recording(|blobs| {
        let (old, new) = (blobs.keep(b"old\n".to_vec()), blobs.keep(b"new\n".to_vec()));
        let saved = blobs.keep(b"saved\n".to_vec());
        let (from, to) = (at(0, "t"), at(0, "config"));
        let mut steps = vec![
            Step::HadFile {
                at: to.clone(),
                bytes: old,
            },
            Step::Create { at: from.clone() },
            Step::Write {
                file: 2,
                offset: 0,
                bytes: new,
            },
        ];
        if is_synced {
            steps.push(sync(2, 2));
        }
        let position = steps.len();
        steps.push(Step::Rename { from, to });
        steps.push(sync(0, position));
        steps.push(Step::Output { bytes: saved });
        steps
    })
}

fn options() -> Options {
    Options {
        models: vec![Model::DEFAULT],
        budget: Budget::SMALL,
        jobs: 2,
        by_class: false,
        stop: Stop::never(),
    }
}

fn checker(judge: Judge) -> Checker {
    Checker::new(judge, Duration::from_secs(2), None).expect("a directory")
}

fn judged(recording: &Recording, judge: Judge) -> Result<(Outcome, Verdicts), Failure> {
    let checker = checker(judge);
    check_checker(&recording.disk, &checker, &Stop::never())?;
    let mut verdicts = Verdicts::new();
    let outcome = crash(&recording.disk, &checker, &options(), &mut verdicts)?;
    Ok((outcome, verdicts))
}

/// The same question for a command and for one that stays.
const QUESTION: &str = r#"question() { case "$(cat "$1/config")" in
new) echo 0 fine ;;
old) if grep -q saved "$2"; then echo 1 saved, and old; else echo 0; fi ;;
*) echo 2 neither old nor new ;;
esac; }"#;

fn command() -> Judge {
    let run = r#"run() { answer=$(question "$1" "$2"); echo "${answer#? }"; exit "${answer%% *}"; }; run"#;
    Judge::Command(format!("{QUESTION}; {run}"))
}

fn warm(ask: &str) -> Judge {
    let tab = "tab=$(printf '\\t')";
    let read = format!(r#"while IFS=$tab read -r image seen; do {ask}; done"#);
    Judge::Warm(format!("{QUESTION}; {tab}; {read}"))
}

#[test]
fn one_that_stays_says_what_a_command_says() {
    let recording = replacing(false);
    let (one, said) = judged(&recording, command()).expect("it judges");
    let ask = r#"question "$image" "$seen""#;
    let (_, same) = judged(&recording, warm(ask)).expect("it judges");
    let wrongs: Vec<Wrong> = one.found.iter().map(|found| found.wrong).collect();
    assert_eq!(wrongs, [Wrong::Inconsistent, Wrong::Lost]);
    // "fine" is said of what is good, and a command that says nothing has no message.
    assert_eq!(said, same);
}

/// Whatever goes wrong with a checker that stays is said, and is no finding.
#[test]
fn one_that_stays_has_to_answer() {
    let recording = replacing(false);
    let refused = |judge| {
        let failure = judged(&recording, judge).expect_err("it is refused");
        assert_eq!(failure.matter, Matter::Input);
        failure.message
    };
    let ends = r#"[ -e "$image/t" ] && { echo 'no t please' >&2; exit 7; }; echo 0"#;
    let said = refused(warm(ends));
    let told = said.contains("ended (exit status: 7) after") && said.contains(": no t please");
    assert!(told, "{said}");
    let said = refused(warm(r#"[ -e "$image/t" ] && kill -SEGV $$; echo 0"#));
    assert!(said.contains("ended (signal: 11"), "{said}");
    let said = refused(warm(r#"[ -e "$image/t" ] && sleep 60; echo 0"#));
    assert!(said.contains("does not answer within 2 seconds"), "{said}");
    let said = refused(warm("echo all is well"));
    let why = "answers \"all is well\" and not with an exit code";
    assert!(said.contains(why), "{said}");
    let said = refused(warm("echo 0; echo 0; sleep 0.2"));
    assert!(said.contains("without being asked"), "{said}");
    let said = refused(Judge::Warm("./no-such-checker".to_owned()));
    assert!(
        said.contains("not found") && said.contains("after 0 answers"),
        "{said}"
    );
    // It closes its output and stays.
    let said = refused(Judge::Warm("exec >&-; sleep 60".to_owned()));
    assert!(said.contains("it closed its standard output"), "{said}");
}

/// A recording whose program is `script`, in a real directory.
fn of_program(mut recording: Recording, place: &Path, script: &str) -> Recording {
    let header = &mut recording.header;
    header.program = ["sh", "-c", script].map(str::to_owned).to_vec();
    let place = place.canonicalize().expect("it is there");
    header.directory = place.to_str().expect("UTF-8").to_owned();
    header.place.clone_from(&header.directory);
    recording
}

/// Skipped where an image cannot be put in the place of a directory; says so.
fn restart(recording: &Recording) -> Option<Judge> {
    match Restart::of(&recording.header) {
        Ok(restart) => Some(Judge::Restart(restart)),
        Err(failure) if failure.matter == Matter::Io => {
            eprintln!("skipped: {}", failure.message);
            None
        }
        Err(failure) => panic!("{}", failure.message),
    }
}

#[test]
fn a_restart_must_say_what_it_says_without_the_loss() {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("config"), "untouched").expect("there is room");
    let wrongs = |is_synced: bool, script: &str| {
        let recording = of_program(replacing(is_synced), place.path(), script);
        let judge = restart(&recording)?;
        let (outcome, _) = judged(&recording, judge).expect("it judges");
        let found = outcome.found.iter().map(|found| found.wrong);
        Some(found.collect::<BTreeSet<Wrong>>())
    };
    let read = "cat config; rm -f t; echo more >>config";
    let Some(found) = wrongs(true, read) else {
        return;
    };
    // Before the user was told, both old and new are right.
    assert_eq!(found, BTreeSet::new());
    let found = wrongs(false, read).expect("as before");
    assert_eq!(found, BTreeSet::from([Wrong::Lost, Wrong::Inconsistent]));
    // It looks at what it reads, and ends otherwise.
    let strict = "grep -q -e old -e new config && cat config";
    let found = wrongs(false, strict).expect("as before");
    assert_eq!(found, BTreeSet::from([Wrong::Lost, Wrong::DoesNotOpen]));
    let found = wrongs(false, "grep -q -e old -e new config || kill -SEGV $$").expect("as before");
    assert_eq!(found, BTreeSet::from([Wrong::Signal(11)]));
    // The real directory was not touched.
    let there = std::fs::read(place.path().join("config")).expect("it is there");
    assert_eq!(there, b"untouched");
}

#[test]
fn what_cannot_be_started_again_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let recording = |script: &str| of_program(replacing(true), place.path(), script);
    let mut outside = recording("true");
    outside.header.written_outside.push("/tmp/x".to_owned());
    let mut marked = recording("true");
    marked.header.has_marker = true;
    let mut gone = recording("true");
    gone.header.directory += "/gone";
    let mut old = recording("true");
    old.header.place.clear();
    for (recording, why) in [
        (outside, "writes outside of its directory (/tmp/x)"),
        (marked, "writes to a marker file"),
        (gone, "gone is not there"),
        (old, "does not say where the program was started"),
    ] {
        let failure = Restart::of(&recording.header).expect_err("it is refused");
        assert_eq!(failure.matter, Matter::Input);
        assert!(failure.message.contains(why), "{}", failure.message);
    }
    for (script, why) in [
        (
            "kill -SEGV $$",
            "cannot be started again after its complete run: signal 11",
        ),
        (
            "sleep 60",
            "cannot be started again after its complete run: hangs",
        ),
        ("date +%N", "the checker refuses the complete run"),
    ] {
        let recording = recording(script);
        let Some(judge) = restart(&recording) else {
            return;
        };
        let failure = judged(&recording, judge).expect_err("it is refused");
        assert!(failure.message.contains(why), "{}", failure.message);
    }
}

/// What is known when the time is over is told, also while a checker hangs.
#[test]
fn a_checker_does_not_hold_up_the_end() {
    let recording = replacing(false);
    let hangs =
        r#"hangs() { [ -e "$1/t" ] && sleep 60; grep -q new "$1/config" || exit 2; }; hangs"#;
    let judge = Judge::Command(hangs.to_owned());
    let checker = Checker::new(judge, Duration::from_secs(60), None).expect("a directory");
    let options = Options {
        stop: Stop::after(Duration::from_millis(700)),
        ..options()
    };
    let outcome = crash(&recording.disk, &checker, &options, &mut Verdicts::new());
    let outcome = outcome.expect("it is over");
    assert!(!outcome.is_complete);
    assert!(outcome.rows[0].unjudged > 0);
}
