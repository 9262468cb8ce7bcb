//! Directories of the real machine: what one holds as steps, one against a recorded disk, and an
//! image as one.
//!
//! Names are read and written as bytes. Owners, permissions and times are not looked at; what is
//! written belongs to who runs this.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lithify_sim::disk::{Place, Tree};

use crate::blobs::Blobs;
use crate::gaps::{Gap, Kind};
use crate::names::{escape, unescape};
use crate::steps::{Disk, Entry, MAX_FILE_BYTES, Step};

/// What is in a directory.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) steps: Vec<Step>,
    pub(crate) blobs: Blobs,
    /// What is neither a file nor a directory nor a symbolic link.
    pub(crate) special: Vec<Gap>,
}

/// What is in a directory, as steps that come before all others.
pub(crate) fn read(root: &Path) -> io::Result<Read> {
    let mut read = Read::default();
    // The root has number 0.
    let mut next = 1;
    let mut known: BTreeMap<(u64, u64), u32> = BTreeMap::new();
    let mut waiting = vec![(root.to_owned(), Tree::ROOT)];
    while let Some((path, directory)) = waiting.pop() {
        for path in listed(&path)? {
            let metadata = with_path(&path, fs::symlink_metadata(&path))?;
            let leaf = path.file_name().unwrap_or_default();
            let at = Entry {
                directory,
                name: escape(leaf.as_bytes()),
            };
            let identity = (metadata.dev(), metadata.ino());
            let step = if metadata.is_dir() {
                waiting.push((path, next));
                Step::HadDirectory { at }
            } else if metadata.is_symlink() {
                let target = with_path(&path, fs::read_link(&path))?;
                let target = escape(target.as_os_str().as_bytes());
                Step::HadSymlink { at, target }
            } else if !metadata.is_file() {
                let text = format!("{} is a pipe, socket or device", path.display());
                read.special.push(Gap::new(Kind::Special, text));
                continue;
            } else if let Some(&file) = known.get(&identity) {
                read.steps.push(Step::HadLink { file, at });
                continue;
            } else {
                if metadata.len() > MAX_FILE_BYTES {
                    let text = format!(
                        "{}: {} bytes; a recording holds at most {MAX_FILE_BYTES} in one file",
                        path.display(),
                        metadata.len()
                    );
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
                }
                known.insert(identity, next);
                let bytes = with_path(&path, fs::read(&path))?;
                let bytes = read.blobs.keep(bytes);
                Step::HadFile { at, bytes }
            };
            next += 1;
            read.steps.push(step);
        }
    }
    Ok(read)
}

/// Paths, with the length of what is a file and has a known one.
pub(crate) type Outline = BTreeMap<String, Option<u64>>;

/// What is below a directory.
pub(crate) fn outline(root: &Path) -> io::Result<Outline> {
    let mut outline = BTreeMap::new();
    let mut waiting = vec![(root.to_owned(), String::new())];
    while let Some((path, above)) = waiting.pop() {
        for path in listed(&path)? {
            let metadata = with_path(&path, fs::symlink_metadata(&path))?;
            let name = escape(path.file_name().unwrap_or_default().as_bytes());
            let shown = match &*above {
                "" => name,
                above => format!("{above}/{name}"),
            };
            if metadata.is_dir() {
                waiting.push((path, shown.clone()));
            }
            outline.insert(shown, metadata.is_file().then_some(metadata.len()));
        }
    }
    Ok(outline)
}

/// The paths in a directory, in the order of their bytes.
fn listed(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = with_path(path, fs::read_dir(path))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(with_path(path, entry)?.path());
    }
    paths.sort_unstable();
    Ok(paths)
}

pub(crate) fn with_path<T>(path: &Path, outcome: io::Result<T>) -> io::Result<T> {
    outcome.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Where a directory differs from what a recording makes of it, in a few lines; not in what
/// `is_excused` says of a file.
pub(crate) fn differences(
    root: &Path,
    disk: &Disk,
    is_excused: impl Fn(u32) -> bool,
) -> io::Result<Vec<String>> {
    let found = read(root)?;
    let mut there = Disk::default();
    for step in &found.steps {
        there.take(step, &found.blobs).map_err(io::Error::other)?;
    }
    let there = there.tree().show(there.tree().start());
    let tree = disk.tree();
    let recorded = tree.show(&tree.live());
    let mut differences = Vec::new();
    for (path, place) in &recorded {
        let is_equal = match (place, there.get(path)) {
            (Place::File { inode, .. }, Some(Place::File { .. })) if is_excused(*inode) => true,
            (Place::File { bytes, .. }, Some(Place::File { bytes: real, .. })) => bytes == real,
            (place, Some(real)) => place == real,
            (_, None) => false,
        };
        if !is_equal {
            let end = match there.get(path) {
                None => "is recorded and not there".to_owned(),
                Some(real) => format!("{}, and recorded {}", said(real), said(place)),
            };
            differences.push(format!("{path}: {end}"));
        }
    }
    let news = there.keys().filter(|path| !recorded.contains_key(*path));
    differences.extend(news.map(|path| format!("{path}: is there and not recorded")));
    Ok(differences)
}

fn said(place: &Place) -> String {
    match place {
        Place::Directory => "a directory".to_owned(),
        Place::Symlink(target) => format!("a link to {target}"),
        Place::File { bytes, .. } => {
            let hash = xxhash_rust::xxh3::xxh3_64(bytes);
            format!("{} bytes ({hash:016x})", bytes.len())
        }
    }
}

/// Writes an image into an empty directory.
pub(crate) fn write(root: &Path, shown: &BTreeMap<String, Place>) -> io::Result<()> {
    let real = |path: &str| root.join(OsStr::from_bytes(&unescape(path)));
    let mut first: BTreeMap<u32, PathBuf> = BTreeMap::new();
    // A directory comes before what is in it: its path is the beginning of theirs.
    for (path, place) in shown {
        let path = real(path);
        let written = match place {
            Place::Directory => fs::create_dir(&path),
            Place::Symlink(target) => {
                let target = unescape(target);
                std::os::unix::fs::symlink(OsStr::from_bytes(&target), &path)
            }
            Place::File { inode, bytes } => match first.get(inode) {
                Some(first) => fs::hard_link(first, &path),
                None => {
                    first.insert(*inode, path.clone());
                    write_file(&path, bytes)
                }
            },
        };
        with_path(&path, written)?;
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &Arc<Vec<u8>>) -> io::Result<()> {
    fs::write(path, &**bytes)
}
