//! Which questions a checker's program has asked of an image, out of what `strace` has seen of it.
//!
//! All calls with a path or a descriptor are traced, without the bytes that they move. The follower of
//! recordings ([`crate::follow`]) knows what each of them means, on a disk that holds the image. When
//! the program has ended, the names and lengths in its directory must be those of that disk;
//! otherwise something was not seen, and nobody says what was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use lithify_sim::disk::{Place, Tree};

use crate::base::{self, Outline};
use crate::blobs::Blobs;
use crate::follow::{Births, Follower, Look, Settings};
use crate::gaps::Kind;
use crate::losses::Shown;
use crate::questions::{Question, Questions};
use crate::record::{MAX_LINE_BYTES, births, lines};
use crate::steps::{Entry, Step};
use crate::strace::Parser;

/// What `strace` is asked for: whatever takes a path or a descriptor, and what makes processes.
pub const CALLS: &str = "%file,%desc,clone,?clone3,?fork,?vfork,?io_setup,?setns,?unshare";

/// A shell under `strace`, which writes to `log`.
#[must_use]
pub(crate) fn shell(calls: &str, log: &Path) -> Command {
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "--seccomp-bpf", "-y", "-xx", "-s", "0", "-e"])
        .arg(format!("trace={calls}"))
        .args(["-e", "signal=none", "-o"])
        .arg(log)
        .args(["--", "sh"]);
    command
}

/// What was asked of the image, which the checker found at `root`.
///
/// # Errors
/// In words, when that is not known.
pub(crate) fn questions(
    root: &Path,
    directory: &Path,
    shown: &Shown,
    log: &Path,
) -> Result<Questions, String> {
    let file = File::open(log).map_err(|error| format!("strace: {error}"))?;
    let births = births(&file).map_err(|failure| failure.message)?;
    let (steps, blobs, paths) = steps_of(shown);
    let settings = Settings {
        root: root.as_os_str().as_bytes().to_vec(),
        directory: directory.as_os_str().as_bytes().to_vec(),
        marker: None,
        // What is stored through a mapping is read back from what was seen before.
        allowed: BTreeSet::from([Kind::Mmap]),
        outside: &|_, _, _| None,
    };
    let (looks, outline) = follow(settings, births, steps, blobs, &file)?;
    let found = base::outline(root).map_err(|error| error.to_string())?;
    if let Some(path) = first_difference(&found, &outline) {
        return Err(format!(
            "{path}: is not as the calls of the checker make it"
        ));
    }
    let questions = looks.into_iter().filter_map(|look| question(look, &paths));
    Ok(Questions::of(questions))
}

fn follow(
    settings: Settings<'_>,
    births: Births,
    steps: Vec<Step>,
    blobs: Blobs,
    file: &File,
) -> Result<(Vec<Look>, Outline), String> {
    let follower = Follower::new(settings, births, steps, blobs)?;
    let mut follower = follower.noting_looks();
    let mut parser = Parser::default();
    let mut wrong = None;
    let read = lines(file, |_, line| {
        if wrong.is_some() {
            return Ok(());
        }
        match parser.line(line) {
            Ok(Some(event)) => wrong = follower.event(&event).err().map(|gap| gap.what),
            Ok(None) => {
                let is_other_size = line.ends_with(b"bit mode. ]");
                wrong = is_other_size.then(|| "a program of 32 bits".to_owned());
            }
            Err(malformed) => wrong = Some(format!("strace: {malformed}")),
        }
        Ok(())
    });
    read.map_err(|failure| failure.message)?;
    if let Some(wrong) = wrong {
        return Err(wrong.chars().take(MAX_LINE_BYTES).collect());
    }
    let looks = follower.take_looks();
    let done = follower.finish();
    let tree = done.disk.tree();
    let live = tree.show(&tree.live());
    let is_mapped = |inode: &u32| done.mapped.contains(inode);
    let outline = live.into_iter().map(|(path, place)| match place {
        Place::File { inode, bytes } => {
            let length = (!is_mapped(&inode)).then_some(bytes.len() as u64);
            (path, length)
        }
        _ => (path, None),
    });
    Ok((looks, outline.collect()))
}

/// Where two outlines differ. A length that is not known differs from none.
fn first_difference(found: &Outline, made: &Outline) -> Option<String> {
    let differs = |path: &&String| match (found.get(*path), made.get(*path)) {
        (Some(Some(one)), Some(Some(other))) => one != other,
        (Some(_), Some(_)) => false,
        _ => true,
    };
    found.keys().chain(made.keys()).find(differs).cloned()
}

/// An image as steps, and the path of each of its files by number.
fn steps_of(shown: &Shown) -> (Vec<Step>, Blobs, BTreeMap<u32, String>) {
    let mut blobs = Blobs::default();
    let mut paths = BTreeMap::from([(Tree::ROOT, String::new())]);
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::from([("", Tree::ROOT)]);
    let mut files: BTreeMap<u32, u32> = BTreeMap::new();
    let mut steps = Vec::with_capacity(shown.len());
    for (path, place) in shown {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let at = Entry {
            directory: numbers[above],
            name: name.to_owned(),
        };
        let next = paths.len() as u32;
        let step = match place {
            Place::Directory => {
                numbers.insert(path, next);
                Step::HadDirectory { at }
            }
            Place::Symlink(target) => Step::HadSymlink {
                at,
                target: target.to_string(),
            },
            Place::File { inode, bytes } => match files.get(inode) {
                Some(&file) => {
                    steps.push(Step::HadLink { file, at });
                    continue;
                }
                None => {
                    files.insert(*inode, next);
                    let bytes = blobs.keep(bytes.to_vec());
                    Step::HadFile { at, bytes }
                }
            },
        };
        paths.insert(next, path.clone());
        steps.push(step);
    }
    (steps, blobs, paths)
}

/// A look as a question; `None` for what the checker has made itself.
fn question(look: Look, paths: &BTreeMap<u32, String>) -> Option<Question> {
    Some(match look {
        Look::Entry(directory, name) => Question::Entry(match paths.get(&directory)?.as_str() {
            "" => name,
            above => format!("{above}/{name}"),
        }),
        Look::Listing(directory) => Question::Listing(paths.get(&directory)?.clone()),
        Look::Status(file) => Question::Status(paths.get(&file)?.clone()),
        Look::Bytes(file, start, end) => Question::Bytes {
            path: paths.get(&file)?.clone(),
            start,
            end,
        },
    })
}
