//! The other store that was on the device before the store under test.
//!
//! It is a store of the same system with the same settings. Its commits are always the
//! same, so a shorter plan finds the same bytes of it. Its files were removed, and
//! their blocks were freed without erasing them. Only systems that claim to tell
//! foreign bytes from their own bytes get such a device.

use std::sync::Arc;

use crate::disk::{Image, SimFs};
use crate::history::{Batch, Key, Value, Write};
use crate::panics::caught;
use crate::system::{Engine, Failure};

/// The number of a machine whose fresh numbers differ from those of the machine under
/// test.
const MACHINE: u64 = 1;

/// The disk on which a run begins: empty, with the remnants of the other store on the
/// device.
pub(crate) fn disk(engine: &dyn Engine) -> Image {
    if !engine.tells_stale_bytes() {
        return Image::default();
    }
    let fs = SimFs::from_image(&Image::of_machine(MACHINE));
    // A planted bug may make the other store fail or panic. What it has written stays.
    let _ = caught(|| use_up(engine, &fs));
    Image::used_before(&fs.log())
}

/// Runs the other store.
fn use_up(engine: &dyn Engine, fs: &SimFs) -> Result<(), Failure> {
    const COMMITS: u32 = 12;
    const SETTLED_AFTER: [u32; 2] = [5, 9];
    fs.begin_call("open");
    let mut instance = engine.open(Arc::new(fs.clone()))?;
    for number in 1..=COMMITS {
        fs.begin_call("commit");
        instance.commit(&[batch(number)])?;
        if let Some(task) = instance.tasks().first() {
            instance.run(task)?;
        }
        if SETTLED_AFTER.contains(&number) {
            instance.settle()?;
        }
    }
    instance.sync()
}

/// Short values, mostly of one length, so that the records of the other store are at
/// the same offsets as those of the store under test.
fn batch(number: u32) -> Batch {
    const TAGS: u32 = 700_000;
    let length = if number.is_multiple_of(4) { 9 } else { 1 };
    let write = Write {
        key: Key {
            keyspace: 0,
            key: number % 2,
        },
        value: Some(Value {
            length,
            tag: TAGS + number,
        }),
    };
    Batch {
        writes: vec![write],
    }
}
