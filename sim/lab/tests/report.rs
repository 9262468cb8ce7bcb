//! The facts about a finding: what became durable when, what a loss of power took, and
//! where the finding becomes possible.

#[path = "../examples/own_system/store.rs"]
mod store;

use lithify_sim::finding::report::{CauseKind, Event, Fate, Report, Shows, What};
use lithify_sim::finding::traces::parse;
use lithify_sim::run::plan::Plan;
use lithify_sim::stop::Stop;
use store::{COMMIT_NOT_SYNCED, DIRECTORY_NOT_SYNCED, SYNC_ERROR_IGNORED, TinyLog};

fn plan(bug: Option<&str>, lines: &str) -> Plan {
    let bug = bug.map_or(String::new(), |bug| format!("bug {bug}\n"));
    let text = format!("lithify-sim 1\nsystem tiny-log\nmodel posix-min\nseed 0\n{bug}{lines}");
    parse(&[&TinyLog], &text).expect("it is a trace")
}

fn report(bug: Option<&str>, lines: &str) -> Report {
    Report::of(&plan(bug, lines), &Stop::never()).expect("the bug exists")
}

fn events_of(report: &Report, what: What) -> Vec<(usize, &Event)> {
    let all = report.events.iter().enumerate();
    all.filter(|(_, event)| event.what == what).collect()
}

/// The bytes of a commit are lost although it was acknowledged, and the report says so
/// in each of its parts.
#[test]
fn a_missing_sync_is_told_in_every_part() {
    let report = report(
        Some(COMMIT_NOT_SYNCED),
        "begin\ncommit a/0=1.0\ncrash keep\nexpect durability\n",
    );
    let found = report.found.as_ref().expect("the bug shows");
    assert_eq!(found.promise, "acknowledged commits survive");
    assert_eq!(
        report.signature.as_ref().map(ToString::to_string),
        Some("durability: no sync_data(log) before commit N is acknowledged".to_owned())
    );
    let missing = |kind| report.causes.iter().filter(|it| it.kind == kind).count();
    assert_eq!(missing(CauseKind::MissingBarrier), 1, "{:?}", report.causes);

    // The write comes before the acknowledgement, and the crash takes it.
    let [(acknowledged, _)] = events_of(&report, What::Acknowledged)[..] else {
        panic!("one commit is acknowledged: {:#?}", report.events);
    };
    let [(failure, _)] = events_of(&report, What::PowerFailure)[..] else {
        panic!("the power fails once: {:#?}", report.events);
    };
    let lost: Vec<usize> = (report.events.iter().enumerate())
        .filter(|(_, event)| event.fate == Some(Fate::Lost(failure)) && event.what == What::Write)
        .map(|(number, _)| number)
        .collect();
    assert!(!lost.is_empty() && lost.iter().all(|&number| number < acknowledged));

    let [loss] = &report.losses[..] else {
        panic!("one loss of power: {:#?}", report.losses);
    };
    assert_eq!((loss.event, loss.line), (failure, 2));
    assert_eq!((loss.issued, loss.acknowledged), (1, 1));
    assert!(!loss.changes.is_empty());
    for change in &loss.changes {
        assert!(
            !change.is_kept && change.event < Some(acknowledged),
            "{change:?}"
        );
    }

    let [disks] = &report.disks[..] else {
        panic!("one loss of power: {:#?}", report.disks);
    };
    let opened = &disks.opened;
    assert_eq!((opened.newest, opened.compared_with), (Some(0), 1));
    assert_eq!((opened.right, opened.differences.len()), (0, 1));
    assert_eq!(opened.differences[0].found, None);
}

/// At the beginning no image ends in the finding; directly behind the acknowledgement
/// some do, and all that may be left were counted.
#[test]
fn the_curve_counts_every_image_and_rises_at_the_acknowledgement() {
    let report = report(
        Some(COMMIT_NOT_SYNCED),
        "begin\ncommit a/0=1.0\ncrash keep\nexpect durability\n",
    );
    let curve = report.curve.expect("it ends with a crash");
    assert!(curve.is_complete && curve.points.iter().all(|point| point.is_exact));
    let (first, last) = (&curve.points[0], curve.points.last().expect("the end"));
    assert_eq!((first.images, first.failing), (1, 0), "{first:?}");
    assert_eq!(last.operation, None);
    assert!(0 < last.failing && last.failing < last.images, "{last:?}");
    // Before the last call nothing was acknowledged, so nothing can be missed.
    for point in &curve.points[..curve.points.len() - 1] {
        assert_eq!(point.failing, 0, "{point:?}");
    }
}

