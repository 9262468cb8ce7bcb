//! Parses the bytes of a data file. Pure.
//!
//! A crash can leave a torn tail: a commit without its end, after everything that was
//! durable. Two other kinds of unreadable bytes are damage: bytes below `certain_end` of
//! the header, and bytes before an entry that was written when everything before it was
//! durable.

use lithify_sim::planted;

use super::header::{HEADER_BYTES, Header};
use super::index::{Index, Place};
use super::record::{self, Chain, Record};
use crate::parts::entry::{self, Before, Entry};

/// The end of a commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct CommitEnd {
    /// The position after its last entry, counted from the end of the header.
    pub(super) position: u64,
    /// The chain of the commit.
    pub(super) chain: u64,
}

/// The content of a valid data file.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) header: Header,
    pub(super) index: Index,
    /// The end of each commit after the base. The bytes between two ends belong to the
    /// later commit.
    pub(super) ends: Vec<CommitEnd>,
    /// The number of the last opening in the file, or 0 if there is none.
    pub(super) opening: u64,
    /// The chain of the newest commit.
    pub(super) chain: u64,
    /// The end of the newest commit, or of an opening after it.
    pub(super) end: u64,
    /// All bytes below this position were durable when an entry after it was written.
    pub(super) durable_end: u64,
}

impl Contents {
    /// The newest commit.
    pub(super) fn head(&self) -> u64 {
        self.header.base_commit + self.ends.len() as u64
    }
}

/// Reads a whole file. The error says what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Contents, String> {
    let header = Header::decode(bytes)?;
    let body = &bytes[HEADER_BYTES as usize..];
    let scan = entry::scan(body, header.salt());
    let mut contents = Contents {
        header,
        index: Index::default(),
        ends: Vec::new(),
        opening: 0,
        chain: header.base_chain,
        end: header.copied_end,
        durable_end: header.certain_end,
    };
    let read = Body {
        body,
        entries: &scan.entries,
    };
    let stop = read.commits(&mut contents)?;
    if contents.end < header.certain_end {
        return Err(format!(
            "it can be read up to byte {}, and up to byte {} it was durable: acknowledged commits are damaged",
            HEADER_BYTES + contents.end,
            HEADER_BYTES + header.certain_end
        ));
    }
    let late = scan.entries[stop..]
        .iter()
        .find(|entry| entry.before == Before::Durable && entry.position as u64 > contents.end);
    let witness = late.map(|entry| entry.position).or(scan.witness);
    if let Some(witness) = witness.filter(|_| !planted::is_active("damage-taken-for-torn-tail")) {
        return Err(format!(
            "it cannot be read at byte {}, and the entry at byte {} was written when that was durable: an acknowledged commit is damaged",
            HEADER_BYTES + contents.end,
            HEADER_BYTES + witness as u64
        ));
    }
    Ok(contents)
}

/// The entries of a file, and the bytes after its header.
struct Body<'file> {
    body: &'file [u8],
    entries: &'file [Entry],
}

impl Body<'_> {
    fn record(&self, entry: &Entry) -> Result<Record<'_>, String> {
        record::decode(&self.body[entry.payload.clone()])
            .map_err(|fault| format!("at byte {}: {fault}", HEADER_BYTES + entry.position as u64))
    }

    /// Reads the copied part, and then commit after commit. Returns the number of the
    /// first entry that is part neither of a complete commit nor of an opening directly
    /// after one.
    fn commits(&self, contents: &mut Contents) -> Result<usize, String> {
        let copied_end = contents.header.copied_end;
        let copied = self
            .entries
            .partition_point(|entry| (entry.position as u64) < copied_end);
        for entry in &self.entries[..copied] {
            match self.record(entry)? {
                Record::Put { key, .. } => contents.index.put(key, place(entry)),
                other => return Err(format!("{other:?} is among the copied records")),
            }
        }
        let is_whole = copied
            .checked_sub(1)
            .map_or(0, |last| self.entries[last].payload.end);
        if is_whole as u64 != copied_end {
            return Err(format!(
                "its copied part should end at byte {} and can be read up to byte {}",
                HEADER_BYTES + copied_end,
                HEADER_BYTES + is_whole as u64
            ));
        }
        let mut first = copied;
        let mut chain = Chain::after(contents.chain);
        for (number, entry) in self.entries.iter().enumerate().skip(copied) {
            match self.record(entry)? {
                Record::End { seal } if seal == record::seal(chain.value(), contents.opening) => {
                    contents.chain = chain.value();
                    self.adopt(contents, &self.entries[first..=number])?;
                    chain = Chain::after(contents.chain);
                    first = number + 1;
                }
                Record::Opening { number: opening } if first == number => {
                    contents.opening = opening;
                    // An opening is written only when everything before it is durable.
                    contents.durable_end = contents.durable_end.max(entry.position as u64);
                    contents.end = entry.payload.end as u64;
                    first = number + 1;
                }
                // An entry of an earlier incarnation, left after the tail.
                Record::End { .. } | Record::Opening { .. } | Record::Superseded => break,
                Record::Put { .. } | Record::Delete { .. } => {
                    chain.add(&self.body[entry.payload.clone()]);
                }
            }
        }
        if planted::is_active("incomplete-commit-applied") {
            self.apply(contents, &self.entries[first..])?;
        }
        Ok(first)
    }

    /// Adds a complete commit.
    fn adopt(&self, contents: &mut Contents, entries: &[Entry]) -> Result<(), String> {
        self.apply(contents, entries)?;
        let witnesses = entries
            .iter()
            .filter(|entry| entry.before == Before::Durable);
        for entry in witnesses {
            contents.durable_end = contents.durable_end.max(entry.position as u64);
        }
        contents.end = entries
            .last()
            .map_or(contents.end, |last| last.payload.end as u64);
        contents.ends.push(CommitEnd {
            position: contents.end,
            chain: contents.chain,
        });
        Ok(())
    }

    fn apply(&self, contents: &mut Contents, entries: &[Entry]) -> Result<(), String> {
        for entry in entries {
            match self.record(entry)? {
                Record::Put { key, .. } => contents.index.put(key, place(entry)),
                Record::Delete { key } => contents.index.remove(key),
                Record::End { .. } | Record::Opening { .. } | Record::Superseded => {}
            }
        }
        Ok(())
    }
}

fn place(entry: &Entry) -> Place {
    Place {
        position: entry.position as u64,
        length_bytes: (entry.payload.end - entry.position) as u64,
    }
}
