//! Whatever a log from git holds, parsing it ends in commits or in an error that names
//! a line, never in a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_policies::git::RawLog;

fuzz_target!(|log: &[u8]| {
    RawLog::new(log).take_while(Result::is_ok).for_each(drop);
});
