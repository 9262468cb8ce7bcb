//! Whatever text a trace holds, it is a plan or an error with a line number; and a plan is printed
//! as a trace of the same plan.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_cli::systems::parse;

fuzz_target!(|text: &str| {
    if let Ok(plan) = parse(text) {
        let printed = plan.to_string();
        let again = parse(&printed).expect("what was printed is a trace");
        assert_eq!(again.to_string(), printed);
    }
});
