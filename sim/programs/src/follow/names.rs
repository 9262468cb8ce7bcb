//! Calls that change names.

use super::{Follower, Result};
use crate::gaps::{Gap, Kind};
use crate::names::escape;
use crate::steps::{Entry, Step};
use crate::strace::{Argument, Call};

impl Follower<'_> {
    /// A call that takes paths. What is none of these changes nothing that an image shows.
    pub(super) fn named(&mut self, call: &Call) -> Result {
        match &*call.name {
            "rename" => self.renamed(call, 0, 1),
            "renameat" | "renameat2" => {
                if super::argument_has(call, 4, "RENAME_EXCHANGE")
                    || super::argument_has(call, 4, "RENAME_WHITEOUT")
                {
                    let text = "renameat2: two names change places".to_owned();
                    return Err(Gap::new(Kind::Exchange, text));
                }
                self.renamed(call, 1, 3)
            }
            "link" => self.linked(call, 0, 1),
            "linkat" => self.linked(call, 1, 3),
            "symlink" => self.symlinked(call, 1),
            "symlinkat" => self.symlinked(call, 2),
            "unlink" | "rmdir" => self.removed(call, 0),
            "unlinkat" => self.removed(call, 1),
            "mkdir" => self.made_directory(call, 0),
            "mkdirat" => self.made_directory(call, 1),
            "mknod" => self.made_node(call, 0),
            "mknodat" => self.made_node(call, 1),
            _ => Ok(()),
        }
    }

    /// The path at a place among the arguments, and what stands before it.
    pub(super) fn path_at(&mut self, call: &Call, place: usize) -> Option<Vec<u8>> {
        let (path, _) = call.arguments.get(place)?.string()?;
        let from = match place.checked_sub(1) {
            Some(before) => call.arguments.get(before).and_then(Argument::descriptor),
            None => None,
        };
        Some(self.absolute(call.pid, &path, from.as_ref()))
    }

    fn entry_at(&mut self, call: &Call, place: usize) -> Option<Entry> {
        // `rename(OLD, NEW)` has no descriptor before its second path: a string is none.
        let path = self.path_at(call, place)?;
        self.entry_if_inside(&path)
    }

    fn renamed(&mut self, call: &Call, old: usize, new: usize) -> Result {
        let (from, to) = (self.entry_at(call, old), self.entry_at(call, new));
        match (from, to) {
            (Some(from), Some(to)) => self.step(call, Step::Rename { from, to }),
            // For what is left behind it is gone.
            (Some(at), None) => self.step(call, Step::Remove { at }),
            (None, Some(to)) => Err(Gap::new(
                Kind::Outside,
                format!(
                    "{}: {} came from outside of the directory",
                    call.name, to.name
                ),
            )),
            (None, None) => Ok(()),
        }
    }

    fn linked(&mut self, call: &Call, old: usize, new: usize) -> Result {
        let Some(at) = self.entry_at(call, new) else {
            return Ok(());
        };
        match self.linked_file(call, old) {
            Some(file) => self.step(call, Step::Link { file, at }),
            None => Err(Gap::new(
                Kind::Outside,
                format!(
                    "{}: {} came from outside of the directory",
                    call.name, at.name
                ),
            )),
        }
    }

    /// The file that gets a name: by path, by descriptor, or by the path of a descriptor.
    fn linked_file(&mut self, call: &Call, old: usize) -> Option<u32> {
        if super::argument_has(call, 4, "AT_EMPTY_PATH") {
            return self.inside(call, 0);
        }
        let path = self.path_at(call, old)?;
        let number = (path.strip_prefix(b"/proc/self/fd/"))
            .and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
        if let Some(number) = number {
            let open = self.processes.find(call.pid, number)?;
            return match self.processes.open(open).target {
                crate::processes::Target::Inside(file) => Some(file),
                _ => None,
            };
        }
        self.walk(&path, super::argument_has(call, 4, "AT_SYMLINK_FOLLOW"))
    }

    fn symlinked(&mut self, call: &Call, place: usize) -> Result {
        let Some(at) = self.entry_at(call, place) else {
            return Ok(());
        };
        let target = call.arguments.first().and_then(Argument::string);
        let target = escape(&target.unwrap_or_default().0);
        self.step(call, Step::MakeSymlink { at, target })
    }

    fn removed(&mut self, call: &Call, place: usize) -> Result {
        match self.entry_at(call, place) {
            Some(at) => self.step(call, Step::Remove { at }),
            None => Ok(()),
        }
    }

    fn made_directory(&mut self, call: &Call, place: usize) -> Result {
        match self.entry_at(call, place) {
            Some(at) => self.step(call, Step::MakeDirectory { at }),
            None => Ok(()),
        }
    }

    fn made_node(&mut self, call: &Call, place: usize) -> Result {
        let Some(at) = self.entry_at(call, place) else {
            return Ok(());
        };
        if super::argument_has(call, place + 1, "S_IFREG") {
            return self.step(call, Step::Create { at });
        }
        let text = format!("{}: {} is no file", call.name, at.name);
        Err(Gap::new(Kind::Special, text))
    }
}