/// A name that is not synced is durable for those models in which a sync of a file
/// covers names, and they do not show the finding.
#[test]
fn models_that_sync_names_with_files_do_not_show_it() {
    let report = report(
        Some(DIRECTORY_NOT_SYNCED),
        "begin\ncommit a/0=1.0\ncrash keep\nexpect durability\n",
    );
    let shows = |name: &str| {
        let found = report.models.iter().find(|under| under.model == name);
        found.map(|under| under.shows)
    };
    assert_eq!(shows("posix-min"), None, "it is the model of the trace");
    assert_eq!(shows("paranoid"), Some(Shows::AsItIs));
    for name in ["ext4-ordered", "xfs", "strict-ordered"] {
        assert_eq!(shows(name), Some(Shows::Nothing), "{name}");
    }
    let nothing = report.models.iter().find(|it| it.model == "xfs");
    let coverage = nothing.and_then(|under| under.coverage);
    assert!(coverage.is_some_and(|it| it.points > 0 && it.points == it.enumerated_points));
}

/// Without a bug every change of a commit is durable before the commit is acknowledged.
#[test]
fn a_durable_commit_is_durable_before_it_is_acknowledged() {
    let report = report(None, "begin\ncommit a/0=1.0\ncommit b/1=2.0\nexpect pass\n");
    assert!(report.found.is_none() && report.signature.is_none());
    assert!(report.causes.is_empty() && report.models.is_empty() && report.curve.is_none());
    let acknowledged = events_of(&report, What::Acknowledged);
    let commits = events_of(&report, What::Action);
    assert_eq!((acknowledged.len(), commits.len()), (2, 2));
    for ((commit, _), (acknowledged, _)) in commits.into_iter().zip(acknowledged) {
        let during = &report.events[commit..acknowledged];
        let writes: Vec<&Event> = (during.iter())
            .filter(|event| event.what == What::Write && event.text.starts_with("write"))
            .collect();
        assert!(!writes.is_empty());
        for event in writes {
            let Some(Fate::Durable(since)) = event.fate else {
                panic!("{event:?}");
            };
            assert!(commit < since && since < acknowledged, "{event:?}");
            assert_eq!(report.events[since].what, What::Barrier);
        }
    }
    let [disks] = &report.disks[..] else {
        panic!("one disk, at the end: {:#?}", report.disks);
    };
    assert_eq!((disks.crash, disks.opened.right), (None, 2));
    assert_eq!(disks.opened.newest, Some(2));
}

/// Each file has one lane, with its name from the event that gave it.
#[test]
fn files_are_told_apart_by_identity() {
    let report = report(
        None,
        "begin\ncommit a/0=1.0\ncrash\ncommit a/1=2.0\nexpect pass\n",
    );
    let files: Vec<u32> = report.lanes.iter().filter_map(|lane| lane.file).collect();
    let mut sorted = files.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(files, sorted, "one lane for each file");
    for (number, event) in report.events.iter().enumerate() {
        if event.what == What::Create && report.lanes[event.lane].file.is_some() {
            let lane = &report.lanes[event.lane];
            let naming = lane.names.iter().find(|naming| naming.event == number);
            let name = naming.and_then(|naming| naming.name.as_ref());
            assert!(
                name.is_some_and(|name| event.text.ends_with(name.as_str())),
                "{event:?}"
            );
        }
    }
    assert_eq!(report.losses.len(), 1);
    assert_eq!(report.events.iter().map(|event| event.epoch).max(), Some(2));
}

/// A fault: what it struck, and what the store answered.
#[test]
fn a_fault_is_told_with_the_answer_of_the_store() {
    let report = report(
        Some(SYNC_ERROR_IGNORED),
        "begin\ncommit a/0=1.0\nfault sync-error-dirty log 1\ncommit a/0=2.0\nexpect honesty\n",
    );
    let [strike] = &report.faults[..] else {
        panic!("one fault strikes: {report:#?}");
    };
    assert_eq!((strike.fault, strike.line), ("sync-error-dirty", 3));
    assert_eq!(strike.answer, None);
    assert!(!strike.is_observed);
    assert_eq!(events_of(&report, What::Fault).len(), 1);
}

/// Pages and programs can compare reports, so they must not depend on anything but the
/// plan.
#[test]
fn equal_plans_have_equal_reports() {
    let lines = "begin\ncommit a/0=1.0\ncrash keep\nexpect durability\n";
    let json = || {
        let report = report(Some(COMMIT_NOT_SYNCED), lines);
        serde_json::to_string(&report).expect("it has no maps with other keys than text")
    };
    assert_eq!(json(), json());
}
