//! What the calls of a program mean: calls in, [`Step`]s out, no input and no output.
//!
//! Each call that has succeeded is looked up in the tables of its process (`processes`) and
//! on the disk as it was then, and becomes the steps of a recording. Paths are those that the kernel
//! reports where `strace -y` shows one, and are walked on the recorded disk otherwise.
//!
//! What cannot be seen or is not modelled is a [`Gap`]. A gap ends the recording, unless its kind
//! was allowed: then the recording is kept, and says so with every finding.
//!
//! Not recorded, because no image shows it: permissions, owners, times, extended attributes.

mod births;
mod descriptors;
mod looks;
mod names;
mod paths;
mod transfer;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::blobs::Blobs;
use crate::gaps::{Gap, Kind};
use crate::names::escape;
use crate::processes::Processes;
use crate::steps::{Disk, Step};
use crate::strace::{Argument, Call, Event, Outcome};

pub use births::Births;
pub(crate) use looks::{Look, Looks};

/// Reads bytes of a file outside of the recorded directory.
pub type ReadOutside<'run> = &'run dyn Fn(&[u8], u64, usize) -> Option<Vec<u8>>;

/// What is known outside of the output of `strace`.
pub struct Settings<'run> {
    /// The recorded directory, as the kernel calls it, without a slash at its end.
    pub root: Vec<u8>,
    /// The directory in which the program was started.
    pub directory: Vec<u8>,
    /// A file outside of the root that counts as output.
    pub marker: Option<Vec<u8>>,
    /// The gaps that do not end the recording.
    pub allowed: BTreeSet<Kind>,
    /// How files outside are read.
    pub outside: ReadOutside<'run>,
}

/// Follows the calls of a program.
pub struct Follower<'run> {
    settings: Settings<'run>,
    births: Births,
    processes: Processes,
    disk: Disk,
    blobs: Blobs,
    steps: Vec<Step>,
    gaps: BTreeSet<Gap>,
    /// How long the log was when a call was entered that has not returned.
    entered: BTreeMap<u32, usize>,
    /// Files that a process can write to without a call.
    mapped: BTreeSet<u32>,
    written_outside: BTreeSet<Vec<u8>>,
    calls: u64,
    /// What was looked at, if somebody wants to know.
    looks: Option<RefCell<Looks>>,
}

/// What came of it.
pub struct Followed {
    /// What was there, and what happened.
    pub steps: Vec<Step>,
    /// Their bytes.
    pub blobs: Blobs,
    /// The disk that they make.
    pub disk: Disk,
    /// The gaps that were allowed.
    pub gaps: BTreeSet<Gap>,
    /// Files that a process could write to without a call.
    pub mapped: BTreeSet<u32>,
    /// Files outside of the directory that were opened for writing.
    pub written_outside: BTreeSet<Vec<u8>>,
    /// How many calls there were.
    pub calls: u64,
}

/// Why following ends.
type Result<T = ()> = std::result::Result<T, Gap>;

impl<'run> Follower<'run> {
    /// Begins with what was there: steps with their bytes.
    ///
    /// # Errors
    /// In words, when the steps do not fit each other.
    pub fn new(
        settings: Settings<'run>,
        births: Births,
        before: Vec<Step>,
        blobs: Blobs,
    ) -> std::result::Result<Self, String> {
        let mut disk = Disk::default();
        for step in &before {
            disk.take(step, &blobs)?;
        }
        Ok(Self {
            processes: Processes::new(&settings.directory),
            settings,
            births,
            disk,
            blobs,
            steps: before,
            gaps: BTreeSet::new(),
            entered: BTreeMap::new(),
            mapped: BTreeSet::new(),
            written_outside: BTreeSet::new(),
            calls: 0,
            looks: None,
        })
    }

    /// What came of it.
    #[must_use]
    pub fn finish(self) -> Followed {
        Followed {
            steps: self.steps,
            blobs: self.blobs,
            disk: self.disk,
            gaps: self.gaps,
            mapped: self.mapped,
            written_outside: self.written_outside,
            calls: self.calls,
        }
    }

    /// Follows one event.
    ///
    /// # Errors
    /// A gap that was not allowed.
    pub fn event(&mut self, event: &Event) -> Result {
        match event {
            Event::Entered { pid, .. } => {
                self.meet(*pid);
                self.entered.insert(*pid, self.disk.length());
                Ok(())
            }
            Event::Returned(call) => {
                self.meet(call.pid);
                if self.looks.is_some() {
                    self.observe(call)?;
                }
                let entered = self.entered.remove(&call.pid);
                let entered = entered.unwrap_or_else(|| self.disk.length());
                let value = match &call.outcome {
                    Outcome::Done(value, _) => *value,
                    Outcome::Failed(error) => {
                        let outcome = self.failed(call, error, entered);
                        return self.tolerate(outcome);
                    }
                    Outcome::Unknown => return Ok(()),
                };
                self.calls += 1;
                let outcome = self.call(call, value, entered);
                self.tolerate(outcome)
            }
        }
    }

