//! The explanation of a finding: it covers every crash of the trace, names the source
//! of stale bytes, and names a file as it is called at that moment.

use lithify_sim::finding::explain::{Explanation, explain};
use lithify_sim::finding::traces::parse;
use lithify_sim::run::plan::Plan;
use lithify_sim::stop::Stop;
use lithify_sim::systems::lithify::Lithify;

fn explained(text: &str) -> (Plan, Explanation) {
    let plan = parse(&[&Lithify], text).expect("it is a trace");
    let explanation = explain(&plan, &Stop::never()).expect("it has a finding");
    (plan, explanation)
}

/// An earlier crash lost a file, and its bytes come back in the place of lost bytes.
#[test]
fn stale_bytes_have_an_owner_and_a_writer() {
    let (plan, explanation) = explained(include_str!(
        "../../../tests/traces/swept-number-used-again.sim"
    ));
    let [stale] = explanation.stale.as_slice() else {
        panic!("{explanation:?}");
    };
    assert_eq!(stale.source.to_string(), "wal-000009#2");
    assert!(stale.place.starts_with("wal-000009["), "{stale}");
    assert!(!stale.is_own, "{stale}");
    let writer = stale.writer.as_ref().expect("a file of this run had them");
    assert!(writer.operation.starts_with("write wal-000009["), "{stale}");
    let action = writer.action.as_ref().expect("an action of the plan did");
    assert!(plan.actions.iter().any(|line| line.to_string() == *action));
}

/// A file gets bytes back that it has lost itself. The explanation names the crash that
/// lost them.
#[test]
fn stale_bytes_of_the_file_itself_say_when_they_were_lost() {
    let (_, explanation) = explained(
        "lithify-sim 1
system lithify
model posix-min
seed 0
bug found-log-gone-on
set durability buffered
set room 0
begin
commit a/0=1.1
sync
crash
commit a/0=2.2
crash keep
commit a/0=9.9
crash lose data(wal-000001[95..136]) fill stale wal-000001#1
expect state
",
    );
    let [stale] = explanation.stale.as_slice() else {
        panic!("{explanation:?}");
    };
    assert_eq!(
        stale.to_string(),
        "wal-000001[95..129] reads as what the file itself held there before (wal-000001#1), \
         written by write wal-000001[95..129] during \"commit a/0=2.2\", lost at crash 2"
    );
}

/// The finding needs what each of two losses of power has lost.
#[test]
fn every_crash_is_asked_about() {
    let (_, explanation) = explained(include_str!(
        "../../../tests/traces/swept-number-used-again.sim"
    ));
    let about = |crash| {
        let mut pivots = explanation.pivots.iter();
        pivots.any(|pivot| pivot.crash == Some((crash, 2)))
    };
    assert!(about(1) && about(2), "{explanation:?}");
}
