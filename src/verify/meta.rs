//! The facts about segments in manifest records and tables of contents, read without the engine's
//! code, and the checks that need only these facts.

use super::bytes::{PREAMBLE, Reader};
use crate::align::{Alignment, Level, Window};
use crate::commit::Commit;

/// A segment's identity: keyspace, right edge, level. Sorts as the manifest does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) keyspace: u32,
    pub(super) end: u64,
    pub(super) level: Level,
}

/// An input that was merged into a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) end: u64,
    pub(super) level: Level,
    pub(super) first: u64,
}

/// The facts about a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) id: Id,
    pub(super) start: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) floor: u64,
    pub(super) commits: u64,
    pub(super) entries: u64,
    pub(super) tombstones: u64,
    pub(super) keys: u64,
    pub(super) bytes: u64,
    pub(super) inputs: Vec<Input>,
}

/// The place of a block, trailer included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// The place of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: u64,
    pub(super) start: u64,
    pub(super) filter: Handle,
    pub(super) index: Handle,
}

/// A segment, as a manifest or a table of contents lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) meta: Meta,
    pub(super) place: Place,
}

impl Id {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, String> {
        let keyspace = reader.number("a keyspace number")?;
        Ok(Self {
            keyspace: u32::try_from(keyspace).map_err(|_| format!("keyspace number {keyspace}"))?,
            end: reader.number("a right edge")?,
            level: reader.byte("a level")?,
        })
    }
}

impl Handle {
    /// The end of the block; `u64::MAX` when the sum is impossible.
    pub(super) fn end(self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, String> {
        let offset = reader.number("a block's offset")?;
        let length = reader.number("a block's length")?;
        u32::try_from(length).map_err(|_| format!("a block of {length} bytes"))?;
        Ok(Self { offset, length })
    }
}

impl Listed {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, String> {
        let meta = Meta::read(reader)?;
        let place = Place {
            file: reader.number("a file number")?,
            start: reader.number("a segment's offset")?,
            filter: Handle::read(reader)?,
            index: Handle::read(reader)?,
        };
        Ok(Self { meta, place })
    }

    /// The fault of the segment under this alignment in a file of this length, if there is one.
    pub(super) fn fault(&self, alignment: &Alignment, file_length: u64) -> Option<String> {
        self.meta
            .window_fault(alignment)
            .or_else(|| self.meta.count_fault())
            .or_else(|| self.meta.input_fault(alignment))
            .or_else(|| self.place.fault(file_length))
    }
}

impl Place {
    fn fault(&self, file_length: u64) -> Option<String> {
        let edges = [
            PREAMBLE,
            self.start,
            self.filter.offset,
            self.filter.end(),
            self.index.offset,
            self.index.end(),
            file_length,
        ];
        let is_whole = self.filter.end() == self.index.offset && edges.is_sorted();
        (!is_whole).then(|| format!("{self:?} in a file of {file_length} bytes"))
    }
}

impl Meta {
    fn read(reader: &mut Reader<'_>) -> Result<Self, String> {
        let mut meta = Self {
            id: Id::read(reader)?,
            start: reader.number("a left edge")?,
            first: reader.number("a first commit")?,
            last: reader.number("a last commit")?,
            floor: reader.number("a floor")?,
            commits: reader.number("a count of commits")?,
            entries: reader.number("a count of entries")?,
            tombstones: reader.number("a count of deletions")?,
            keys: reader.number("a count of keys")?,
            bytes: reader.number("a count of bytes")?,
            inputs: Vec::new(),
        };
        for _ in 0..reader.number("a count of inputs")? {
            meta.inputs.push(Input {
                end: reader.number("an input's right edge")?,
                level: reader.byte("an input's level")?,
                first: reader.number("an input's first commit")?,
            });
        }
        Ok(meta)
    }

    pub(super) fn window(&self) -> Window {
        Window {
            level: self.id.level,
            start: Commit::new(self.start),
            end: Commit::new(self.id.end),
        }
    }

    fn window_fault(&self, alignment: &Alignment) -> Option<String> {
        let window = self.window();
        if alignment.window_ending(window.level, window.end) != Some(window) {
            return Some(format!("window {window}, which {alignment} does not have"));
        }
        let (first, floor, last) = (self.first, self.floor, self.last);
        let is_inside = self.start < first && last <= self.id.end;
        let is_ordered = first <= floor && floor <= last;
        (!is_inside || !is_ordered)
            .then(|| format!("commits {first} to {last}, floor {floor}, in window {window}"))
    }

    fn count_fault(&self) -> Option<String> {
        let Self {
            commits,
            entries,
            tombstones,
            keys,
            ..
        } = *self;
        let has_commits = (1..=self.last - self.first + 1).contains(&commits);
        let adds_up = tombstones <= entries && keys <= entries && (keys > 0) == (entries > 0);
        (!has_commits || !adds_up).then(|| {
            format!(
                "{commits} commits, {entries} entries, {tombstones} deletions and {keys} keys in \
                 commits {} to {}",
                self.first, self.last
            )
        })
    }

    fn input_fault(&self, alignment: &Alignment) -> Option<String> {
        let mut covered = self.start;
        for input in &self.inputs {
            let window = alignment.window_ending(input.level, Commit::new(input.end));
            let fits = window.is_some_and(|window| {
                input.level < self.id.level
                    && window.start.get() >= covered
                    && window.contains(Commit::new(input.first))
                    && input.end <= self.id.end
            });
            if !fits {
                return Some(format!(
                    "{input:?} below window {} behind commit {covered}",
                    self.window()
                ));
            }
            covered = input.end;
        }
        None
    }
}
