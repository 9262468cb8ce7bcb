//! Calls that make, move and end descriptors.

use super::{Follower, Result, argument_has};
use crate::gaps::{Gap, Kind};
use crate::names::escape;
use crate::processes::{Open, OpenId, Synced, Target};
use crate::steps::Step;
use crate::strace::{Argument, Call, Outcome};

impl Follower<'_> {
    /// A call that changes descriptors or where they stand.
    pub(super) fn descriptors(&mut self, call: &Call, value: i64) {
        match &*call.name {
            "close" => {
                if let Some(number) = self.number(call, 0) {
                    self.processes.close(call.pid, number..=number);
                }
            }
            "close_range" => {
                let end = |place| call.arguments.get(place).and_then(Argument::number);
                if let (Some(first), Some(last)) = (end(0), end(1)) {
                    // Up to the last one is often the largest unsigned number.
                    let range = first as i32..=i32::try_from(last).unwrap_or(i32::MAX);
                    match argument_has(call, 2, "CLOSE_RANGE_CLOEXEC") {
                        true => self.processes.close_on_exec(call.pid, range, true),
                        false => self.processes.close(call.pid, range),
                    }
                }
            }
            "dup" | "dup2" | "dup3" => {
                self.duplicated(call, value, argument_has(call, 2, "O_CLOEXEC"));
            }
            "fcntl" => self.controlled(call, value),
            "lseek" => {
                if let Some(open) = self.open_of(call, 0) {
                    self.processes.open_mut(open).offset = value as u64;
                }
            }
            "read" | "readv" => {
                if let Some(open) = self.open_of(call, 0) {
                    let open = self.processes.open_mut(open);
                    open.offset = open.offset.saturating_add(value as u64);
                }
            }
            _ => {}
        }
    }

    /// The number of a descriptor among the arguments.
    fn number(&self, call: &Call, place: usize) -> Option<i32> {
        call.arguments.get(place)?.descriptor()?.number
    }

    /// The open file behind a descriptor. What `strace` saw behind it counts more than our table
    /// when that is a pipe or a socket: those are made by calls that are not traced.
    pub(super) fn open_of(&mut self, call: &Call, place: usize) -> Option<OpenId> {
        let descriptor = call.arguments.get(place)?.descriptor()?;
        let number = descriptor.number?;
        let known = self.processes.find(call.pid, number);
        let path = descriptor.path.unwrap_or_default();
        let is_file = path.first() == Some(&b'/');
        match known {
            Some(open) => {
                let is_ours = matches!(self.processes.open(open).target, Target::Inside(_));
                (!is_ours || is_file || path.is_empty()).then_some(open)
            }
            None => {
                let file = self.walk(&path, false)?;
                let mut open = Open::new(Target::Inside(file));
                // Nobody knows where it stands.
                open.offset = u64::MAX;
                self.processes.add(call.pid, number, open, false);
                self.processes.find(call.pid, number)
            }
        }
    }

    /// The file or directory behind a descriptor, if it is on the recorded disk.
    pub(super) fn inside(&mut self, call: &Call, place: usize) -> Option<u32> {
        let open = self.open_of(call, place)?;
        match self.processes.open(open).target {
            Target::Inside(file) => Some(file),
            _ => None,
        }
    }

    fn duplicated(&mut self, call: &Call, value: i64, closes: bool) {
        let old = call.arguments.first().and_then(Argument::descriptor);
        let open = self.open_of(call, 0);
        let new = value as i32;
        match open {
            Some(_) if old.and_then(|old| old.number) == Some(new) => {}
            Some(open) => self.processes.share(call.pid, new, open, closes),
            None => self.processes.close(call.pid, new..=new),
        }
    }

    fn controlled(&mut self, call: &Call, value: i64) {
        let has = |word| argument_has(call, 1, word);
        if has("F_DUPFD") || has("F_DUPFD_CLOEXEC") {
            self.duplicated(call, value, has("F_DUPFD_CLOEXEC"));
        } else if has("F_SETFD") {
            if let Some(number) = self.number(call, 0) {
                let closes = argument_has(call, 2, "FD_CLOEXEC");
                self.processes
                    .close_on_exec(call.pid, number..=number, closes);
            }
        } else if has("F_SETFL")
            && let Some(open) = self.open_of(call, 0)
        {
            self.processes.open_mut(open).appends = argument_has(call, 2, "O_APPEND");
        }
    }

    pub(super) fn moved(&mut self, call: &Call) -> Result {
        let first = call.arguments.first();
        let path = match first.and_then(Argument::string) {
            Some((path, _)) => self.absolute(call.pid, &path, None),
            None => match first.and_then(Argument::descriptor).and_then(|it| it.path) {
                Some(path) => path,
                None => return Ok(()),
            },
        };
        self.processes.set_directory(call.pid, &path);
        Ok(())
    }

    /// A file was opened under the path that the kernel reports.
    pub(super) fn opened(&mut self, call: &Call, value: i64) -> Result {
        let Outcome::Done(_, Some(path)) = &call.outcome else {
            return Ok(());
        };
        let has = |word| call.arguments.iter().any(|argument| argument.has(word));
        let is_creat = call.name == "creat";
        let is_written = is_creat || has("O_WRONLY") || has("O_RDWR");
        let target = match self.settings.marker.as_ref() == Some(path) {
            true => Target::Shown,
            false => self.opened_at(call, path)?,
        };
        match &target {
            Target::Inside(file)
                if !self.disk.tree().is_directory(*file) && (is_creat || has("O_TRUNC")) =>
            {
                let (file, length) = (*file, 0);
                self.step(call, Step::SetLength { file, length })?;
            }
            Target::Outside(path) if is_written && !is_device(path) => {
                self.written_outside.insert(path.clone());
            }
            _ => {}
        }
        let open = Open {
            target,
            offset: 0,
            appends: has("O_APPEND"),
            syncs: match (has("O_SYNC"), has("O_DSYNC")) {
                (true, _) => Some(Synced::All),
                (_, true) => Some(Synced::Data),
                _ => None,
            },
        };
        (self.processes).add(call.pid, value as i32, open, has("O_CLOEXEC"));
        Ok(())
    }

    fn opened_at(&mut self, call: &Call, path: &[u8]) -> Result<Target> {
        let has = |word| call.arguments.iter().any(|argument| argument.has(word));
        if !self.is_inside(path) {
            return Ok(Target::Outside(path.to_vec()));
        }
        if has("O_TMPFILE") {
            let file = self.disk.tree().log().file_count() as u32;
            self.step(call, Step::CreateNameless)?;
            return Ok(Target::Inside(file));
        }
        if let Some(file) = self.walk(path, false) {
            return Ok(Target::Inside(file));
        }
        if !has("O_CREAT") && call.name != "creat" {
            let path = escape(path);
            let text = format!("{}: {path} was not seen to come into being", call.name);
            return Err(Gap::new(Kind::Difference, text));
        }
        let at = self.entry_of(path)?;
        self.step(call, Step::Create { at: at.clone() })?;
        let made = self.disk.tree().lookup(at.directory, &at.name);
        Ok(Target::Inside(made.expect("it has just been made")))
    }
}

fn is_device(path: &[u8]) -> bool {
    path.starts_with(b"/dev/") || path.starts_with(b"/proc/") || !path.starts_with(b"/")
}
