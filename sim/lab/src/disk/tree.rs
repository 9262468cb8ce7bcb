//! A disk with directories at any depth, hard links and files without a name, of which
//! somebody else says what happened to it.
//!
//! [`SimFs`](super::SimFs) is what an engine runs on, with the engine's contract: few directories,
//! durable at once. Programs that were recorded do more. A [`Tree`] takes what they did, and
//! leaves a [`Log`] that every persistence model reads.
//!
//! A directory is a file of the log without bytes. It has a *key*, which no other directory ever
//! had: the first name that it had, and `~2` behind that when the name was given before. A name in
//! it is the key, a slash and the last component. So a name is a directory entry, and not a path:
//! renaming a directory changes one entry, what is in the directory keeps its names, and a sync of
//! the directory covers exactly those. What cannot be reached from the root after a crash is not
//! in [`Tree::show`].
//!
//! Invariants: the log begins on the disk of [`Tree::start`]; a directory never has two names; the
//! content that a process sees is that of the log's end.
//!
//! Nothing here fails or checks permissions: the calls that failed are not to be told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lithify::fs::name;

use super::image::Image;
use super::oplog::{Barrier, InodeId, Log, Mark, Operation};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory.
    Directory,
    /// A symbolic link, and where it leads.
    Symlink(Arc<str>),
    /// A file; two places of one file are hard links.
    File {
        /// Which.
        inode: InodeId,
        /// What it holds.
        bytes: Arc<Vec<u8>>,
    },
}

/// What happened to a disk.
#[derive(Clone, Debug)]
pub struct Tree {
    start: Image,
    log: Log,
    /// What the process sees: entries, and the bytes of each file.
    entries: BTreeMap<Arc<str>, InodeId>,
    contents: Vec<Arc<Vec<u8>>>,
    symlinks: BTreeMap<InodeId, Arc<str>>,
    keys: BTreeSet<Arc<str>>,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// The directory that has no name.
    pub const ROOT: InodeId = 0;

    /// An empty root.
    #[must_use]
    pub fn new() -> Self {
        let mut tree = Self {
            start: Image::default(),
            log: Log::default(),
            entries: BTreeMap::new(),
            contents: Vec::new(),
            symlinks: BTreeMap::new(),
            keys: BTreeSet::new(),
        };
        let root = tree.number("");
        tree.log.make_directory(root, "".into());
        tree.keys.insert("".into());
        tree
    }

    /// The disk on which the log begins.
    #[must_use]
    pub fn start(&self) -> &Image {
        &self.start
    }

    /// What happened since.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What the process sees at the end.
    #[must_use]
    pub fn live(&self) -> Image {
        let files = self.entries.values();
        let files = files.map(|&inode| (inode, Arc::clone(&self.contents[inode as usize])));
        Image {
            files: files.collect(),
            names: self.entries.clone(),
            ..Image::default()
        }
    }

    /// What has this name now.
    #[must_use]
    pub fn lookup(&self, directory: InodeId, leaf: &str) -> Option<InodeId> {
        self.entries.get(&*self.entry(directory, leaf)?).copied()
    }

    /// The names in a directory now, with what they name.
    #[must_use]
    pub fn list(&self, directory: InodeId) -> Vec<(&str, InodeId)> {
        let Some(key) = self.log.directory(directory) else {
            return Vec::new();
        };
        let entries = self.entries.iter();
        let parts = entries.map(|(entry, &inode)| (name::split(entry), inode));
        let own = parts.filter(|((parent, _), _)| *parent == &**key);
        own.map(|((_, leaf), inode)| (leaf, inode)).collect()
    }

    /// Whether this is a directory.
    #[must_use]
    pub fn is_directory(&self, inode: InodeId) -> bool {
        self.log.directory(inode).is_some()
    }

    /// Where a symbolic link leads; `None` for what is none.
    #[must_use]
    pub fn symlink(&self, inode: InodeId) -> Option<&Arc<str>> {
        self.symlinks.get(&inode)
    }

    /// What a process reads in a file now.
    #[must_use]
    pub fn content(&self, inode: InodeId) -> &Arc<Vec<u8>> {
        &self.contents[inode as usize]
    }

    /// A name that is now in the directory: its key, a slash and the leaf.
    fn entry(&self, directory: InodeId, leaf: &str) -> Option<Arc<str>> {
        let key = self.log.directory(directory)?;
        Some(match key.is_empty() {
            true => leaf.into(),
            false => format!("{key}/{leaf}").into(),
        })
    }

    fn entry_in(&self, directory: InodeId, leaf: &str) -> Arc<str> {
        assert!(
            !leaf.is_empty() && !leaf.contains('/'),
            "{leaf:?} is no name"
        );
        self.entry(directory, leaf)
            .expect("names are in directories")
    }

