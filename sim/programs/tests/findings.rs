//! Crashing a recording that was written by hand, so without `strace`: what is found, what it is
//! called, and what prevents it.

mod hand;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use hand::{at, recording, sync};
use lithify_programs::Recording;
use lithify_programs::checker::{Checker, Judge, Wrong};
use lithify_programs::crash::{Options, Verdicts, crash};
use lithify_programs::edit::{Insertion, with_syncs};
use lithify_programs::fix::{Fixed, fix};
use lithify_programs::losses::{Crashes, Loss};
use lithify_programs::shrink::shrink;
use lithify_programs::steps::{AfterFailedSync, Disk, Step};
use lithify_sim::disk::model::MODELS;
use lithify_sim::disk::{Budget, Model};
use lithify_sim::stop::Stop;

/// A log in a directory of its own, written in three pieces, of which only the last is synced when
/// the user is told; the name of the directory never is.
fn log() -> Recording {
    recording(|blobs| {
        let piece = blobs.keep(vec![b'x'; 700]);
        let done = blobs.keep(b"done\n".to_vec());
        let write = |offset| Step::Write {
            file: 2,
            offset,
            bytes: piece,
        };
        vec![
            Step::MakeDirectory { at: at(0, "d") },
            Step::Create { at: at(1, "log") },
            write(0),
            write(700),
            Step::Link {
                file: 2,
                at: at(1, "same"),
            },
            sync(2, 5),
            Step::SetLength {
                file: 2,
                length: 900,
            },
            write(900),
            sync(1, 6),
            Step::Output { bytes: done },
        ]
    })
}

/// Once the user was told, the log is there in all its length, and holds nothing but what was written.
const CHECK: &str = r#"check() { grep -q done "$2" || exit 0
[ -e "$1/d/log" ] || { echo gone; exit 3; }
[ "$(tr -d x <"$1/d/log" | wc -c)" = 0 ] || { echo holes; exit 2; }
[ "$(wc -c <"$1/d/log")" = 1600 ] || { echo short; exit 1; }; }; check"#;

fn texts(crashes: &Crashes<'_>, loss: &Loss) -> Vec<String> {
    let words = crashes.words(loss).into_iter();
    words.map(|word| word.text).collect()
}

fn checker() -> Checker {
    let judge = Judge::Command(CHECK.to_owned());
    Checker::new(judge, Duration::from_secs(30), None).expect("a directory")
}

fn options(model: &str) -> Options {
    Options {
        models: vec![Model::named(model).expect("a model")],
        budget: Budget::SMALL,
        jobs: 2,
        by_class: false,
        stop: Stop::never(),
    }
}

#[test]
fn everything_that_is_wrong_is_found_and_named() {
    let recording = log();
    let (checker, mut verdicts) = (checker(), Verdicts::new());
    let outcome = crash(
        &recording.disk,
        &checker,
        &options("posix-min"),
        &mut verdicts,
    );
    let outcome = outcome.expect("it can be judged");
    let crashes = Crashes::of(&recording.disk);
    let mut told = String::new();
    for found in &outcome.found {
        let shrunk = shrink(
            &recording,
            &checker,
            &found.loss,
            found.wrong,
            &mut verdicts,
            &Stop::never(),
        );
        let shrunk = shrunk.expect("it can be judged");
        told += &format!(
            "{}: {}\n  {}, lost {}\n",
            found.wrong,
            found.message,
            crashes.describe(shrunk.loss.position),
            texts(&crashes, &shrunk.loss).join(", ")
        );
        for cure in shrunk.cures {
            told += &format!(
                "  goes away if fsync({}) comes before {}\n",
                cure.target, cure.before
            );
        }
    }
    insta::assert_snapshot!(told);
    let wrongs: Vec<Wrong> = outcome.found.iter().map(|found| found.wrong).collect();
    assert_eq!(
        wrongs,
        [Wrong::DoesNotOpen, Wrong::Inconsistent, Wrong::Lost]
    );
}

/// Both syncs are needed, and they are enough, in every model that keeps what is synced.
#[test]
fn what_is_missing_is_found_and_enough() {
    let recording = log();
    for model in ["posix-min", "paranoid"] {
        let fixed = fix(
            &recording,
            &checker(),
            &options(model),
            &mut Verdicts::new(),
        );
        let Fixed::With(missing, outcome) = fixed.expect("it can be judged") else {
            panic!("{model}: syncs are missing");
        };
        let missing: BTreeSet<String> = (missing.iter())
            .map(|sync| format!("{} before {}", sync.target, sync.before))
            .collect();
        let told = "the user sees \"done\"";
        let expected = [format!("/ before {told}"), format!("d/log before {told}")];
        assert_eq!(missing, BTreeSet::from(expected), "{model}");
        assert!(outcome.bad.is_empty());
    }
    // Nobody can be helped whose syncs do nothing.
    let fixed = fix(
        &recording,
        &checker(),
        &options("lying-disk"),
        &mut Verdicts::new(),
    );
    assert!(!matches!(fixed, Ok(Fixed::With(..) | Fixed::Nothing)));
}

