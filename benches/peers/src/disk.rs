//! Bytes that a store takes on the disk: blocks that are allocated, not lengths of files.
//!
//! The peak is looked for every 20 ms by a thread of its own, so a shorter peak can be missed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Allocated bytes of all files below `directory`. Files that go away meanwhile count nothing.
pub(crate) fn allocated_bytes(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => allocated_bytes(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// Looks for the peak while it lives.
pub(crate) struct Peak {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Peak {
    /// Begins to look at `directory`.
    pub(crate) fn watch(directory: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let directory: PathBuf = directory.to_owned();
        let is_stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut peak = 0;
            while !is_stopped.load(Ordering::Relaxed) {
                peak = peak.max(allocated_bytes(&directory));
                std::thread::sleep(Duration::from_millis(20));
            }
            peak.max(allocated_bytes(&directory))
        });
        Self { stop, thread }
    }

    /// The most bytes that were seen.
    pub(crate) fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("looking at files does not panic")
    }
}
