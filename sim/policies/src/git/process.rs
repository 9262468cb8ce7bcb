//! Runs git: the only place that builds commands, and the output of a running git.
//!
//! Every command overrides the settings that change the output of git (colours, renames,
//! encodings, an order of paths, hidden roots or submodules, paths relative to a folder).
//! A command for a given repository runs without the environment variables that point git
//! to another repository, which are set in a hook for example. Answers are streams. The
//! end of a stream is reported only after git has ended successfully, so a reader never
//! takes an aborted log for a complete one.
//!
//! No file is written: the messages on standard error are kept in memory. Of long
//! messages, the end is kept.

#![expect(clippy::disallowed_types, reason = "git itself reads its repositories")]

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

/// Settings that override those that would change the output of git, or make it fail.
const CONFIGURATION: [&str; 15] = [
    "color.diff=false",
    "color.ui=false",
    "core.quotePath=true",
    "core.useReplaceRefs=true",
    "diff.ignoreSubmodules=none",
    "diff.orderFile=/dev/null",
    "diff.relative=false",
    "diff.renames=false",
    "format.pretty=medium",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "log.diffMerges=separate",
    "log.follow=false",
    "log.showRoot=true",
    "log.showSignature=false",
];

/// At least this number of bytes of git's standard error is kept: the last ones.
const SAID_BYTES: usize = 16 * 1024;

/// The maximal length of a reason in messages, in characters.
const REASON_CHARACTERS: usize = 1000;

/// Why a repository returned no answer.
#[derive(Debug)]
pub enum GitError {
    /// The program `git` could not be run.
    NoGit(io::Error),
    /// There is no repository that git can read.
    NotARepository {
        /// The path that was searched.
        path: PathBuf,
        /// The message of git.
        reason: String,
    },
    /// The repository has no commit.
    NoCommits {
        /// The repository.
        path: PathBuf,
    },
    /// `HEAD` names a branch that does not exist, while other branches exist.
    NoBranch {
        /// The repository.
        path: PathBuf,
        /// The name in `HEAD`.
        branch: String,
        /// A branch or tag that exists.
        other: String,
    },
    /// git failed. The text contains the command and the message of git.
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
            Self::NoBranch {
                path,
                branch,
                other,
            } => write!(
                formatter,
                "HEAD of the git repository {} names {branch}, which does not exist, while {other} \
                 does: check out what is to be read, or let HEAD name it (git symbolic-ref HEAD)",
                path.display()
            ),
            Self::Failed(reason) => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for GitError {}

impl From<io::Error> for GitError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Builds commands for one repository.
#[derive(Clone, Debug)]
pub(super) struct Git {
    path: Option<PathBuf>,
    /// Environment variables that would point git to another repository.
    cleared: Vec<String>,
    /// Directories of other owners that the environment trusts, as settings.
    trusted: Vec<String>,
}

impl Git {
    /// Commands for the repository at a path. Without a path, git's own environment
    /// variables decide, as for git itself.
    pub(super) fn new(path: Option<&Path>) -> Result<Self, GitError> {
        let mut git = Self {
            path: None,
            cleared: Vec::new(),
            trusted: Vec::new(),
        };
        if let Some(path) = path {
            // Only the installed git knows all of these variables. Settings in the
            // environment are among them. They belong to the other repository and are
            // cleared. The trust settings are kept, because trust does not depend on the
            // repository, and containers set it in this way.
            let names = git.ask("rev-parse", &["--local-env-vars"])?;
            git.trusted = git.trusted_by_environment();
            git.cleared = names.lines().map(str::to_owned).collect();
            git.path = Some(path.to_owned());
        }
        Ok(git)
    }

    /// The path of the repository for messages. Paths in git's answers are relative to
    /// it.
    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new("."))
    }

    /// Runs a command with a short answer. Returns the answer without the final newline.
    pub(super) fn ask(
        &self,
        command: &'static str,
        arguments: &[&str],
    ) -> Result<String, GitError> {
        let mut answer = String::new();
        self.stream(command, arguments)?
            .read_to_string(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }

    /// Runs a command with a long answer.
    pub(super) fn stream(
        &self,
        command: &'static str,
        arguments: &[&str],
    ) -> Result<GitOutput, GitError> {
        let mut git = self.command(command, arguments);
        git.stdin(Stdio::null());
        Ok(GitOutput::start(git, command)?.0)
    }

    /// Starts a command that answers one request after another.
    pub(super) fn converse(
        &self,
        command: &'static str,
        arguments: &[&str],
    ) -> Result<(ChildStdin, GitOutput), GitError> {
        let mut git = self.command(command, arguments);
        git.stdin(Stdio::piped());
        let (output, input) = GitOutput::start(git, command)?;
        Ok((input.expect("the input was piped"), output))
    }

    /// The values of `safe.directory` that the environment sets. Empty if they are
    /// malformed.
    fn trusted_by_environment(&self) -> Vec<String> {
        let arguments = ["--show-scope", "--get-all", "safe.directory"];
        let said = self.ask("config", &arguments).unwrap_or_default();
        said.lines()
            .filter_map(|line| line.strip_prefix("command\t"))
            .map(|directory| format!("safe.directory={directory}"))
            .collect()
    }

    fn command(&self, command: &str, arguments: &[&str]) -> Command {
        let mut git = Command::new("git");
        // The user reads these messages, but tests compare them and code searches them,
        // so they are in English.
        git.env("LC_ALL", "C");
        for variable in &self.cleared {
            git.env_remove(variable);
        }
        if let Some(path) = &self.path {
            git.arg("-C").arg(path);
        }
        let trusted = self.trusted.iter().map(String::as_str);
        for setting in CONFIGURATION.into_iter().chain(trusted) {
            git.args(["-c", setting]);
        }
        git.arg(command).args(arguments);
        git
    }
}

