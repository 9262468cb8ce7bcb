//! Two planted bugs: the store continues in the WAL file that was read back, as most stores do.
//! With one of the bugs, the last commits are served before the next sync makes them durable.
//!
//! Everything else is correct: the torn tail is cut off, and the last commits are written again at
//! the same offsets, so these commits become durable even if an earlier sync has failed.

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::{FileKind, file_name};
use crate::fs::whole::write_all_at;
use crate::fs::{Access, Fs};
use crate::identity::FileId;
use crate::log::{HEADER_BYTES, LogWriter};
use crate::whole_file::read_whole;

use super::Wal;

impl Wal {
    /// Continues in the newest file. Returns false when the last records of the file are not
    /// `unproven`.
    pub(crate) fn go_on(
        &mut self,
        fs: &dyn Fs,
        unproven: &[Vec<u8>],
        last: Commit,
    ) -> Result<bool> {
        let Some(tip) = self.sealed.back().copied() else {
            return Ok(false);
        };
        let name = file_name(FileKind::Wal, tip.number);
        let bytes = read_whole(fs, &name)?;
        let id = FileId::read(FileKind::Wal, tip.number, &bytes)?;
        let mut end = tip.end as usize;
        for payload in unproven {
            let record = bytes.get(end + HEADER_BYTES..);
            if !record.is_some_and(|record| record.starts_with(payload)) {
                return Ok(false);
            }
            end += HEADER_BYTES + payload.len();
        }
        // The bug `found-log-gone-on` does not cut off bytes: a mark behind the records is a proof.
        if planted!(FoundLogGoneOn) && bytes[end..].iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        let file = fs
            .open(&name, Access::Write)
            .map_err(Error::io("open", &name))?;
        if end < bytes.len() {
            file.set_len(end as u64).map_err(Error::io("cut", &name))?;
        }
        write_all_at(&*file, tip.end, &bytes[tip.end as usize..end])
            .map_err(Error::io("write to", &name))?;
        let lengths = (tip.end, end as u64);
        self.sealed.pop_back();
        self.writer = Some(LogWriter::go_on(file, id, lengths));
        self.last = last;
        Ok(true)
    }
}