    /// A new file of the log.
    fn number(&mut self, first_name: &str) -> InodeId {
        let inode = self.contents.len() as InodeId;
        self.contents.push(Arc::default());
        let path = self.log.intern(first_name);
        self.log.name_inode(inode, path);
        inode
    }

    fn key_directory(&mut self, inode: InodeId, entry: &Arc<str>) {
        let mut key = Arc::clone(entry);
        for number in 2.. {
            if self.keys.insert(Arc::clone(&key)) {
                break;
            }
            key = format!("{entry}~{number}").into();
        }
        self.log.make_directory(inode, key);
    }

    /// Puts something on the disk before anything happens.
    fn put(&mut self, directory: InodeId, leaf: &str, bytes: Vec<u8>) -> InodeId {
        let entry = self.entry_in(directory, leaf);
        let inode = self.number(&entry);
        let bytes = Arc::new(bytes);
        self.contents[inode as usize] = Arc::clone(&bytes);
        self.start.files.insert(inode, bytes);
        self.put_link(directory, leaf, inode);
        inode
    }

    /// A file that is there before anything happens.
    ///
    /// # Panics
    /// As the three after it: when something has happened already, or the name is taken.
    pub fn put_file(&mut self, directory: InodeId, leaf: &str, bytes: Vec<u8>) -> InodeId {
        self.put(directory, leaf, bytes)
    }

    /// A directory that is there before anything happens.
    pub fn put_directory(&mut self, directory: InodeId, leaf: &str) -> InodeId {
        let inode = self.put(directory, leaf, Vec::new());
        self.key_directory(inode, &self.entry_in(directory, leaf));
        inode
    }

    /// A symbolic link that is there before anything happens.
    pub fn put_symlink(&mut self, directory: InodeId, leaf: &str, target: &str) -> InodeId {
        let inode = self.put(directory, leaf, Vec::new());
        self.symlinks.insert(inode, target.into());
        inode
    }

    /// A second name that is there before anything happens.
    pub fn put_link(&mut self, directory: InodeId, leaf: &str, inode: InodeId) {
        assert!(self.log.operations().is_empty(), "something has happened");
        let entry = self.entry_in(directory, leaf);
        self.start.names.insert(Arc::clone(&entry), inode);
        let before = self.entries.insert(entry, inode);
        assert!(before.is_none(), "{leaf:?} is there twice");
    }

    fn create_entry(&mut self, directory: InodeId, leaf: &str) -> (InodeId, Arc<str>) {
        let entry = self.entry_in(directory, leaf);
        let inode = self.number(&entry);
        let path = self.log.intern(&entry);
        self.log.push(Operation::Create { path, inode });
        let before = self.entries.insert(Arc::clone(&entry), inode);
        assert!(before.is_none(), "{entry:?} was created and was there");
        (inode, entry)
    }

    /// A file came to be, without bytes.
    ///
    /// # Panics
    /// When the name is taken, as every call here that makes one.
    pub fn create(&mut self, directory: InodeId, leaf: &str) -> InodeId {
        self.create_entry(directory, leaf).0
    }

    /// A file came to be that has no name.
    pub fn create_nameless(&mut self) -> InodeId {
        self.number("(nameless)")
    }

    /// A directory came to be.
    pub fn make_directory(&mut self, directory: InodeId, leaf: &str) -> InodeId {
        let (inode, entry) = self.create_entry(directory, leaf);
        self.key_directory(inode, &entry);
        inode
    }

    /// A symbolic link came to be. It is there whole or not at all: short ones stand in the inode.
    pub fn make_symlink(&mut self, directory: InodeId, leaf: &str, target: &str) -> InodeId {
        let (inode, _) = self.create_entry(directory, leaf);
        self.symlinks.insert(inode, target.into());
        inode
    }

    /// A file got one more name.
    pub fn link(&mut self, inode: InodeId, directory: InodeId, leaf: &str) {
        assert!(!self.is_directory(inode), "a directory has one name");
        let entry = self.entry_in(directory, leaf);
        let path = self.log.intern(&entry);
        self.log.push(Operation::Link { path, inode });
        let before = self.entries.insert(entry, inode);
        assert!(before.is_none(), "{leaf:?} was made and was there");
    }

    /// Bytes were written, at any place.
    pub fn write(&mut self, inode: InodeId, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let content = Arc::make_mut(&mut self.contents[inode as usize]);
        let before = content.len() as u64;
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        if end > content.len() {
            content.resize(end, 0);
        }
        content[start..end].copy_from_slice(bytes);
        self.log.push_write(inode, offset, bytes, before);
    }

    /// The length was set.
    pub fn set_length(&mut self, inode: InodeId, after: u64) {
        let before = self.content(inode).len() as u64;
        if before == after {
            return;
        }
        Arc::make_mut(&mut self.contents[inode as usize]).resize(after as usize, 0);
        let path = self.log.last_name(inode);
        self.log.push(Operation::SetLength {
            inode,
            path,
            before,
            after,
        });
    }

