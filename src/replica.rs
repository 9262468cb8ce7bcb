//! A store that follows another store, commit by commit.
//!
//! A replica applies the writes of each commit of its primary, in commit order, and makes no
//! commits of its own. It does not influence compaction: windows close at commit numbers, so the
//! same history closes the same windows. When a replica has caught up, its settled layout equals
//! that of its primary, however the commits were grouped on their way.
//!
//! The role is a file named `replica` in the directory. So the role survives crashes, and no
//! program commits to a replica by mistake: [`Store::open`] refuses such a store until it is
//! promoted. The file is empty; only its presence counts.
//!
//! Invariants: the marker is durable before the first commit is applied, and is removed for good
//! before a promoted store can be used. A commit that the replica already has is compared with the
//! replica's data. A new commit is applied only when the history before it equals the replica's
//! history. So a primary with another history is detected before anything is written.
//!
//! A replica does not fetch commits. Its owner brings [`CommitChanges`] to it, from
//! [`Store::changes_since`] of the primary. Only durable commits may be brought: a primary that
//! loses a commit in a crash gives its number to another commit.

use std::sync::Arc;

use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::options::Options;
use crate::read::{CommitChanges, Operation, Past, Trail};
use crate::recover::Mode;
use crate::store::Store;

/// A store in the role of a replica.
///
/// ```
/// use std::sync::Arc;
/// use lithify::{Options, Replica, Store, WriteBatch, fs::MemFs};
///
/// let mut primary = Store::open(Arc::new(MemFs::new()), Options::default())?;
/// for value in [b"igneous", b"eroding"] {
///     let mut batch = WriteBatch::new();
///     batch.put("stones", b"granite", value);
///     primary.commit(&batch)?;
/// }
///
/// let mut replica = Replica::open(Arc::new(MemFs::new()), Options::default())?;
/// for changes in primary.changes_since(replica.store().head())? {
///     replica.apply(&changes?)?;
/// }
/// assert_eq!(replica.store().get("stones", b"granite")?.as_deref(), Some(&b"eroding"[..]));
/// assert_eq!(replica.store().layout(), primary.layout());
/// # Ok::<(), lithify::Error>(())
/// ```
#[derive(Debug)]
pub struct Replica {
    store: Store,
    /// The history of the store, once it was computed.
    past: Option<Past>,
}

