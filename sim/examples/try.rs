//! scratch
use lithify_sim::{
    campaign::*, crashes::Reach, generate::Recipe, judge::Enabled, simfs::*, systems, workload::*,
};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let from: u64 = args[1].parse().unwrap();
    let to: u64 = args[2].parse().unwrap();
    let faults = args.get(3).map(|s| s == "faults").unwrap_or(false);
    let wl = args.get(4).map(String::as_str).unwrap_or("small");
    let c = Campaign {
        recipe: Recipe {
            system: systems::SYSTEMS[0],
            model: Model::DEFAULT,
            workload: Workload::named(wl).unwrap(),
            faults: if faults {
                FaultKind::ALL.to_vec()
            } else {
                args.get(3)
                    .and_then(|n| FaultKind::named(n))
                    .into_iter()
                    .collect()
            },
            order: None,
            fixed: Default::default(),
            skipped: vec![],
        },
        models: vec![Model::DEFAULT],
        reach: Reach::SMALL,
        enabled: Enabled::default(),
        bug: None,
        determinism_one_in: 16,
    };
    let mut ledger = Ledger::default();
    let t = std::time::Instant::now();
    let mut n = 0;
    for seed in from..to {
        if let Some(f) = c.seed(seed, &mut ledger) {
            println!("seed {seed}: {}\n{}", f.finding, f.plan);
            n += 1;
            if n > 2 {
                break;
            }
        }
    }
    println!(
        "{ledger:#?}\n{:?} {} recov/s",
        t.elapsed(),
        ledger.recovered as f64 / t.elapsed().as_secs_f64()
    );
}
