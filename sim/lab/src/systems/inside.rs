//! A directory of a file system, as a file system of its own.

use std::fmt::Debug;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

use lithify::fs::{Access, File, Fs, Lock, LockKind};

/// The directory `place` of a file system, shared or borrowed.
#[derive(Debug)]
pub(in crate::systems) struct Under<F> {
    fs: F,
    place: &'static str,
}

pub(in crate::systems) type Inside = Under<Arc<dyn Fs>>;
pub(in crate::systems) type Borrowed<'fs> = Under<&'fs dyn Fs>;

/// The directory `place` of a file system, shared.
pub(in crate::systems) fn inside(fs: &Arc<dyn Fs>, place: &'static str) -> Arc<dyn Fs> {
    Arc::new(Inside::new(Arc::clone(fs), place))
}

impl<F> Under<F> {
    pub(in crate::systems) fn new(fs: F, place: &'static str) -> Self {
        Self { fs, place }
    }

    fn path(&self, name: &str) -> String {
        match name {
            "" => self.place.to_owned(),
            name => format!("{}/{name}", self.place),
        }
    }
}

impl<F> Fs for Under<F>
where
    F: Deref<Target: Fs> + Debug + Send + Sync,
{
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.fs.create(&self.path(name))
    }

    fn fresh_number(&self, name: &str) -> io::Result<u64> {
        self.fs.fresh_number(&self.path(name))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.fs.open(&self.path(name), access)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.fs.rename(&self.path(from), &self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.fs.remove(&self.path(name))
    }

    fn create_dir(&self, name: &str) -> io::Result<()> {
        self.fs.create_dir(&self.path(name))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.fs.list(&self.path(directory))
    }

    fn sync_dir(&self, directory: &str) -> io::Result<()> {
        self.fs.sync_dir(&self.path(directory))
    }

    fn lock(&self, name: &str, kind: LockKind) -> io::Result<Box<dyn Lock>> {
        self.fs.lock(&self.path(name), kind)
    }
}
