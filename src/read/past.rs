//! The history of a store as a number. Two stores compare this number to find out whether they have
//! the same history.
//!
//! Every version is hashed with its commit, keyspace and key, and the hashes are added up. The sum
//! does not depend on the segments that hold the versions. So two stores whose merges have
//! progressed differently compute the same sum, in a single pass over each segment. The summand of
//! a commit depends on that commit alone.
//!
//! A placement that thins history out drops versions at times that depend on the progress of
//! merging. There the sum begins at a *base* commit, with the values that the store had at the
//! base.
//!
//! The hash detects accidents; it does not withstand an adversary.

use crate::codec::{put_bytes, put_varint};
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::read::Snapshot;
use crate::read::changes::Operation;
use crate::read::history::merge_all;
use crate::segment::Fetch;

/// The history up to some commit. Equal for equal histories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// For the history up to this commit, the digest covers only the remaining values.
    pub base: Commit,
    /// The sum of the hashes.
    pub digest: u128,
}

impl Past {
    /// The history extended by one commit.
    #[must_use]
    pub fn with(mut self, commit: Commit, operations: &[Operation]) -> Self {
        let mut hasher = VersionHasher::default();
        for operation in operations {
            let value = operation.value.as_deref();
            let hash = hasher.hash(commit, &operation.keyspace, &operation.key, value);
            self.digest = self.digest.wrapping_add(hash);
        }
        self
    }
}

/// The history at a commit and at some commits before it, so that another store can tell where its
/// history differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The base of all marks.
    pub base: Commit,
    /// Commits with the digests of the history up to each, ascending.
    pub marks: Vec<(Commit, u128)>,
}

impl Trail {
    /// The history at the end of the trail.
    #[must_use]
    pub fn past(&self) -> Past {
        Past {
            base: self.base,
            digest: self.marks.last().map_or(0, |(_, digest)| *digest),
        }
    }
}

/// The commits of a trail that ends at `at`, ascending: each of the last `near` commits has a mark;
/// before them the distances double.
fn marks_until(at: Commit, near: u64) -> Vec<Commit> {
    let far = std::iter::successors(Some(near.saturating_mul(2)), |distance| {
        distance.checked_mul(2)
    });
    let mut marks: Vec<Commit> = (0..=near)
        .chain(far)
        .map_while(|distance| at.get().checked_sub(distance))
        .filter(|commit| *commit > 0)
        .map(Commit::new)
        .collect();
    marks.reverse();
    marks
}

impl Snapshot {
    /// The history up to `at`, and up to some commits before it.
    ///
    /// Reads everything up to `at` once; where history is thinned out, reads the keys that had a
    /// value at `at`.
    ///
    /// # Errors
    /// [`Error::Thinned`], and any error of the disk.
    pub(super) fn trail(&self, at: Commit) -> Result<Trail> {
        let mut at = at;
        if planted!(FarTrailEndsEarly) && at.get() > self.version.thresholds().near_marks {
            at = at.minus(1);
        }
        let (base, commits) = match self.version.keeps_all() {
            true => {
                let near = self.version.thresholds().near_marks;
                if at.get() > near {
                    mark!(TrailThins);
                }
                (Commit::ZERO, marks_until(at, near))
            }
            false => (at, vec![at]),
        };
        let digests = self.digests(base, &commits)?;
        Ok(Trail {
            base,
            marks: commits.into_iter().zip(digests).collect(),
        })
    }

    /// The history up to this commit, counted from `base`.
    ///
    /// # Errors
    /// As [`Snapshot::compare`].
    pub(crate) fn past(&self, base: Commit) -> Result<Past> {
        let digests = self.digests(base, &[self.at]);
        let digest = digests.map_err(|error| self.incomparable(base, error))?[0];
        Ok(Past { base, digest })
    }

