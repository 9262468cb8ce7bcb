//! Goal: no changed byte, cut file or missing file passes unnoticed.
//!
//! Method: in three small stores, every byte of every file is changed (one of its bits,
//! and all of them at once), every file is cut at every length, and every file is
//! removed. Each time the store is opened, settled and read completely at every commit.
//! Then either damage was reported, or everything reads as before: the change was
//! *harmless*, because the byte lies in a file that is obsolete, in a copy that reads do
//! not need, or in a record whose loss the WAL makes up for. `verify` must have a
//! finding every time, and must not call a store sound that the engine finds damaged.
//!
//! One thing cannot be told from a crash, and the tests say so precisely: a suffix of
//! the *newest* WAL file is missing. Then the commits before it are there, unchanged,
//! and `verify` notes that the store was not closed. If that file is missing as a
//! whole, the file before it is the newest, and nothing is left to notice.

use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::verify::{Finding, verify};
use lithify::{Compression, Error, Options, Store};

mod small_stores;

use small_stores::{View, files, interrupted, settled, unflushed, view};

/// The length of a record that says that everything before it is durable.
const MARK_BYTES: usize = 21;

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Detected,
    Harmless,
    /// The commits up to some earlier one are there, and no later one.
    Shortened,
}

/// How often each outcome was seen.
#[derive(Debug, Default)]
struct Counts {
    detected: usize,
    harmless: usize,
    shortened: usize,
}

struct Original {
    fs: MemFs,
    view: View,
    findings: Vec<Finding>,
    newest_wal: String,
    counts: Counts,
}

impl Original {
    fn new(fs: MemFs) -> Self {
        let newest_wal = files(&fs)
            .into_iter()
            .rfind(|(name, _)| name.starts_with("wal-"));
        Self {
            view: view(&fs.deep_copy()).unwrap(),
            findings: verify(&fs).unwrap().findings,
            newest_wal: newest_wal.unwrap().0,
            fs,
            counts: Counts::default(),
        }
    }

    /// A copy in which one file holds other bytes.
    fn with(&self, name: &str, bytes: Vec<u8>) -> MemFs {
        let fs = self.fs.deep_copy();
        fs.overwrite(name, bytes).unwrap();
        fs
    }

    /// Looks at the changed store `fs` in every way, and says what the change did.
    #[track_caller]
    fn judge(&mut self, fs: &MemFs, change: &str) -> Outcome {
        let outcome = match view(&fs.deep_copy()) {
            Ok(found) if found.is_same_as(&self.view) => Outcome::Harmless,
            Ok(found) if found.is_shorter_than(&self.view) => Outcome::Shortened,
            Ok(found) => panic!(
                "{change} passed unnoticed: {:#?}",
                found.difference(&self.view)
            ),
            Err(Error::Damage(_) | Error::UnsupportedFormat { .. } | Error::NotAStore { .. }) => {
                Outcome::Detected
            }
            Err(error) => panic!("{change}: {error:?}"),
        };
        match outcome {
            Outcome::Detected => self.counts.detected += 1,
            Outcome::Harmless => self.counts.harmless += 1,
            Outcome::Shortened => self.counts.shortened += 1,
        }
        let is_reader_fine = read_only(fs).is_ok();
        assert!(
            is_reader_fine || outcome == Outcome::Detected,
            "{change}: only readers object"
        );
        outcome
    }

    /// Whether `verify` had something to say about `name` before anything was changed.
    fn notes(&self, name: &str) -> bool {
        self.findings.iter().any(|finding| finding.file == name)
    }

    /// `verify` has a finding about `name`, or a new one about another file.
    #[track_caller]
    fn assert_found(&self, fs: &MemFs, name: &str, outcome: Outcome, change: &str) {
        let report = verify(fs).unwrap();
        let is_found = report
            .findings
            .iter()
            .any(|finding| finding.file == name || !self.findings.contains(finding));
        assert!(
            is_found,
            "{change} is {outcome:?}, and verify finds nothing:\n{report}"
        );
        let agree = outcome != Outcome::Detected || !report.is_sound();
        assert!(
            agree,
            "{change} is detected, and verify calls the store sound:\n{report}"
        );
    }
}

fn read_only(fs: &MemFs) -> lithify::Result<Store> {
    let fs = Arc::new(fs.deep_copy());
    Store::open_read_only(fs, Options::default())
}

impl View {
    fn is_same_as(&self, original: &Self) -> bool {
        self.difference(original).is_empty()
    }

