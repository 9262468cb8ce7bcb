//! Goal: spans and events tell what a store does, in the order in which the store does it.
//!
//! Method: a small history with one owner, so the lines of a subscriber without a clock are a snapshot.
//! This is the only test of its binary: while a process has one subscriber, `tracing` asks it about a
//! new span only on the thread that comes there first.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use lithify::fs::MemFs;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

mod one_key;

use one_key::{open, put};

/// A writer into a string that the test can read.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The subscriber of this test has no clock, so the lines are the same in every run.
#[test]
fn spans_and_events_tell_the_work_in_its_order() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_span_events(FmtSpan::ENTER)
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let fs = MemFs::new();
        let mut store = open(&fs);
        put(&mut store, b"1");
        put(&mut store, b"2");
        store.settle().unwrap();
        store.close().unwrap();
        drop(open(&fs));
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    insta::assert_snapshot!(text);
}
