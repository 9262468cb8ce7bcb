//! The use of a disk by a process, summed by file.
//!
//! The numbers come from the log of operations, so they state what the disk has seen
//! and not what the store believes. A file is known by its last name: bytes that were
//! written under a temporary name count for the final name. Operations that failed
//! without effect are not in the log. Foreign files that a fault created are in it, so
//! the caller selects the files by name.

use super::oplog::{Log, Operation};

/// The operations on one file since the log began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileUse {
    /// The last name of the file.
    pub name: String,
    /// Whether the file was created since the log began.
    pub is_made: bool,
    /// The bytes written to it. A byte that is written twice counts twice.
    pub written_bytes: u64,
    /// The largest length of the file. Less than the written bytes if bytes were
    /// overwritten.
    pub longest_bytes: u64,
    /// The length of its first write.
    pub first_bytes: u64,
    /// The number of syncs of both kinds, including those that failed or had no effect.
    pub syncs: u64,
}

/// The operations on a disk since the log began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// Each file that existed, in the order of creation.
    pub files: Vec<FileUse>,
    /// The number of directory syncs.
    pub directory_syncs: u64,
}

/// Sums over some of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The number of created files.
    pub made: u64,
    /// As [`FileUse::written_bytes`].
    pub written_bytes: u64,
    /// As [`FileUse::longest_bytes`].
    pub longest_bytes: u64,
    /// As [`FileUse::syncs`].
    pub syncs: u64,
}

impl DiskUse {
    /// Sums a log. O(operations).
    #[must_use]
    pub fn of(log: &Log) -> Self {
        let mut usage = Self::default();
        for operation in log.operations() {
            usage.add(log, operation);
        }
        usage
    }

    fn add(&mut self, log: &Log, operation: &Operation) {
        match operation {
            Operation::Create { path, inode } => {
                let file = self.file(log, *inode);
                file.is_made = true;
                log.path(*path).as_ref().clone_into(&mut file.name);
            }
            Operation::Write {
                inode,
                offset,
                bytes,
                ..
            } => {
                let file = self.file(log, *inode);
                let length = bytes.len() as u64;
                if file.written_bytes == 0 {
                    file.first_bytes = length;
                }
                file.written_bytes += length;
                file.longest_bytes = file.longest_bytes.max(offset + length);
            }
            Operation::SetLength { inode, after, .. } => {
                let file = self.file(log, *inode);
                file.longest_bytes = file.longest_bytes.max(*after);
            }
            Operation::Rename { to, inode, .. } => {
                let name = log.path(*to);
                name.as_ref().clone_into(&mut self.file(log, *inode).name);
            }
            Operation::Sync { inode, .. } => self.file(log, *inode).syncs += 1,
            Operation::SyncDirectory { .. } => self.directory_syncs += 1,
            Operation::Link { .. }
            | Operation::Remove { .. }
            | Operation::CreateDirectory { .. }
            | Operation::Rot { .. }
            | Operation::Mark(_) => {}
        }
    }

    /// The entry of a file. Files are numbered without gaps, in the order of creation.
    fn file(&mut self, log: &Log, inode: u32) -> &mut FileUse {
        let position = inode as usize;
        for missing in self.files.len()..=position {
            self.files.push(FileUse {
                name: log.first_name(missing as u32).as_ref().to_owned(),
                ..FileUse::default()
            });
        }
        &mut self.files[position]
    }

    /// Sums over the files that `is_meant` selects by name.
    #[must_use]
    pub fn total(&self, is_meant: impl Fn(&str) -> bool) -> Totals {
        let mut totals = Totals::default();
        for file in self.files.iter().filter(|file| is_meant(&file.name)) {
            totals.made += u64::from(file.is_made);
            totals.written_bytes += file.written_bytes;
            totals.longest_bytes += file.longest_bytes;
            totals.syncs += file.syncs;
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use lithify::fs::whole::{append_all, write_all_at};
    use lithify::fs::{Access, Fs};

    use super::*;
    use crate::disk::SimFs;

    #[test]
    fn a_file_is_counted_under_its_last_name_and_each_byte_as_often_as_it_was_written() {
        let fs = SimFs::new();
        let file = fs.create("new").unwrap();
        append_all(&*file, b"abcd").unwrap();
        write_all_at(&*file, 2, b"xyz").unwrap();
        file.sync_data().unwrap();
        fs.rename("new", "log-1").unwrap();
        fs.sync_dir("").unwrap();
        fs.create("log-2").unwrap().sync().unwrap();
        fs.remove("log-1").unwrap();
        let usage = fs.disk_use();
        assert_eq!(usage.directory_syncs, 1);
        let logs = usage.total(|name| name.starts_with("log-"));
        let expected = Totals {
            made: 2,
            written_bytes: 7,
            longest_bytes: 5,
            syncs: 2,
        };
        assert_eq!(logs, expected);
        assert_eq!(usage.total(|name| name == "new"), Totals::default());
    }

    /// A machine that starts again has created no file yet.
    #[test]
    fn files_that_were_there_before_the_log_are_not_made() {
        let fs = SimFs::new();
        append_all(&*fs.create("old").unwrap(), b"abcd").unwrap();
        let fs = SimFs::from_image(&fs.image());
        append_all(&*fs.open("old", Access::Write).unwrap(), b"e").unwrap();
        let expected = Totals {
            made: 0,
            written_bytes: 1,
            longest_bytes: 5,
            syncs: 0,
        };
        assert_eq!(fs.disk_use().total(|_| true), expected);
    }
}
