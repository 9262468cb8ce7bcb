//! What a recording says, step by step, and the disk that it makes.
//!
//! A [`Step`] is the smallest thing that a recording can say: what was there before, what a program
//! did, what it told its user. Steps name files by number and entries by directory and name, so
//! nothing is looked up again when a recording is read.
//!
//! Invariants: a step is checked before it is done, so no recording, also none that was made by
//! hand, makes the disk panic; steps about what was there before come first.

use std::collections::BTreeSet;
use std::sync::Arc;

use lithify_sim::disk::{Log, Mark, Tree};
use serde::{Deserialize, Serialize};

use crate::blobs::{Blobs, Hash};

/// The longest file of a recording, in bytes: images are held in memory.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// A directory and a name in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The directory.
    #[serde(rename = "in")]
    pub directory: u32,
    /// The name in it, as [`crate::names`] writes it.
    pub name: String,
}

/// One thing that a recording says. Files are numbered in the order in which they are named
/// first; the root is 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A file was there before.
    HadFile {
        /// Where.
        at: Entry,
        /// What it held.
        bytes: Hash,
    },
    /// A directory was there before.
    HadDirectory {
        /// Where.
        at: Entry,
    },
    /// A symbolic link was there before.
    HadSymlink {
        /// Where.
        at: Entry,
        /// Where it leads.
        target: String,
    },
    /// A file that was there before had one more name.
    HadLink {
        /// Which.
        file: u32,
        /// Where.
        at: Entry,
    },
    /// A file came to be.
    Create {
        /// Where.
        at: Entry,
    },
    /// A file came to be that has no name (`O_TMPFILE`).
    CreateNameless,
    /// A directory came to be.
    MakeDirectory {
        /// Where.
        at: Entry,
    },
    /// A symbolic link came to be.
    MakeSymlink {
        /// Where.
        at: Entry,
        /// Where it leads.
        target: String,
    },
    /// A file got one more name.
    Link {
        /// Which.
        file: u32,
        /// Where.
        at: Entry,
    },
    /// Bytes were written.
    Write {
        /// To which file.
        file: u32,
        /// Where in it.
        offset: u64,
        /// What.
        bytes: Hash,
    },
    /// A length was set.
    SetLength {
        /// Of which file.
        file: u32,
        /// Which.
        length: u64,
    },
    /// A name moved.
    Rename {
        /// The old one.
        from: Entry,
        /// The new one.
        to: Entry,
    },
    /// A name went.
    Remove {
        /// Which.
        at: Entry,
    },
    /// A file or directory was synced.
    Sync {
        /// Which.
        file: u32,
        /// Whether it was `fdatasync`.
        data_only: bool,
        /// How many operations of the log were over when the call began; later ones are not covered.
        entered: usize,
    },
    /// A sync failed: with an error of the device, or for want of room.
    FailedSync {
        /// Of which file or directory.
        file: u32,
        /// Whether it was `fdatasync`.
        data_only: bool,
        /// As above.
        entered: usize,
    },
    /// Everything was synced (`sync`, `syncfs`).
    SyncAll {
        /// As above.
        entered: usize,
    },
    /// The user saw this much more on standard output, or in the file of marks.
    Output {
        /// What.
        bytes: Hash,
    },
}

impl Step {
    /// The hash of the bytes that this speaks of.
    #[must_use]
    pub fn bytes(&self) -> Option<Hash> {
        match self {
            Self::HadFile { bytes, .. } | Self::Write { bytes, .. } | Self::Output { bytes } => {
                Some(*bytes)
            }
            _ => None,
        }
    }
}

/// What becomes of the bytes that a failed sync would have written. File systems differ (Rebello et al.,
/// ATC 2020).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterFailedSync {
    /// They count as written and are not, as in ext4 and XFS.
    #[default]
    Clean,
    /// They wait for the next sync.
    Dirty,
}

/// A disk and what was seen of the program.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    tree: Tree,
    after_failed_sync: AfterFailedSync,
    /// What the user saw in all, and how long that was after each output.
    output: Vec<u8>,
    outputs: Vec<usize>,
    /// What was changed since everything was synced.
    touched: BTreeSet<u32>,
}

