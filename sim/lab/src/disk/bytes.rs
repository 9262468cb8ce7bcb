//! Reads, writes and syncs the bytes of files, including the effects of faults.
//!
//! Invariant: the log records the bytes as they were written to the file, also if a
//! fault changed them. `state` handles names and directories.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::Arc;

use super::fault::{Class, FaultKind};
use super::oplog::{Barrier, InodeId, Operation};
use super::state::{DiskState, Full, injected};

/// The largest length of a file. A longer file is `FileTooLarge`, as on `MemFs`.
const MAX_FILE_BYTES: u64 = 1 << 34;
/// The number of bytes that a latent error makes unreadable.
const SECTOR_BYTES: u64 = 512;

impl DiskState {
    /// Writes, and returns how many bytes were taken. The caller has checked the
    /// offset.
    pub(super) fn write_with_faults(
        &mut self,
        inode: InodeId,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<usize> {
        let fault = if !self.faults.is_idle() {
            let path = Arc::clone(self.log.path(self.log.last_name(inode)));
            self.strike(Class::Write, &path)
        } else {
            None
        };
        let half = bytes.len() / 2;
        match fault {
            Some(FaultKind::DiskFull) => {
                self.write(inode, offset, &bytes[..half])?;
                self.full = Some(Full {
                    capacity: self.used_bytes(),
                    since: self.log.operations().len(),
                });
                Err(ErrorKind::StorageFull.into())
            }
            Some(FaultKind::Interrupted) => Err(ErrorKind::Interrupted.into()),
            Some(FaultKind::WriteError) => {
                self.write(inode, offset, &bytes[..half])?;
                Err(injected(FaultKind::WriteError))
            }
            Some(FaultKind::ShortWrite) => self.write(inode, offset, &bytes[..half.max(1)]),
            Some(FaultKind::MisdirectedWrite) if offset == 0 => {
                // There is no earlier place: the first half goes to the place of the
                // second half, which then overwrites it.
                self.write(inode, 0, &vec![0; half])?;
                self.write(inode, half as u64, &bytes[half..])?;
                Ok(bytes.len())
            }
            Some(FaultKind::MisdirectedWrite) => {
                let elsewhere = self.elsewhere(inode, offset, bytes.len() as u64);
                self.write(inode, offset, &vec![0; bytes.len()])?;
                self.write(inode, elsewhere, bytes)?;
                Ok(bytes.len())
            }
            _ => self.write_what_fits(inode, offset, bytes),
        }
    }

    /// Where a misdirected write lands: right before its place, or right behind it if
    /// the file continues that far. The choice is always the same for the same place.
    fn elsewhere(&self, inode: InodeId, offset: u64, bytes: u64) -> u64 {
        let length = self.inodes[inode as usize].bytes.len() as u64;
        let place = offset as usize..(offset + bytes) as usize;
        match offset + 2 * bytes <= length && place_in(&place).is_multiple_of(2) {
            true => offset + bytes,
            false => offset.saturating_sub(bytes),
        }
    }

    /// The bytes in files with a name. An open file without a name counts as zero, so a
    /// store that keeps such a file open seems to use less space than it does.
    pub(super) fn used_bytes(&self) -> u64 {
        let files = self.names.values();
        files
            .map(|&inode| self.inodes[inode as usize].bytes.len() as u64)
            .sum()
    }

    /// Writes as much as fits on a device with little room. An error if nothing fits.
    /// Overwriting needs no room.
    fn write_what_fits(&mut self, inode: InodeId, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let Some(full) = self.full else {
            return self.write(inode, offset, bytes);
        };
        let room = full.capacity.saturating_sub(self.used_bytes());
        let length = self.inodes[inode as usize].bytes.len() as u64;
        let most = (length + room).saturating_sub(offset);
        match bytes.len().min(most as usize) {
            0 if !bytes.is_empty() => Err(ErrorKind::StorageFull.into()),
            fitting => self.write(inode, offset, &bytes[..fitting]),
        }
    }

    pub(super) fn write(&mut self, inode: InodeId, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let end = offset.saturating_add(bytes.len() as u64);
        check_signed(end)?;
        if bytes.is_empty() {
            return Ok(0);
        }
        check_length(end)?;
        let file = &mut self.inodes[inode as usize];
        let before = file.bytes.len() as u64;
        if self.keeps_last_writes {
            let start = (offset as usize).min(file.bytes.len());
            let stop = (end as usize).min(file.bytes.len());
            file.last_write = Some((offset, file.bytes[start..stop].to_vec()));
        }
        if !file.bad_sectors.is_empty() {
            let sectors = offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES);
            file.bad_sectors.retain(|sector| !sectors.contains(sector));
        }
        let content = Arc::make_mut(&mut file.bytes);
        let start = offset as usize;
        if start > content.len() {
            content.resize(start, 0);
        }
        let (over, beyond) = bytes.split_at(bytes.len().min(content.len() - start));
        content[start..start + over.len()].copy_from_slice(over);
        content.extend_from_slice(beyond);
        self.log.push_write(inode, offset, bytes, before);
        Ok(bytes.len())
    }

