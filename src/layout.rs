//! The layout: the live segments, as a value that can be printed, compared and kept in a snapshot
//! test.
//!
//! The text form is an API: canonical, sorted, versioned. Two settled stores with the same history
//! and placement print the same text, whatever crashes, restarts, orders of events and tuning
//! options there were. The place of the bytes is left out on purpose, because it may differ.

use std::fmt;
use std::fmt::Write as _;

use serde::Serialize;

use crate::align::{Level, Window};
use crate::commit::Commit;
use crate::segment::Segment;
use crate::version::Version;

/// The version of the text and JSON forms.
pub const LAYOUT_VERSION: u32 = 2;

/// The live segments of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// [`LAYOUT_VERSION`].
    pub layout_version: u32,
    /// The newest commit.
    pub head: Commit,
    /// The keyspaces, by name.
    pub keyspaces: Vec<KeyspaceLayout>,
}

/// The live segments of one keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyspaceLayout {
    /// The keyspace's name.
    pub name: String,
    /// The segments, oldest first.
    pub segments: Vec<SegmentLayout>,
}

/// One live segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SegmentLayout {
    /// Its window: the commits after `start`, up to `end`, at `level`.
    pub window: Window,
    /// The first commit inside the window that wrote to the keyspace.
    pub first: Commit,
    /// The last commit that did.
    pub last: Commit,
    /// The earliest commit in `first..=last` that can be read from this segment.
    pub readable_from: Commit,
    /// The number of commits that wrote to the keyspace inside the window.
    pub commits: u64,
    /// The number of versions, deletions included.
    pub entries: u64,
    /// The number of deletions among them.
    pub tombstones: u64,
    /// The number of distinct keys.
    pub keys: u64,
    /// The bytes of keys and values.
    pub bytes: u64,
}

impl SegmentLayout {
    fn of(segment: &Segment) -> Self {
        let meta = &segment.meta;
        let over_claims = planted!(ListingOverClaims);
        Self {
            window: meta.window,
            first: match over_claims {
                true => meta.window.start.next(),
                false => meta.first,
            },
            last: meta.last,
            readable_from: meta.floor,
            commits: meta.commits,
            entries: meta.entries,
            tombstones: meta.tombstones,
            keys: segment.keys(),
            bytes: meta.bytes,
        }
    }
}

impl Layout {
    pub(crate) fn of(version: &Version) -> Self {
        let mut keyspaces: Vec<KeyspaceLayout> = version
            .all_roots()
            .map(|(keyspace, roots)| KeyspaceLayout {
                name: version.keyspace_name(keyspace).to_string(),
                segments: roots
                    .iter()
                    .map(|node| SegmentLayout::of(&node.segment))
                    .collect(),
            })
            .collect();
        keyspaces.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            layout_version: LAYOUT_VERSION,
            head: version.head(),
            keyspaces,
        }
    }

    /// A digest of the text form, for comparing many layouts: equal layouts have
    /// equal digests.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let text = self.to_string();
        let digested = match planted!(DigestOfHalf) {
            true => &text.as_bytes()[..text.len() / 2],
            false => text.as_bytes(),
        };
        xxhash_rust::xxh3::xxh3_64(digested)
    }

    /// The differences to `other`, one line for each segment: `-` marks a segment of this layout
    /// only, `+` one of `other` only. Empty when the layouts are equal.
    #[must_use]
    pub fn diff(&self, other: &Self) -> String {
        let (here, there) = (self.lines(), other.lines());
        let mut lines: Vec<(&Line, char)> = Vec::new();
        lines.extend(
            here.iter()
                .filter(|line| !there.contains(line))
                .map(|line| (line, '-')),
        );
        lines.extend(
            there
                .iter()
                .filter(|line| !here.contains(line) && !planted!(DifferenceOneSided))
                .map(|line| (line, '+')),
        );
        lines.sort();
        let mut text = String::new();
        if self.head != other.head {
            let _ = writeln!(text, "- head {}\n+ head {}", self.head, other.head);
        }
        for ((name, segment), sign) in lines {
            let _ = writeln!(text, "{sign} {} {segment}", quoted(name));
        }
        text
    }

    fn lines(&self) -> std::collections::BTreeSet<Line> {
        self.keyspaces
            .iter()
            .flat_map(|keyspace| {
                keyspace
                    .segments
                    .iter()
                    .map(|segment| (keyspace.name.clone(), segment.clone()))
            })
            .collect()
    }

    /// A drawing for people: one row for each level, the widest at the bottom, with a bar for each
    /// segment over the commits of its window. `columns` is the width of the drawing in characters.
    /// The drawing is not part of the canonical text.
    #[must_use]
    pub fn pyramid(&self, columns: usize) -> String {
        let mut text = String::new();
        for keyspace in &self.keyspaces {
            let _ = writeln!(text, "{}", quoted(&keyspace.name));
            pyramid_of(&keyspace.segments, self.head, columns.max(10), &mut text);
        }
        text
    }
}

type Line = (String, SegmentLayout);

fn quoted(name: &str) -> String {
    format!("{name:?}")
}

fn pyramid_of(segments: &[SegmentLayout], head: Commit, columns: usize, text: &mut String) {
    let head = head.get().max(1);
    let column =
        |commit: Commit| (u128::from(commit.get()) * columns as u128 / u128::from(head)) as usize;
    let mut levels: Vec<Level> = segments
        .iter()
        .map(|segment| segment.window.level)
        .collect();
    levels.sort_unstable();
    levels.dedup();
    for level in levels {
        let mut row = vec![' '; columns];
        let (mut count, mut free) = (0, 0);
        for segment in segments
            .iter()
            .filter(|segment| segment.window.level == level)
        {
            // Narrow windows still get a character of their own, while there is room.
            let start = column(segment.window.start).max(free).min(columns - 1);
            let end = column(segment.window.end.min(Commit::new(head))).clamp(start + 1, columns);
            row[start..end].fill('=');
            row[start] = if end - start > 1 { '[' } else { '#' };
            if end - start > 1 {
                row[end - 1] = ']';
            }
            free = end;
            count += 1;
        }
        let row: String = row.into_iter().collect();
        let _ = writeln!(text, "  level {level:>2} |{row}| {count}");
    }
}

impl fmt::Display for SegmentLayout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "level {} window {}..{} commits {} first {} last {} readable-from {} entries {} \
             tombstones {} keys {} bytes {}",
            self.window.level,
            self.window.start.next(),
            self.window.end,
            self.commits,
            self.first,
            self.last,
            self.readable_from,
            self.entries,
            self.tombstones,
            self.keys,
            self.bytes
        )
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "layout {} head {}",
            self.layout_version, self.head
        )?;
        for keyspace in &self.keyspaces {
            writeln!(formatter, "keyspace {}", quoted(&keyspace.name))?;
            for segment in &keyspace.segments {
                writeln!(formatter, "  {segment}")?;
            }
        }
        Ok(())
    }
}
