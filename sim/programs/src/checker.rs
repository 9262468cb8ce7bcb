//! The checker: who says whether a directory is good.
//!
//! The contract of a command is that of ALICE: `COMMAND DIRECTORY STDOUT_FILE`, and exit code 0 is
//! good. The codes 1, 2 and 3 say what is wrong, any other one only that something is. The command
//! runs in a process group of its own, which is ended when its time is over. `warm` is a command
//! that stays, `restart` the recorded program in the place of a checker.

mod process;
mod restart;
mod warm;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lithify_sim::stop::Stop;
use serde::Serialize;
use tempfile::TempDir;

use crate::base;
use crate::classes::Asked;
use crate::failure::Failure;
use crate::losses::{Key, Shown};
use crate::reads;
use crate::steps::Disk;

use process::End;
use restart::Answer;
pub use restart::Restart;
use warm::Warm;

/// How much of what a checker says is kept, in bytes.
const MAX_MESSAGE_BYTES: u64 = 4096;

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

/// Who says whether an image is good.
#[derive(Debug)]
pub enum Judge {
    /// A command for the shell, which is run for each image.
    Command(String),
    /// A command for the shell that stays, see [`warm`](self).
    Warm(String),
    /// The recorded program itself.
    Restart(Restart),
}

/// A checker and where it gets its directories.
#[derive(Debug)]
pub struct Checker {
    judge: Judge,
    timeout: Duration,
    root: PathBuf,
    _scratch: TempDir,
    /// Warm ones, by worker.
    warm: Mutex<BTreeMap<usize, Warm>>,
    images: AtomicU64,
}

impl Checker {
    /// A checker whose directories are made below `scratch`; without that, in memory where the
    /// machine has a file system for it.
    ///
    /// # Errors
    /// When no directory can be made.
    pub fn new(judge: Judge, timeout: Duration, scratch: Option<&Path>) -> Result<Self, Failure> {
        let made = match scratch {
            Some(place) => base::with_path(place, tempfile::tempdir_in(place)),
            None => in_memory().map_or_else(tempfile::tempdir, Ok),
        };
        let scratch = made.map_err(of_machine)?;
        // As the kernel knows it, and the checker is told.
        let root = scratch.path().canonicalize().map_err(of_machine)?;
        let path = root.as_os_str().as_bytes();
        if matches!(judge, Judge::Warm(_)) && path.iter().any(|byte| b"\t\n".contains(byte)) {
            let why =
                "a warm checker gets its paths in a line, and this one has a tab or newline in it";
            return Err(Failure::usage(format!(
                "{}: {why}",
                scratch.path().display()
            )));
        }
        Ok(Self {
            judge,
            timeout,
            root,
            _scratch: scratch,
            warm: Mutex::default(),
            images: AtomicU64::new(0),
        })
    }

    /// Writes an image, and asks about it; `None` when the work was to stop. `worker` says which
    /// directory may be used, `disk` what the user had seen.
    ///
    /// # Errors
    /// When the image cannot be written or the checker cannot be started, and when a warm one fails.
    pub fn judge(
        &self,
        worker: usize,
        disk: &Disk,
        key: Key,
        shown: &Shown,
        stop: &Stop,
    ) -> Result<Option<Verdict>, Failure> {
        let output = disk.output(key.outputs);
        match &self.judge {
            Judge::Command(command) => self.with_image(worker, shown, |place| {
                self.run(Command::new("sh"), command, place, output, stop)
            }),
            Judge::Warm(command) => self.with_image(worker, shown, |place| {
                self.ask(command, worker, place, output, stop)
            }),
            Judge::Restart(restart) => {
                let start = |shown: &Shown| {
                    self.with_image(worker, shown, |place| self.start(restart, place, stop))
                };
                match start(shown)? {
                    Some(answer) => restart.judge(disk, key.outputs, &answer, &start),
                    None => Ok(None),
                }
            }
        }
    }

    /// The same for a command, with what it asks of the image. `calls` are those that `strace` is to
    /// look at, which are [`reads::CALLS`] unless somebody wants to know what happens when it does not see all.
    ///
    /// # Errors
    /// As [`Self::judge`], and when this checker is no command.
    pub fn judge_noting(
        &self,
        worker: usize,
        disk: &Disk,
        key: Key,
        shown: &Shown,
        calls: &str,
        stop: &Stop,
    ) -> Result<Option<Asked>, Failure> {
        let Judge::Command(command) = &self.judge else {
            let why = "classes are for checkers that are a command of their own for each image";
            return Err(Failure::usage(why.to_owned()));
        };
        let here = std::env::current_dir().map_err(of_machine)?;
        let output = disk.output(key.outputs);
        self.with_image(worker, shown, |place| {
            let log = place.join("calls");
            let shell = reads::shell(calls, &log);
            let verdict = self.run(shell, command, place, output, stop)?;
            Ok(verdict.map(|verdict| {
                let is_over = matches!(verdict, Verdict::Bad(Wrong::Hang, _));
                let questions = match is_over {
                    true => Err("a checker that hangs asks without end".to_owned()),
                    false => reads::questions(&place.join("image"), &here, shown, &log),
                };
                Asked { verdict, questions }
            }))
        })
    }

