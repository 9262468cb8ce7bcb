//! What an engine must offer to take part, and nothing that only one of them has.
//!
//! An adapter does what a careful user of that engine would do by hand, and no more. Reads
//! copy what they find into a buffer of the caller, or lend it to a closure: whatever is
//! cheaper in that engine is the engine's own affair. A view is handed to a closure because
//! most engines tie it to a transaction on the stack.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::contestant::Variant;
use crate::data::Key;

/// How safe a commit is when the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Durability {
    /// With the operating system, or (redb) in memory: a power failure may lose it.
    Buffered,
    /// On the device.
    Synced,
}

/// How an engine is opened.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Of every commit.
    pub(crate) durability: Durability,
    /// Bytes of cache, for engines that have one.
    pub(crate) cache_bytes: u64,
    /// When set, this many bytes of entries stay in the log and are not made into tables.
    pub(crate) log_bytes: Option<u64>,
    /// Options beyond those.
    pub(crate) variant: Variant,
}

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// What a scan calls with each key and value.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]);

/// An open store.
pub(crate) trait Engine: Send + Sync {
    /// For one thread, to write with.
    fn writer(&self) -> Result<Box<dyn Writer + '_>>;
    /// Calls `work` with a view of what is committed now.
    fn read(&self, work: &mut dyn FnMut(&mut dyn View) -> Result<()>) -> Result<()>;
    /// The reads of older states that the engine has, if it has any. Otherwise the commit
    /// number goes into the key (see `composite`).
    fn past(&self) -> Option<&dyn Past> {
        None
    }
    /// Makes all commits durable.
    fn sync(&self) -> Result<()>;
    /// Closes the store.
    fn close(self: Box<Self>) -> Result<()>;
}

/// Writes of one thread.
pub(crate) trait Writer {
    /// Commits all of `entries`, or none.
    fn commit(&mut self, entries: &[(Key, &[u8])]) -> Result<()>;
}

/// A state of the store that does not change.
pub(crate) trait View {
    /// Copies the value of `key` to `value`; false when there is none.
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool>;
    /// Calls `visit` with the first entry at or behind `start`; false when there is none.
    fn seek(&mut self, start: &[u8], visit: Visit<'_>) -> Result<bool>;
    /// Calls `visit` with every entry.
    fn scan(&mut self, direction: Direction, visit: Visit<'_>) -> Result<()>;
}

/// Hands the entry that a search came to to `show`, if there is one, and says whether there is:
/// [`View::seek`] of an engine that has iterators.
pub(crate) fn show_first<E>(
    entry: Option<E>,
    mut show: impl FnMut(E) -> Result<()>,
) -> Result<bool> {
    entry.map_or(Ok(false), |entry| show(entry).map(|()| true))
}

/// Hands every entry to `show`: [`View::scan`] of an engine that has iterators.
pub(crate) fn show_all<E>(
    mut entries: impl DoubleEndedIterator<Item = E>,
    direction: Direction,
    show: impl FnMut(E) -> Result<()>,
) -> Result<()> {
    match direction {
        Direction::Forward => entries.try_for_each(show),
        Direction::Backward => entries.rev().try_for_each(show),
    }
}

/// Reads as of a commit. Commits have the numbers 1, 2, 3 and so on.
pub(crate) trait Past {
    /// Copies the value of `key` as of `commit` to `value`; false when there was none.
    fn get(&self, key: &[u8], commit: u64, value: &mut Vec<u8>) -> Result<bool>;
    /// Calls `visit` with every entry as of `commit`, in order.
    fn scan(&self, commit: u64, visit: Visit<'_>) -> Result<()>;
}

/// Opens the store in a directory that exists, creating it when the directory is empty.
pub(crate) type Open = fn(&Path, &Setup) -> Result<Box<dyn Engine>>;
