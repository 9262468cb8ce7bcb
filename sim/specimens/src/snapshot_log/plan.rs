//! Decides which of the found segments are kept, and detects missing data. Pure.
//!
//! A crash can leave a torn tail in the last segment, segments that a snapshot covers,
//! and gaps between covered segments. Any other unreadable byte is damage, and so is any
//! gap after the snapshot: durable bytes are lost.

use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::log::Segment;
use super::names;
use crate::parts::entry::Scan;
use crate::parts::identity::Identity;

/// A segment as recovery has read it.
pub(super) struct Read {
    pub(super) start: u64,
    /// `None` if no identity covers the segment. Then none of its bytes counts as an
    /// entry.
    pub(super) identity: Option<Identity>,
    pub(super) bytes: Vec<u8>,
    pub(super) scan: Scan,
}

impl Read {
    pub(super) fn end(&self) -> u64 {
        self.start + self.scan.entries.len() as u64
    }

    pub(super) fn segment(&self) -> Segment {
        Segment {
            start: self.start,
            entries: self.scan.entries.len() as u64,
            bytes: self.scan.end as u64,
            identity: self.identity.unwrap_or_default(),
        }
    }
}

/// The segments to keep. The numbers are positions in the list of segments.
pub(super) struct Plan {
    /// The first segment that is kept. Segments before it are leftovers.
    pub(super) first: usize,
    /// The first segment that holds entries after the snapshot.
    pub(super) needed: usize,
    /// The last segment, unless the snapshot covers it.
    pub(super) last: Option<usize>,
    /// The offset after the last entry, where a new segment begins.
    pub(super) next: u64,
}

/// Decides which segments are needed and whether they are complete. Pure.
pub(super) fn plan(
    segments: &[Read],
    offset: u64,
    invalid: &[(u64, String)],
) -> Result<Plan, Failure> {
    let damage = |message: String| Err(Failure::Damage(message));
    let forgives = planted::is_active("damaged-snapshot-means-empty") && !invalid.is_empty();
    let needed = segments.iter().rposition(|read| read.start <= offset);
    let needed = match (needed, segments.first()) {
        (None, Some(first)) if !forgives => {
            return damage(format!(
                "entries from {offset} to {} are missing: no segment holds them and no valid snapshot covers them{}",
                first.start,
                describe(invalid)
            ));
        }
        (needed, _) => needed.unwrap_or(0),
    };
    let kept = &segments[needed.min(segments.len())..];
    kept.iter().try_for_each(check_identity)?;
    for pair in kept.windows(2) {
        if pair[0].end() != pair[1].start {
            return damage(format!(
                "{} ends at entry {} and the next segment begins at {}: entries that were durable are gone",
                names::segment(pair[0].start),
                pair[0].end(),
                pair[1].start
            ));
        }
    }
    let last = segments.last();
    let next = last.map_or(offset, |last| last.end().max(offset));
    if let Some(last) = last.filter(|last| last.end() >= offset) {
        check_tail(last)?;
    }
    let claimed = invalid.iter().map(|(number, _)| *number).max().unwrap_or(0);
    if next < claimed && !forgives {
        return damage(format!(
            "the log ends at entry {next} and {claimed} were acknowledged{}",
            describe(invalid)
        ));
    }
    let is_needed = |read: &&Read| read.end() > offset || read.start == offset;
    let last = last.filter(is_needed).map(|_| segments.len() - 1);
    Ok(Plan {
        first: first_kept(segments, needed, offset),
        needed,
        last,
        next,
    })
}

/// Checks that a segment with bytes has an identity. An identity is durable before the
/// first entry of its segments and exists as long as they do, so a missing identity is
/// damage.
fn check_identity(read: &Read) -> Result<(), Failure> {
    if read.identity.is_some() || read.bytes.is_empty() {
        return Ok(());
    }
    Err(Failure::Damage(format!(
        "{} has {} bytes, and no identity says whose they are: it belongs to nobody here, or a file that ends in .identity is missing; nothing was written",
        names::segment(read.start),
        read.bytes.len()
    )))
}

/// Checks that the bytes after the last entry are a torn tail, which recovery cuts.
/// Otherwise they are damage.
fn check_tail(last: &Read) -> Result<(), Failure> {
    let name = names::segment(last.start);
    if let Some(witness) = last.scan.witness {
        return Err(Failure::Damage(format!(
            "{name} cannot be read at byte {}, and the entry at byte {witness} was written when that was durable: an acknowledged entry is damaged",
            last.scan.end
        )));
    }
    if planted::is_active("torn-tail-fatal") && last.scan.end < last.bytes.len() {
        return Err(Failure::Damage(format!(
            "{name} cannot be read at byte {}",
            last.scan.end
        )));
    }
    Ok(())
}

/// The first segment that is connected without a gap to the needed segments. Covered
/// segments before a gap are leftovers of an interrupted truncation.
fn first_kept(segments: &[Read], needed: usize, offset: u64) -> usize {
    let Some(read) = segments.get(needed) else {
        return 0;
    };
    if read.end() < offset {
        return segments.len();
    }
    let mut first = needed;
    while first > 0 && segments[first - 1].end() == segments[first].start {
        first -= 1;
    }
    first
}

fn describe(invalid: &[(u64, String)]) -> String {
    invalid.iter().fold(String::new(), |text, (number, fault)| {
        format!("{text}; {}: {fault}", names::snapshot(*number))
    })
}