    /// A name moved, of a file or of a directory. Nothing happens when both are names of one file.
    ///
    /// # Panics
    /// When the old name is not there, as [`Self::remove`].
    pub fn rename(&mut self, from: (InodeId, &str), to: (InodeId, &str)) {
        let (old, new) = (self.entry_in(from.0, from.1), self.entry_in(to.0, to.1));
        let inode = self.entries[&old];
        let replaced = self.entries.get(&new).copied();
        if replaced == Some(inode) {
            return;
        }
        self.entries.remove(&old);
        self.entries.insert(Arc::clone(&new), inode);
        let (from, to) = (self.log.intern(&old), self.log.intern(&new));
        self.log.push(Operation::Rename {
            from,
            to,
            inode,
            replaced,
        });
    }

    /// A name went, of a file or of a directory.
    pub fn remove(&mut self, directory: InodeId, leaf: &str) {
        let entry = self.entry_in(directory, leaf);
        let removed = self.entries.remove(&entry);
        let inode = removed.expect("what was removed was there");
        let path = self.log.intern(&entry);
        self.log.push(Operation::Remove { path, inode });
    }

    /// A file or directory was synced. `entered` is the length of the log when the call began:
    /// what came later is not covered.
    pub fn sync(&mut self, inode: InodeId, data_only: bool, entered: usize) {
        self.barrier(inode, data_only, entered, Barrier::Kept);
    }

    /// A sync of a file or directory failed, and made nothing durable. The bytes of a file that it
    /// would have covered stay pending, or are never written any more, although processes read them.
    pub fn failed_sync(
        &mut self,
        inode: InodeId,
        data_only: bool,
        entered: usize,
        stays_pending: bool,
    ) {
        let barrier = match stays_pending {
            true => Barrier::Ignored,
            false => Barrier::Dropped,
        };
        self.barrier(inode, data_only, entered, barrier);
    }

    fn barrier(&mut self, inode: InodeId, data_only: bool, entered: usize, barrier: Barrier) {
        let operation = match self.log.directory(inode).map(Arc::clone) {
            Some(key) => Operation::SyncDirectory {
                path: self.log.intern(&key),
                barrier,
            },
            None => Operation::Sync {
                inode,
                path: self.log.last_name(inode),
                data_only,
                barrier,
            },
        };
        self.log.push_barrier(operation, entered);
    }

    /// A mark of the user.
    pub fn mark(&mut self, mark: Mark) {
        self.log.push(Operation::Mark(mark));
    }

    /// What can be reached from the root of an image of this disk, by path.
    #[must_use]
    pub fn show(&self, image: &Image) -> BTreeMap<String, Place> {
        let mut inside: BTreeMap<&str, Vec<(&str, InodeId)>> = BTreeMap::new();
        for (entry, &inode) in &image.names {
            let (parent, leaf) = name::split(entry);
            inside.entry(parent).or_default().push((leaf, inode));
        }
        let mut shown = BTreeMap::new();
        let mut waiting = vec![(String::new(), Self::ROOT)];
        while let Some((above, directory)) = waiting.pop() {
            let key = self.log.directory(directory).map_or("", |key| &**key);
            // Taken out, so that no walk goes in a circle.
            for (leaf, inode) in inside.remove(key).unwrap_or_default() {
                let path = match above.is_empty() {
                    true => leaf.to_owned(),
                    false => format!("{above}/{leaf}"),
                };
                let place = match self.symlinks.get(&inode) {
                    Some(target) => Place::Symlink(Arc::clone(target)),
                    None if self.is_directory(inode) => Place::Directory,
                    None => Place::File {
                        inode,
                        bytes: image.files.get(&inode).cloned().unwrap_or_default(),
                    },
                };
                if place == Place::Directory {
                    waiting.push((path.clone(), inode));
                }
                shown.insert(path, place);
            }
        }
        shown
    }
}

/// A digest of what can be seen: two images with the same paths, bytes and hard links have the
/// same one.
#[must_use]
pub fn digest(shown: &BTreeMap<String, Place>) -> u128 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    let mut text = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]);
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    let mut first: BTreeMap<InodeId, &str> = BTreeMap::new();
    for (path, place) in shown {
        text(0, path.as_bytes());
        match place {
            Place::Directory => text(1, &[]),
            Place::Symlink(target) => text(2, target.as_bytes()),
            Place::File { inode, bytes } => match first.get(inode) {
                Some(first) => text(3, first.as_bytes()),
                None => {
                    first.insert(*inode, path);
                    text(4, bytes);
                }
            },
        }
    }
    hasher.digest128()
}
