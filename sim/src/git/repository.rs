//! A git repository, asked through the `git` program.
//!
//! Every call names its configuration, so that what a user has set (colours, renames,
//! unquoted paths, hidden roots or submodules, paths relative to a folder) cannot change
//! an answer. Answers are streams: the end of a stream is only reported once git has
//! ended with success, so a reader can never take a log that git broke off for a
//! complete one.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::lines::Lines;
use super::raw_log::RawLog;

/// Settings that would change what git prints.
const CONFIGURATION: [&str; 8] = [
    "core.quotePath=true",
    "color.ui=false",
    "diff.relative=false",
    "diff.renames=false",
    "diff.ignoreSubmodules=none",
    "log.diffMerges=separate",
    "log.showRoot=true",
    "log.showSignature=false",
];

/// Variables that would point git at another repository than the one asked for.
const LOCATION_VARIABLES: [&str; 4] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_PREFIX"];

/// Why a repository gave no answer.
#[derive(Debug)]
pub enum GitError {
    /// The program `git` could not be run.
    NoGit(io::Error),
    /// There is no repository that git can read.
    NotARepository {
        /// Where it was looked for.
        path: PathBuf,
        /// The first line that git said.
        reason: String,
    },
    /// The repository has no commit.
    NoCommits {
        /// The repository.
        path: PathBuf,
    },
    /// git gave up; what it was asked for and what it said.
    Failed(String),
}

impl fmt::Display for GitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGit(error) => write!(formatter, "cannot run git: {error}"),
            Self::NotARepository { path, reason } => write!(
                formatter,
                "{} is not a git repository that can be read: {reason}",
                path.display()
            ),
            Self::NoCommits { path } => {
                write!(
                    formatter,
                    "the git repository {} has no commit",
                    path.display()
                )
            }
            Self::Failed(reason) => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for GitError {}

/// A repository and the commit that its `HEAD` named when it was opened.
#[derive(Clone, Debug)]
pub struct Repository {
    path: Option<PathBuf>,
    head: String,
}

impl Repository {
    /// Opens the repository that holds `path`, or the one of the working directory (or of
    /// git's environment variables) when there is no path.
    ///
    /// # Errors
    /// When git cannot be run, there is no repository, or it has no commit.
    pub fn open(path: Option<&Path>) -> Result<Self, GitError> {
        let mut repository = Self {
            path: path.map(Path::to_path_buf),
            head: String::new(),
        };
        repository
            .ask("rev-parse", &["--git-dir"])
            .map_err(|error| repository.not_a_repository(error))?;
        let head = repository
            .ask("rev-parse", &["--verify", "--quiet", "HEAD^{commit}"])
            .map_err(|error| match error {
                GitError::Failed(_) => GitError::NoCommits {
                    path: repository.shown_path(),
                },
                other => other,
            })?;
        repository.head = head;
        Ok(repository)
    }