/// `lithify image` is handed the numbers of a finding, and makes the image that was judged.
#[test]
fn an_image_is_made_again_from_its_numbers() {
    let recording = log();
    let crashes = Crashes::of(&recording.disk);
    let mut images = 0;
    for model in MODELS {
        let mut losses: Vec<Loss> = Vec::new();
        crashes.visit(model, Budget::SMALL, &Stop::never(), &mut |loss, _, _| {
            losses.push(loss);
            ControlFlow::Continue(())
        });
        for loss in losses {
            let loss = crashes.seen_only(&loss);
            let frontier = crashes.frontier(loss.model, loss.position);
            let numbers = crashes.numbers(&loss);
            let lost = match numbers.is_empty() {
                true => Vec::new(),
                false => crashes.meant(&frontier, &numbers),
            };
            // Every lost change is in one word.
            let words = crashes.words(&loss);
            let told: BTreeSet<usize> =
                words.iter().flat_map(|word| word.changes.clone()).collect();
            assert_eq!(told, loss.kept.zeroes().collect());
            let count = crashes.count_at(loss.position);
            let again = Loss {
                kept: frontier.dropping(&lost),
                position: crashes.position_after(count).expect("it is there"),
                ..loss.clone()
            };
            let (one, other) = (crashes.image(&loss).0, crashes.image(&again).0);
            assert_eq!(one.digest, other.digest, "{} {numbers}", model.name);
            images += 1;
        }
    }
    assert!(images > 500, "{images}");
}

/// A sync that is put into a recording shifts what later syncs cover with everything else.
#[test]
fn a_sync_that_is_put_in_moves_what_others_cover() {
    let recording = recording(|blobs| {
        let bytes = blobs.keep(b"x".to_vec());
        let write = |offset| Step::Write {
            file: 1,
            offset,
            bytes,
        };
        vec![
            Step::Create { at: at(0, "f") },
            write(0),
            write(1),
            write(2),
            sync(1, 2),
            Step::SyncAll { entered: 3 },
        ]
    });
    let covers = |disk: &Disk| -> Vec<String> {
        let log = disk.log();
        (0..disk.length())
            .map(|place| {
                format!(
                    "{} {}",
                    log.describe(&log.operations()[place]),
                    log.covers_up_to(place)
                )
            })
            .collect()
    };
    let insertion = Insertion {
        position: 2,
        file: 0,
    };
    let edited = with_syncs(&recording, &[insertion], &BTreeSet::from([4]));
    let edited = edited.expect("it fits");
    insta::assert_debug_snapshot!((covers(&recording.disk), covers(&edited)));
    let nothing = with_syncs(&recording, &[], &BTreeSet::new()).expect("it fits");
    assert_eq!(covers(&nothing), covers(&recording.disk));
}

/// A commit whose sync fails, is tried again, and then reported: what the first sync would have written
/// is lost for ever where its pages count as clean, and safe where they do not.
#[test]
fn a_failed_sync_may_forget() {
    let recording = recording(|blobs| {
        let (line, done) = (
            blobs.keep(b"line\n".to_vec()),
            blobs.keep(b"done\n".to_vec()),
        );
        vec![
            Step::Create { at: at(0, "log") },
            sync(0, 1),
            Step::Write {
                file: 1,
                offset: 0,
                bytes: line,
            },
            Step::FailedSync {
                file: 1,
                data_only: true,
                entered: 3,
            },
            sync(1, 4),
            Step::Output { bytes: done },
        ]
    });
    assert!(recording.has_failed_sync());
    let check =
        r#"check() { if grep -q done "$2"; then grep -qx line "$1/log" || exit 1; fi; }; check"#;
    let wrongs = |after| {
        let recording = recording.on(after).expect("it fits");
        let judge = Judge::Command(check.to_owned());
        let checker = Checker::new(judge, Duration::from_secs(30), None).expect("a directory");
        let outcome = crash(
            &recording.disk,
            &checker,
            &options("posix-min"),
            &mut Verdicts::new(),
        );
        let found = outcome.expect("it can be judged").found;
        found.iter().map(|found| found.wrong).collect::<Vec<_>>()
    };
    assert_eq!(wrongs(AfterFailedSync::Clean), [Wrong::Lost]);
    assert_eq!(wrongs(AfterFailedSync::Dirty), []);
    // Syncs that are put in keep what the file system does.
    let dirty = recording.on(AfterFailedSync::Dirty).expect("it fits");
    let with = with_syncs(&dirty, &[], &BTreeSet::new()).expect("it fits");
    assert_eq!(with.after_failed_sync(), AfterFailedSync::Dirty);
}
