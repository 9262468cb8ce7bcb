//! What the device may still hold although no file has it any more.
//!
//! A file system gives out blocks again without blanking them. So in the place of bytes
//! that a crash has lost there may be those of *any* earlier file: one that was removed or
//! replaced, one whose creation a crash took back, and a file of another store.
//!
//! There may also be what the *same* file held there before: a tail that a crash has taken,
//! and what an overwrite or a shortening replaced. A crash that takes a length leaves the
//! file's last block where it is, with bytes behind the end in it. The next append into that
//! block is blanked and filled in the page cache alone, and where lengths do not wait for data
//! (Linux documentation, ext4, `data=writeback`) the new length can be durable first. Whole
//! blocks come back in the same way: the allocator looks for a free block right behind the
//! file's last one, and that is where the lost block was (Mathur et al., OLS 2007).
//!
//! Each is a [`Remnant`]; a [`Source`] names it in traces, and its file says whose it is.
//!
//! Invariants: bounded in number and in bytes, whatever runs on the disk; the oldest go
//! first. Remnants are no files: nothing that a process does shows them.

use std::fmt;
use std::sync::Arc;

use super::oplog::InodeId;

/// Remnants of one name that are kept.
const MOST_OF_A_NAME: usize = 4;
/// Remnants that are kept.
const MOST: usize = 32;
/// Bytes of remnants that are kept, but for the newest remnant.
const MOST_BYTES: usize = 1 << 20;

/// What the names of another store's remnants begin with. No file of ours has such a name.
const FOREIGN: &str = "foreign:";

/// Which remnant: `wal-000004#2` is the second newest of the files of that name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The name that the file had last.
    pub name: Arc<str>,
    /// Counted from 1, the newest.
    pub number: u32,
}

impl Source {
    /// The source that a text names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, number) = text.rsplit_once('#')?;
        let number = number.parse().ok().filter(|&number| number > 0)?;
        (!name.is_empty()).then(|| Self {
            name: name.into(),
            number,
        })
    }

    /// Whether the file had this name, in our store or in another.
    #[must_use]
    pub(super) fn had_name(&self, name: &str) -> bool {
        self.name.strip_prefix(FOREIGN).unwrap_or(&self.name) == name
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.name, self.number)
    }
}

/// Bytes without a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remnant {
    name: Arc<str>,
    bytes: Arc<Vec<u8>>,
    /// The file; `None` for one of another store.
    file: Option<InodeId>,
}

/// A remnant that can stand in the place of lost bytes.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) source: Source,
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) file: Option<InodeId>,
}

/// All of a disk, the newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct Remnants {
    own: Arc<Vec<Remnant>>,
    /// Of another store. They do not get fewer when ours become more.
    foreign: Arc<Vec<Remnant>>,
}

impl Remnants {
    /// Adds what a file held when it had this name.
    pub(super) fn leave(&mut self, name: &Arc<str>, file: InodeId, bytes: Arc<Vec<u8>>) {
        if bytes.is_empty() {
            return;
        }
        let own = Arc::make_mut(&mut self.own);
        // What has only grown since is not another remnant.
        own.retain(|old| old.name != *name || !bytes.starts_with(&old.bytes));
        own.push(Remnant {
            name: Arc::clone(name),
            bytes,
            file: Some(file),
        });
        let is_same = |remnant: &Remnant| remnant.name == *name;
        if own.iter().filter(|remnant| is_same(remnant)).count() > MOST_OF_A_NAME
            && let Some(oldest) = own.iter().position(is_same)
        {
            own.remove(oldest);
        }
        let mut bytes: usize = own.iter().map(|remnant| remnant.bytes.len()).sum();
        while own.len() > 1 && (own.len() > MOST || bytes > MOST_BYTES) {
            bytes -= own.remove(0).bytes.len();
        }
    }

    /// The highest number of a file of which something is left.
    pub(super) fn last_file(&self) -> Option<InodeId> {
        self.own.iter().filter_map(|remnant| remnant.file).max()
    }

    /// The same bytes as those of another store.
    pub(super) fn as_foreign(&self) -> Self {
        let foreign = self.own.iter().map(|remnant| Remnant {
            name: format!("{FOREIGN}{}", remnant.name).into(),
            bytes: Arc::clone(&remnant.bytes),
            file: None,
        });
        Self {
            own: Arc::default(),
            foreign: Arc::new(foreign.collect()),
        }
    }

    /// Every remnant with its name, the newest first and those of another store last.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        for remnant in self.own.iter().rev().chain(self.foreign.iter().rev()) {
            let is_same = |other: &&Candidate| other.source.name == remnant.name;
            let same = found.iter().filter(is_same);
            let source = Source {
                name: Arc::clone(&remnant.name),
                number: same.count() as u32 + 1,
            };
            found.push(Candidate {
                source,
                bytes: Arc::clone(&remnant.bytes),
                file: remnant.file,
            });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(remnants: &Remnants) -> Vec<String> {
        let sources = remnants.candidates();
        sources
            .iter()
            .map(|candidate| candidate.source.to_string())
            .collect()
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let mut remnants = Remnants::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        remnants.leave(&b, 0, Arc::new(vec![9; 3]));
        for byte in 1..=6 {
            remnants.leave(&a, 0, Arc::new(vec![byte; 3]));
        }
        // It has only grown.
        remnants.leave(&a, 0, Arc::new(vec![6; 5]));
        assert_eq!(texts(&remnants), ["a#1", "a#2", "a#3", "a#4", "b#1"]);
        let newest = &remnants.candidates()[0].bytes;
        assert_eq!(newest.as_slice(), [6; 5]);
        for number in 0..100 {
            let name: Arc<str> = format!("f{number}").into();
            remnants.leave(&name, 0, Arc::new(vec![1]));
        }
        assert_eq!(texts(&remnants).len(), MOST);
        remnants.leave(&a, 0, Arc::new(vec![0; 2 * MOST_BYTES]));
        assert_eq!(texts(&remnants), ["a#1"]);
    }

    #[test]
    fn what_was_of_another_store_keeps_its_order_behind_ours() {
        let mut remnants = Remnants::default();
        remnants.leave(&"a".into(), 0, Arc::new(vec![1]));
        remnants.leave(&"b".into(), 0, Arc::new(vec![2]));
        let mut remnants = remnants.as_foreign();
        remnants.leave(&"b".into(), 0, Arc::new(vec![3]));
        assert_eq!(texts(&remnants), ["b#1", "foreign:b#1", "foreign:a#1"]);
        assert!(remnants.candidates()[1].source.had_name("b"));
        for text in ["b#1", "foreign:b#1"] {
            let source = Source::parse(text).expect("a source");
            assert_eq!(source.to_string(), text);
        }
        for text in ["b", "#1", "b#0", "b#x", ""] {
            assert_eq!(Source::parse(text), None, "{text}");
        }
    }
}
