//! `pull` and `restore`: a store from an archive.
//!
//! A pull makes the directory a replica and applies the commits that it does not have. The replica
//! compares the history before each commit with its own, so commits of another history are refused.
//!
//! A restore is a pull up to one commit into a directory of its own, and then a promotion. The file
//! [`RESTORING`] is there from before the first file of the store until after the promotion.

use std::io::ErrorKind;
use std::sync::Arc;

use lithify::files::REPLICA;
use lithify::fs::Fs;
use lithify::read::{CommitChanges, Trail};
use lithify::{Commit, Durability, Options, Replica, Store};

use super::reader::Reader;
use crate::error::{Error, Result};

/// The name of the file that marks an incomplete restore.
pub(super) const RESTORING: &str = "restoring-archive";
/// The most commits that are applied with one sync.
const GROUP_COMMITS: usize = 256;
/// No more commits are gathered for a group when there are this many bytes.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Brings the replica at the root of `fs` to the newest commit of the archive, and creates it if the
/// directory is missing or empty. Returns its newest commit.
///
/// # Errors
/// [`Error::Directory`] when the directory holds a store that is no replica, [`Error::Ahead`] when the
/// replica has later commits, [`Error::Store`] when its history is another one, and what [`Error`] says
/// about objects. The commits that were applied before stay.
pub fn pull(reader: &Reader, fs: &Arc<dyn Fs>) -> Result<Commit> {
    let names = names_in(&**fs)?;
    let is_store = names.iter().any(|name| name.starts_with("manifest-"));
    if is_store && !names.iter().any(|name| name == REPLICA) {
        return Err(Error::Directory {
            reason: "it holds a store that is no replica, and commits of its own may be in it"
                .to_owned(),
        });
    }
    let mut replica = open(reader, fs)?;
    apply(reader, &mut replica, reader.head())?;
    let head = replica.store().head();
    replica.close()?;
    Ok(head)
}

/// Makes a store of the archive, as of its newest commit or of the earlier commit `at`, at the root of
/// `fs`, which must be missing or empty, or hold an interrupted restore of the same commit. Returns the
/// newest commit.
///
/// # Errors
/// [`Error::BeyondHead`], [`Error::Directory`], and as [`pull`].
pub fn restore(reader: &Reader, fs: &Arc<dyn Fs>, at: Option<Commit>) -> Result<Commit> {
    let at = at.unwrap_or_else(|| reader.head());
    // Before anything is created.
    reader.snapshot_at(at)?;
    let names = names_in(&**fs)?;
    let is_begun = names.iter().any(|name| name == RESTORING);
    match names.iter().find(|name| *name != "lock") {
        Some(name) if !is_begun => {
            return Err(Error::Directory {
                reason: format!("it holds {name:?}, and no restore was begun in it"),
            });
        }
        _ => {}
    }
    if !is_begun {
        fs.create_dir("").map_err(io("create", ""))?;
        fs.create(RESTORING).map_err(io("create", RESTORING))?;
        fs.sync_dir("").map_err(io("sync", ""))?;
    }
    let is_promoted = is_begun && is_primary(&names);
    if !is_promoted {
        let mut replica = open(reader, fs)?;
        apply(reader, &mut replica, at)?;
        replica.promote()?.close()?;
    } else {
        let store = Store::open_read_only(Arc::clone(fs), existing())?;
        must_be_at(store.head(), at)?;
    }
    fs.remove(RESTORING).map_err(io("remove", RESTORING))?;
    fs.sync_dir("").map_err(io("sync", ""))?;
    Ok(at)
}

/// Whether the directory holds a store that was promoted for good.
fn is_primary(names: &[String]) -> bool {
    let is_store = names.iter().any(|name| name.starts_with("manifest-"));
    let is_marked = |name: &String| name == REPLICA || name == lithify::files::PROMOTED;
    is_store && !names.iter().any(is_marked)
}

fn existing() -> Options {
    Options {
        create: false,
        ..Options::default()
    }
}

fn names_in(fs: &dyn Fs) -> Result<Vec<String>> {
    match fs.list("") {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        names => names.map_err(io("list", "")),
    }
}

fn io(action: &'static str, file: &str) -> impl FnOnce(std::io::Error) -> Error {
    let file = file.to_owned();
    move |source| {
        Error::Store(lithify::Error::Io {
            action,
            file,
            source,
        })
    }
}

/// Opens the replica; its commits are made durable together, and at the end.
fn open(reader: &Reader, fs: &Arc<dyn Fs>) -> Result<Replica> {
    let options = Options {
        placement: Some(reader.placement().clone()),
        durability: Durability::Buffered,
        ..Options::default()
    };
    Ok(Replica::open(Arc::clone(fs), options)?)
}

fn must_be_at(head: Commit, at: Commit) -> Result<()> {
    match head == at {
        true => Ok(()),
        false => Err(Error::Directory {
            reason: format!(
                "an interrupted restore has made a store with commit {head} there, and commit {at} was \
                 asked for"
            ),
        }),
    }
}

/// Applies the commits up to `at` that the replica does not have.
fn apply(reader: &Reader, replica: &mut Replica, at: Commit) -> Result<()> {
    let head = replica.store().head();
    if head > at {
        return Err(Error::Ahead {
            archive: at,
            store: head,
        });
    }
    if head == reader.head() && head > Commit::ZERO {
        replica.compare(&Trail {
            base: Commit::ZERO,
            marks: vec![(head, reader.reach().digest.0)],
        })?;
    }
    for commits in reader.snapshot_at(at)?.changes_since(head) {
        for group in groups(&commits?) {
            replica.apply_group(group)?;
        }
    }
    replica.sync()?;
    replica.settle()?;
    Ok(())
}

/// The commits in groups of a bounded size.
fn groups(commits: &[CommitChanges]) -> impl Iterator<Item = &[CommitChanges]> {
    let mut rest = commits;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let mut count = 0;
        while let Some(next) = rest.get(count) {
            if count == GROUP_COMMITS || bytes >= GROUP_BYTES {
                break;
            }
            bytes += super::push::bytes_of(next);
            count += 1;
        }
        let (group, later) = rest.split_at(count);
        rest = later;
        (count > 0).then_some(group)
    })
}
