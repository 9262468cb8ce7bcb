//! Paths, on the recorded disk as it is at the call.

use lithify_sim::disk::Tree;

use super::{Follower, Result};
use crate::gaps::{Gap, Kind};
use crate::names::escape;
use crate::steps::Entry;
use crate::strace::Descriptor;

impl Follower<'_> {
    pub(super) fn is_inside(&self, path: &[u8]) -> bool {
        let rest = path.strip_prefix(&*self.settings.root);
        rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }

    /// A path from the root of the machine. What `AT_FDCWD` shows is what the kernel knows.
    pub(super) fn absolute(&mut self, pid: u32, path: &[u8], from: Option<&Descriptor>) -> Vec<u8> {
        if path.first() == Some(&b'/') {
            return path.to_vec();
        }
        let base = match from {
            Some(Descriptor {
                number,
                path: Some(base),
            }) => {
                if number.is_none() {
                    self.processes.set_directory(pid, base);
                }
                base.clone()
            }
            _ => self.processes.directory(pid).to_vec(),
        };
        [&base[..], b"/", path].concat()
    }

    /// What is at a path on the recorded disk now, `None` when nothing is or the path leads outside.
    pub(super) fn walk(&self, path: &[u8], follows_last: bool) -> Option<u32> {
        self.walk_to(path, follows_last, 0)
    }

    /// The directory and the name that a path names; the name need not be there.
    pub(super) fn entry_of(&self, path: &[u8]) -> Result<Entry> {
        match self.entry_if_inside(path) {
            Some(entry) => Ok(entry),
            None => Err(Gap::new(
                Kind::Difference,
                format!("{} is below nothing that was seen", escape(path)),
            )),
        }
    }

    pub(super) fn entry_if_inside(&self, path: &[u8]) -> Option<Entry> {
        let trimmed = match path {
            [before @ .., b'/'] => before,
            _ => path,
        };
        let slash = trimmed.iter().rposition(|&byte| byte == b'/')?;
        let (parent, leaf) = (&trimmed[..slash], &trimmed[slash + 1..]);
        let directory = self.walk(parent, true)?;
        Some(Entry {
            directory,
            name: escape(leaf),
        })
    }

    fn walk_again(&self, path: &[u8], follows_last: bool, depth: u32) -> Option<u32> {
        match depth {
            40 => None,
            depth => self.walk_to(path, follows_last, depth + 1),
        }
    }

    /// What of a path is below the root, where it enters that first. Outside, `..` takes away the name
    /// before it, as if no link was there.
    fn entering(&self, path: &[u8]) -> Option<Vec<u8>> {
        let root = self.settings.root.split(|&byte| byte == b'/').skip(1);
        let root: Vec<&[u8]> = root.collect();
        let mut stack: Vec<&[u8]> = Vec::new();
        let mut parts = path.split(|&byte| byte == b'/');
        while let Some(part) = parts.next() {
            match part {
                b"" | b"." => continue,
                b".." => _ = stack.pop(),
                part => stack.push(part),
            }
            if stack == root {
                return Some(parts.collect::<Vec<_>>().join(&b'/'));
            }
        }
        None
    }

    fn walk_to(&self, path: &[u8], follows_last: bool, depth: u32) -> Option<u32> {
        let tree = self.disk.tree();
        let rest = self.entering(path)?;
        let parts = rest.split(|&byte| byte == b'/');
        let parts: Vec<&[u8]> = parts.filter(|it| !matches!(it, [] | [b'.'])).collect();
        let mut above = vec![(Tree::ROOT, self.settings.root.clone())];
        for (place, part) in parts.iter().enumerate() {
            if *part == b".." {
                above.pop();
                if above.is_empty() {
                    // It may come back.
                    let root = &self.settings.root;
                    let above = root.iter().rposition(|&byte| byte == b'/')?;
                    let rest = parts[place + 1..].join(&b'/');
                    let led = [&root[..above], b"/", &rest].concat();
                    return self.walk_again(&led, follows_last, depth);
                }
                continue;
            }
            let (directory, so_far) = above.last().expect("the root is above all");
            self.look_up(*directory, part);
            let found = tree.lookup(*directory, &escape(part))?;
            let is_last = place + 1 == parts.len();
            if let Some(target) = tree.symlink(found).filter(|_| !is_last || follows_last) {
                let target = crate::names::unescape(target);
                let mut led = match target.first() {
                    Some(b'/') => target,
                    _ => [&so_far[..], b"/", &target].concat(),
                };
                for part in &parts[place + 1..] {
                    led.push(b'/');
                    led.extend_from_slice(part);
                }
                return self.walk_again(&led, follows_last, depth);
            }
            let path = [&so_far[..], b"/", part].concat();
            above.push((found, path));
        }
        above.pop().map(|(found, _)| found)
    }
}
