//! Which files are removed at opening, and which of them first.
//!
//! A store removes every file with a name of its own that is not needed: leftovers of an
//! interrupted creation, of a failed merge, or of a removal that a crash has undone. The decision
//! is pure; only [`remove`] touches the disk. Files are removed one by one. A file that a crash
//! brings back is removed at the next opening.
//!
//! An opening may have to write before it can serve, and the device may be full of the files that
//! it is about to remove. So the files that no crash in this opening can put back into force are
//! removed before anything is written. The other files are removed when everything written is
//! durable.
//!
//! The number of a log or a manifest must not be given out again if its name may be durable. So
//! among the logs and manifests whose number is above all remembered ones, the highest is removed
//! later: something with a higher number has to be written first. That highest file surpasses the
//! others once its own name is durable. Why this matters: blocks of a removed file can appear in
//! the next file of the same name, with a mark among them that proves it (see `identity`). Segment
//! files are named by a manifest together with the number that they drew, so their file numbers may
//! be forgotten.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use crate::error::{Error, Result};
use crate::files::{FileKind, file_name};
use crate::fs::Fs;

/// One of our files.
pub(crate) type File = (FileKind, u64);

/// The manifest in force, and how certain it is.
#[derive(Debug)]
pub(crate) struct Proof {
    /// The number of the manifest in force.
    pub(crate) number: u64,
    /// Whether no crash can put an older manifest back into force.
    pub(crate) is_for_good: bool,
    /// Whether later records prove that the last edit is durable, and that the proof of the file
    /// itself is durable. If not, both may be in a cache only, and the state must be written again
    /// before anything relies on it.
    pub(crate) is_proven: bool,
    /// The segment files that any record of the manifest names, also those that a later record
    /// removes.
    pub(crate) named: BTreeSet<u64>,
}

/// The files to remove, in two parts.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// Removed before anything is written.
    pub(crate) first: Vec<File>,
    /// Removed when everything that this opening relies on is durable.
    pub(crate) later: Vec<File>,
    /// Whether the names in the directory have to be durable before `first` is removed.
    pub(crate) relies_on_names: bool,
    /// Whether the removal of `later` would forget a number.
    pub(crate) forgets_number: bool,
}

impl Sweep {
    /// Divides `unneeded`. `leftovers` are the log files that are not part of the log. Every number
    /// up to `remembered` is known from files that stay.
    pub(crate) fn plan(
        unneeded: Vec<File>,
        proof: &Proof,
        leftovers: &[u64],
        remembered: u64,
    ) -> Self {
        let is_log = |&&(kind, number): &&File| kind != FileKind::Segment && number > remembered;
        let highest = unneeded
            .iter()
            .filter(is_log)
            .map(|&(_, number)| number)
            .max();
        let is_highest =
            |&(kind, number): &File| kind != FileKind::Segment && Some(number) == highest;
        let goes_first = |&(kind, number): &File| {
            let is_unfinished = match kind {
                // A newer manifest was not begun, or it would be in force.
                FileKind::Manifest => number > proof.number || proof.is_for_good,
                // The log was not begun, or it would be in the chain.
                FileKind::Wal => leftovers.contains(&number),
                // A segment file of a file job that was not completed.
                FileKind::Segment => proof.is_for_good && !proof.named.contains(&number),
            };
            let is_first = is_unfinished || proof.is_proven;
            is_first && !is_highest(&(kind, number)) && !planted!(SweptLast)
        };
        let (mut first, mut later): (Vec<_>, Vec<_>) = unneeded.into_iter().partition(goes_first);
        if planted!(SweepBeforeProof) {
            first.append(&mut later);
        }
        assert!(
            first.iter().all(|file| !later.contains(file)),
            "a file goes twice: {first:?} and {later:?}"
        );
        assert!(
            !first.contains(&(FileKind::Manifest, proof.number))
                && !later.contains(&(FileKind::Manifest, proof.number)),
            "the manifest in force goes: {}",
            proof.number
        );
        Self {
            relies_on_names: first.iter().any(|file| is_log(&file)),
            forgets_number: later.iter().any(is_highest),
            first,
            later,
        }
    }
}

/// Removes these files.
///
/// # Errors
/// Any error of the disk; the files before the one that the error names are removed.
pub(crate) fn remove(fs: &dyn Fs, files: &[File]) -> Result<()> {
    for &(kind, number) in files {
        match kind {
            FileKind::Manifest => mark!(OldManifestSwept),
            FileKind::Wal => mark!(LeftoverLogSwept),
            FileKind::Segment => mark!(OrphanSegmentSwept),
        }
        let name = file_name(kind, number);
        match fs.remove(&name) {
            // A directory with a name like ours is foreign.
            Err(error) if error.kind() == ErrorKind::IsADirectory => {}
            outcome => outcome.map_err(Error::io("remove", &name))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(is_for_good: bool, is_proven: bool) -> Proof {
        Proof {
            number: 5,
            is_for_good,
            is_proven,
            named: BTreeSet::from([6]),
        }
    }

    /// The less certain the manifest is, the fewer files may be removed before it is written again.
    #[test]
    fn what_goes_first_depends_on_what_is_proven() {
        let unneeded: Vec<File> = vec![
            (FileKind::Manifest, 2),
            (FileKind::Manifest, 9),
            (FileKind::Wal, 1),
            (FileKind::Wal, 8),
            (FileKind::Segment, 6),
            (FileKind::Segment, 7),
        ];
        let first = |proof: &Proof| -> Vec<String> {
            let sweep = Sweep::plan(unneeded.clone(), proof, &[8], 9);
            assert_eq!(sweep.first.len() + sweep.later.len(), unneeded.len());
            let names = sweep
                .first
                .iter()
                .map(|&(kind, number)| file_name(kind, number));
            names.collect()
        };
        let unfinished = ["manifest-000009", "wal-000008"];
        assert_eq!(first(&proof(false, false)), unfinished);
        let never_needed = [
            "manifest-000002",
            "manifest-000009",
            "wal-000008",
            "segment-000007",
        ];
        assert_eq!(first(&proof(true, false)), never_needed);
        assert_eq!(first(&proof(true, true)).len(), unneeded.len());
    }

    /// The file with the highest number waits until something durable surpasses it, unless it is a
    /// segment file.
    #[test]
    fn no_number_of_a_log_is_forgotten() {
        let sweep = |file: File, remembered: u64| {
            Sweep::plan(vec![file], &proof(true, true), &[8], remembered)
        };
        assert!(sweep((FileKind::Wal, 8), 7).forgets_number);
        assert!(sweep((FileKind::Manifest, 8), 7).first.is_empty());
        assert!(!sweep((FileKind::Wal, 8), 8).forgets_number);
        assert!(!sweep((FileKind::Segment, 8), 7).forgets_number);
        let two = vec![(FileKind::Manifest, 8), (FileKind::Manifest, 9)];
        let sweep = Sweep::plan(two, &proof(true, true), &[], 7);
        assert_eq!(sweep.first, [(FileKind::Manifest, 8)]);
        assert!(sweep.relies_on_names && sweep.forgets_number);
    }
}
