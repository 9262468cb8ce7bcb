//! Opening: reads what a crash has left, and makes it durable before it serves it.
//!
//! 1. Load the newest valid snapshot and read all segments.
//! 2. Decide which segments are needed, which are leftovers, and whether data is missing
//!    ([`super::plan`], pure). A torn tail is cut only in the last segment, and only if no
//!    later group proves that it was durable. Every other unreadable byte is damage, and
//!    opening returns an error.
//! 3. Apply the entries after the snapshot.
//! 4. Make the entries durable before they are served. Entries of the last process may be
//!    in the page cache only. After a failed sync the cache can hold pages that are marked
//!    clean, and a sync of these pages does nothing. So opening writes the valid bytes of
//!    the last segment again, at the same place, and then syncs them. The new bytes equal
//!    the old ones, so a crash may keep any part of them.
//! 5. Begin a new segment under a new identity ([`super::identities`]). Nothing is appended
//!    where the last process has written: lost bytes of that process, if they come back
//!    there, would pass as valid. A last segment without entries is removed instead of cut,
//!    so that no sync of its bytes has to succeed.
//! 6. Make the names durable. Only then remove the leftovers: a leftover can be the file
//!    that a snapshot replaces, and the name of that snapshot was perhaps not durable
//!    before.

use std::collections::BTreeSet;
use std::sync::Arc;

use lithify::fs::File;
use lithify::fs::whole::write_all_at;
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::identities::Identities;
use super::log::{Active, Log, Segment};
use super::names::{self, Name};
use super::plan::{Plan, Read, plan};
use super::store::{Options, SnapshotFile, SnapshotLog, identity};
use super::{index, snapshot};
use crate::parts::disk::{Disk, failed};
use crate::parts::entry;
use crate::parts::machine::Machine;
use crate::parts::owner::Owner;

/// The files of the store that are in the directory.
#[derive(Debug, Default)]
struct Found {
    segments: BTreeSet<u64>,
    indexes: BTreeSet<u64>,
    snapshots: BTreeSet<u64>,
    identities: Identities,
    has_temporary: bool,
}

/// The starting point of replay.
struct Base<M> {
    machine: M,
    offset: u64,
    snapshots: Vec<SnapshotFile>,
    /// The files that have the name of a snapshot but are not valid, with the reason.
    invalid: Vec<(u64, String)>,
}

pub(super) fn open<M: Machine>(disk: Disk, options: &Options) -> Result<SnapshotLog<M>, Failure> {
    let lock = disk.lock(Owner::SnapshotLog, names::LOCK)?;
    let found = find(&disk)?;
    found.identities.check()?;
    let mut base: Base<M> = load(&disk, &found.snapshots)?;
    let segments = read_segments(&disk, &found)?;
    let mut plan = plan(&segments, base.offset, &base.invalid)?;
    replay(&mut base, &segments, &plan)?;
    let active = activate(&disk, &found, &segments, &plan)?;
    let start = active.segment.start;
    let (identities, ended) = identities(&found, &active);
    sweep(&disk, &found, &base, &segments, &mut plan, options, ended)?;
    let kept = segments.iter().skip(plan.first);
    let is_sealed = |read: &&Read| read.start != start;
    let sealed = kept.clone().filter(is_sealed);
    let mut log = Log {
        sealed: sealed.map(Read::segment).collect(),
        active,
        segment_bytes: options.segment_bytes,
        keeps_index: options.keeps_index,
        indexes: BTreeSet::new(),
        identities,
        has_unsynced_bytes: false,
        has_unsynced_name: false,
        retired: None,
        disk: disk.clone(),
    };
    if options.keeps_index {
        rebuild_indexes(&mut log, kept)?;
    }
    Ok(SnapshotLog {
        disk,
        machine: base.machine,
        log,
        snapshots: base.snapshots,
        syncs_appends: options.syncs_appends,
        job: None,
        poison: None,
        _lock: lock,
    })
}

fn find(disk: &Disk) -> Result<Found, Failure> {
    let mut found = Found::default();
    for name in disk.list()? {
        match names::parse(&name) {
            Some(Name::Segment(start)) => _ = found.segments.insert(start),
            Some(Name::Index(start)) => _ = found.indexes.insert(start),
            Some(Name::Snapshot(offset)) => _ = found.snapshots.insert(offset),
            Some(Name::Identity(start, identity)) => found.identities.add(start, identity),
            Some(Name::Temporary) => found.has_temporary = true,
            None => {}
        }
    }
    Ok(found)
}