impl Disk {
    /// An empty disk of a file system that does this.
    #[must_use]
    pub fn of(after_failed_sync: AfterFailedSync) -> Self {
        Self {
            after_failed_sync,
            ..Self::default()
        }
    }

    /// What its file system does.
    #[must_use]
    pub fn after_failed_sync(&self) -> AfterFailedSync {
        self.after_failed_sync
    }

    /// What happened.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.tree.log()
    }

    /// How many operations are over.
    #[must_use]
    pub fn length(&self) -> usize {
        self.log().operations().len()
    }

    /// How many outputs there were.
    #[must_use]
    pub fn outputs(&self) -> u64 {
        self.outputs.len() as u64
    }

    /// What the user had seen after so many outputs.
    #[must_use]
    pub fn output(&self, outputs: u64) -> &[u8] {
        let length = (outputs as usize).checked_sub(1);
        let length = length.and_then(|last| self.outputs.get(last).copied());
        &self.output[..length.unwrap_or(0)]
    }

    /// Does a step.
    ///
    /// # Errors
    /// In words, when it does not fit what was there.
    pub fn take(&mut self, step: &Step, blobs: &Blobs) -> Result<(), String> {
        let bytes = bytes_of(step, blobs)?;
        self.check(step, bytes.len() as u64)?;
        match step {
            Step::HadFile { at, .. } => {
                _ = (self.tree).put_file(at.directory, &at.name, bytes.to_vec());
            }
            Step::HadDirectory { at } => _ = self.tree.put_directory(at.directory, &at.name),
            Step::HadSymlink { at, target } => {
                _ = self.tree.put_symlink(at.directory, &at.name, target);
            }
            Step::HadLink { file, at } => self.tree.put_link(at.directory, &at.name, *file),
            Step::Create { at } => {
                let file = self.tree.create(at.directory, &at.name);
                self.touched.extend([at.directory, file]);
            }
            Step::CreateNameless => _ = self.tree.create_nameless(),
            Step::MakeDirectory { at } => {
                let made = self.tree.make_directory(at.directory, &at.name);
                self.touched.extend([at.directory, made]);
            }
            Step::MakeSymlink { at, target } => {
                self.tree.make_symlink(at.directory, &at.name, target);
                self.touched.insert(at.directory);
            }
            Step::Link { file, at } => {
                self.tree.link(*file, at.directory, &at.name);
                self.touched.insert(at.directory);
            }
            Step::Write { file, offset, .. } => {
                self.tree.write(*file, *offset, &bytes);
                self.touched.insert(*file);
            }
            Step::SetLength { file, length } => {
                self.tree.set_length(*file, *length);
                self.touched.insert(*file);
            }
            Step::Rename { from, to } => {
                let (old, new) = ((from.directory, &*from.name), (to.directory, &*to.name));
                self.tree.rename(old, new);
                self.touched.extend([from.directory, to.directory]);
            }
            Step::Remove { at } => {
                self.tree.remove(at.directory, &at.name);
                self.touched.insert(at.directory);
            }
            Step::Sync {
                file,
                data_only,
                entered,
            } => self.tree.sync(*file, *data_only, *entered),
            Step::FailedSync {
                file,
                data_only,
                entered,
            } => {
                let stays = self.after_failed_sync == AfterFailedSync::Dirty;
                self.tree.failed_sync(*file, *data_only, *entered, stays);
            }
            Step::SyncAll { entered } => self.sync_all(*entered),
            Step::Output { .. } => {
                self.output.extend_from_slice(&bytes);
                self.outputs.push(self.output.len());
                let count = self.outputs.len() as u64;
                self.tree.mark(Mark::Acknowledged(count));
            }
        }
        Ok(())
    }

    fn sync_all(&mut self, entered: usize) {
        let is_alone = entered == self.length();
        for &file in &self.touched {
            self.tree.sync(file, false, entered);
        }
        if is_alone {
            self.touched.clear();
        }
    }

    fn check(&self, step: &Step, length: u64) -> Result<(), String> {
        match step {
            Step::HadFile { at, .. } => {
                self.check_begin()?;
                check_length(length)?;
                self.check_free(at)
            }
            Step::HadDirectory { at } | Step::HadSymlink { at, .. } => {
                self.check_begin()?;
                self.check_free(at)
            }
            Step::HadLink { file, at } => {
                self.check_begin()?;
                self.check_file(*file)?;
                self.check_free(at)
            }
            Step::Create { at } | Step::MakeDirectory { at } | Step::MakeSymlink { at, .. } => {
                self.check_free(at)
            }
            Step::CreateNameless => Ok(()),
            Step::Link { file, at } => {
                self.check_file(*file)?;
                self.check_free(at)
            }
            Step::Write { file, offset, .. } => {
                self.check_file(*file)?;
                check_length(offset.saturating_add(length))
            }
            Step::SetLength { file, length } => {
                self.check_file(*file)?;
                check_length(*length)
            }
            Step::Rename { from, to } => self.check_rename(from, to),
            Step::Remove { at } => {
                let removed = self.there(at)?;
                let is_empty = self.tree.list(removed).is_empty();
                require(is_empty, || format!("{:?} is not empty", at.name))
            }
            Step::Sync { file, entered, .. } | Step::FailedSync { file, entered, .. } => {
                let known = self.tree.log().file_count();
                require((*file as usize) < known, || {
                    format!("there is no file {file}")
                })?;
                self.check_entered(*entered)
            }
            Step::SyncAll { entered } => self.check_entered(*entered),
            Step::Output { .. } => Ok(()),
        }
    }

    fn check_rename(&self, from: &Entry, to: &Entry) -> Result<(), String> {
        let moved = self.there(from)?;
        self.check_entry(to)?;
        let replaced = self.tree.lookup(to.directory, &to.name);
        let is_directory = self.tree.is_directory(moved);
        if let Some(replaced) = replaced {
            let is_same = self.tree.is_directory(replaced) == is_directory;
            require(is_same, || {
                format!("{:?} and {:?} are of two kinds", from.name, to.name)
            })?;
            let is_empty = replaced == moved || self.tree.list(replaced).is_empty();
            require(is_empty, || format!("{:?} is not empty", to.name))?;
        }
        Ok(())
    }

    fn check_begin(&self) -> Result<(), String> {
        require(self.length() == 0, || {
            "something was there before that came after the beginning".to_owned()
        })
    }

    fn check_entered(&self, entered: usize) -> Result<(), String> {
        require(entered <= self.length(), || {
            format!(
                "a sync began after {entered} operations of {}",
                self.length()
            )
        })
    }

    fn check_file(&self, file: u32) -> Result<(), String> {
        let is_known = (file as usize) < self.tree.log().file_count();
        let is_file = is_known && !self.tree.is_directory(file);
        require(is_file, || format!("{file} is no file"))
    }

    fn check_entry(&self, at: &Entry) -> Result<(), String> {
        require(self.tree.is_directory(at.directory), || {
            format!("{} is no directory", at.directory)
        })?;
        let is_name = !matches!(&*at.name, "" | "." | "..") && !at.name.contains('/');
        require(is_name, || format!("{:?} is no name", at.name))
    }

    fn check_free(&self, at: &Entry) -> Result<(), String> {
        self.check_entry(at)?;
        let is_free = self.tree.lookup(at.directory, &at.name).is_none();
        require(is_free, || format!("{:?} was there already", at.name))
    }

    fn there(&self, at: &Entry) -> Result<u32, String> {
        self.check_entry(at)?;
        let found = self.tree.lookup(at.directory, &at.name);
        found.ok_or_else(|| format!("{:?} was not there", at.name))
    }
}

/// The bytes that a step speaks of, if it does.
fn bytes_of(step: &Step, blobs: &Blobs) -> Result<Arc<Vec<u8>>, String> {
    let Some(bytes) = step.bytes() else {
        return Ok(Arc::default());
    };
    let found = blobs.get(bytes).cloned();
    found.ok_or_else(|| format!("no bytes have the hash {bytes}"))
}

fn check_length(length: u64) -> Result<(), String> {
    require(length <= MAX_FILE_BYTES, || {
        format!("a file of {length} bytes; a recording holds at most {MAX_FILE_BYTES} in one file")
    })
}

fn require(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    match is_so {
        true => Ok(()),
        false => Err(otherwise()),
    }
}