    fn shown_path(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| PathBuf::from("."))
    }

    fn not_a_repository(&self, error: GitError) -> GitError {
        match error {
            GitError::Failed(reason) => GitError::NotARepository {
                path: self.shown_path(),
                reason,
            },
            other => other,
        }
    }

    /// The object id of the commit that `HEAD` named.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    /// How many commits the first-parent history has.
    ///
    /// # Errors
    /// When git fails.
    pub fn count(&self) -> Result<u64, GitError> {
        let answer = self.ask("rev-list", &["--first-parent", "--count", &self.head])?;
        answer
            .parse()
            .map_err(|_| GitError::Failed(format!("git rev-list counts {answer:?} commits")))
    }

    /// The first-parent history, oldest commit first, with the changes of each commit.
    ///
    /// # Errors
    /// When git cannot be started; later failures come from the iterator.
    pub fn log(&self) -> Result<RawLog<BufReader<GitOutput>>, GitError> {
        let arguments = [
            "--first-parent",
            "-m",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "--no-color",
            "--ignore-submodules=none",
            "--reverse",
            "--format=commit %H %ct",
            &self.head,
            "--",
        ];
        Ok(RawLog::new(BufReader::new(self.stream("log", &arguments)?)))
    }

    /// The object ids of the first-parent history, oldest first, one a line.
    ///
    /// # Errors
    /// When git cannot be started; later failures come from the lines.
    pub fn commits(&self) -> Result<Lines<BufReader<GitOutput>>, GitError> {
        let output = self.stream("rev-list", &["--first-parent", "--reverse", &self.head])?;
        Ok(Lines::new(BufReader::new(output)))
    }

    /// `git ls-tree -r` of the whole tree of a commit, byte for byte.
    ///
    /// # Errors
    /// When git fails.
    pub fn tree(&self, id: &str) -> Result<Vec<u8>, GitError> {
        let mut listing = Vec::new();
        let mut output = self.stream("ls-tree", &["-r", "--full-tree", id])?;
        match output.read_to_end(&mut listing) {
            Ok(_) => Ok(listing),
            Err(error) => Err(failed(&error)),
        }
    }

    /// A short answer, without the newline at its end.
    fn ask(&self, command: &'static str, arguments: &[&str]) -> Result<String, GitError> {
        let mut answer = String::new();
        match self.stream(command, arguments)?.read_to_string(&mut answer) {
            Ok(_) => Ok(answer.trim_end().to_owned()),
            Err(error) => Err(failed(&error)),
        }
    }

    fn stream(&self, command: &'static str, arguments: &[&str]) -> Result<GitOutput, GitError> {
        let mut git = Command::new("git");
        // Messages are read by the caller's user, but compared by tests.
        git.env("LC_ALL", "C");
        if let Some(path) = &self.path {
            git.arg("-C").arg(path);
            for variable in LOCATION_VARIABLES {
                git.env_remove(variable);
            }
        }
        for setting in CONFIGURATION {
            git.args(["-c", setting]);
        }
        git.arg(command).args(arguments);
        GitOutput::start(git, command)
    }
}

fn failed(error: &io::Error) -> GitError {
    GitError::Failed(error.to_string())
}

/// What a running git prints. Reads as any stream, but ends with an error when git does.
///
/// Dropping it stops git.
#[derive(Debug)]
pub struct GitOutput {
    command: &'static str,
    child: Child,
    stdout: ChildStdout,
    /// A file without a name: unlike a pipe it cannot fill up and stall git.
    stderr: File,
}

impl GitOutput {
    fn start(mut git: Command, command: &'static str) -> Result<Self, GitError> {
        let stderr = tempfile::tempfile().map_err(|error| failed(&error))?;
        let written = stderr.try_clone().map_err(|error| failed(&error))?;
        let mut child = git
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(written))
            .spawn()
            .map_err(GitError::NoGit)?;
        let stdout = child.stdout.take().expect("the output was piped");
        Ok(Self {
            command,
            child,
            stdout,
            stderr,
        })
    }

    /// Waits for git, and turns its failure into an error.
    fn finish(&mut self) -> io::Result<()> {
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        let mut said = Vec::new();
        self.stderr.seek(SeekFrom::Start(0))?;
        Read::take(&mut self.stderr, 4096).read_to_end(&mut said)?;
        let said = String::from_utf8_lossy(&said);
        let reason = match said.lines().find(|line| !line.trim().is_empty()) {
            Some(line) => line.to_owned(),
            None => status.to_string(),
        };
        let command = self.command;
        Err(io::Error::other(format!("git {command}: {reason}")))
    }
}

impl Read for GitOutput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stdout.read(buffer)?;
        if length == 0 && !buffer.is_empty() {
            self.finish()?;
        }
        Ok(length)
    }
}

impl Drop for GitOutput {
    fn drop(&mut self) {
        // Neither can fail in a way that matters: git is gone, or about to be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
