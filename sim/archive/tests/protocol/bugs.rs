//! Every planted bug is found, and only with the bug on.
//!
//! Without a bug the same scopes and seeds find nothing: `exhaustive.rs` and `random.rs`. Bugs of the
//! bytes of an object are looked for in `damage.rs`.

use lithify_archive::planted::{Bug, with};

use crate::exhaustive::{every, scopes};
use crate::random::random;

/// The seeds that are tried.
const SEEDS: u64 = 20_000;

/// The bugs that no schedule shows, because they are about objects that somebody has changed.
pub(crate) const OF_BYTES: [Bug; 5] = [
    Bug::NameUnchecked,
    Bug::ForeignAccepted,
    Bug::ChecksumUnchecked,
    Bug::ChainUnchecked,
    Bug::TrimUnproven,
];

#[test]
fn every_bug_of_the_protocol_is_found() {
    for bug in Bug::ALL.iter().filter(|bug| !OF_BYTES.contains(bug)) {
        let found = (0..SEEDS).find_map(|seed| with(Some(*bug), || random(seed)).err());
        let finding = found.unwrap_or_else(|| panic!("{bug:?} was not found"));
        println!("{bug:?}: {finding}");
    }
}

/// What the fence is for is found in a small scope, too.
#[test]
fn a_fence_without_effect_is_found_in_a_small_scope() {
    for (bug, name) in [
        (Bug::FenceOverwrites, "two histories race"),
        (Bug::FenceTaken, "two histories race"),
        (Bug::TokenIgnored, "twins race"),
        (Bug::LogDeleted, "a slow writer, a trim"),
    ] {
        let scopes = scopes();
        let scope = scopes.iter().find(|scope| scope.name == name).unwrap();
        let found = with(Some(bug), || every(scope)).err();
        println!(
            "{bug:?}: {}",
            found.unwrap_or_else(|| panic!("{bug:?} was not found"))
        );
    }
}
