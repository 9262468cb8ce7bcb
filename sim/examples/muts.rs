//! scratch
use lithify_sim::{mutants::*, simfs::Model, systems};
fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let secs: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let only = std::env::args().nth(2);
    let s = Search {
        system: systems::SYSTEMS[0],
        model: Model::DEFAULT,
        rounds: 6,
        time: std::time::Duration::from_secs(secs),
        without: vec![],
        asks_models: false,
    };
    let all: Vec<_> = mutants(s.system)
        .into_iter()
        .filter(|m| only.as_ref().is_none_or(|o| m.about.name == o))
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|sc| {
        for _ in 0..2 {
            sc.spawn(|| {
                loop {
                    let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(m) = all.get(i) else { return };
                    let r = hunt(m, &s);
                    println!(
                        "{} {:30} {:?} {:?} {:?} runs {} {:.2}s {}",
                        if r.killed { "KILL" } else { "SURV" },
                        r.name,
                        r.oracle.unwrap_or_default(),
                        r.fault.unwrap_or_default(),
                        r.workload.unwrap_or_default(),
                        r.runs,
                        r.cpu_seconds,
                        r.message
                            .unwrap_or_default()
                            .lines()
                            .next()
                            .unwrap_or_default()
                            .chars()
                            .take(90)
                            .collect::<String>()
                    );
                    if only.is_some() {
                        if let Some(f) = r.found {
                            println!("{}", f.plan);
                        }
                    }
                }
            });
        }
    });
}