    pub(super) fn append_with_faults(&mut self, inode: InodeId, bytes: &[u8]) -> io::Result<usize> {
        let end = self.inodes[inode as usize].bytes.len() as u64;
        self.write_with_faults(inode, end, bytes)
    }

    pub(super) fn set_len(&mut self, inode: InodeId, length: u64) -> io::Result<()> {
        check_signed(length)?;
        check_length(length)?;
        let file = &mut self.inodes[inode as usize];
        let before = file.bytes.len() as u64;
        Arc::make_mut(&mut file.bytes).resize(length as usize, 0);
        self.log.push(Operation::SetLength {
            inode,
            path: self.log.last_name(inode),
            before,
            after: length,
        });
        Ok(())
    }

    pub(super) fn read(
        &mut self,
        inode: InodeId,
        offset: u64,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        self.reads += 1;
        let range = self.readable(inode, offset, buffer.len());
        let file = &self.inodes[inode as usize];
        let is_calm = self.faults.is_idle() && file.bad_sectors.is_empty();
        if is_calm && !self.keeps_places {
            buffer[..range.len()].copy_from_slice(&file.bytes[range.clone()]);
            return Ok(range.len());
        }
        self.read_with_faults(inode, range, buffer)
    }

    fn readable(&self, inode: InodeId, offset: u64, most: usize) -> Range<usize> {
        let length = self.inodes[inode as usize].bytes.len();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(length);
        start..start + most.min(length - start)
    }

    /// The bytes that a misdirected read returns: in turn the same range of another
    /// file, or the place of an earlier read. If there is neither, the bytes before the
    /// range.
    fn misdirected(
        &self,
        path: &str,
        kind: &str,
        inode: InodeId,
        range: Range<usize>,
    ) -> (InodeId, Range<usize>) {
        let sibling = || {
            let sibling = self.sibling(path, kind, range.end)?;
            Some((sibling, range.clone()))
        };
        let other = || {
            let (other, range) = self.places.other(kind, inode, &range, self.reads / 2)?;
            let length = self.inodes[other as usize].bytes.len();
            (range.end <= length).then_some((other, range))
        };
        let found = match self.reads.is_multiple_of(2) {
            true => sibling().or_else(other),
            false => other().or_else(sibling),
        };
        found.unwrap_or_else(|| {
            let shift = range.len().min(range.start);
            (inode, range.start - shift..range.end - shift)
        })
    }

    /// Another file whose name begins with `prefix` and that has at least this length.
    fn sibling(&self, path: &str, prefix: &str, length: usize) -> Option<InodeId> {
        let others = self.names.range(Arc::<str>::from(prefix)..);
        others
            .take_while(|(name, _)| name.starts_with(prefix))
            .filter(|(name, _)| ***name != *path)
            .map(|(_, &inode)| inode)
            .find(|&inode| self.inodes[inode as usize].bytes.len() >= length)
    }

