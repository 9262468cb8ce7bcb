//! The checker: a command that says whether a directory is good.
//!
//! The contract is that of ALICE: `COMMAND DIRECTORY STDOUT_FILE`, and exit code 0 is good. The codes 1,
//! 2 and 3 say what is wrong, any other one only that something is. The command runs in a process
//! group of its own, which is ended when its time is over.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;
use tempfile::TempDir;
use wait_timeout::ChildExt as _;

use crate::base;
use crate::failure::Failure;
use crate::losses::Shown;

/// How much of what a checker says is kept, in bytes.
const MOST_MESSAGE_BYTES: u64 = 4096;

/// What a checker says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The directory is good.
    Good,
    /// It is not.
    Bad(Wrong, String),
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrong {
    /// Exit code 1.
    Lost,
    /// Exit code 2.
    Inconsistent,
    /// Exit code 3.
    DoesNotOpen,
    /// Another exit code.
    Code(i32),
    /// A signal ended the checker.
    Signal(i32),
    /// The time was over.
    Hang,
}

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => formatter.write_str("lost, but consistent"),
            Self::Inconsistent => formatter.write_str("inconsistent"),
            Self::DoesNotOpen => formatter.write_str("does not open"),
            Self::Code(code) => write!(formatter, "exit code {code}"),
            Self::Signal(signal) => write!(formatter, "signal {signal}"),
            Self::Hang => formatter.write_str("hangs"),
        }
    }
}

/// A checker and where it gets its directories.
#[derive(Debug)]
pub struct Checker {
    command: String,
    timeout: Duration,
    scratch: TempDir,
}

impl Checker {
    /// A checker whose directories are made below `scratch`; without that, in memory where the
    /// machine has a file system for it.
    ///
    /// # Errors
    /// When no directory can be made.
    pub fn new(command: &str, timeout: Duration, scratch: Option<&Path>) -> Result<Self, Failure> {
        let made = match scratch {
            Some(place) => base::with_path(place, tempfile::tempdir_in(place)),
            None => in_memory().map_or_else(tempfile::tempdir, Ok),
        };
        Ok(Self {
            command: command.to_owned(),
            timeout,
            scratch: made.map_err(|error| Failure::io(error.to_string()))?,
        })
    }

    /// Writes an image, and asks about it. `worker` says which directory may be used.
    ///
    /// # Errors
    /// When the image cannot be written or the checker cannot be started.
    pub fn judge(&self, worker: usize, shown: &Shown, output: &[u8]) -> Result<Verdict, Failure> {
        let place = self.scratch.path().join(worker.to_string());
        let judged = self.judge_in(&place, shown, output);
        let removed = remove(&place);
        let verdict = judged.map_err(|error| Failure::io(error.to_string()))?;
        removed.map_err(|error| Failure::io(error.to_string()))?;
        Ok(verdict)
    }

    fn judge_in(&self, place: &Path, shown: &Shown, output: &[u8]) -> io::Result<Verdict> {
        let (image, stdout) = (place.join("image"), place.join("stdout"));
        fs::create_dir_all(&image)?;
        base::write(&image, shown)?;
        fs::write(&stdout, output)?;
        let said = place.join("said");
        let status = self.run(&image, &stdout, &said)?;
        let message = first_words(&said)?;
        Ok(match status {
            None => Verdict::Bad(Wrong::Hang, message),
            Some(status) => verdict(status, message),
        })
    }

    /// Runs the command; `None` when its time was over.
    fn run(&self, image: &Path, stdout: &Path, said: &Path) -> io::Result<Option<ExitStatus>> {
        let output = File::create(said)?;
        let errors = output.try_clone()?;
        let mut child = Command::new("sh")
            .args(["-c", &format!("{} \"$@\"", self.command), "checker"])
            .args([image, stdout])
            .env("LITHIFY_IMAGE", image)
            .env("LITHIFY_STDOUT", stdout)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()?;
        let group = Pid::from_raw(child.id().cast_signed());
        let status = child.wait_timeout(self.timeout)?;
        // What the checker has left running would hold on to the directory.
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        if status.is_none() {
            child.wait()?;
        }
        Ok(status)
    }
}

fn verdict(status: ExitStatus, message: String) -> Verdict {
    let wrong = match (status.code(), status.signal()) {
        (Some(0), _) => return Verdict::Good,
        (Some(1), _) => Wrong::Lost,
        (Some(2), _) => Wrong::Inconsistent,
        (Some(3), _) => Wrong::DoesNotOpen,
        (Some(code), _) => Wrong::Code(code),
        (None, signal) => Wrong::Signal(signal.unwrap_or(0)),
    };
    Verdict::Bad(wrong, message)
}

/// The first line that says something.
fn first_words(said: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let file = File::open(said)?;
    file.take(MOST_MESSAGE_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    Ok(line.unwrap_or_default().to_owned())
}

/// A checker may take rights away from what it has made.
fn remove(place: &Path) -> io::Result<()> {
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => base::with_path(place, removed),
    }
}

/// A directory in memory, where the machine has one.
fn in_memory() -> Option<TempDir> {
    let place = PathBuf::from("/dev/shm");
    is_memory(&place)
        .then(|| tempfile::tempdir_in(place).ok())
        .flatten()
}

#[cfg(target_os = "linux")]
fn is_memory(place: &Path) -> bool {
    const TMPFS: rustix::fs::FsWord = 0x0102_1994;
    rustix::fs::statfs(place).is_ok_and(|found| found.f_type == TMPFS)
}

#[cfg(not(target_os = "linux"))]
fn is_memory(_: &Path) -> bool {
    false
}
