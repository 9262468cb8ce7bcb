//! Rules that choose crash images, against each other: how many images each judges, how many it finds to
//! be bad, in how many findings, and what that costs.
//!
//!     cargo run --release --example pruning -p lithify-programs -- run.rec 'sh check.sh' posix-min
//!
//! Without `--all` at the end the row in which every image is judged alone is left out.

use std::collections::BTreeSet;
use std::time::Duration;

use lithify_programs::Recording;
use lithify_programs::checker::{Checker, Judge};
use lithify_programs::crash::{Options, Verdicts, check_checker, crash};
use lithify_programs::failure::Failure;
use lithify_sim::disk::{Budget, Model};
use lithify_sim::stop::Stop;

/// A name, what is chosen, and whether it is judged by class.
type Rule = (&'static str, Budget, bool);

const fn budget(enumerate: usize, bound: usize, samples: usize) -> Budget {
    Budget {
        enumerate,
        bound,
        samples,
    }
}

const RULES: &[Rule] = &[
    ("prefixes", budget(0, 0, 0), false),
    ("64 random", budget(0, 0, 64), false),
    (
        "at most one lost or kept, and prefixes",
        budget(0, 1, 0),
        false,
    ),
    ("at most two, and prefixes", budget(0, 2, 0), false),
    (
        "small: all of 64, else one, prefixes, 8 random",
        Budget::SMALL,
        false,
    ),
    (
        "large: all of 4096, else two, prefixes, 64 random",
        Budget::LARGE,
        false,
    ),
    ("classes, 64 questions a point", Budget::SMALL, true),
    ("classes, 4096 questions a point", Budget::LARGE, true),
    ("classes, without end", Budget::ALL, true),
    ("all", Budget::ALL, false),
];

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, check, model, rest @ ..] = &arguments[..] else {
        return Err(Failure::usage(
            "pruning RECORDING CHECK MODEL [--all]".to_owned(),
        ));
    };
    let recording = Recording::read(path.as_ref())?;
    let judge = Judge::Command(check.clone());
    let checker = Checker::new(judge, Duration::from_secs(30), None)?;
    check_checker(&recording.disk, &checker, &Stop::never())?;
    let model = Model::named(model).ok_or_else(|| Failure::usage("no such model".to_owned()))?;
    println!("| rule | images judged | refused | findings | crash points decided | CPU seconds |");
    println!("|---|---|---|---|---|---|");
    for &(name, budget, by_class) in RULES {
        if name == "all" && rest.is_empty() {
            continue;
        }
        let options = Options {
            models: vec![model],
            budget,
            jobs: 2,
            by_class,
            stop: Stop::never(),
        };
        let before = cpu_seconds();
        let outcome = crash(&recording.disk, &checker, &options, &mut Verdicts::new())?;
        let seconds = cpu_seconds() - before;
        let row = &outcome.rows[0];
        let found: BTreeSet<_> = outcome
            .found
            .iter()
            .map(|it| (it.wrong, &it.message))
            .collect();
        println!(
            "| {name} | {} | {} | {} | {} of {} | {seconds:.1} |",
            outcome.judged,
            row.bad,
            found.len(),
            row.coverage.enumerated_points,
            row.coverage.points
        );
    }
    Ok(())
}

/// Of this process, and of its children that have ended.
fn cpu_seconds() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program may hold spaces, and ends with a bracket.
    let rest = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = rest
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // The first field is a letter: `utime` is the eleventh of the rest.
    fields.iter().skip(10).take(4).sum::<f64>() / TICKS_A_SECOND
}