    /// What reads differently; commits that one of the two has thinned out do not count.
    fn difference(&self, original: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.head != original.head {
            lines.push(format!("head {} instead of {}", self.head, original.head));
        }
        if self.layout != original.layout {
            lines.push(format!("{} instead of {}", self.layout, original.layout));
        }
        for (place, expected) in &original.contents {
            match self.contents.get(place) {
                Some(found) if found == expected || found.is_none() || expected.is_none() => {}
                found => lines.push(format!("{place:?}: {found:?} instead of {expected:?}")),
            }
        }
        lines
    }

    /// Every commit up to a smaller head reads as in `original`.
    fn is_shorter_than(&self, original: &Self) -> bool {
        self.head < original.head
            && self.contents.iter().all(|(place, found)| {
                let expected = &original.contents[place];
                found == expected || found.is_none() || expected.is_none()
            })
    }
}

fn stores() -> [(&'static str, MemFs); 4] {
    [
        ("settled", settled(Compression::None)),
        ("compressed", settled(Compression::Lz4)),
        ("unflushed", unflushed()),
        ("interrupted", interrupted()),
    ]
}

fn flip_every_byte(label: &str, fs: MemFs) -> Counts {
    let mut original = Original::new(fs);
    for (name, length) in files(&original.fs) {
        let bytes = original.fs.read(&name).unwrap();
        for position in 0..length {
            // All eight bits in turn, and all of them at once.
            for mask in [1 << (position % 8), 0xff] {
                let mut flipped = bytes.clone();
                flipped[position] ^= mask;
                let change = format!("{label}: {name}, byte {position}, mask {mask:02x}");
                let fs = original.with(&name, flipped);
                let outcome = original.judge(&fs, &change);
                assert_ne!(outcome, Outcome::Shortened, "{change} has lost commits");
                original.assert_found(&fs, &name, outcome, &change);
            }
        }
    }
    original.counts
}

#[test]
fn every_changed_byte_of_a_settled_store_is_detected_or_harmless() {
    // Preambles and tables of segment files, which reads do without, are half of so small
    // a store.
    let counts = flip_every_byte("settled", settled(Compression::None));
    assert!(counts.detected > 5000 && counts.harmless > 0, "{counts:?}");
}

#[test]
fn every_changed_byte_of_a_compressed_store_is_detected_or_harmless() {
    let counts = flip_every_byte("compressed", settled(Compression::Lz4));
    assert!(
        counts.detected > counts.harmless && counts.harmless > 0,
        "{counts:?}"
    );
}

#[test]
fn every_changed_byte_of_a_wal_is_detected_or_harmless() {
    let counts = flip_every_byte("unflushed", unflushed());
    assert!(
        counts.detected > counts.harmless && counts.harmless > 0,
        "{counts:?}"
    );
}

#[test]
fn every_changed_byte_of_an_interrupted_store_is_detected_or_harmless() {
    let counts = flip_every_byte("interrupted", interrupted());
    assert!(counts.detected > 0 && counts.harmless > 0, "{counts:?}");
}

#[test]
fn every_cut_is_detected_or_harmless_except_at_the_end_of_the_log() {
    for (label, fs) in stores() {
        let mut original = Original::new(fs);
        for (name, length) in files(&original.fs) {
            let bytes = original.fs.read(&name).unwrap();
            for length in 0..length {
                let change = format!("{label}: {name} cut to {length} bytes");
                let fs = original.with(&name, bytes[..length].to_vec());
                let outcome = original.judge(&fs, &change);
                let may_be_shorter = name == original.newest_wal;
                assert!(may_be_shorter || outcome != Outcome::Shortened, "{change}");
                // A mark that an earlier one makes superfluous leaves no trace.
                let is_mark = (bytes.len() - length).is_multiple_of(MARK_BYTES)
                    && verify(&fs).unwrap().is_sound();
                if !(is_mark && outcome == Outcome::Harmless) {
                    original.assert_found(&fs, &name, outcome, &change);
                }
            }
        }
        let counts = &original.counts;
        assert!(
            counts.detected > 0 && counts.harmless > 0,
            "{label}: {counts:?}"
        );
        assert!(counts.shortened > 0, "{label}: {counts:?}");
    }
}

#[test]
fn every_missing_file_is_detected_or_harmless_except_the_end_of_the_log() {
    for (label, fs) in stores() {
        let mut original = Original::new(fs);
        for (name, length) in files(&original.fs) {
            let change = format!("{label}: {name} removed");
            let fs = original.fs.deep_copy();
            fs.remove(&name).unwrap();
            match original.judge(&fs, &change) {
                Outcome::Shortened => assert_eq!(name, original.newest_wal),
                // The lock file is made anew, and nobody misses what was noted.
                Outcome::Harmless if length == 0 || original.notes(&name) => {}
                outcome => original.assert_found(&fs, &name, outcome, &change),
            }
        }
    }
}
