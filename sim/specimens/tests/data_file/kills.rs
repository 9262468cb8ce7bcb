//! Each planted bug, and what of the laboratory finds it first.
//!
//! The table is a snapshot, so an oracle that becomes blind shows as a changed line. Bugs
//! that only the weakest disks punish are looked for there.

use std::time::Duration;

use lithify_sim::disk::Model;
use lithify_sim::search::mutants::{Mutant, Row, Search, hunt, mutants};
use lithify_specimens::data_file::DataFileSystem;

/// Bugs that nothing but a rename that is lost in halves can show.
const OF_HALF_RENAMES: &[&str] = &["no-backup", "old-removed-before-swap-durable"];

/// Bounds the work on a machine that is very slow; on others the search ends by itself.
const LONGEST: Duration = Duration::from_secs(300);

fn look(mutant: &Mutant, model: &str) -> Row {
    let model = Model::named(model).expect("the model exists");
    let search = Search {
        time: LONGEST,
        ..Search::new(&DataFileSystem, model, 5)
    };
    hunt(mutant, &search)
}

#[test]
fn every_planted_bug_is_found() {
    let mut table = String::new();
    let mut missed = Vec::new();
    for mutant in mutants(&DataFileSystem) {
        let name = mutant.about.name;
        let model = match OF_HALF_RENAMES.contains(&name) {
            true => "paranoid",
            false => "posix-min",
        };
        let row = look(&mutant, model);
        if !row.killed {
            missed.push(name);
            continue;
        }
        let text = |text: Option<String>| text.unwrap_or_default();
        table += &format!(
            "{} {name}: {model}, {} by {}\n",
            mutant.about.pattern,
            text(row.fault),
            text(row.oracle)
        );
    }
    insta::assert_snapshot!(table);
    assert_eq!(missed, Vec::<&str>::new(), "nothing finds these");
}