/// Loads the newest valid snapshot. Reads older snapshots too: if a newer snapshot is
/// damaged, an older one together with the log can still give the state.
fn load<M: Machine>(disk: &Disk, named: &BTreeSet<u64>) -> Result<Base<M>, Failure> {
    let mut base = Base {
        machine: M::default(),
        offset: 0,
        snapshots: Vec::new(),
        invalid: Vec::new(),
    };
    for &number in named {
        let bytes = disk.read(&names::snapshot(number))?;
        let decoded = snapshot::decode(number, &bytes).and_then(|(offset, state)| {
            if number != identity(offset) {
                return Err(format!("it covers {offset} entries"));
            }
            Ok((offset, M::decode(state)?))
        });
        match decoded {
            Ok((offset, machine)) => {
                base.machine = machine;
                base.offset = offset;
                let bytes = bytes.len() as u64;
                base.snapshots.push(SnapshotFile { offset, bytes });
            }
            Err(fault) => base.invalid.push((number, fault)),
        }
    }
    Ok(base)
}

fn read_segments(disk: &Disk, found: &Found) -> Result<Vec<Read>, Failure> {
    let read = |&start: &u64| {
        let bytes = disk.read(&names::segment(start))?;
        let identity = found.identities.of(start);
        let scan = identity.map(|identity| entry::scan(&bytes, identity.salt(start)));
        Ok(Read {
            start,
            identity,
            bytes,
            scan: scan.unwrap_or_default(),
        })
    };
    found.segments.iter().map(read).collect()
}

fn replay<M: Machine>(base: &mut Base<M>, segments: &[Read], plan: &Plan) -> Result<(), Failure> {
    let replays_all = planted::is_active("replay-not-filtered");
    let first = if replays_all { plan.first } else { plan.needed };
    for read in segments.iter().skip(first) {
        for (offset, entry) in (read.start..).zip(&read.scan.entries) {
            if offset < base.offset && !replays_all {
                continue;
            }
            let payload = &read.bytes[entry.payload.clone()];
            base.machine.apply(payload).map_err(|fault| {
                let name = names::segment(read.start);
                Failure::Damage(format!("entry {offset} in {name} means nothing: {fault}"))
            })?;
        }
    }
    Ok(())
}

/// Creates the segment for new entries, after it has made the entries before it durable.
fn activate(disk: &Disk, found: &Found, segments: &[Read], plan: &Plan) -> Result<Active, Failure> {
    let last = plan.last.map(|position| &segments[position]);
    let mut start = plan.next;
    if let Some(read) = last {
        if read.scan.entries.is_empty() {
            disk.remove(&names::segment(read.start))?;
            let counts_itself = planted::is_active("commit-number-reused");
            if counts_itself && segments.iter().all(|it| it.start > 0) {
                // The planted bug takes the next number from the log, which is empty.
                start = 0;
            }
        } else {
            make_durable(disk, read)?;
        }
    }
    let identity = found.identities.draw(disk, start)?;
    let overtaken: Vec<String> = found.identities.overtaken(start).collect();
    if !overtaken.is_empty() && !planted::is_active("identity-removed-early") {
        // The removal of the segments must be durable before their identities are removed:
        // a segment that comes back without its identity would be damage. The removal may
        // not be durable even if no segment was found, because an opening that failed may
        // have removed it.
        disk.sync_directory()?;
    }
    let file = disk.create(&names::segment(start))?;
    // Create the new identity before the others are removed: a directory without identities
    // looks like the directory of a new store.
    disk.create(&names::identity(start, identity))?;
    overtaken.iter().try_for_each(|name| disk.remove(name))?;
    Ok(Active::of(Segment::empty(start, identity), file))
}

impl Active {
    fn of(segment: Segment, file: Arc<dyn File>) -> Self {
        Self {
            segment,
            file,
            index: None,
            is_recycled: false,
        }
    }
}

/// Makes the entries of the last segment durable and cuts the bytes after them. The first
/// sync can report a failed write of the last process. The bytes are written again before
/// each sync, so if a second sync succeeds, they are durable.
fn make_durable(disk: &Disk, read: &Read) -> Result<(), Failure> {
    let name = names::segment(read.start);
    let file = disk.open(&name)?;
    settle(&*file, read)
        .or_else(|_| settle(&*file, read))
        .map_err(failed("settle", &name))
}

