//! Whatever bytes a decoder of the store's files is handed, it answers with a value or a refusal;
//! and a value is encoded to what it decodes again.
//!
//! The first byte chooses the decoder, so that one corpus serves all of them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify::fuzzing::Part;

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    Part::ALL[usize::from(choice) % Part::ALL.len()].decode(bytes);
});