impl Replica {
    /// Opens the store at the root of `fs` as a replica. Creates a store there if
    /// [`Options::create`] says so. This call turns a primary into a replica.
    ///
    /// The placement must equal that of the primary; otherwise the layouts will differ.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(fs: Arc<dyn Fs>, options: Options) -> Result<Self> {
        let store = Store::open_in_mode(fs, options, Mode::Replica)?;
        Ok(Self { store, past: None })
    }

    /// Applies a commit of the primary; returns the newest commit. A commit that the replica
    /// already has is compared with it and changes nothing. Before a new commit is applied, the
    /// history that the primary states for it is compared with the replica's whole history; the
    /// first such comparison reads that history.
    ///
    /// # Errors
    /// [`Error::Gap`] when earlier commits are missing, [`Error::Diverged`] when the replica has
    /// another history, [`Error::Thinned`] and [`Error::Incomparable`] when the replica no longer
    /// knows its own history exactly enough: nothing has changed then. Otherwise as
    /// [`Store::commit`].
    pub fn apply(&mut self, changes: &CommitChanges) -> Result<Commit> {
        self.apply_group(std::slice::from_ref(changes))
    }

    /// Applies commits in order, with one append and one sync for all new commits.
    ///
    /// # Errors
    /// As [`Replica::apply`]; one refused commit refuses all new commits.
    pub fn apply_group(&mut self, group: &[CommitChanges]) -> Result<Commit> {
        let head = self.store.head();
        self.check_order(group)?;
        let known = group.partition_point(|changes| changes.commit <= head);
        let (known, new) = group.split_at(known);
        // All comparisons come before the first write: a primary with another history must change
        // nothing.
        self.compare_known(known)?;
        let Some(last) = new.last() else {
            return Ok(head);
        };
        self.compare_pasts(new)?;
        let batches: Vec<WriteBatch> = new.iter().map(batch_of).collect();
        // Unknown until the commit has succeeded.
        self.past = None;
        let head = self.store.commit_group(&batches)?;
        assert!(
            head == last.commit || planted!(GapAccepted),
            "commit {} of the primary has number {head} here",
            last.commit
        );
        self.past = Some(last.after());
        Ok(head)
    }

    /// Compares the history of a primary with the replica's history, as [`Replica::apply`] would at
    /// the next commit, and tells more exactly where the two differ.
    ///
    /// # Errors
    /// As [`Snapshot::compare`](crate::Snapshot::compare).
    pub fn compare(&mut self, trail: &Trail) -> Result<()> {
        self.store.snapshot().compare(trail)?;
        if trail
            .marks
            .last()
            .is_some_and(|(commit, _)| *commit == self.store.head())
        {
            self.past = Some(trail.past());
        }
        Ok(())
    }

    /// Refuses commits that do not follow one another, or do not follow the newest commit.
    fn check_order(&self, group: &[CommitChanges]) -> Result<()> {
        let mut expected = self.store.head().next();
        for changes in group {
            if changes.commit > expected && !planted!(GapAccepted) {
                return Err(Error::Gap {
                    expected,
                    found: changes.commit,
                });
            }
            expected = changes.commit.next();
        }
        Ok(())
    }

    /// Compares commits with those of the replica.
    fn compare_known(&self, known: &[CommitChanges]) -> Result<()> {
        let (Some(first), Some(last)) = (known.first(), known.last()) else {
            return Ok(());
        };
        // The exact writes of later commits may be unknown by now; they are not compared.
        let snapshot = self.store.snapshot_at(last.commit)?;
        let own = snapshot.bare_changes_since(first.commit.minus(1))?;
        for (changes, own) in known[..known.len() - usize::from(planted!(LastKnownBelieved))]
            .iter()
            .zip(own)
        {
            if sorted(&own?) != sorted(changes) {
                return Err(Error::Diverged {
                    first: changes.commit,
                    last: changes.commit,
                });
            }
        }
        Ok(())
    }

    /// Compares the history before each new commit in the primary with the history that will be
    /// before it here.
    fn compare_pasts(&self, new: &[CommitChanges]) -> Result<()> {
        let Some(first) = new.first().filter(|_| !planted!(OtherPastAccepted)) else {
            return Ok(());
        };
        let base = first.before.base;
        let mut past = match self.past.filter(|past| past.base == base) {
            Some(past) => past,
            None => self.store.snapshot().past(base)?,
        };
        for changes in new {
            if changes.before.base != base {
                return Err(Error::Incomparable {
                    base: changes.before.base,
                    head: self.store.head(),
                });
            }
            let skips = planted!(GapAccepted) && changes.commit > self.store.head().next();
            if changes.before != past && !skips {
                return Err(Error::Diverged {
                    first: Commit::new(1),
                    last: changes.commit.minus(1),
                });
            }
            past = changes.after();
        }
        Ok(())
    }

    /// The store, for reading.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Brings the layout to its settled state, as in the primary: see [`Store::settle`].
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn settle(&mut self) -> Result<()> {
        self.store.settle()
    }

    /// Makes every commit durable: see [`Store::sync`].
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn sync(&mut self) -> Result<()> {
        self.store.sync()
    }

    /// Turns the replica into a primary. After this call it is a primary, whatever crash follows;
    /// the old primary must not commit any more.
    ///
    /// # Errors
    /// Any error of the disk; the next opening may then find either role.
    pub fn promote(mut self) -> Result<Store> {
        self.store.storage_mut().promote()?;
        Ok(self.store)
    }

    /// Closes the store, which stays a replica: see [`Store::close`].
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn close(self) -> Result<()> {
        self.store.close()
    }
}

/// The operations by keyspace and key. A stream orders them by keyspace numbers, which differ
/// between stores.
fn sorted(changes: &CommitChanges) -> Vec<&Operation> {
    let mut operations: Vec<&Operation> = changes.operations.iter().collect();
    operations.sort_by_key(|operation| (&operation.keyspace, &operation.key));
    operations
}

pub(crate) fn batch_of(changes: &CommitChanges) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for Operation {
        keyspace,
        key,
        value,
    } in &changes.operations
    {
        match value {
            Some(value) => batch.put(keyspace, key, value),
            None => batch.delete(keyspace, key),
        }
    }
    batch
}
