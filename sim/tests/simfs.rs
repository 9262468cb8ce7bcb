//! The simulated file system is a file system, and its models are those of the literature.
//!
//! The same conformance cases that `OsFs` and `MemFs` pass run on [`SimFs`]; a property
//! test of the root package compares operation lists with a real directory. The litmus
//! tests are reviewed snapshots: every outcome that a model allows, and a table of the
//! surprises that can be held beside the published one.

use std::fmt::Write as _;

use lithify_sim::conformance;
use lithify_sim::simfs::litmus::LITMUS;
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

/// Ferrite, figure 3: ext4 violates all three, XFS keeps the prefix of appends, btrfs
/// breaks only the creation by rename.
#[test]
fn surprises_are_those_of_the_published_table() {
    let surprising = |model: &str| -> Vec<&str> {
        let model = Model::named(model).expect("the model exists");
        let is_surprising = |litmus: &&_| {
            let litmus: &lithify_sim::simfs::litmus::Litmus = litmus;
            !litmus.surprises(model).is_empty()
        };
        LITMUS[..3]
            .iter()
            .filter(is_surprising)
            .map(|litmus| litmus.name)
            .collect()
    };
    let all = vec!["prefix-append", "replace-via-rename", "create-via-rename"];
    assert_eq!(surprising("ext4-ordered"), all);
    assert_eq!(surprising("xfs"), all[1..]);
    assert_eq!(surprising("btrfs"), all[2..]);
    assert_eq!(surprising("posix-min"), all);
    assert_eq!(surprising("strict-ordered"), Vec::<&str>::new());
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
