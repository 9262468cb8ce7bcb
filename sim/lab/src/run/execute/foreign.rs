//! The store that was on the device before ours.
//!
//! It is of the same kind, with the same settings, and has commits of its own, always the
//! same ones: so a shorter plan finds the same bytes of it. Its files are gone and their
//! blocks were given back as they are. Only systems that say that they can tell such bytes
//! from their own get them.

use std::sync::Arc;

use crate::disk::{Image, SimFs};
use crate::history::{Batch, Key, Value, Write};
use crate::panics::caught;
use crate::system::{Engine, Failure};

/// Whose numbers are not those of the machine under test.
const MACHINE: u64 = 1;

/// The disk on which a run begins: empty, with what the other store has left on the device.
pub(crate) fn disk(engine: &dyn Engine) -> Image {
    if !engine.tells_stale_bytes() {
        return Image::default();
    }
    let fs = SimFs::from_image(&Image::of_machine(MACHINE));
    // A planted bug may end it early, in whatever way: what it has written stays.
    let _ = caught(|| use_up(engine, &fs));
    Image::used_before(&fs.log())
}

/// The life of the other store.
fn use_up(engine: &dyn Engine, fs: &SimFs) -> Result<(), Failure> {
    const COMMITS: u32 = 12;
    const SETTLED_AFTER: [u32; 2] = [5, 9];
    let mut instance = engine.open(Arc::new(fs.clone()))?;
    for number in 1..=COMMITS {
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

/// Short values, most of them of one length, so that commits lie where ours do.
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
