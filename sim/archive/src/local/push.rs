//! `push`: the commits of a store that an archive does not have yet.

use std::collections::VecDeque;

use lithify::read::{CommitChanges, Trail};
use lithify::{Commit, Snapshot, Store};
use serde::Serialize;

use super::draw;
use crate::archive::Archive;
use crate::ask::{Conversation, Objects};
use crate::cache::CACHE_BYTES;
use crate::error::{Error, Result};
use crate::piece;
use crate::push::Writer;

/// The most commits that are gathered for one object.
const GATHERED_COMMITS: usize = 4096;
/// No more commits are gathered when there are this many bytes.
const GATHERED_BYTES: usize = 8 * 1024 * 1024;

/// The result of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// The newest commit in the archive.
    pub commit: Commit,
    /// The commits that this push has added.
    pub commits: u64,
    /// The log objects that it has created.
    pub logs: u64,
    /// The windows that it has written.
    pub windows: u64,
}

/// Archives every commit of a store that the archive does not have yet; creates the archive if there
/// is none. The commits are made durable in the store before.
///
/// # Errors
/// [`Error::Placement`] and [`Error::Store`] when it is the archive of another store or history,
/// [`Error::BeyondHead`] when the archive has later commits than the store, [`Error::Raced`] when
/// another writer was faster, and what [`Error`] says about objects. What was archived before stays.
pub fn push(objects: &dyn Objects, store: &mut Store) -> Result<Pushed> {
    store.must_not_be_beside_writer()?;
    match store.sync() {
        // Its commits are durable.
        Ok(()) | Err(lithify::Error::ReadOnly) => {}
        Err(error) => return Err(error.into()),
    }
    let (id, token) = (draw()?, draw()?);
    let placement = store.placement().clone();
    // Before an archive is created.
    let snapshot = store.snapshot();
    if let Err(error) = snapshot.changes_since(Commit::ZERO) {
        return Err(thinned(error));
    }
    let opening = Conversation::new(|port| async move {
        let archive = Archive::create(&port, id, &placement, CACHE_BYTES).await?;
        Writer::open(&port, archive, token).await
    });
    let mut writer = opening.run(objects)?;
    check(&writer, store, &snapshot)?;
    push_all(objects, &mut writer, &snapshot)
}

/// The digest of a history needs every commit.
fn thinned(error: lithify::Error) -> Error {
    match error {
        lithify::Error::Thinned { commit, .. }
        | lithify::Error::Incomparable { base: commit, .. } => Error::Thinned { commit },
        error => error.into(),
    }
}

/// Refuses the archive of another store.
fn check(writer: &Writer, store: &Store, snapshot: &Snapshot) -> Result<()> {
    let (ours, theirs) = (store.placement(), writer.archive().placement());
    if ours != theirs {
        let text = |placement| serde_json::to_string(placement).unwrap_or_default();
        return Err(Error::Placement {
            archive: text(theirs),
            store: text(ours),
        });
    }
    let reach = writer.reach();
    if reach.head > snapshot.commit() {
        return Err(Error::Ahead {
            archive: reach.head,
            store: snapshot.commit(),
        });
    }
    if reach.head == Commit::ZERO {
        return Ok(());
    }
    let compared = snapshot.compare(&Trail {
        base: Commit::ZERO,
        marks: vec![(reach.head, reach.digest.0)],
    });
    compared.map_err(|error| match error {
        lithify::Error::Diverged { .. } => Error::OtherHistory { head: reach.head },
        error => thinned(error),
    })
}

fn push_all(objects: &dyn Objects, writer: &mut Writer, snapshot: &Snapshot) -> Result<Pushed> {
    let before = writer.reach().head;
    let mut pushed = Pushed {
        commit: before,
        commits: 0,
        logs: 0,
        windows: 0,
    };
    let mut changes = snapshot.changes_since(before).map_err(thinned)?;
    let mut past = piece::past(writer.reach().digest);
    let mut gathered = VecDeque::new();
    let mut bytes = 0;
    loop {
        while gathered.len() < GATHERED_COMMITS && bytes < GATHERED_BYTES {
            let Some(mut next) = changes.next().transpose()? else {
                break;
            };
            // A store that could thin history out counts its digests from another commit. That its
            // history is that of the archive was compared before.
            if next.before.base != Commit::ZERO {
                next.before = past;
            }
            past = next.after();
            bytes += bytes_of(&next);
            gathered.push_back(next);
        }
        if gathered.is_empty() {
            break;
        }
        let commits = gathered.make_contiguous();
        let target = &mut *writer;
        let pushing =
            Conversation::new(move |port| async move { target.push(&port, commits).await });
        let count = pushing.run(objects)?;
        bytes -= gathered
            .drain(..count)
            .map(|it| bytes_of(&it))
            .sum::<usize>();
        pushed.logs += 1;
        pushed.commits += count as u64;
    }
    pushed.commit = writer.reach().head;
    let settling = Conversation::new(move |port| async move { writer.settle(&port).await });
    pushed.windows = settling.run(objects)?;
    Ok(pushed)
}

/// The bytes of the keys and values of a commit.
pub(super) fn bytes_of(changes: &CommitChanges) -> usize {
    let operations = changes.operations.iter();
    operations
        .map(|operation| operation.key.len() + operation.value.as_ref().map_or(0, Vec::len))
        .sum()
}
