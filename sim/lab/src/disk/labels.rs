//! The names of pending changes in traces: short, readable, unique, and the same when
//! unrelated changes are added or removed.
//!
//! A file has the name that it has at that moment; a file with several names, the first of those that
//! it still has. A file without a name has its last
//! name, or `former:NAME` if another file has that name now. A label that was used
//! before gets `~2`, `~3`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, ChangeKind};
use super::oplog::{InodeId, Log, Operation, PathId};

/// The names of the files of a log at a position.
pub(super) struct Called<'log> {
    log: &'log Log,
    /// By file: its current name, or its last name.
    names: Vec<PathId>,
    /// By name: the file that has it.
    holders: BTreeMap<PathId, InodeId>,
}

impl<'log> Called<'log> {
    /// The names before the operation at `position`. O(operations).
    pub(super) fn at(log: &'log Log, position: usize) -> Self {
        let operations = log.operations();
        let created: BTreeSet<InodeId> = operations.iter().filter_map(created).collect();
        let files = 0..log.file_count() as InodeId;
        let names: Vec<PathId> = files.clone().map(|file| log.first_path(file)).collect();
        let old = files.filter(|file| !created.contains(file));
        let holders = old.map(|file| (names[file as usize], file)).collect();
        let mut called = Self {
            log,
            names,
            holders,
        };
        for operation in &operations[..position] {
            called.pass(operation);
        }
        called
    }

    fn pass(&mut self, operation: &Operation) {
        match operation {
            Operation::Create { path, inode } | Operation::Link { path, inode } => {
                self.holders.insert(*path, *inode);
            }
            Operation::Rename {
                from, to, inode, ..
            } => {
                self.holders.remove(from);
                self.holders.insert(*to, *inode);
                self.names[*inode as usize] = *to;
            }
            Operation::Remove { path, inode } => {
                self.holders.remove(path);
                let mut others = self.holders.iter();
                let other = others.find_map(|(other, file)| (file == inode).then_some(*other));
                if let (Some(other), true) = (other, self.names[*inode as usize] == *path) {
                    self.names[*inode as usize] = other;
                }
            }
            _ => {}
        }
    }

    /// The name of a file, with `former:` if another file has this name now.
    fn unmistakable(&self, file: InodeId) -> Cow<'log, str> {
        let path = self.names[file as usize];
        let name = self.log.path(path);
        match self.holders.get(&path) {
            Some(holder) if *holder != file => Cow::Owned(format!("former:{name}")),
            _ => Cow::Borrowed(name),
        }
    }

    /// The labels of pending changes.
    pub(super) fn labels(&self, changes: &[Change]) -> Vec<String> {
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        let mut unique = |label: String| {
            let count = seen.entry(label.clone()).or_insert(0);
            *count += 1;
            match *count {
                1 => label,
                count => format!("{label}~{count}"),
            }
        };
        changes
            .iter()
            .map(|change| unique(self.label(&change.kind)))
            .collect()
    }

    fn label(&self, kind: &ChangeKind) -> String {
        match kind {
            ChangeKind::Data {
                inode,
                offset,
                bytes,
            } => format!(
                "data({}[{offset}..{}])",
                self.unmistakable(*inode),
                offset + bytes.len() as u64
            ),
            ChangeKind::Size { inode, to, .. } => {
                format!("size({}={to})", self.unmistakable(*inode))
            }
            ChangeKind::Link { name, .. } => format!("add({name})"),
            ChangeKind::Unlink { name } => format!("remove({name})"),
            ChangeKind::Rename { from, to, .. } => format!("rename({from},{to})"),
        }
    }
}

fn created(operation: &Operation) -> Option<InodeId> {
    match operation {
        Operation::Create { inode, .. } => Some(*inode),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lithify::fs::Fs as _;

    use crate::disk::{Frontier, Image, Model, SimFs};

    fn labels(run: impl FnOnce(&SimFs)) -> Vec<String> {
        let fs = SimFs::new();
        run(&fs);
        let log = fs.log();
        let mut frontier = Frontier::new(Model::DEFAULT, Image::default(), &log);
        frontier.advance_to(log.operations().len());
        frontier.labels()
    }

    fn replace(fs: &SimFs, byte: u8) {
        let file = fs.create("new").expect("it is not there");
        file.append(&[byte]).expect("there is room");
        fs.rename("new", "data").expect("it is there");
    }

    #[test]
    fn a_file_is_called_what_it_is_called_now() {
        let labels = labels(|fs| {
            replace(fs, 1);
            let next = fs.create("new").expect("the name is free");
            next.append(&[2]).expect("there is room");
        });
        let content: Vec<&str> = labels
            .iter()
            .map(String::as_str)
            .filter(|label| label.starts_with("data("))
            .collect();
        assert_eq!(content, ["data(data[0..1])", "data(new[0..1])"]);
    }

    #[test]
    fn a_file_that_was_replaced_is_told_from_its_successor() {
        let labels = labels(|fs| {
            for byte in 1..=3 {
                replace(fs, byte);
            }
        });
        let sizes: Vec<&str> = labels
            .iter()
            .map(String::as_str)
            .filter(|label| label.starts_with("size("))
            .collect();
        assert_eq!(
            sizes,
            [
                "size(former:data=1)",
                "size(former:data=1)~2",
                "size(data=1)"
            ]
        );
    }
}
