//! The effects of damage on a store that was opened in spite of it.
//!
//! Lost commits are in the version as segments that refuse every read, one in each keyspace. So a
//! read is refused exactly when it reaches them; a key that a later commit wrote is found before.
//! Two effects cannot be expressed by segments and are kept here: a lost commit may have named
//! keyspaces, and there may have been commits behind the last known one.

use std::sync::Arc;

use crate::align::Window;
use crate::commit::Commit;
use crate::error::{Damage, Error, Result};
use crate::segment::{KeyspaceId, Segment, SegmentMeta};
use crate::version::Version;

/// The unknown part of the history, from some commit on.
#[derive(Debug)]
pub(crate) struct Hidden {
    /// The first lost commit. From there on a keyspace with an unknown name may exist.
    pub(crate) from: Commit,
    /// The damage that has taken it.
    pub(crate) damage: Arc<Damage>,
    /// The damage that has taken the end, when there may be commits behind the head.
    pub(crate) end: Option<Arc<Damage>>,
}

impl Hidden {
    /// The refusal of a name or a commit that may be hidden.
    pub(crate) fn refusal(&self) -> Error {
        Error::Damage(Damage::clone(&self.damage))
    }

    /// The refusal of a commit behind the head.
    pub(crate) fn refusal_of_end(&self) -> Option<Error> {
        let end = self.end.as_ref()?;
        Some(Error::Damage(Damage::clone(end)))
    }
}

impl Version {
    /// The number of the keyspace with this name; `None` when no commit up to `at` has named it.
    ///
    /// # Errors
    /// [`Error::Damage`] when a lost commit may have named it.
    pub(crate) fn keyspace_at(&self, name: &str, at: Commit) -> Result<Option<KeyspaceId>> {
        let known = self.keyspace(name);
        let hidden = self.hidden.as_ref().filter(|hidden| hidden.from <= at);
        match hidden {
            Some(hidden) if known.is_none() && !planted!(LostNameIsEmpty) => Err(hidden.refusal()),
            _ => Ok(known),
        }
    }

    /// Whether commits are lost.
    pub(crate) fn hides_commits(&self) -> bool {
        self.hidden.is_some()
    }

    /// Adds lost commits, up to `last`, behind the head.
    pub(crate) fn add_lost(&mut self, last: Commit, damage: &Arc<Damage>) {
        let first = self.head.next();
        assert!(last >= first, "commits {first} to {last} are lost");
        for keyspace in 0..self.roots.len() as KeyspaceId {
            let meta = lost_meta(keyspace, first, last);
            let segment = Arc::new(Segment::lost(meta, Arc::clone(damage)));
            self.roots_mut(keyspace)
                .push(crate::version::Node::leaf(segment));
        }
        self.head = last;
        if self.hidden.is_none() {
            self.hidden = Some(Arc::new(Hidden {
                from: first,
                damage: Arc::clone(damage),
                end: None,
            }));
        }
    }

    /// Records that there may be commits behind the head: one lost commit stands for all of them.
    pub(crate) fn hide_end(&mut self, damage: &Arc<Damage>) {
        self.add_lost(self.head.next(), damage);
        let hidden = self.hidden.as_ref().expect("a commit is lost");
        self.hidden = Some(Arc::new(Hidden {
            from: hidden.from,
            damage: Arc::clone(&hidden.damage),
            end: Some(Arc::clone(damage)),
        }));
    }
}

/// The metadata of lost commits: nothing but the commit numbers is known.
fn lost_meta(keyspace: KeyspaceId, first: Commit, last: Commit) -> SegmentMeta {
    SegmentMeta {
        keyspace,
        window: Window {
            level: 0,
            start: first.minus(1),
            end: last,
        },
        first,
        last,
        floor: first,
        commits: last.get() - first.minus(1).get(),
        entries: 0,
        tombstones: 0,
        keys: 0,
        bytes: 0,
        inputs: Vec::new(),
    }
}