    /// Hands on a directory with the image in it, in `image`, and takes it away.
    fn with_image<T>(
        &self,
        worker: usize,
        shown: &Shown,
        use_it: impl FnOnce(&Path) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut place = self.root.join(worker.to_string());
        if matches!(self.judge, Judge::Warm(_)) {
            // It may have kept something under the path of the image before.
            let number = self.images.fetch_add(1, Ordering::Relaxed);
            place = place.join(number.to_string());
        }
        let image = place.join("image");
        let made = fs::create_dir_all(&image).and_then(|()| base::write(&image, shown));
        let used = made.map_err(of_machine).and_then(|()| use_it(&place));
        let removed = remove(&place).map_err(of_machine);
        let used = used?;
        removed?;
        Ok(used)
    }

    /// Runs the command for one image.
    fn run(
        &self,
        mut shell: Command,
        command: &str,
        place: &Path,
        output: &[u8],
        stop: &Stop,
    ) -> Result<Option<Verdict>, Failure> {
        let (image, stdout) = with_output(place, output)?;
        shell
            .args(["-c", &format!("{command} \"$@\""), "checker"])
            .args([&image, &stdout])
            .env("LITHIFY_IMAGE", &image)
            .env("LITHIFY_STDOUT", &stdout);
        let said = place.join("said");
        let end = self.run_silently(&mut shell, &said, &said, stop);
        let end = end.map_err(of_machine)?;
        let message = first_words(&said).map_err(of_machine)?;
        Ok(match end {
            End::Stopped => None,
            End::Hang => Some(Verdict::Bad(Wrong::Hang, message)),
            End::Status(status) => Some(verdict(status, message)),
        })
    }

    /// Runs a command with its output in files, which may be the same.
    fn run_silently(
        &self,
        command: &mut Command,
        output: &Path,
        errors: &Path,
        stop: &Stop,
    ) -> io::Result<End> {
        let file = File::create(output)?;
        let errors = match output == errors {
            true => file.try_clone()?,
            false => File::create(errors)?,
        };
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        process::run(command, self.timeout, stop)
    }

    fn ask(
        &self,
        command: &str,
        worker: usize,
        place: &Path,
        output: &[u8],
        stop: &Stop,
    ) -> Result<Option<Verdict>, Failure> {
        let (image, stdout) = with_output(place, output)?;
        let waiting = self
            .warm
            .lock()
            .expect("checkers are values")
            .remove(&worker);
        let mut warm = match waiting {
            Some(warm) => warm,
            None => {
                let said = self.root.join(format!("{worker}.said"));
                Warm::start(command, self.timeout, said).map_err(of_machine)?
            }
        };
        let Some((code, message)) = warm.ask(&image, &stdout, stop)? else {
            return Ok(None);
        };
        let mut waiting = self.warm.lock().expect("checkers are values");
        waiting.insert(worker, warm);
        Ok(Some(verdict_of_code(code, message)))
    }

    /// Starts the recorded program on one image.
    fn start(
        &self,
        restart: &Restart,
        place: &Path,
        stop: &Stop,
    ) -> Result<Option<Answer>, Failure> {
        let (output, errors) = (place.join("said"), place.join("errors"));
        let mut command = restart.command(&place.join("image"));
        let end = self.run_silently(&mut command, &output, &errors, stop);
        let end = end.map_err(of_machine)?;
        let errors = first_words(&errors).map_err(of_machine)?;
        Ok(match end {
            End::Stopped => None,
            End::Hang => Some(Answer::Bad(Wrong::Hang, errors)),
            End::Status(status) => Some(match status.code() {
                Some(code) => Answer::Ended {
                    code,
                    output: fs::read(&output).map_err(of_machine)?,
                    errors,
                },
                None => Answer::Bad(Wrong::Signal(status.signal().unwrap_or(0)), errors),
            }),
        })
    }
}

/// Writes what the user had seen beside an image. Returns the paths of both.
fn with_output(place: &Path, output: &[u8]) -> Result<(PathBuf, PathBuf), Failure> {
    let (image, stdout) = (place.join("image"), place.join("stdout"));
    fs::write(&stdout, output).map_err(of_machine)?;
    Ok((image, stdout))
}

fn of_machine(error: io::Error) -> Failure {
    Failure::io(error.to_string())
}

fn verdict(status: ExitStatus, message: String) -> Verdict {
    match status.code() {
        Some(code) => verdict_of_code(code, message),
        None => Verdict::Bad(Wrong::Signal(status.signal().unwrap_or(0)), message),
    }
}

fn verdict_of_code(code: i32, message: String) -> Verdict {
    let wrong = match code {
        0 => return Verdict::Good,
        1 => Wrong::Lost,
        2 => Wrong::Inconsistent,
        3 => Wrong::DoesNotOpen,
        code => Wrong::Code(code),
    };
    Verdict::Bad(wrong, message)
}

/// The first line that says something.
fn first_words(said: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let file = File::open(said)?;
    file.take(MAX_MESSAGE_BYTES).read_to_end(&mut bytes)?;
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
