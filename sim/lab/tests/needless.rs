//! A search for a planted bug tells findings of the bug from findings of the store itself.
//!
//! The store under test is a tiny log that refuses to open a log with more than two commits: a
//! mistake of its own. Its planted bug changes nothing.

#[path = "../examples/own_system/store.rs"]
mod store;

use std::sync::Arc;
use std::time::Duration;

use lithify::fs::Fs;
use lithify_sim::disk::Model;
use lithify_sim::finding::replay::replay;
use lithify_sim::planted::Planted;
use lithify_sim::search::mutants::{Search, hunt, mutants};
use lithify_sim::system::{Engine, Failure, Instance, Setting, Settings, System};
use store::TinyLog;

const WITHOUT_EFFECT: Planted = Planted::new("without-effect", "none", "nothing is different");
const OWN_MISTAKE: &str = "the log has more than two commits";

/// A tiny log that refuses to open more than two commits, or does not.
struct ShortLog {
    is_mistaken: bool,
}

static MISTAKEN: ShortLog = ShortLog { is_mistaken: true };
static RIGHT: ShortLog = ShortLog { is_mistaken: false };

impl System for ShortLog {
    fn name(&self) -> &'static str {
        "short-log"
    }

    fn about(&self) -> &'static str {
        "a tiny log with a mistake of its own"
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        TinyLog.configure(settings)?;
        Ok(Arc::new(Self { ..*self }))
    }

    fn bugs(&self) -> Vec<Planted> {
        vec![WITHOUT_EFFECT]
    }
}

impl Engine for ShortLog {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        let instance = TinyLog.open(fs)?;
        match self.is_mistaken && instance.head() > 2 {
            true => Err(Failure::Other(OWN_MISTAKE.to_owned())),
            false => Ok(instance),
        }
    }
}

/// A finding without the bug was once dropped without a word, and before that was counted as the
/// detection of the bug.
#[test]
fn a_finding_that_needs_no_bug_is_reported_and_does_not_count() {
    let found_in = |system: &'static ShortLog| {
        let mutants = mutants(system);
        let [bug] = &mutants[..] else {
            panic!("{} bugs", mutants.len());
        };
        let search = Search {
            time: Duration::from_secs(60),
            ..Search::new(system, Model::DEFAULT, 1)
        };
        hunt(bug, &search)
    };
    let row = found_in(&MISTAKEN);
    assert!(!row.killed, "{:?} is a finding of the store", row.message);
    let needless = row.needless.expect("the store has a finding");
    assert!(needless.finding.message.contains(OWN_MISTAKE));
    assert_eq!(needless.plan.bug, None);
    let again = replay(&needless.plan, false).expect("the plan can be replayed");
    assert_eq!(
        again.finding.map(|it| it.oracle),
        Some(needless.finding.oracle)
    );

    let row = found_in(&RIGHT);
    assert!(!row.killed && row.needless.is_none());
}
