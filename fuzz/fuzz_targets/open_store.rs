//! Whatever bytes the files of a store hold, opening, reading and verifying it ends in
//! an answer or an error, never in a panic.
//!
//! The input is a list of patches to a small intact store: file, offset, bytes. That
//! gets past the checksums of what is left alone, where a wholly random file would not.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use lithify::fs::{Fs, MemFs};
use lithify::{KeyRange, Options, Pacing, Placement, Store, WriteBatch};

fn options() -> Options {
    Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(1),
        block_bytes: 64,
        wal_file_bytes: 200,
        pacing: Pacing::Settle,
        ..Options::default()
    }
}

fn intact() -> MemFs {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), options()).unwrap();
    for number in 0..7_u8 {
        let mut batch = WriteBatch::new();
        batch.put("main", &[b'k', number % 3], &[number; 20]);
        batch.delete("other", &[number]);
        store.commit(&batch).unwrap();
    }
    store.close().unwrap();
    fs
}

fuzz_target!(|patches: Vec<(u8, u16, Vec<u8>)>| {
    let fs = intact();
    let names = fs.list("").unwrap();
    for (file, offset, bytes) in patches {
        let name = &names[usize::from(file) % names.len()];
        let mut contents = fs.read(name).unwrap();
        let start = usize::from(offset) % (contents.len() + 1);
        let end = (start + bytes.len()).min(contents.len());
        contents.splice(start..end, bytes);
        fs.overwrite(name, contents).unwrap();
    }
    let _ = lithify::verify::verify(&fs);
    if let Ok(mut store) = Store::open(Arc::new(fs), options()) {
        for keyspace in ["main", "other"] {
            if let Ok(range) = store.range(keyspace, KeyRange::all()) {
                range.take_while(Result::is_ok).for_each(drop);
            }
        }
        let _ = store.settle();
    }
});
