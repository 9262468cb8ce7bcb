//! Recordings that are written by hand, so without `strace`.

use lithify_programs::Recording;
use lithify_programs::blobs::Blobs;
use lithify_programs::recording::Header;
use lithify_programs::steps::{Disk, Entry, Step};

pub(crate) fn at(directory: u32, name: &str) -> Entry {
    Entry {
        directory,
        name: name.to_owned(),
    }
}

pub(crate) fn recording(make: impl FnOnce(&mut Blobs) -> Vec<Step>) -> Recording {
    let mut blobs = Blobs::default();
    let steps = make(&mut blobs);
    let mut disk = Disk::default();
    for step in &steps {
        disk.take(step, &blobs).expect("it fits");
    }
    let header = Header {
        program: Vec::new(),
        directory: String::new(),
        place: String::new(),
        has_marker: false,
        injected: Vec::new(),
        end: String::new(),
        strace: String::new(),
        calls: 0,
        gaps: Vec::new(),
        written_outside: Vec::new(),
    };
    Recording {
        header,
        steps,
        blobs,
        disk,
    }
}

pub(crate) fn sync(file: u32, entered: usize) -> Step {
    Step::Sync {
        file,
        data_only: false,
        entered,
    }
}
