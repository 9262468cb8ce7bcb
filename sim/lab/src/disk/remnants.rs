//! What the device may still hold although no file has it any more.
//!
//! A file system reuses blocks without erasing them. So the place of bytes that a crash
//! has lost may hold bytes of *any* earlier file: a file that was removed or replaced,
//! a file whose creation was lost in a crash, or a file of another store.
//!
//! The place may also hold what the *same* file held there before: a tail that was lost
//! in a crash, or bytes that were overwritten or cut off. A crash that loses a length
//! leaves the file's last block in place, with bytes behind the end. The next append
//! into that block zeroes and fills it in the page cache only. If lengths do not wait
//! for data (Linux documentation, ext4, `data=writeback`), the new length can be
//! durable first. Whole blocks come back in the same way: the allocator looks for a
//! free block right behind the file's last block, and that is where the lost block was
//! (Mathur et al., OLS 2007).
//!
//! Each such content is a [`Remnant`]. A [`Source`] names it in traces. Its `file` says
//! which file held it.
//!
//! Invariants: the number and the bytes of remnants are bounded; the oldest are dropped
//! first. A remnant is not a file: no operation of a process shows it.

use std::fmt;
use std::sync::Arc;

use super::oplog::InodeId;

/// The largest number of remnants of one name.
const MAX_OF_A_NAME: usize = 4;
/// The largest number of remnants.
const MOST: usize = 32;
/// The largest number of bytes in remnants. The newest remnant is always kept.
const MAX_BYTES: usize = 1 << 20;

/// The prefix of the names of another store's remnants. No file of this store has such
/// a name.
const FOREIGN: &str = "foreign:";

/// The name of a remnant: `wal-000004#2` is the second newest of the files with that
/// name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The last name of the file.
    pub name: Arc<str>,
    /// Counted from 1; 1 is the newest.
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

    /// Whether the file had this name, in this store or in another store.
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

/// Bytes that no file holds any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remnant {
    name: Arc<str>,
    bytes: Arc<Vec<u8>>,
    /// The file; `None` if another store held it.
    file: Option<InodeId>,
}

/// A remnant that can stand in the place of lost bytes.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) source: Source,
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) file: Option<InodeId>,
}

/// All remnants of a disk, the newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct Remnants {
    own: Arc<Vec<Remnant>>,
    /// Remnants of another store. Remnants of this store do not displace them.
    foreign: Arc<Vec<Remnant>>,
}

impl Remnants {
    /// Adds what a file held when it had this name.
    pub(super) fn leave(&mut self, name: &Arc<str>, file: InodeId, bytes: Arc<Vec<u8>>) {
        if bytes.is_empty() {
            return;
        }
        let own = Arc::make_mut(&mut self.own);
        // A remnant that the file has only extended since is replaced.
        own.retain(|old| old.name != *name || !bytes.starts_with(&old.bytes));
        own.push(Remnant {
            name: Arc::clone(name),
            bytes,
            file: Some(file),
        });
        let is_same = |remnant: &Remnant| remnant.name == *name;
        if own.iter().filter(|remnant| is_same(remnant)).count() > MAX_OF_A_NAME
            && let Some(oldest) = own.iter().position(is_same)
        {
            own.remove(oldest);
        }
        let mut bytes: usize = own.iter().map(|remnant| remnant.bytes.len()).sum();
        while own.len() > 1 && (own.len() > MOST || bytes > MAX_BYTES) {
            bytes -= own.remove(0).bytes.len();
        }
    }

    /// The highest number of a file that left a remnant.
    pub(super) fn last_file(&self) -> Option<InodeId> {
        self.own.iter().filter_map(|remnant| remnant.file).max()
    }

    /// The same bytes as remnants of another store.
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
        // The file has only grown.
        remnants.leave(&a, 0, Arc::new(vec![6; 5]));
        assert_eq!(texts(&remnants), ["a#1", "a#2", "a#3", "a#4", "b#1"]);
        let newest = &remnants.candidates()[0].bytes;
        assert_eq!(newest.as_slice(), [6; 5]);
        for number in 0..100 {
            let name: Arc<str> = format!("f{number}").into();
            remnants.leave(&name, 0, Arc::new(vec![1]));
        }
        assert_eq!(texts(&remnants).len(), MOST);
        remnants.leave(&a, 0, Arc::new(vec![0; 2 * MAX_BYTES]));
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
