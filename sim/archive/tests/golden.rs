//! An archive of format version 1 that is kept for ever: every later version has to read it.
//!
//! Its objects were written in December 2026 by `lithify archive push`. Nothing compares what is
//! written now with it, because the bytes of zstd depend on its version.

use std::sync::Arc;

use lithify::Commit;
use lithify::read::KeyRange;
use lithify_archive::{Place, Reader, verify};

#[test]
fn version_1_is_read() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1");
    let place = Arc::new(Place::new(directory).unwrap());
    let verified = verify(&*place).unwrap();
    assert!(
        verified.damage.is_empty() && verified.foreign.is_empty(),
        "{verified:?}"
    );
    let reader = Reader::open(place).unwrap();
    assert_eq!(reader.head(), Commit::new(7));
    let mut seen = Vec::new();
    for at in 0..=7 {
        let snapshot = reader.snapshot_at(Commit::new(at)).unwrap();
        for keyspace in ["default", "metals"] {
            let pairs = snapshot.range(keyspace, &KeyRange::all()).unwrap();
            for (key, value) in pairs {
                let (key, value) = (key.escape_ascii(), value.escape_ascii());
                seen.push(format!("{at} {keyspace} {key} = {value}"));
            }
        }
    }
    insta::assert_snapshot!(seen.join("\n"));
}
