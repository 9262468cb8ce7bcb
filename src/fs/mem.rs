//! A file system in memory, for tests and benchmarks.
//!
//! It answers as [`super::OsFs`] does on Linux, down to the `ErrorKind`s, and makes no system call.
//! Nothing is ever lost: syncing does nothing, and there is no crash. Names lead to inodes and
//! handles hold inodes, so handles and locks follow a file through renames and removals.
//!
//! The bytes of a file are one vector, so appending is amortised O(bytes appended), and a file that
//! would exceed 16 GiB is `FileTooLarge`. The vector is shared with a [`MemFs::deep_copy`] until
//! one of the two is written.

mod inode;

use super::{Access, File, Fs, Lock, LockKind, name};
use inode::Inode;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// A directory tree in memory. Clones share it; [`MemFs::deep_copy`] does not.
/// The root always exists.
#[derive(Clone, Debug, Default)]
pub struct MemFs {
    root: Arc<Mutex<Directory>>,
    /// The number of fresh numbers that were given out.
    drawn: Arc<AtomicU64>,
}

type Directory = BTreeMap<String, Node>;

#[derive(Debug)]
enum Node {
    File(Arc<Inode>),
    Directory(Directory),
}

impl MemFs {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A second tree with the same files. Neither tree sees changes of the other, and no lock is
    /// held in the copy. Removed files that are still open are not in it. A file costs O(1) here
    /// and one copy at its next write.
    #[must_use]
    pub fn deep_copy(&self) -> Self {
        Self {
            root: Arc::new(Mutex::new(copy_of(&self.tree()))),
            drawn: Arc::new(AtomicU64::new(self.drawn.load(Ordering::Relaxed))),
        }
    }

    /// All bytes of the file `name`.
    ///
    /// # Errors
    /// As [`Fs::open`].
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        Ok(self.inode(name)?.content().to_vec())
    }

    /// Replaces all bytes of the existing file `name`; open handles see the new bytes.
    ///
    /// # Errors
    /// As [`Fs::open`].
    pub fn overwrite(&self, name: &str, bytes: Vec<u8>) -> io::Result<()> {
        self.inode(name)?.change(|content| *content = bytes);
        Ok(())
    }

    fn tree(&self) -> MutexGuard<'_, Directory> {
        self.root
            .lock()
            .expect("nothing panics while it holds the tree")
    }

    fn inode(&self, name: &str) -> io::Result<Arc<Inode>> {
        name::check_file(name)?;
        find(&mut self.tree(), name)
    }
}

impl Fs for MemFs {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        name::check_file(name)?;
        let (dir, leaf) = name::split(name);
        let mut tree = self.tree();
        let parent = descend(&mut tree, dir)?;
        if parent.contains_key(leaf) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let inode = Arc::<Inode>::default();
        parent.insert(leaf.to_owned(), Node::File(inode.clone()));
        Ok(inode.open(Access::Write))
    }

    /// Counts from 1, so that the written bytes do not differ from run to run. Two disks in memory
    /// share no blocks.
    fn fresh_number(&self, name: &str) -> io::Result<u64> {
        name::check_file(name)?;
        Ok(self.drawn.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        Ok(self.inode(name)?.open(access))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        name::check_file(from)?;
        name::check_file(to)?;
        let mut tree = self.tree();
        let inode = find(&mut tree, from)?;
        let (to_dir, to_leaf) = name::split(to);
        let target = descend(&mut tree, to_dir)?;
        if matches!(target.get(to_leaf), Some(Node::Directory(_))) {
            return Err(ErrorKind::IsADirectory.into());
        }
        target.insert(to_leaf.to_owned(), Node::File(inode));
        if from != to {
            let (from_dir, from_leaf) = name::split(from);
            descend(&mut tree, from_dir)?.remove(from_leaf);
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        name::check_file(name)?;
        let mut tree = self.tree();
        find(&mut tree, name)?;
        let (dir, leaf) = name::split(name);
        descend(&mut tree, dir)?.remove(leaf);
        Ok(())
    }

    fn create_dir(&self, name: &str) -> io::Result<()> {
        name::check_dir(name)?;
        let mut tree = self.tree();
        let mut dir = &mut *tree;
        let mut rest = components(name).peekable();
        while let Some(component) = rest.next() {
            let node = dir
                .entry(component.to_owned())
                .or_insert_with(|| Node::Directory(Directory::new()));
            dir = match node {
                Node::Directory(inner) => inner,
                Node::File(_) if rest.peek().is_none() => {
                    return Err(ErrorKind::AlreadyExists.into());
                }
                Node::File(_) => return Err(ErrorKind::NotADirectory.into()),
            };
        }
        Ok(())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        name::check_dir(dir)?;
        Ok(descend(&mut self.tree(), dir)?.keys().cloned().collect())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        name::check_dir(dir)?;
        descend(&mut self.tree(), dir).map(|_| ())
    }

    fn lock(&self, name: &str, kind: LockKind) -> io::Result<Box<dyn Lock>> {
        name::check_file(name)?;
        let (dir, leaf) = name::split(name);
        let mut tree = self.tree();
        let parent = descend(&mut tree, dir)?;
        if kind == LockKind::Exclusive && !parent.contains_key(leaf) {
            parent.insert(leaf.to_owned(), Node::File(Arc::default()));
        }
        find(&mut tree, name)?.lock(kind)
    }
}

/// The components of a directory's name; none for the root.
fn components(dir: &str) -> impl Iterator<Item = &str> {
    dir.split('/').filter(|component| !component.is_empty())
}

/// The directory `dir` below `root`; `""` is `root`.
fn descend<'tree>(root: &'tree mut Directory, dir: &str) -> io::Result<&'tree mut Directory> {
    components(dir).try_fold(root, |dir, component| match dir.get_mut(component) {
        None => Err(ErrorKind::NotFound.into()),
        Some(Node::File(_)) => Err(ErrorKind::NotADirectory.into()),
        Some(Node::Directory(inner)) => Ok(inner),
    })
}

fn find(root: &mut Directory, name: &str) -> io::Result<Arc<Inode>> {
    let (dir, leaf) = name::split(name);
    match descend(root, dir)?.get(leaf) {
        None => Err(ErrorKind::NotFound.into()),
        Some(Node::Directory(_)) => Err(ErrorKind::IsADirectory.into()),
        Some(Node::File(inode)) => Ok(inode.clone()),
    }
}

fn copy_of(dir: &Directory) -> Directory {
    let copy_of_node = |node: &Node| match node {
        Node::Directory(inner) => Node::Directory(copy_of(inner)),
        Node::File(inode) => Node::File(inode.copy()),
    };
    dir.iter()
        .map(|(name, node)| (name.clone(), copy_of_node(node)))
        .collect()
}
