//! A physical check of every byte of a store that no process writes to.
//!
//! Goal: to tell whether the files hold what was written, without trusting the code that writes and
//! reads them. So nothing here uses the engine's decoders. Integers, salts, checksums, records,
//! blocks and filters are read by separate code, written from `design/format.md`. Only the
//! file-system traits, the window arithmetic and the checksum and compression libraries are shared.
//!
//! Memory: one manifest at a time; all WAL files that the manifest still needs (both kinds are
//! bounded by rotation); of segment files one block, and one segment's index and filter.
//!
//! The check changes nothing and repairs nothing. It does not tell whether the *contents* are those
//! that the user committed: for that, compare with the source.

mod block;
mod bytes;
mod layout;
mod log;
mod manifest;
mod meta;
mod report;
mod segment;
mod tally;
mod wal;

pub use report::{Checked, Finding, Report, Severity};

use bytes::{Kind, kind_and_number};

use crate::error::{Error, Result};
use crate::files::{IDENTITY, LOCK};
use crate::fs::{Fs, Lock, LockKind};

/// The numbers of our files, ascending. Files with other names are foreign and ignored.
#[derive(Debug, Default)]
struct Directory {
    manifests: Vec<u64>,
    wals: Vec<u64>,
    segments: Vec<u64>,
}

/// Checks the store at the root of `fs`, under a shared lock. O(bytes stored).
///
/// Damage is not an error: it is in the [`Report`]. Without an intact manifest the other files are
/// checked one by one.
///
/// # Errors
/// [`Error::NotAStore`] when the directory has none of our files, [`Error::Locked`] when another
/// process has the store open for writing, [`Error::UnsupportedFormat`] for files of another format
/// version, and [`Error::Io`] when the disk refuses to read.
///
/// ```
/// use std::sync::Arc;
/// use lithify::{Options, Store, WriteBatch, fs::MemFs};
///
/// let fs = MemFs::new();
/// let mut store = Store::open(Arc::new(fs.clone()), Options::default())?;
/// store.commit(&WriteBatch::new())?;
/// store.close()?;
/// let report = lithify::verify::verify(&fs)?;
/// assert!(report.is_sound(), "{report}");
/// # Ok::<(), lithify::Error>(())
/// ```
pub fn verify(fs: &dyn Fs) -> Result<Report> {
    Directory::list(fs)?;
    let _lock = lock(fs)?;
    // Another process may have changed the directory between the first look and the lock.
    let directory = Directory::list(fs)?;
    let mut report = Report::default();
    let store = check_identity(fs, &mut report)?;
    let state = manifest::check(fs, &directory.manifests, store, &mut report)?;
    let Some(state) = state else {
        report.damage("manifest", 0, "an intact manifest", "none");
        wal::check_alone(fs, &directory.wals, store, &mut report)?;
        for &number in &directory.segments {
            segment::check(fs, number, None, &mut report)?;
        }
        return Ok(report);
    };
    layout::check(&state, &mut report);
    wal::check(fs, &directory.wals, &state, &mut report)?;
    let mut live = state.by_file();
    for &number in state.files.keys() {
        let live = live.remove(&number).unwrap_or_default();
        segment::check(fs, number, Some((&state, live)), &mut report)?;
    }
    for &number in &directory.segments {
        if !state.files.contains_key(&number) {
            let name = Kind::Segment.name(number);
            report.note(
                &name,
                0,
                "a manifest that names it",
                "a file that opening removes",
            );
        }
    }
    Ok(report)
}

/// The store that the identity file names. An opening works without this file, and writes it again.
fn check_identity(fs: &dyn Fs, report: &mut Report) -> Result<Option<u64>> {
    let Some((file, length)) = bytes::open(fs, IDENTITY)? else {
        let found = "no such file: opening writes it again";
        report.note(IDENTITY, 0, "the file that names the store", found);
        return Ok(None);
    };
    let bytes = bytes::read(&*file, IDENTITY, 0, length.min(bytes::PREAMBLE))?;
    report.checked.files += 1;
    report.checked.bytes += length;
    match bytes::check_store(IDENTITY, &bytes)? {
        Ok(store) => Ok(Some(store)),
        Err((expected, found)) => {
            report.damage(IDENTITY, 0, expected, found);
            Ok(None)
        }
    }
}

fn lock(fs: &dyn Fs) -> Result<Option<Box<dyn Lock>>> {
    match fs.lock(LOCK, LockKind::Shared) {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Err(Error::Locked),
        // A copied store may lack the lock file, and then no process writes to it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("lock", LOCK)(error)),
    }
}

impl Directory {
    fn list(fs: &dyn Fs) -> Result<Self> {
        let names = match fs.list("") {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("list", "")(error)),
        };
        let mut directory = Self::default();
        for (kind, number) in names.iter().filter_map(|name| kind_and_number(name)) {
            match kind {
                Kind::Manifest => directory.manifests.push(number),
                Kind::Wal => directory.wals.push(number),
                Kind::Segment => directory.segments.push(number),
            }
        }
        let numbers = [
            &mut directory.manifests,
            &mut directory.wals,
            &mut directory.segments,
        ];
        if numbers.iter().all(|numbers| numbers.is_empty()) {
            let reason = "the directory holds no file of a store".to_owned();
            return Err(Error::NotAStore { reason });
        }
        for numbers in numbers {
            numbers.sort_unstable();
        }
        Ok(directory)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::align::Alignment;
    use crate::batch::WriteBatch;
    use crate::fs::MemFs;
    use crate::options::{History, Options, Pacing, Placement, RemoveInputs};
    use crate::store::Store;
    use crate::work::{Work, count};

    /// A store with all of these batches in files.
    fn store(batches: &[WriteBatch], remove_inputs: RemoveInputs) -> MemFs {
        let fs = MemFs::new();
        let options = Options {
            placement: Some(Placement {
                alignment: Alignment::uniform(2).unwrap(),
                min_inputs: 2,
                history: History::All,
                remove_inputs,
            }),
            file_level: Some(1),
            pacing: Pacing::Settle,
            memory_budget_bytes: 0,
            ..Options::default()
        };
        let mut store = Store::open(Arc::new(fs.clone()), options).unwrap();
        for batch in batches {
            store.commit(batch).unwrap();
        }
        store.settle().unwrap();
        store.close().unwrap();
        fs
    }

    /// Checks that verification of `segments` segments does not look at each of them several times.
    fn looked_at(fs: &MemFs, segments: u64) {
        let looked_at = count(Work::ListedLookedAt, || {
            assert!(verify(fs).unwrap().is_sound());
        });
        assert!(looked_at > segments, "only {looked_at} of {segments}");
        let most = segments * (10 + u64::from(segments.ilog2()));
        assert!(looked_at < most, "{looked_at} for {segments} segments");
    }

    /// 16,000 keyspaces once took 9 s.
    #[test]
    fn keyspaces_cost_each_its_own() {
        for keyspaces in [100, 1000] {
            let mut batch = WriteBatch::new();
            for keyspace in 0..keyspaces {
                batch.put(&format!("keyspace {keyspace}"), b"key", b"value");
            }
            looked_at(&store(&[batch], RemoveInputs::Always), keyspaces);
        }
    }

    /// The same for segments that retention keeps, with a new file after every few commits.
    #[test]
    fn files_cost_each_its_own() {
        for commits in [64, 512] {
            let mut batch = WriteBatch::new();
            batch.put("keyspace", b"key", b"value");
            let batches = vec![batch; commits];
            looked_at(&store(&batches, RemoveInputs::Never), commits as u64);
        }
    }
}
