//! Whatever `strace` or somebody else writes, the parser and what follows its calls answer with steps, or
//! with what is wrong, never with a panic; and the steps make a disk.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_programs::blobs::Blobs;
use lithify_programs::follow::{Births, Follower, Settings};
use lithify_programs::gaps::Kind;
use lithify_programs::strace::Parser;

fuzz_target!(|text: &[u8]| {
    // No file of theirs shall be longer than memory.
    let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
    if text.split(|byte| !is_digit(byte)).any(|number| number.len() > 6) {
        return;
    }
    let mut births = Births::default();
    let mut parser = Parser::default();
    let mut events = Vec::new();
    for line in text.split(|&byte| byte == b'\n') {
        if let Ok(Some(event)) = parser.line(line) {
            births.note(&event);
            events.push(event);
        }
    }
    let settings = Settings {
        root: b"/d".to_vec(),
        directory: b"/d".to_vec(),
        marker: None,
        allowed: Kind::ALL.into_iter().collect(),
        outside: &|_, _, _| None,
    };
    let before = Follower::new(settings, births, Vec::new(), Blobs::default());
    let mut follower = before.expect("an empty directory");
    for event in &events {
        follower.event(event).expect("every gap is allowed");
    }
    let tree = follower.finish().disk;
    let _ = tree.tree().show(&tree.tree().live());
});