    /// Keeps a gap that was allowed.
    fn tolerate(&mut self, outcome: Result) -> Result {
        match outcome {
            Err(gap) if self.settings.allowed.contains(&gap.kind) => {
                self.gaps.insert(gap);
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// A process that is seen for the first time.
    fn meet(&mut self, pid: u32) {
        let mut line = Vec::new();
        let mut oldest = pid;
        while !self.processes.is_known(oldest) {
            // Taken out, so that no line of births is a circle.
            match self.births.0.remove(&oldest) {
                Some(birth) => {
                    line.push((oldest, birth));
                    oldest = birth.parent;
                }
                None => self.processes.begin(oldest),
            }
        }
        for (child, birth) in line.into_iter().rev() {
            let (files, place) = (birth.shares_files, birth.shares_place);
            self.processes.born(birth.parent, child, files, place);
        }
    }

    fn step(&mut self, call: &Call, step: Step) -> Result {
        let taken = self.disk.take(&step, &self.blobs);
        taken.map_err(|why| Gap::new(Kind::Difference, format!("{}: {why}", call.name)))?;
        self.steps.push(step);
        Ok(())
    }

    fn call(&mut self, call: &Call, value: i64, entered: usize) -> Result {
        let name = &*call.name;
        match name {
            "open" | "openat" | "openat2" | "creat" => self.opened(call, value),
            "close" | "close_range" | "dup" | "dup2" | "dup3" | "fcntl" | "lseek" | "read"
            | "readv" => {
                self.descriptors(call, value);
                Ok(())
            }
            "chdir" | "fchdir" => self.moved(call),
            "clone" | "clone3" | "fork" | "vfork" => {
                if let Ok(child) = u32::try_from(value) {
                    self.meet(child);
                }
                Ok(())
            }
            "execve" | "execveat" => {
                self.processes.exec(call.pid);
                Ok(())
            }
            "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" => self.wrote(call, value),
            "sendfile" | "copy_file_range" => self.copied(call, value),
            "splice" | "vmsplice" | "tee" => self.spliced(call),
            "ioctl" => self.cloned_blocks(call),
            "truncate" | "ftruncate" => self.truncated(call),
            "fallocate" => self.allocated(call),
            "mmap" => self.mapped(call),
            "fsync" | "fdatasync" => self.synced(call, entered),
            "sync" | "syncfs" => self.step(call, Step::SyncAll { entered }),
            "io_uring_setup" | "io_setup" => Err(Gap::new(
                Kind::IoUring,
                format!("{name}: operations of this queue are no calls"),
            )),
            "open_by_handle_at" => Err(Gap::new(
                Kind::Descriptor,
                "open_by_handle_at: a file without a path".to_owned(),
            )),
            _ => self.named(call),
        }
    }

    fn synced(&mut self, call: &Call, entered: usize) -> Result {
        let Some(file) = self.inside(call, 0) else {
            return Ok(());
        };
        let step = Step::Sync {
            file,
            data_only: call.name == "fdatasync",
            entered,
        };
        self.step(call, step)
    }

    /// A call failed. Of those only a sync does something to the disk, when the device or the want of
    /// room is why.
    fn failed(&mut self, call: &Call, error: &str, entered: usize) -> Result {
        let is_sync = matches!(&*call.name, "fsync" | "fdatasync");
        if !is_sync || !matches!(error, "EIO" | "ENOSPC" | "EDQUOT") {
            return Ok(());
        }
        let Some(file) = self.inside(call, 0) else {
            return Ok(());
        };
        let step = Step::FailedSync {
            file,
            data_only: call.name == "fdatasync",
            entered,
        };
        self.step(call, step)
    }

    /// A mapping through which a process writes without a call.
    fn mapped(&mut self, call: &Call) -> Result {
        let has = |place, word| argument_has(call, place, word);
        if !has(3, "MAP_SHARED") && !has(3, "MAP_SHARED_VALIDATE") || !has(2, "PROT_WRITE") {
            return Ok(());
        }
        let Some(file) = self.inside(call, 4) else {
            return Ok(());
        };
        self.mapped.insert(file);
        let path = call.arguments.get(4).and_then(Argument::descriptor);
        let path = path.and_then(|it| it.path).unwrap_or_default();
        Err(Gap::new(
            Kind::Mmap,
            format!(
                "{}: stores through a shared mapping are no calls",
                escape(&path)
            ),
        ))
    }

    /// Blocks that two files share.
    fn cloned_blocks(&mut self, call: &Call) -> Result {
        let words = ["FICLONE", "FICLONERANGE", "FIDEDUPERANGE"];
        if words.iter().any(|word| argument_has(call, 1, word)) && self.inside(call, 0).is_some() {
            let text = "ioctl: shares blocks between files (FICLONE)".to_owned();
            return Err(Gap::new(Kind::Reflink, text));
        }
        Ok(())
    }

    fn spliced(&mut self, call: &Call) -> Result {
        let is_ours = (0..3).any(|place| place != 1 && self.inside(call, place).is_some());
        match is_ours && call.name != "tee" {
            true => Err(Gap::new(
                Kind::Splice,
                format!("{}: bytes that are in no call", call.name),
            )),
            false => Ok(()),
        }
    }
}

fn argument_has(call: &Call, place: usize, word: &str) -> bool {
    (call.arguments.get(place)).is_some_and(|argument| argument.has(word))
}
