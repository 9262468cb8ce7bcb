//! Drawn histories: random settings, groups, steps, restarts and faults.
//!
//! The written scripts test for known kinds of bugs. Here each seed gives a script of
//! its own. It is checked under one model, and once more with faults at drawn places.

use lithify_sim::disk::{Budget, Fault, FaultKind, Image, SimFs};
use lithify_sim::keyed::{Domain, Draws, Seed};

use crate::crashes::{Looked, Search, images, search};
use crate::script::{Action, Run, Script, batch, engine, nothing};
use crate::verdict::Finding;

const SEEDS: u64 = 60;

const BUDGET: Budget = Budget {
    enumerate: 16,
    bound: 1,
    samples: 2,
};

fn script(seed: u64) -> Script {
    let mut draws = Seed(seed).draws(Domain::Options, 0);
    let has_index = draws.percent(33);
    let settings = [
        ("segment-bytes", *draws.pick(&["150", "400", "4000"])),
        ("snapshot-every", *draws.pick(&["2", "3", "5"])),
        ("durability", *draws.pick(&["synced", "synced", "buffered"])),
        ("index", if has_index { "on" } else { "off" }),
    ];
    let mut draws = Seed(seed).draws(Domain::Workload, 0);
    let mut tag = 0;
    let actions = (0..draws.between(4, 18))
        .flat_map(|_| action(&mut draws, &mut tag))
        .collect();
    Script {
        name: "drawn",
        engine: engine(&settings),
        actions,
        // An index is never synced, so histories with an index have many images.
        crashes: if has_index { 1 } else { 2 },
    }
}

fn action(draws: &mut Draws, tag: &mut u32) -> Vec<Action> {
    match draws.weighted(&[5, 4, 2, 1]) {
        0 => {
            let group = draws.between(1, 3);
            let length = *draws.pick(&[5, 40, 600]);
            let batches = (0..group).map(|_| {
                *tag += 1;
                batch(*tag, length)
            });
            vec![Action::Commit(batches.collect())]
        }
        1 => vec![Action::Step; draws.between(1, 9) as usize],
        2 => vec![Action::Restart],
        _ => vec![Action::Sync],
    }
}

fn faulty(seed: u64, script: &Script) -> Result<(), Finding> {
    let mut draws = Seed(seed).draws(Domain::Faults, 0);
    let kinds: Vec<FaultKind> = FaultKind::ALL
        .iter()
        .copied()
        .filter(|kind| !kind.harm().excuses_loss() && *kind != FaultKind::StrayFiles)
        .collect();
    let fs = SimFs::new();
    for _ in 0..draws.between(1, 3) {
        fs.arm(Fault {
            kind: *draws.pick(&kinds),
            file: String::new(),
            at: draws.between(1, 40) as u32,
            stays: false,
        });
    }
    let mut run = Run::new(fs, script.engine.clone(), nothing());
    run.goes_on = draws.percent(50);
    run.play(&script.actions)?;
    run.fs.disarm();
    let from = run.serves_since;
    let search = Search::new("posix-min", BUDGET);
    images(
        &run,
        &Image::default(),
        from,
        search,
        &mut Looked::default(),
    )
}

#[test]
fn drawn_histories_hold_what_was_promised() {
    for seed in 0..SEEDS {
        let script = script(seed);
        let model = ["posix-min", "paranoid", "ext4-writeback"][seed as usize % 3];
        search(&script, Search::new(model, BUDGET))
            .and_then(|_| faulty(seed, &script))
            .unwrap_or_else(|Finding(text)| {
                panic!("seed {seed}: {text}\n{:#?}", script.actions);
            });
    }
}
