//! Whatever line a program sends (a batch, a commit of a stream, a request to a node), the parser
//! answers with a value or with what is wrong, never with a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| lithify_cli::fuzzing::take_line(line));
