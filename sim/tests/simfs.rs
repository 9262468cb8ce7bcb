//! The simulated file system is a file system, and its models are those of the literature.
//!
//! The same conformance cases that `OsFs` and `MemFs` pass run on [`SimFs`]; a property
//! test of the root package compares operation lists with a real directory. The litmus
//! tests are reviewed snapshots: every outcome that a model allows, and a table of what was
//! published about each file system, beside what its model says.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use lithify_sim::conformance;
use lithify_sim::simfs::litmus::published::{Agreement, PUBLISHED, Verdict};
use lithify_sim::simfs::litmus::{LITMUS, Litmus};
use lithify_sim::simfs::model::MODELS;
use lithify_sim::simfs::{Image, Model, SimFs};

#[test]
fn the_simulated_file_system_conforms() {
    conformance::check(&SimFs::new());
}

#[test]
fn a_file_system_that_starts_from_an_image_conforms() {
    conformance::check(&SimFs::from_image(&SimFs::new().image()));
}

/// A process that dies in the middle of a log leaves what it has done so far.
#[test]
fn a_log_can_be_done_again_up_to_any_place() {
    let fs = SimFs::new();
    conformance::check(&fs);
    let log = fs.log();
    let operations = log.operations();
    assert!(operations.len() > 100, "only {} entries", operations.len());
    for end in (0..operations.len()).step_by(7) {
        let again = SimFs::from_log(&Image::default(), &log, end);
        assert_eq!(again.log().operations(), &operations[..end]);
    }
    let again = SimFs::from_log(&Image::default(), &log, operations.len());
    assert_eq!(again.image().digest(), fs.image().digest());
}

/// Every test on every file system that a model stands for. `sim list --litmus` prints it.
#[test]
fn models_allow_at_least_what_was_published() {
    for litmus in LITMUS {
        for model in MODELS {
            let stands_for_a_file_system = model.honest && !model.is_comparison;
            let published = litmus.published(model);
            let place = format!("{}, {}", litmus.name, model.name);
            assert_eq!(published.is_some(), stands_for_a_file_system, "{place}");
            let Some(published) = published else { continue };
            let agreement = published.agreement(litmus, model);
            assert_ne!(agreement, Agreement::Contradicts, "{place}");
            let is_told = agreement != Agreement::Assumes || !published.remark.is_empty();
            assert!(is_told, "{place}: on what does the model rely?");
        }
    }
}

/// The comparison above can fail: a model that keeps all in order is no ext4.
#[test]
fn a_model_that_hides_a_published_crash_contradicts_it() {
    let strict = Model::named("strict-ordered").expect("the model exists");
    let xfs = Model::named("xfs").expect("the model exists");
    let ext4 = Model::named("ext4-ordered").expect("the model exists");
    for litmus in &LITMUS[..3] {
        let published = litmus.published(ext4).expect("a row for each");
        assert_eq!(published.agreement(litmus, ext4), Agreement::Agrees);
        assert_eq!(published.agreement(litmus, strict), Agreement::Contradicts);
    }
    // Length and bytes of an append keep their order on XFS, and the witness is no outcome.
    let prefix = &LITMUS[0];
    let published = prefix.published(ext4).expect("a row for each");
    assert_eq!(published.agreement(prefix, xfs), Agreement::Contradicts);
    // The other way round it is sound.
    let published = prefix.published(xfs).expect("a row for each");
    assert_eq!(published.agreement(prefix, ext4), Agreement::Weaker);
}

#[test]
fn published_rows_name_what_there_is_once() {
    let mut seen = BTreeSet::new();
    for row in PUBLISHED {
        assert!(Model::named(row.model).is_some(), "{}", row.model);
        assert!(row.witness.is_none() || row.verdict == Verdict::Unsafe);
        for name in row.litmus {
            assert!(Litmus::named(name).is_some(), "{name}");
            assert!(
                seen.insert((row.model, name)),
                "{}: {name} twice",
                row.model
            );
        }
    }
}

#[test]
fn litmus_outcomes_of_every_model() {
    let mut text = String::new();
    for litmus in LITMUS {
        writeln!(text, "{}: {}", litmus.name, litmus.question).expect("a string grows");
        for model in MODELS {
            let outcomes = litmus.outcomes(model);
            let surprises = litmus.surprises(model).len();
            writeln!(
                text,
                "  {}: {} outcomes, {surprises} surprising",
                model.name,
                outcomes.len()
            )
            .expect("a string grows");
            // Fills and sectors multiply the outcomes; a few of each kind tell enough.
            for outcome in outcomes.iter().take(12) {
                writeln!(text, "    {outcome:?}").expect("a string grows");
            }
            if outcomes.len() > 12 {
                writeln!(text, "    ...").expect("a string grows");
            }
        }
    }
    insta::assert_snapshot!(text);
}
