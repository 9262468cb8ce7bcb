//! Identities of segments: to which store a segment belongs, and which opening of that store
//! has written it.
//!
//! The published layout has no space before the entries, so the identity is stored in a
//! separate file beside the segments. Each opening draws a number that was never given out
//! before, and begins a new segment. It creates an empty file whose *name* contains the
//! offset of that segment and the numbers. All segments from this offset up to the next
//! identity are salted with these numbers. A name exists completely or not at all, and the
//! directory sync that the name of the segment needs anyway makes it durable too. So an
//! identity costs no sync and no bytes.
//!
//! Invariants:
//! - an identity is durable before the first entry that is salted with it;
//! - two identities never begin at the same offset if an entry exists at or after this
//!   offset;
//! - an identity is removed only after the removal of its last segment is durable.

use std::collections::BTreeSet;

use lithify_sim::system::Failure;

use super::names;
use crate::parts::disk::Disk;
use crate::parts::identity::Identity;

/// The identities that were found, in the order of their offsets.
#[derive(Debug, Default)]
pub(super) struct Identities(BTreeSet<(u64, Identity)>);

impl Identities {
    pub(super) fn add(&mut self, start: u64, identity: Identity) {
        self.0.insert((start, identity));
    }

    /// The identity of the segment that begins at `start`. `None` if no identity begins at
    /// or before `start`, or if two identities begin at the same offset.
    pub(super) fn of(&self, start: u64) -> Option<Identity> {
        let mut before = self.0.range(..=(start, Identity::LAST)).rev();
        let &(from, identity) = before.next()?;
        let is_sole = before.next().is_none_or(|other| other.0 < from);
        is_sole.then_some(identity)
    }

    /// Refuses a directory with identities of two stores.
    ///
    /// # Errors
    /// `Damage` with the names of two such identities.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        match pairs
            .into_iter()
            .find(|(one, other)| one.1.store != other.1.store)
        {
            None => Ok(()),
            Some((one, other)) => Err(Failure::Damage(format!(
                "{} and {} are of two stores; nothing was written",
                names::identity(one.0, one.1),
                names::identity(other.0, other.1)
            ))),
        }
    }

    /// Draws an identity for the segments from `start` on, which are about to be created.
    ///
    /// # Errors
    /// Errors of the source of numbers.
    pub(super) fn draw(&self, disk: &Disk, start: u64) -> Result<Identity, Failure> {
        let name = names::segment(start);
        match self.0.last() {
            Some((_, newest)) => newest.of_next(disk, &name),
            None => Identity::of_new_store(disk, &name),
        }
    }

    /// The names of the identities that begin at or after `start`. They become useless when
    /// a new identity begins at `start`, because no entry exists at or after `start`.
    pub(super) fn overtaken(&self, start: u64) -> impl Iterator<Item = String> {
        let from = (start, Identity::default());
        self.0
            .range(from..)
            .map(|&(at, it)| names::identity(at, it))
    }

    /// The names of the identities that begin before `start`, each with whether it still has
    /// a segment. `segments` holds the offsets of the existing segments.
    pub(super) fn before(
        &self,
        start: u64,
        segments: &BTreeSet<u64>,
    ) -> impl Iterator<Item = (String, bool)> {
        let earlier = self.0.range(..(start, Identity::default()));
        earlier.map(move |&(at, it)| {
            let later = self.0.range((at + 1, Identity::default())..).next();
            let end = later.map_or(start, |next| next.0.min(start));
            let has_segment = segments.range(at..end).next().is_some();
            (names::identity(at, it), has_segment)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(file: u64) -> Identity {
        Identity { store: 1, file }
    }

    fn found(files: &[(u64, u64)]) -> Identities {
        let mut found = Identities::default();
        let files = files.iter();
        files.for_each(|&(start, file)| found.add(start, identity(file)));
        found
    }

    #[test]
    fn a_segment_has_the_identity_before_it_and_of_two_none() {
        let found = found(&[(2, 7), (5, 8), (5, 9), (6, 4)]);
        let expected = [
            None,
            None,
            Some(7),
            Some(7),
            Some(7),
            None,
            Some(4),
            Some(4),
        ];
        for (start, file) in (0..).zip(expected) {
            assert_eq!(found.of(start), file.map(identity), "{start}");
        }
    }

    #[test]
    fn what_has_no_segment_left_is_told_from_what_is_overtaken() {
        let found = found(&[(0, 1), (3, 2), (5, 3), (9, 4)]);
        let before: Vec<_> = found.before(5, &BTreeSet::from([1, 5, 9])).collect();
        let name = |start, file| names::identity(start, identity(file));
        assert_eq!(before, [(name(0, 1), true), (name(3, 2), false)]);
        let overtaken: Vec<_> = found.overtaken(5).collect();
        assert_eq!(overtaken, [name(5, 3), name(9, 4)]);
    }

    #[test]
    fn files_of_two_stores_are_refused() {
        let mut found = found(&[(0, 1), (3, 2)]);
        found.check().expect("one store");
        found.add(4, Identity { store: 2, file: 5 });
        found.check().expect_err("two stores");
    }
}