fn settle(file: &dyn File, read: &Read) -> std::io::Result<()> {
    let end = read.scan.end;
    let is_synced = !planted::is_active("recovered-tail-not-synced");
    if is_synced && !planted::is_active("recovered-tail-not-rewritten") {
        write_all_at(file, 0, &read.bytes[..end])?;
    }
    if read.bytes.len() > end && !planted::is_active("torn-tail-left") {
        file.set_len(end as u64)?;
    }
    if is_synced { file.sync_data() } else { Ok(()) }
}

/// The names of the identities that the store keeps, and the names of those without a
/// segment.
fn identities(found: &Found, active: &Active) -> (Vec<String>, Vec<String>) {
    let Segment {
        start, identity, ..
    } = active.segment;
    let before = found.identities.before(start, &found.segments);
    let (kept, ended): (Vec<_>, Vec<_>) = before.partition(|(_, has_segment)| *has_segment);
    let names = |files: Vec<(String, bool)>| files.into_iter().map(|(name, _)| name);
    let mut kept: Vec<String> = names(kept).collect();
    kept.push(names::identity(start, identity));
    (kept, names(ended).collect())
}

/// Makes the names durable, and then removes the files that are not needed.
fn sweep<M>(
    disk: &Disk,
    found: &Found,
    base: &Base<M>,
    segments: &[Read],
    plan: &mut Plan,
    options: &Options,
    ended: Vec<String>,
) -> Result<(), Failure> {
    let mut removed = Vec::new();
    if planted::is_active("log-removed-by-recovery") {
        removed = remove_covered(disk, segments, base.offset)?;
        plan.first = plan.first.max(removed.len());
    }
    let mut leftovers = leftovers(found, base, &segments[plan.first..], options);
    leftovers.extend(ended);
    leftovers.retain(|name| !removed.contains(name));
    disk.sync_directory()?;
    leftovers.iter().try_for_each(|name| disk.remove(name))
}

/// The files that are not needed.
fn leftovers<M>(found: &Found, base: &Base<M>, kept: &[Read], options: &Options) -> Vec<String> {
    let mut leftovers = Vec::new();
    if found.has_temporary && !planted::is_active("temporary-file-reused") {
        leftovers.push(names::TEMPORARY.to_owned());
    }
    let is_kept = |start: &u64| kept.iter().any(|read| read.start == *start);
    let invalid = base.invalid.iter();
    leftovers.extend(invalid.map(|(number, _)| names::snapshot(*number)));
    let indexes = found.indexes.iter().copied();
    let keeps_index = options.keeps_index || planted::is_active("index-left-when-off");
    leftovers.extend(
        indexes
            .filter(|start| !keeps_index || !is_kept(start))
            .map(names::index),
    );
    let segments = found.segments.iter().copied();
    leftovers.extend(segments.filter(|start| !is_kept(start)).map(names::segment));
    leftovers
}

/// The work of a planted bug: it removes segments before the name of the snapshot is
/// durable.
fn remove_covered(disk: &Disk, segments: &[Read], offset: u64) -> Result<Vec<String>, Failure> {
    let covered = segments
        .iter()
        .filter(|read| read.end() <= offset && read.start < offset);
    let names: Vec<String> = covered.map(|read| names::segment(read.start)).collect();
    names.iter().try_for_each(|name| disk.remove(name))?;
    Ok(names)
}

/// Writes each index that does not agree with its segment, and opens the index of the
/// active segment.
fn rebuild_indexes<'read>(
    log: &mut Log,
    kept: impl Iterator<Item = &'read Read>,
) -> Result<(), Failure> {
    let mut wanted: Vec<(u64, Vec<u8>)> = kept
        .map(|read| (read.start, index::of(read.start, &read.scan.entries)))
        .collect();
    let active = log.active.segment.start;
    if wanted.last().is_none_or(|(start, _)| *start != active) {
        wanted.push((active, Vec::new()));
    }
    for (start, bytes) in wanted {
        let name = names::index(start);
        let file = log.disk.open_or_create(&name)?;
        if log.disk.read(&name)? != bytes {
            file.set_len(bytes.len() as u64)
                .and_then(|()| write_all_at(&*file, 0, &bytes))
                .map_err(failed("write", &name))?;
        }
        log.indexes.insert(start);
        if start == active {
            log.active.index = Some(file);
        }
    }
    Ok(())
}
