//! Checks every segment before it is served, and works around damage where that is possible.
//!
//! A damaged filter is left out, because a segment without a filter is searched. A damaged segment
//! whose inputs were all kept is replaced by them. Other damaged segments stay in place: a read of
//! the damaged part is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::{Loss, Takes};
use crate::error::Result;
use crate::segment::block::BlockHandle;
use crate::segment::cache::BlockCache;
use crate::segment::file::{DataFile, FileSegment, Shared};
use crate::segment::{Place, Segment, SegmentId, SegmentMeta};
use crate::storage::Storage;
use crate::version::forest;
use crate::whole_file::damage_of;

type Segments = BTreeMap<SegmentId, Arc<Segment>>;

/// What a check of all segments has found.
#[derive(Debug)]
pub(super) struct Damaged {
    pub(super) losses: Vec<Loss>,
    /// The segments that have lost entries, and which of the losses are theirs.
    pub(super) segments: BTreeMap<SegmentId, Range<usize>>,
}

/// Checks every segment, and rebuilds the version from the segments that can be served.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) when the file system denies permission.
pub(super) fn check(storage: &mut Storage) -> Result<Damaged> {
    let state = &storage.manifest.state;
    let mut keyspaces = vec![Segments::new(); state.keyspaces.len()];
    let mut losses = Vec::new();
    for data in storage.data_files.values() {
        let length = DataFile::open(data.id(), data.length(), storage.shared.clone());
        // The losses of the segments tell the data that is lost with the end of a file.
        losses.extend(damage_of(length, data.name(), 0)?.map(|damage| Loss {
            damage,
            takes: Takes::Nothing,
        }));
    }
    let mut damaged = BTreeMap::new();
    for (id, (meta, place)) in &state.segments {
        let data = &storage.data_files[&place.file];
        let name = &state.keyspaces[id.keyspace as usize];
        let found = check_segment(&storage.shared, data, (meta, place), name)?;
        let is_whole = found.losses.iter().all(|loss| loss.takes == Takes::Nothing);
        if !is_whole {
            let positions = losses.len()..losses.len() + found.losses.len();
            damaged.insert(*id, positions);
        }
        losses.extend(found.losses);
        let segment = Segment::in_file(meta.clone(), Arc::clone(data), found.place);
        keyspaces[id.keyspace as usize].insert(*id, Arc::new(segment));
    }
    for segments in &mut keyspaces {
        for replaced in give_way(segments, &damaged.keys().copied().collect()) {
            for loss in &mut losses[damaged[&replaced].clone()] {
                loss.takes = Takes::Nothing;
            }
        }
    }
    let version = Arc::make_mut(&mut storage.version);
    let (head, keeps_all) = (version.head(), version.keeps_all());
    version.restore(head, keyspaces.iter().map(forest).collect(), keeps_all);
    Ok(Damaged {
        losses,
        segments: damaged,
    })
}

/// The result of a check, and the place of the segment without a damaged filter.
struct Checked {
    losses: Vec<Loss>,
    place: Place,
}

fn check_segment(
    shared: &Shared,
    data: &Arc<DataFile>,
    (meta, place): (&SegmentMeta, &Place),
    keyspace: &str,
) -> Result<Checked> {
    // Without the cache: each block is read once.
    let shared = Shared {
        cache: BlockCache::new(0),
        files: shared.files.clone(),
        read_ahead_bytes: shared.read_ahead_bytes,
    };
    let data = Arc::new(DataFile::new(data.id(), data.length(), shared));
    let segment = FileSegment::new(Arc::clone(&data), *place, meta.first);
    let name = data.name();
    let takes = |from: &[u8], to: Option<&[u8]>| Takes::Versions {
        keyspace: keyspace.to_owned(),
        first: meta.first,
        last: meta.last,
        from: from.to_vec(),
        to: to.map(<[u8]>::to_vec),
    };
    let mut checked = Checked {
        losses: Vec::new(),
        place: *place,
    };
    if let Some(damage) = damage_of(segment.may_contain(0), name, place.filter.offset)? {
        checked.place.filter = BlockHandle {
            offset: place.index.offset,
            length: 0,
        };
        checked.losses.push(Loss {
            damage,
            takes: Takes::Nothing,
        });
    }
    let index = match segment.index() {
        Ok(index) => index,
        outcome => {
            let damage = damage_of(outcome, name, place.index.offset)?;
            checked.losses.extend(damage.map(|damage| Loss {
                damage,
                takes: takes(&[], None),
            }));
            return Ok(checked);
        }
    };
    for position in 0..index.len() {
        if let Some(damage) = damage_of(segment.block(position), name, place.start)? {
            let next = position + 1;
            let end = next - usize::from(planted!(LossEndsEarly));
            let to = (next < index.len()).then(|| index.entry(end).key);
            checked.losses.push(Loss {
                damage,
                takes: takes(index.entry(position).key, to),
            });
        }
    }
    Ok(checked)
}

/// Takes out every damaged live segment whose inputs are all there and intact. The inputs are live
/// again then, as before their merge, and hold the same data and more. Returns the segments that
/// were taken out.
fn give_way(segments: &mut Segments, damaged: &BTreeSet<SegmentId>) -> Vec<SegmentId> {
    let inputs_of = |segments: &Segments, id: &SegmentId| -> Vec<SegmentId> {
        let inputs = segments[id].meta.inputs.iter();
        inputs
            .map(|input| SegmentId {
                keyspace: id.keyspace,
                end: input.end,
                level: input.level,
            })
            .collect()
    };
    let named: BTreeSet<SegmentId> = segments
        .keys()
        .flat_map(|id| inputs_of(segments, id))
        .collect();
    // Segments of other keyspaces are not in this map.
    let is_live = |id: &&SegmentId| segments.contains_key(id) && !named.contains(id);
    let candidates: Vec<SegmentId> = damaged.iter().filter(is_live).copied().collect();
    let mut gone = Vec::new();
    for id in candidates {
        let inputs = inputs_of(segments, &id);
        let is_there = |input: &SegmentId| segments.contains_key(input) && !damaged.contains(input);
        if !inputs.is_empty() && inputs.iter().all(is_there) {
            segments.remove(&id);
            gone.push(id);
        }
    }
    gone
}
