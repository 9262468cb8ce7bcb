//! One mistake of a store has one signature in many seeds, and two mistakes that break
//! the same promise have two signatures.

#[path = "../examples/own_system/store.rs"]
mod store;

use std::collections::BTreeSet;

use lithify_sim::disk::FaultKind;
use lithify_sim::finding::explain::explain;
use lithify_sim::finding::gathered::Gathered;
use lithify_sim::finding::signature::Diagnosis;
use lithify_sim::planted;
use lithify_sim::search::campaign::{Ledger, Mixture};
use lithify_sim::stop::Stop;
use store::{COMMIT_NOT_SYNCED, DIRECTORY_NOT_SYNCED, SYNC_ERROR_IGNORED, TinyLog};

fn found(bug: &'static str, faults: Vec<FaultKind>, seeds: u64) -> Gathered {
    let mixture = Mixture {
        bug: Some(bug),
        faults: Some(faults),
        ..Mixture::new(&TinyLog)
    };
    let mut gathered = Gathered::default();
    for seed in 0..seeds {
        let ledger = &mut Ledger::default();
        if let Some(found) = mixture.campaign(seed).seed(seed, ledger) {
            gathered.add(Diagnosis::of_found(&found), found);
        }
    }
    gathered
}

fn signatures(gathered: &Gathered) -> Vec<String> {
    let kinds = gathered.kinds();
    kinds
        .iter()
        .map(|(signature, _)| signature.to_string())
        .collect()
}

#[test]
fn one_missing_sync_has_one_signature() {
    for (bug, signature) in [
        (
            DIRECTORY_NOT_SYNCED,
            "durability: no sync_dir(/) before commit N is acknowledged",
        ),
        (
            COMMIT_NOT_SYNCED,
            "durability: no sync_data(log) before commit N is acknowledged",
        ),
    ] {
        let gathered = found(bug, Vec::new(), 60);
        assert!(gathered.count() > 40, "{bug}: {}", gathered.count());
        assert_eq!(signatures(&gathered), [signature], "{bug}");
        let (_, kind) = gathered.kinds()[0];
        assert!(
            kind.cheapest.plan.actions.len() < 12,
            "{}",
            kind.cheapest.plan
        );
    }
}

/// A signature omits the details: the explanations of the unshrunk traces of one
/// mistake are many different texts.
#[test]
fn explanations_differ_where_the_signature_is_one() {
    let (mut explanations, mut signatures) = (BTreeSet::new(), BTreeSet::new());
    let mixture = Mixture {
        bug: Some(COMMIT_NOT_SYNCED),
        ..Mixture::new(&TinyLog)
    };
    for seed in 0..90 {
        let Some(found) = mixture.campaign(seed).seed(seed, &mut Ledger::default()) else {
            continue;
        };
        let explained = explain(&found.plan, &Stop::never()).expect("it has a finding");
        let pivots = explained.pivots.iter().map(ToString::to_string);
        explanations.insert(pivots.collect::<Vec<_>>().join("; "));
        signatures.insert(Diagnosis::of_found(&found).signature.to_string());
    }
    println!("{} explanations, {signatures:#?}", explanations.len());
    assert!(explanations.len() > 20, "{explanations:#?}");
    assert!(signatures.len() <= 2, "{signatures:#?}");
}

#[test]
fn a_fault_is_told_with_the_call_and_the_operation_that_it_met() {
    let faults = vec![FaultKind::SyncErrorDirty, FaultKind::ShortWrite];
    let gathered = found(SYNC_ERROR_IGNORED, faults, 60);
    assert_eq!(
        signatures(&gathered),
        ["durability: sync-error-dirty at sync_data log in commit"]
    );
}

#[test]
fn the_story_of_a_fault_says_what_was_answered_and_what_was_wanted() {
    let gathered = found(SYNC_ERROR_IGNORED, vec![FaultKind::SyncErrorDirty], 20);
    let (_, kind) = gathered.kinds()[0];
    let why = kind.why.join("\n");
    for part in [
        "\"commit",
        "met sync-error-dirty at sync_data log",
        "the store answered that all was well",
        "wanted: acknowledged commits survive; but commit",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
}

#[test]
fn a_sound_store_passes() {
    lithify_sim::check(&TinyLog);
}

#[test]
#[should_panic(expected = "durability: no sync_dir(/) before commit N is acknowledged")]
fn a_store_that_forgets_does_not() {
    planted::with(Some(DIRECTORY_NOT_SYNCED), || lithify_sim::check(&TinyLog));
}

#[test]
fn what_was_covered_and_found_is_data() {
    let mut ledger = Ledger::default();
    let sound = Mixture::new(&TinyLog).campaign(0);
    assert!(sound.seed(0, &mut ledger).is_none());
    let ledger = serde_json::to_value(&ledger).expect("all keys are names");
    assert_eq!(ledger["seeds"], 1);
    assert!(ledger["coverage"]["posix-min"]["points"].as_u64() > Some(0));
    let gathered = found(COMMIT_NOT_SYNCED, Vec::new(), 1);
    let (_, kind) = gathered.kinds()[0];
    let finding = serde_json::to_value(&kind.cheapest.finding).expect("it is two texts");
    assert_eq!(finding["oracle"], "durability");
}
