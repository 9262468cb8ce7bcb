//! scratch
use lithify_sim::{
    campaign::*, crashes::Reach, generate::Recipe, judge::Enabled, simfs::*, systems, workload::*,
};
fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let args: Vec<String> = std::env::args().collect();
    let from: u64 = args[1].parse().unwrap();
    let to: u64 = args[2].parse().unwrap();
    let which = args[3].as_str();
    let wl = args.get(4).map(String::as_str).unwrap_or("small");
    let images: u64 = args.get(5).map_or(4000, |s| s.parse().unwrap());
    let model = args.get(6).map_or(Model::DEFAULT, |s| Model::named(s).unwrap());
    let secs: u64 = args.get(7).map_or(1000, |s| s.parse().unwrap());
    let sets: Vec<Vec<FaultKind>> = match which {
        "each" => FaultKind::ALL.iter().map(|k| vec![*k]).collect(),
        "faults" => vec![FaultKind::ALL.to_vec()],
        n => vec![FaultKind::named(n).into_iter().collect()],
    };
    for faults in sets {
        let name = if faults.len() == 1 { faults[0].name().to_owned() } else { which.to_owned() };
        for w in WORKLOADS.iter().filter(|w| wl == "all" || w.name == wl) {
            let c = Campaign {
                recipe: Recipe {
                    system: systems::SYSTEMS[0],
                    model,
                    workload: w,
                    faults: faults.clone(),
                    order: None,
                    fixed: Default::default(),
                    skipped: vec![],
                },
                models: vec![model],
                reach: Reach { most_images: images, ..Reach::SMALL },
                enabled: Enabled::default(),
                bug: None,
                determinism_one_in: 16,
            };
            let mut ledger = Ledger::default();
            let t = std::time::Instant::now();
            let mut n = 0;
            for seed in from..to {
                if let Some(f) = c.seed(seed, &mut ledger) {
                    println!("ALARM {name} {} seed {seed}: {}\n{}", w.name, f.finding, f.plan);
                    n += 1;
                    if n > 2 {
                        break;
                    }
                }
                if t.elapsed().as_secs() >= secs { break }
            }
            println!(
                "{name} {} {}: seeds {} recovered {} {:?} {:?}",
                w.name, model.name, ledger.seeds, ledger.recovered, t.elapsed(), ledger.faults
            );
        }
    }
}
