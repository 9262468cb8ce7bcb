//! A reader of an archive, without a store: the calls of `lithify::Snapshot`.

use std::fmt;
use std::sync::Arc;

use lithify::read::{CommitChanges, KeyRange, KeyVersion};
use lithify::{Commit, Placement, Slice};

use crate::archive::Archive;
use crate::ask::{Conversation, Objects};
use crate::cache::CACHE_BYTES;
use crate::error::Result;
use crate::list::Row;
use crate::plan::{Planned, Reach};
use crate::read::{Changes, View};
use crate::trim::{MIN_BYTES, Trimmed};

/// An archive that is open for reading. Cheap to clone; clones share the cache.
///
/// A reader shows the commits that were archived before it was opened, or before the last
/// [`Reader::refresh`]. Opening takes three requests, and one more for each log object that was written
/// since the last push was complete.
#[derive(Clone)]
pub struct Reader {
    objects: Arc<dyn Objects>,
    archive: Archive,
    reach: Reach,
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reach.fmt(formatter)
    }
}

impl Reader {
    /// Opens an archive with a cache of [`CACHE_BYTES`].
    ///
    /// # Errors
    /// [`Error::NoArchive`](crate::Error::NoArchive), and what [`Error`](crate::Error) says about objects.
    pub fn open(objects: Arc<dyn Objects>) -> Result<Self> {
        Self::open_with(objects, CACHE_BYTES)
    }

    /// Opens an archive with a cache of this many bytes.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_with(objects: Arc<dyn Objects>, cache_bytes: u64) -> Result<Self> {
        let opening = Conversation::new(|port| async move {
            let archive = Archive::open(&port, cache_bytes).await?;
            let mut reach = Reach::default();
            archive.look(&port, &mut reach).await?;
            Ok::<_, crate::Error>((archive, reach))
        });
        let (archive, reach) = opening.run(&*objects)?;
        Ok(Self {
            objects,
            archive,
            reach,
        })
    }

    /// Looks for commits that were archived since. Two requests, and one for each new log object.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn refresh(&mut self) -> Result<()> {
        let Self {
            objects,
            archive,
            reach,
        } = self;
        let looking =
            Conversation::new(move |port| async move { archive.look(&port, reach).await });
        looking.run(&**objects)
    }

    /// The objects, in the order of their names: see [`Archive::list`].
    ///
    /// # Errors
    /// Errors of the store.
    pub fn list(&self) -> Result<Vec<Row>> {
        self.run(|archive, port| async move { archive.list(&port).await })
    }

    /// Removes what a wider window holds, too: see [`Archive::trim`].
    ///
    /// # Errors
    /// As [`Archive::trim`].
    pub fn trim(&self) -> Result<Trimmed> {
        self.run(|archive, port| async move { archive.trim(&port, MIN_BYTES).await })
    }

    fn run<'a, T, F: Future<Output = T> + Send + 'a>(
        &'a self,
        act: impl FnOnce(&'a Archive, crate::Port) -> F,
    ) -> T {
        Conversation::new(|port| act(&self.archive, port)).run(&*self.objects)
    }

    /// The archive.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// What the archive holds.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The newest commit.
    #[must_use]
    pub fn head(&self) -> Commit {
        self.reach.head
    }

    /// The placement of the store.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        self.archive.placement()
    }

    /// The store as of the newest commit. No request.
    ///
    /// # Panics
    /// Never: the newest commit exists.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(self.head())
            .expect("the newest commit exists")
    }

    /// The store as of `commit`. [`Commit::ZERO`] is the empty state. No request.
    ///
    /// # Errors
    /// [`Error::BeyondHead`](crate::Error::BeyondHead).
    pub fn snapshot_at(&self, commit: Commit) -> Result<Snapshot> {
        Ok(Snapshot {
            objects: Arc::clone(&self.objects),
            view: View::new(&self.archive, &self.reach, commit)?,
        })
    }
}

/// A store as of one commit, read from its archive. Cheap to clone.
#[derive(Clone)]
pub struct Snapshot {
    objects: Arc<dyn Objects>,
    view: View,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view.fmt(formatter)
    }
}

impl Snapshot {
    /// The commit that the snapshot shows.
    #[must_use]
    pub fn commit(&self) -> Commit {
        self.view.commit()
    }

    /// The objects that the snapshot needs, newest first.
    #[must_use]
    pub fn objects(&self) -> Vec<Planned> {
        self.view.objects()
    }

    /// The value of `key`, or `None` when it has none. At most one request for each of
    /// [`Snapshot::objects`] that is not in the cache; it ends at the newest one with the key.
    ///
    /// # Errors
    /// What [`Error`](crate::Error) says about objects.
    pub fn get(&self, keyspace: &str, key: &[u8]) -> Result<Option<Slice>> {
        self.run(|view, port| async move { view.get(&port, keyspace, key).await })
    }

    /// The keys of `keyspace` inside `range` that have a value, in key order.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn range(&self, keyspace: &str, range: &KeyRange) -> Result<Vec<(Slice, Slice)>> {
        self.run(|view, port| async move { view.range(&port, keyspace, range).await })
    }

    /// The versions of `key` up to this commit, oldest first.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn history(&self, keyspace: &str, key: &[u8]) -> Result<Vec<KeyVersion>> {
        self.run(|view, port| async move { view.history(&port, keyspace, key).await })
    }

    /// The names of the keyspaces that commits up to this one have written to, in order of first use.
    /// Reads everything.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn keyspaces(&self) -> Result<Vec<String>> {
        self.run(|view, port| async move { view.keyspaces(&port).await })
    }

    /// The writes of every commit after `from`, oldest first.
    #[must_use]
    pub fn changes_since(&self, from: Commit) -> ChangeStream {
        ChangeStream {
            objects: Arc::clone(&self.objects),
            changes: self.view.changes_since(from),
        }
    }

    fn run<'a, T, F: Future<Output = T> + Send + 'a>(
        &'a self,
        read: impl FnOnce(&'a View, crate::Port) -> F,
    ) -> T {
        Conversation::new(|port| read(&self.view, port)).run(&*self.objects)
    }
}

/// Commits of an archive, oldest first, those of one object at a time. The stream ends after an error.
pub struct ChangeStream {
    objects: Arc<dyn Objects>,
    changes: Changes,
}

impl fmt::Debug for ChangeStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.fmt(formatter)
    }
}

impl Iterator for ChangeStream {
    type Item = Result<Vec<CommitChanges>>;

    fn next(&mut self) -> Option<Self::Item> {
        let changes = &mut self.changes;
        let reading = Conversation::new(move |port| async move { changes.next(&port).await });
        reading.run(&*self.objects).transpose()
    }
}
