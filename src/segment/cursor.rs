//! A position in a segment that can move both ways.
//!
//! Run order is key ascending, commit descending. A cursor is either at an entry or exhausted.
//! After an error it is exhausted and must not be used further.

use std::sync::Arc;

use crate::commit::Commit;
use crate::error::{Damage, Error, Result};
use crate::segment::file::{FileSegment, ReadAhead};
use crate::segment::run::{EntryRef, Run};
use crate::slice::Slice;

/// The way in which blocks are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// Through the block cache, for readers.
    Cached,
    /// Many blocks at once, without the cache, for merges; forward only.
    Ahead,
}

#[derive(Debug)]
enum Source {
    Run(Arc<Run>),
    File {
        segment: Arc<FileSegment>,
        ahead: Option<ReadAhead>,
    },
    Lost(Arc<Damage>),
}

/// A cursor over one segment.
#[derive(Debug)]
pub(crate) struct Cursor {
    source: Source,
    /// The current block, and its number.
    block: Option<Arc<Run>>,
    block_number: usize,
    position: usize,
}

impl Cursor {
    pub(crate) fn over_run(run: Arc<Run>) -> Self {
        Self {
            source: Source::Run(run),
            block: None,
            block_number: 0,
            position: 0,
        }
    }

    pub(crate) fn over_file(segment: Arc<FileSegment>, fetch: Fetch) -> Self {
        let ahead = (fetch == Fetch::Ahead).then(ReadAhead::default);
        Self {
            source: Source::File { segment, ahead },
            block: None,
            block_number: 0,
            position: 0,
        }
    }

    /// A cursor that refuses every move.
    pub(crate) fn over_lost(damage: Arc<Damage>) -> Self {
        Self {
            source: Source::Lost(damage),
            block: None,
            block_number: 0,
            position: 0,
        }
    }

    fn block_count(&self) -> Result<usize> {
        match &self.source {
            Source::Lost(damage) => Err(Error::Damage(Damage::clone(damage))),
            Source::Run(_) => Ok(1),
            Source::File { segment, .. } => Ok(segment.index()?.len()),
        }
    }

    fn load(&mut self, number: usize) -> Result<&Arc<Run>> {
        let block = match &mut self.source {
            Source::Lost(damage) => return Err(Error::Damage(Damage::clone(damage))),
            Source::Run(run) => Arc::clone(run),
            Source::File {
                segment,
                ahead: Some(ahead),
            } => ahead.block(segment, number)?,
            Source::File {
                segment,
                ahead: None,
            } => segment.block(number)?,
        };
        self.block_number = number;
        Ok(self.block.insert(block))
    }

    /// Moves to the first entry.
    pub(crate) fn seek_first(&mut self) -> Result<()> {
        self.block = None;
        self.enter_forward(0)
    }

    /// Moves to the last entry.
    pub(crate) fn seek_last(&mut self) -> Result<()> {
        self.block = None;
        let count = self.block_count()?;
        self.enter_backward(count)
    }

    /// Moves to the newest version of `key` at or before `commit`; exhausted when there is none.
    /// Reads only blocks that can hold such a version, so damage to other blocks does not affect
    /// the read.
    pub(crate) fn seek_version(&mut self, key: &[u8], commit: Commit) -> Result<()> {
        let number = match &self.source {
            Source::Run(_) | Source::Lost(_) => Some(0),
            Source::File { segment, .. } => segment.version_block(key, commit)?,
        };
        self.block = None;
        let Some(number) = number else {
            return Ok(());
        };
        self.position = self.load(number)?.lower_bound(key, commit);
        self.stay_with(key)
    }

    /// Moves to the next older version of `key`, at which the cursor is; exhausted when there is
    /// none.
    pub(crate) fn next_version(&mut self, key: &[u8]) -> Result<()> {
        self.position += 1;
        self.stay_with(key)
    }

    /// Continues with the versions of `key` behind the cursor's place, which may be the end of a
    /// block.
    fn stay_with(&mut self, key: &[u8]) -> Result<()> {
        let is_behind = |block: &Arc<Run>| self.position >= block.len();
        if self.block.as_ref().is_some_and(is_behind) {
            let next = self.block_number + 1;
            self.block = None;
            if let Source::File { segment, .. } = &self.source
                && segment.goes_on(next, key)?
            {
                self.enter_forward(next)?;
            }
        }
        if self.entry().is_some_and(|entry| entry.key != key) {
            self.block = None;
        }
        Ok(())
    }

    /// Moves to the first entry at or behind (`key`, `commit`) in run order.
    pub(crate) fn seek(&mut self, key: &[u8], commit: Commit) -> Result<()> {
        let number = match &self.source {
            Source::Run(_) | Source::Lost(_) => 0,
            Source::File { segment, .. } => segment.block_for(key, commit)?,
        };
        self.block = None;
        if number >= self.block_count()? {
            return Ok(());
        }
        let block = self.load(number)?;
        let position = block.lower_bound(key, commit);
        if position < block.len() {
            self.position = position;
            return Ok(());
        }
        self.enter_forward(number + 1)
    }

    /// Moves to the last entry before (`key`, `commit`) in run order.
    pub(crate) fn seek_before(&mut self, key: &[u8], commit: Commit) -> Result<()> {
        self.seek(key, commit)?;
        if self.block.is_some() {
            self.previous()
        } else {
            self.seek_last()
        }
    }

    /// Moves one entry forward.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<()> {
        if let Some(block) = &self.block {
            self.position += 1;
            if self.position >= block.len() {
                self.enter_forward(self.block_number + 1)?;
            }
        }
        Ok(())
    }

    /// Moves one entry back.
    #[inline]
    pub(crate) fn previous(&mut self) -> Result<()> {
        if self.block.is_some() {
            match self.position.checked_sub(1) {
                Some(position) => self.position = position,
                None => self.enter_backward(self.block_number)?,
            }
        }
        Ok(())
    }

    /// Moves to the first entry of block `number` or of a later block.
    fn enter_forward(&mut self, mut number: usize) -> Result<()> {
        self.block = None;
        let count = self.block_count()?;
        while number < count {
            if !self.load(number)?.is_empty() {
                self.position = 0;
                return Ok(());
            }
            self.block = None;
            number += 1;
        }
        Ok(())
    }

    /// Moves to the last entry of the block before `number` or of an earlier block.
    fn enter_backward(&mut self, mut number: usize) -> Result<()> {
        self.block = None;
        while let Some(before) = number.checked_sub(1) {
            let length = self.load(before)?.len();
            if length > 0 {
                self.position = length - 1;
                return Ok(());
            }
            self.block = None;
            number = before;
        }
        Ok(())
    }

    /// The current entry, or `None` when exhausted.
    #[inline]
    pub(crate) fn entry(&self) -> Option<EntryRef<'_>> {
        self.block.as_ref().map(|block| block.entry(self.position))
    }

    /// The current key and its value, shared; a deletion has no value.
    #[inline]
    pub(crate) fn version(&self) -> Option<(Slice, Option<Slice>)> {
        let block = self.block.as_ref()?;
        let value = block.value_slice(self.position);
        Some((block.key_slice(self.position), value))
    }

    /// The prefix of the current key, or `None` when exhausted.
    #[inline]
    pub(crate) fn prefix(&self) -> Option<u64> {
        self.block.as_ref().map(|block| block.prefix(self.position))
    }
}
