//! Calls that change bytes and lengths.

use super::{Follower, Result};
use crate::gaps::{Gap, Kind};
use crate::processes::{OpenId, Synced, Target};
use crate::steps::{MAX_FILE_BYTES, Step};
use crate::strace::{Argument, Call};

impl Follower<'_> {
    pub(super) fn wrote(&mut self, call: &Call, value: i64) -> Result {
        let Some(open) = self.open_of(call, 0) else {
            return Ok(());
        };
        let target = self.processes.open(open).target.clone();
        if let Target::Outside(_) = target {
            return Ok(());
        }
        let bytes = self.handed(call, value)?;
        match target {
            Target::Inside(file) => {
                let place = match &*call.name {
                    "pwrite64" | "pwritev" | "pwritev2" => argument_number(call, 3),
                    _ => None,
                };
                // `pwritev2` with -1 goes on where the descriptor stands.
                let place = place.filter(|&place| place >= 0).map(|place| place as u64);
                self.write(call, open, file, place, bytes)
            }
            _ => {
                let bytes = self.blobs.keep(bytes);
                self.step(call, Step::Output { bytes })
            }
        }
    }

    /// The bytes that a call took.
    fn handed(&self, call: &Call, value: i64) -> Result<Vec<u8>> {
        let buffers = call.arguments.get(1);
        let handed = match &*call.name {
            "write" | "pwrite64" => buffers.and_then(Argument::string),
            _ => buffers.and_then(Argument::strings),
        };
        let (mut bytes, _) = handed.unwrap_or_default();
        let taken = usize::try_from(value).unwrap_or(0);
        if self.looks.is_some() && taken as u64 <= MAX_FILE_BYTES {
            // What a checker writes does not matter, only how much.
            bytes.resize(taken, 0);
        }
        if bytes.len() < taken {
            let text = format!(
                "{}: {taken} bytes, of which strace shows {}",
                call.name,
                bytes.len()
            );
            return Err(Gap::new(Kind::Difference, text));
        }
        bytes.truncate(taken);
        Ok(bytes)
    }

    /// Bytes went to a file, at a place or where its descriptor stands.
    fn write(
        &mut self,
        call: &Call,
        open: OpenId,
        file: u32,
        place: Option<u64>,
        bytes: Vec<u8>,
    ) -> Result {
        let (offset, appends, syncs) = {
            let open = self.processes.open(open);
            (open.offset, open.appends, open.syncs)
        };
        let length = self.disk.tree().content(file).len() as u64;
        // Linux appends also what `pwrite` wants elsewhere (pwrite(2), BUGS).
        let appends = appends || super::argument_has(call, 5, "RWF_APPEND");
        let offset = match (appends, place) {
            (true, _) => length,
            (false, Some(place)) => place,
            (false, None) if offset == u64::MAX => {
                let text = format!("{}: nobody saw where its descriptor stands", call.name);
                return Err(Gap::new(Kind::Descriptor, text));
            }
            (false, None) => offset,
        };
        let end = offset.saturating_add(bytes.len() as u64);
        let bytes = self.blobs.keep(bytes);
        self.step(
            call,
            Step::Write {
                file,
                offset,
                bytes,
            },
        )?;
        if place.is_none() {
            self.processes.open_mut(open).offset = end;
        }
        let has = |word| super::argument_has(call, 5, word);
        let syncs = match (has("RWF_SYNC"), has("RWF_DSYNC")) {
            (true, _) => Some(Synced::All),
            (_, true) => syncs.or(Some(Synced::Data)),
            _ => syncs,
        };
        match syncs {
            Some(synced) => {
                let entered = self.disk.length();
                let data_only = synced == Synced::Data;
                self.step(
                    call,
                    Step::Sync {
                        file,
                        data_only,
                        entered,
                    },
                )
            }
            None => Ok(()),
        }
    }

    /// `sendfile(TO, FROM, PLACE, LENGTH)` and
    /// `copy_file_range(FROM, PLACE, TO, PLACE, LENGTH, FLAGS)`.
    pub(super) fn copied(&mut self, call: &Call, value: i64) -> Result {
        let (to, to_place, from, from_place) = match &*call.name {
            "sendfile" => (0, None, 1, 2),
            _ => (2, Some(3), 0, 1),
        };
        let length = usize::try_from(value).unwrap_or(0);
        let source = self.source(call, from, from_place, length);
        let Some(open) = self.open_of(call, to) else {
            return Ok(());
        };
        let target = self.processes.open(open).target.clone();
        let file = match target {
            Target::Outside(_) => return Ok(()),
            Target::Inside(file) => Some(file),
            Target::Shown => None,
        };
        if length == 0 {
            return Ok(());
        }
        let bytes = source.ok_or_else(|| {
            let text = format!("{}: {length} bytes whose source cannot be read", call.name);
            Gap::new(Kind::Splice, text)
        })?;
        match file {
            Some(file) => {
                let place = to_place.and_then(|place| call.arguments.get(place));
                let place = place.and_then(Argument::pointed).map(|place| place as u64);
                self.write(call, open, file, place, bytes)
            }
            None => {
                let bytes = self.blobs.keep(bytes);
                self.step(call, Step::Output { bytes })
            }
        }
    }

    /// The bytes that a copy takes. Those of a file outside are read after the run.
    fn source(&mut self, call: &Call, from: usize, place: usize, length: usize) -> Option<Vec<u8>> {
        let open = self.open_of(call, from);
        let place = call.arguments.get(place).and_then(Argument::pointed);
        let offset = match (place, open) {
            (Some(place), _) => place as u64,
            (None, Some(open)) => {
                let offset = self.processes.open(open).offset;
                self.processes.open_mut(open).offset = offset.saturating_add(length as u64);
                offset
            }
            (None, None) => return None,
        };
        let target = open.map(|open| self.processes.open(open).target.clone());
        match target {
            Some(Target::Inside(file)) => {
                let content = self.disk.tree().content(file);
                let start = usize::try_from(offset).ok()?;
                let bytes = content.get(start..start.checked_add(length)?)?;
                Some(bytes.to_vec())
            }
            Some(Target::Outside(path)) => (self.settings.outside)(&path, offset, length),
            _ => None,
        }
    }

    pub(super) fn truncated(&mut self, call: &Call) -> Result {
        let file = match &*call.name {
            "truncate" => {
                let path = self.path_at(call, 0);
                path.and_then(|path| self.walk(&path, true))
            }
            _ => self.inside(call, 0),
        };
        let (Some(file), Some(length)) = (file, argument_number(call, 1)) else {
            return Ok(());
        };
        let length = length as u64;
        self.step(call, Step::SetLength { file, length })
    }

    /// `fallocate(FILE, MODE, PLACE, LENGTH)`. What an image shows of it is a length and zeros.
    pub(super) fn allocated(&mut self, call: &Call) -> Result {
        let Some(file) = self.inside(call, 0) else {
            return Ok(());
        };
        let has = |word| super::argument_has(call, 1, word);
        if has("FALLOC_FL_COLLAPSE_RANGE") || has("FALLOC_FL_INSERT_RANGE") {
            let text = "fallocate: parts of a file move".to_owned();
            return Err(Gap::new(Kind::Collapse, text));
        }
        let (Some(place), Some(length)) = (argument_number(call, 2), argument_number(call, 3))
        else {
            return Ok(());
        };
        let (place, end) = (place as u64, (place as u64).saturating_add(length as u64));
        let before = self.disk.tree().content(file).len() as u64;
        if has("FALLOC_FL_PUNCH_HOLE") || has("FALLOC_FL_ZERO_RANGE") {
            let end = end.min(before);
            if place < end {
                let bytes = self.blobs.keep(vec![0; (end - place) as usize]);
                self.step(
                    call,
                    Step::Write {
                        file,
                        offset: place,
                        bytes,
                    },
                )?;
            }
        }
        if end > before && !has("FALLOC_FL_KEEP_SIZE") {
            let length = end;
            self.step(call, Step::SetLength { file, length })?;
        }
        Ok(())
    }
}

fn argument_number(call: &Call, place: usize) -> Option<i64> {
    call.arguments.get(place).and_then(Argument::number)
}
