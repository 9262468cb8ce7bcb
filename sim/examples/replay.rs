//! scratch
use lithify_sim::{execute::execute, judge::Enabled, plan::parse, systems};
fn main() {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    let plan = parse(&text, systems::SYSTEMS).unwrap();
    let mut run = || {
        let e = execute(&plan, &Enabled::default(), true);
        for l in &e.timeline { println!("{l}"); }
        println!("{:?}", e.finding);
    };
    match plan.bug.clone() { Some(b) => plan.system.with_bug(Box::leak(b.into_boxed_str()), &mut run), None => run() }
}
