//! The promise in a few lines: the layout after any commit is known beforehand.
//!
//!     cargo run --example predictable_layout

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Alignment, Commit, Options, Placement, Store, WriteBatch};

fn main() -> lithify::Result<()> {
    let placement = Placement::with_divisor(3)?;
    let alignment: Alignment = placement.alignment.clone();
    let options = Options {
        placement: Some(placement),
        ..Options::default()
    };
    let mut store = Store::open(Arc::new(MemFs::new()), options)?;

    for number in 1..=50_u64 {
        let mut batch = WriteBatch::new();
        batch.put("main", &number.to_be_bytes(), b"value");
        store.commit(&batch)?;
    }
    store.settle()?;

    let predicted = alignment.layout_at(Commit::new(50));
    let found: Vec<_> = store.layout().keyspaces[0]
        .segments
        .iter()
        .map(|segment| segment.window)
        .collect();
    assert_eq!(found, predicted, "50 is 1212 in base 3: six segments");
    print!("{}", store.layout().pyramid(60));
    Ok(())
}
