//! A store that follows another one, commit by commit.
//!
//! A replica takes what each commit of its primary wrote, in commit order, and makes no
//! commits of its own. It decides nothing about compaction: windows close at commit
//! numbers, so the same history closes the same windows, and the settled layout of a
//! replica that has caught up is that of its primary, however the commits were grouped
//! on their way.
//!
//! The role is a file named `replica` in the directory, so that it survives crashes and
//! no program commits to a replica by mistake: [`Store::open`] refuses such a store
//! until it is promoted. The file's presence is its whole content.
//!
//! Invariants: the marker is durable before the first commit is applied, and gone for
//! good before a promoted store can be used. A commit that the replica has already is
//! compared with what it holds, and one that is new is taken only behind a history that
//! is the replica's own, so a primary with another history is found out before anything
//! is written.
//!
//! What it does not do: fetch anything. Whoever owns the replica carries
//! [`CommitChanges`] to it, from [`Store::changes_since`] of the primary. Only durable
//! commits may be carried: a primary that loses a commit in a crash will give its number
//! to another one.

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
    /// The history of the store, once it was needed.
    past: Option<Past>,
}

impl Replica {
    /// Opens the store at the root of `fs` as a replica, or creates one there if
    /// [`Options::create`] says so. A primary becomes a replica by this.
    ///
    /// The placement has to be that of the primary, or the layouts will differ.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(fs: Arc<dyn Fs>, options: Options) -> Result<Self> {
        let store = Store::open_in_mode(fs, options, Mode::Replica)?;
        Ok(Self { store, past: None })
    }

    /// Takes a commit of the primary over; returns the newest commit. One that the
    /// replica has already is compared with it and changes nothing. Before one that is
    /// new is taken, what the primary had before it is compared with all that the replica
    /// has; the first time this reads the replica's history.
    ///
    /// # Errors
    /// [`Error::Gap`] when commits before it are missing, [`Error::Diverged`] when the
    /// replica has another history, [`Error::Thinned`] and [`Error::Incomparable`] when
    /// the replica does not know its own exactly enough any more: nothing has changed
    /// then. Otherwise as [`Store::commit`].
    pub fn apply(&mut self, changes: &CommitChanges) -> Result<Commit> {
        self.apply_group(std::slice::from_ref(changes))
    }

    /// Takes commits over in order, with one append and one sync for all that are new.
    ///
    /// # Errors
    /// As [`Replica::apply`]; one refused commit refuses all that are new.
    pub fn apply_group(&mut self, group: &[CommitChanges]) -> Result<Commit> {
        let head = self.store.head();
        self.check_order(group)?;
        let known = group.partition_point(|changes| changes.commit <= head);
        let (known, new) = group.split_at(known);
        self.compare_known(known)?;
        let Some(last) = new.last() else {
            return Ok(head);
        };
        self.compare_pasts(new)?;
        let batches: Vec<WriteBatch> = new.iter().map(batch_of).collect();
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

    /// Compares the history of a primary with the replica's, as [`Replica::apply`] would at
    /// the next commit, and says more exactly where the two have parted.
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

    /// Refuses commits that do not follow one another, or not the newest one.
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
        // What later commits wrote may be known less exactly, and is not compared.
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

    /// Compares what came before each new commit in the primary with what will be before
    /// it here.
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

    /// Brings the layout to where it will be in the primary: see [`Store::settle`].
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

    /// Turns the replica into a primary. When this returns, it will be one after every
    /// crash; the old primary must not commit any more.
    ///
    /// # Errors
    /// Any error of the disk; it may then be either at the next opening.
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

/// The operations by keyspace and key: the numbers of keyspaces, which order them in a
/// stream, belong to one store.
fn sorted(changes: &CommitChanges) -> Vec<&Operation> {
    let mut operations: Vec<&Operation> = changes.operations.iter().collect();
    operations.sort_by_key(|operation| (&operation.keyspace, &operation.key));
    operations
}

fn batch_of(changes: &CommitChanges) -> WriteBatch {
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
