//! How git is run: the one place that builds a command, and what a running git prints.
//!
//! Every command overrules the settings that change what git prints (colours, renames,
//! encodings, an order of paths, hidden roots or submodules, paths relative to a folder),
//! and a command about a repository that was named sees none of the variables that tie
//! git to another one, as a hook has them. Answers are streams: the end of a stream is
//! only reported once git has ended with success, so a reader can never take a log that
//! git broke off for a complete one.
//!
//! No file is written: what git says on standard error is kept in memory, its end if it
//! is long.

#![expect(clippy::disallowed_types, reason = "git itself reads its repositories")]

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

/// Settings that would change what git prints, or make it fail.
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

/// Of what git says on standard error, this many bytes are kept at least: the last ones.
const SAID_BYTES: usize = 16 * 1024;

/// The longest reason that is shown, in characters.
const REASON_CHARACTERS: usize = 1000;

/// Why a repository gave no answer.
#[derive(Debug)]
pub enum GitError {
    /// The program `git` could not be run.
    NoGit(io::Error),
    /// There is no repository that git can read.
    NotARepository {
        /// Where it was looked for.
        path: PathBuf,
        /// What git said.
        reason: String,
    },
    /// The repository has no commit.
    NoCommits {
        /// The repository.
        path: PathBuf,
    },
    /// `HEAD` names a branch that does not exist, and others do.
    NoBranch {
        /// The repository.
        path: PathBuf,
        /// What `HEAD` names.
        branch: String,
        /// A branch or tag that exists.
        other: String,
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
    /// Variables that would tie git to another repository.
    cleared: Vec<String>,
    /// Directories of other owners that the environment trusts, as settings.
    trusted: Vec<String>,
}

impl Git {
    /// For the repository at a path. Without one, git's own variables decide, as they do
    /// for git itself.
    pub(super) fn new(path: Option<&Path>) -> Result<Self, GitError> {
        let mut git = Self {
            path: None,
            cleared: Vec::new(),
            trusted: Vec::new(),
        };
        if let Some(path) = path {
            // Only the git that runs knows all of them. Settings that the environment
            // carries are among them: they were made for the other repository, but whom
            // to trust is no matter of a repository, and containers say it in this way.
            let names = git.ask("rev-parse", &["--local-env-vars"])?;
            git.trusted = git.trusted_by_environment();
            git.cleared = names.lines().map(str::to_owned).collect();
            git.path = Some(path.to_owned());
        }
        Ok(git)
    }

    /// The repository for messages, and the folder that git's answers are relative to.
    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new("."))
    }

    /// A short answer, without the newline at its end.
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

    /// A long answer.
    pub(super) fn stream(
        &self,
        command: &'static str,
        arguments: &[&str],
    ) -> Result<GitOutput, GitError> {
        let mut git = self.command(command, arguments);
        git.stdin(Stdio::null());
        Ok(GitOutput::start(git, command)?.0)
    }

    /// A git that is asked one thing after the other, and its answers.
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

    /// What the environment says of `safe.directory`; nothing where it is malformed.
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
        // Messages are read by the caller's user, but compared by tests, and searched.
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

/// What a running git prints. Reads as any stream, but ends with an error when git does.
///
/// Dropping it stops git.
#[derive(Debug)]
pub struct GitOutput {
    command: &'static str,
    child: Child,
    stdout: ChildStdout,
    /// Reads standard error to its end, so that a full pipe cannot stall git.
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

    /// Waits for git, and turns its failure into an error.
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
        // Neither can fail in a way that matters: git is gone, or about to be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end, and keeps the last bytes. A stream that fails is one that ended.
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

/// Why git failed, on one line: what it calls fatal or an error, with the advice behind
/// it, and never the traces and warnings that come before it.
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

/// True for a line of `GIT_TRACE` and its kin: they begin with the time of day.
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