    fn read_with_faults(
        &mut self,
        mut inode: InodeId,
        mut range: Range<usize>,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let path = Arc::clone(self.log.path(self.log.last_name(inode)));
        let kind = path.trim_end_matches(|letter: char| letter.is_ascii_digit());
        if self.keeps_places && !range.is_empty() {
            self.places.note(kind, inode, &range);
        }
        // An empty read returns no bytes, so no fault can strike it.
        let fault = match range.is_empty() {
            true => None,
            false => self.strike(Class::Read, &path),
        };
        let place = place_in(&range);
        match fault {
            Some(FaultKind::ReadError) => return Err(injected(FaultKind::ReadError)),
            Some(FaultKind::Interrupted) => return Err(ErrorKind::Interrupted.into()),
            Some(FaultKind::LatentSector) => {
                let sector = place / SECTOR_BYTES;
                self.inodes[inode as usize].bad_sectors.insert(sector);
            }
            Some(FaultKind::BitRot) => self.rot(inode, place),
            Some(FaultKind::ShortRead) => range.end = range.start + range.len().div_ceil(2),
            Some(FaultKind::MisdirectedRead) => {
                (inode, range) = self.misdirected(&path, kind, inode, range);
            }
            _ => {}
        }
        let file = &self.inodes[inode as usize];
        let sectors = range.start as u64 / SECTOR_BYTES..(range.end as u64).div_ceil(SECTOR_BYTES);
        if file.bad_sectors.iter().any(|bad| sectors.contains(bad)) {
            return Err(injected(FaultKind::LatentSector));
        }
        buffer[..range.len()].copy_from_slice(&file.bytes[range.clone()]);
        if fault == Some(FaultKind::StaleRead)
            && let Some((offset, old)) = &file.last_write
        {
            let stale_end = *offset as usize + old.len();
            for place in range.clone() {
                if place >= *offset as usize {
                    buffer[place - range.start] = if place < stale_end {
                        old[place - *offset as usize]
                    } else {
                        0
                    };
                }
            }
        }
        Ok(range.len())
    }

    /// Flips a bit of the stored byte, for all later reads and all crash images.
    pub(super) fn rot(&mut self, inode: InodeId, offset: u64) {
        if !self.rotten.insert((inode, offset)) {
            return;
        }
        let mask = 1 << (offset % 8);
        let bytes = Arc::make_mut(&mut self.inodes[inode as usize].bytes);
        if let Some(byte) = bytes.get_mut(offset as usize) {
            *byte ^= mask;
            self.log.push(Operation::Rot {
                inode,
                path: self.log.last_name(inode),
                offset,
                mask,
            });
        }
    }

    pub(super) fn sync(&mut self, inode: InodeId, data_only: bool) -> io::Result<()> {
        let verb = if data_only { "sync_data" } else { "sync" };
        let (mut barrier, mut fault) = (Barrier::Kept, None);
        if !self.faults.is_idle() || !self.skipped.is_empty() {
            let path = Arc::clone(self.log.path(self.log.last_name(inode)));
            fault = self.strike_call(Class::Sync, verb, &path);
            if self.skips(verb, &path) {
                barrier = Barrier::Ignored;
            }
        }
        let file = &mut self.inodes[inode as usize];
        match fault {
            Some(FaultKind::SyncErrorDirty | FaultKind::LyingSync) => barrier = Barrier::Ignored,
            Some(FaultKind::SyncErrorClean) => barrier = Barrier::Dropped,
            Some(FaultKind::SyncErrorLate) => {
                barrier = Barrier::Dropped;
                file.late_error = true;
            }
            _ => {}
        }
        // An error of an earlier sync is reported by the next sync without an error of
        // its own.
        let reported = match fault {
            Some(FaultKind::SyncErrorDirty | FaultKind::SyncErrorClean) => fault,
            Some(FaultKind::SyncErrorLate | FaultKind::LyingSync) => None,
            _ => std::mem::take(&mut file.late_error).then_some(FaultKind::SyncErrorLate),
        };
        self.log.push(Operation::Sync {
            inode,
            path: self.log.last_name(inode),
            data_only,
            barrier,
        });
        reported.map_or(Ok(()), |kind| Err(injected(kind)))
    }
}

/// A place in a range. It depends only on the range, so a smaller plan keeps the same
/// fault.
fn place_in(range: &Range<usize>) -> u64 {
    let both = [range.start as u64, range.len() as u64];
    let hash = xxhash_rust::xxh3::xxh3_64(&both.map(u64::to_le_bytes).concat());
    range.start as u64 + hash.checked_rem(range.len() as u64).unwrap_or(0)
}

/// The system's offsets are signed: no file can have a byte beyond `i64::MAX`.
fn check_signed(offset: u64) -> io::Result<()> {
    if offset > i64::MAX as u64 {
        Err(ErrorKind::InvalidInput.into())
    } else {
        Ok(())
    }
}

fn check_length(length: u64) -> io::Result<()> {
    if length > MAX_FILE_BYTES {
        Err(ErrorKind::FileTooLarge.into())
    } else {
        Ok(())
    }
}