    /// Compares the history of another store with the history of this store up to the same commit.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the histories differ, [`Error::Incomparable`] when this store has
    /// thinned out data that the comparison needs, [`Error::BeyondHead`] when this store is
    /// shorter, and any error of the disk.
    pub fn compare(&self, trail: &Trail) -> Result<()> {
        let commits: Vec<Commit> = trail.marks.iter().map(|(commit, _)| *commit).collect();
        let Some(&last) = commits.last() else {
            return Ok(());
        };
        self.version.check_exists(last)?;
        let own = self.digests(trail.base, &commits);
        let own = own.map_err(|error| self.incomparable(trail.base, error))?;
        let differing = trail
            .marks
            .iter()
            .zip(own)
            .position(|(mark, own)| mark.1 != own);
        let Some(differing) = differing else {
            return Ok(());
        };
        let same = differing
            .checked_sub(1)
            .map_or(Commit::ZERO, |same| commits[same]);
        Err(Error::Diverged {
            first: if planted!(PartedOneEarly) {
                same
            } else {
                same.next()
            },
            last: commits[differing],
        })
    }

    fn incomparable(&self, base: Commit, error: Error) -> Error {
        match error {
            Error::Thinned { .. } => Error::Incomparable {
                base,
                head: self.version.head(),
            },
            error => error,
        }
    }

    /// The digests of the history up to each of `commits`, ascending, counted from `base`.
    fn digests(&self, base: Commit, commits: &[Commit]) -> Result<Vec<u128>> {
        let Some(&last) = commits.last() else {
            return Ok(Vec::new());
        };
        let mut sums = vec![0_u128; commits.len()];
        let mut hasher = VersionHasher::default();
        for part in self.version.exact(base, last)? {
            let keyspace = self.version.keyspace_name(part.segment.meta.keyspace);
            let mut cursor = part.segment.cursor(Fetch::Ahead);
            cursor.seek_first()?;
            while let Some(entry) = cursor.entry() {
                if part.holds(entry.commit) {
                    let place = commits.partition_point(|commit| *commit < entry.commit);
                    let hash = hasher.hash(entry.commit, keyspace, entry.key, entry.value);
                    sums[place] = sums[place].wrapping_add(hash);
                }
                cursor.next()?;
            }
        }
        let mut sum = self.digest_of_values(base)?;
        for digest in &mut sums {
            sum = sum.wrapping_add(*digest);
            *digest = sum;
        }
        Ok(sums)
    }

    /// The digest of the values that the store had at `base`.
    fn digest_of_values(&self, base: Commit) -> Result<u128> {
        let mut sum = 0_u128;
        let mut hasher = VersionHasher::default();
        let keyspaces = self.version.all_roots().filter(|_| base > Commit::ZERO);
        for (keyspace, _) in keyspaces {
            let name = self.version.keyspace_name(keyspace);
            let mut merge = merge_all(&self.version.cover(keyspace, base)?)?;
            let mut last_key: Option<Vec<u8>> = None;
            while let Some(entry) = merge.entry() {
                if entry.commit <= base && last_key.as_deref() != Some(entry.key) {
                    last_key = Some(entry.key.to_vec());
                    if entry.value.is_some() {
                        let hash = hasher.hash(entry.commit, name, entry.key, entry.value);
                        sum = sum.wrapping_add(hash);
                    }
                }
                merge.advance()?;
            }
        }
        Ok(sum)
    }
}

/// Hashes versions, each in an unambiguous encoding.
#[derive(Default)]
struct VersionHasher {
    bytes: Vec<u8>,
}

impl VersionHasher {
    fn hash(&mut self, commit: Commit, keyspace: &str, key: &[u8], value: Option<&[u8]>) -> u128 {
        let Self { bytes } = self;
        bytes.clear();
        put_varint(bytes, commit.get());
        put_bytes(bytes, keyspace.as_bytes());
        put_bytes(bytes, key);
        bytes.push(u8::from(value.is_some()));
        bytes.extend_from_slice(value.unwrap_or_default());
        xxhash_rust::xxh3::xxh3_128(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_is_dense_near_its_end_and_short() {
        let numbers = |at| -> Vec<u64> {
            marks_until(Commit::new(at), 64)
                .iter()
                .map(|it| it.get())
                .collect()
        };
        assert!(numbers(0).is_empty());
        assert_eq!(numbers(3), [1, 2, 3]);
        let long = numbers(1_000);
        assert_eq!(long[..5], [488, 744, 872, 936, 937]);
        assert_eq!(long.last(), Some(&1_000));
        assert!(marks_until(Commit::MAX, 64).len() < 130);
    }
}