/// The output of a running git. It is read as a stream, and returns an error at the end
/// if git has failed.
///
/// Dropping it stops git.
#[derive(Debug)]
pub struct GitOutput {
    command: &'static str,
    child: Child,
    stdout: ChildStdout,
    /// The thread that reads standard error to its end, so that a full pipe does not
    /// block git.
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl GitOutput {
    fn start(
        mut git: Command,
        command: &'static str,
    ) -> Result<(Self, Option<ChildStdin>), GitError> {
        let mut child = git
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(GitError::NoGit)?;
        let stdout = child.stdout.take().expect("the output was piped");
        let stderr = child.stderr.take().expect("the errors were piped");
        let input = child.stdin.take();
        let mut output = Self {
            command,
            child,
            stdout,
            stderr: None,
        };
        #[allow(
            clippy::disallowed_methods,
            reason = "ends with git; no run of the laboratory comes here"
        )]
        let reader = std::thread::Builder::new()
            .name("git-errors".to_owned())
            .spawn(move || last_bytes(stderr))?;
        output.stderr = Some(reader);
        Ok((output, input))
    }

    /// Waits for git, and returns an error if git has failed.
    fn finish(&mut self) -> io::Result<()> {
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        let said = match self.stderr.take() {
            Some(reader) => reader.join().unwrap_or_default(),
            None => Vec::new(),
        };
        let (command, reason) = (self.command, reason(&said, status));
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
        // An error of these calls has no effect: git has ended or is about to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end, and keeps the last bytes. An error counts as the end of the stream.
fn last_bytes(mut stream: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..length]);
        if kept.len() > 2 * SAID_BYTES {
            kept.drain(..kept.len() - SAID_BYTES);
        }
    }
    kept
}

/// The reason why git failed, on one line: the messages marked as fatal or error and the
/// advice after them, without the traces and warnings before.
fn reason(said: &[u8], status: ExitStatus) -> String {
    let said = String::from_utf8_lossy(said);
    let lines = said.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !is_trace(line))
        .collect();
    let is_reason = |line: &&str| line.starts_with("fatal: ") || line.starts_with("error: ");
    let first = lines.iter().position(is_reason).unwrap_or(0);
    let reason = lines[first..].join(" ");
    match reason.char_indices().nth(REASON_CHARACTERS) {
        _ if reason.is_empty() => status.to_string(),
        None => reason,
        Some((end, _)) => format!("{}...", &reason[..end]),
    }
}

/// Whether this is a line of `GIT_TRACE` or of a similar trace. These lines begin with
/// the time of day.
fn is_trace(line: &str) -> bool {
    let bytes = line.as_bytes();
    let digits = |places: [usize; 2]| places.iter().all(|place| bytes[*place].is_ascii_digit());
    bytes.len() > 9
        && digits([0, 1])
        && digits([3, 4])
        && digits([6, 7])
        && [bytes[2], bytes[5], bytes[8]] == *b"::."
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn the_reason_is_what_git_calls_fatal_with_its_advice() {
        let failed = ExitStatus::from_raw(128 << 8);
        let rows = [
            ("", "exit status: 128"),
            (
                "12:34:56.789 git.c:476  trace: built-in\n",
                "exit status: 128",
            ),
            ("usage: git log\n  or more\n", "usage: git log or more"),
            (
                "warning: x\n12:34:56.7 a\nfatal: y\n\n\tgit config z\n",
                "fatal: y git config z",
            ),
            ("error: one\nfatal: two\n", "error: one fatal: two"),
        ];
        for (said, expected) in rows {
            assert_eq!(reason(said.as_bytes(), failed), expected);
        }
        let long = reason(
            format!("fatal: {}", "\u{e9}".repeat(2000)).as_bytes(),
            failed,
        );
        assert_eq!(long.chars().count(), REASON_CHARACTERS + 3);
    }

    #[test]
    fn of_a_long_text_the_end_is_kept() {
        let text = [vec![b'x'; 100_000], b"fatal: y".to_vec()].concat();
        let kept = last_bytes(&text[..]);
        assert!(kept.ends_with(b"xfatal: y"));
        assert!((SAID_BYTES..=2 * SAID_BYTES + 4096).contains(&kept.len()));
    }
}
