//! The repository of a search: its commits, and a working tree in which the search goes from one
//! to the next.
//!
//! A working tree has a `git bisect` of its own, so a search that the user has begun goes on
//! undisturbed. The working tree is removed with this value.

#![expect(
    clippy::disallowed_types,
    reason = "people name the repository, and git reads it"
)]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::super::exit::{Exit, Failure, Outcome};

/// A repository.
pub(super) struct Repository {
    git: Git,
}

/// git, called in one directory.
#[derive(Clone)]
struct Git {
    directory: PathBuf,
    /// Variables of a hook or of another git that would point git elsewhere.
    foreign: Vec<String>,
}

/// The answer about a commit.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Good,
    Bad,
    Skip,
}

/// What a search comes to next.
pub(super) enum Next {
    /// This commit is checked out, and wants an answer.
    Try(String),
    /// The finding came in with one of these commits.
    Found(Vec<String>),
}

impl Git {
    fn in_directory(directory: &Path) -> Outcome<Self> {
        let mut git = Self {
            directory: directory.to_owned(),
            foreign: Vec::new(),
        };
        let names = git.ask(&["rev-parse", "--local-env-vars"])?;
        git.foreign = names.lines().map(str::to_owned).collect();
        Ok(git)
    }

    fn run(&self, arguments: &[&OsStr]) -> Outcome<Output> {
        let mut command = Command::new("git");
        command.current_dir(&self.directory).args(arguments);
        // The messages of a search are read by this program.
        command.env("LC_ALL", "C");
        for name in &self.foreign {
            command.env_remove(name);
        }
        command.output().map_err(|error| {
            let directory = self.directory.display();
            Exit::Usage.because(format!("git does not start in {directory}: {error}"))
        })
    }

    /// Runs git, and returns its output without the last end of line.
    fn ask(&self, arguments: &[&str]) -> Outcome<String> {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        self.ask_os(&arguments)
    }

    fn ask_os(&self, arguments: &[&OsStr]) -> Outcome<String> {
        let output = self.run(arguments)?;
        if !output.status.success() {
            return Err(self.refused(arguments, &output));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.trim_end().to_owned())
    }

    fn refused(&self, arguments: &[&OsStr], output: &Output) -> Failure {
        let what = arguments
            .first()
            .map_or("".into(), |word| word.to_string_lossy());
        let directory = self.directory.display();
        let reason = String::from_utf8_lossy(&output.stderr);
        Exit::Usage.because(format!("git {what} in {directory}: {}", reason.trim()))
    }
}

impl Repository {
    /// The repository around a directory.
    pub(super) fn find(directory: &Path) -> Outcome<Self> {
        let git = Git::in_directory(directory)?;
        let root = git.ask(&["rev-parse", "--show-toplevel"])?;
        let git = Git {
            directory: PathBuf::from(root),
            ..git
        };
        Ok(Self { git })
    }

    /// The root of its working tree.
    pub(super) fn root(&self) -> &Path {
        &self.git.directory
    }

    /// The commit that a revision names.
    pub(super) fn commit(&self, revision: &str) -> Outcome<String> {
        let commit = format!("{revision}^{{commit}}");
        let words = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &commit,
        ];
        self.git.ask(&words).map_err(|_| {
            let root = self.root().display();
            Exit::Usage.because(format!("{root} has no commit {revision:?}"))
        })
    }

    /// Refuses ends of which the bad one does not come behind the good one.
    pub(super) fn check_order(&self, good: &str, bad: &str) -> Outcome {
        let words = ["merge-base", "--is-ancestor", good, bad].map(OsStr::new);
        if good != bad && self.git.run(&words)?.status.success() {
            return Ok(());
        }
        Err(Exit::Usage.because(format!(
            "the good commit {good} is no ancestor of the bad commit {bad}: no commit between them \
             can have brought the finding in"
        )))
    }

    /// A working tree of the search's own, below `directory`.
    pub(super) fn working_tree(&self, directory: &Path, commit: &str) -> Outcome<WorkingTree> {
        let failed = |error: std::io::Error| {
            let directory = directory.display();
            Exit::Usage.because(format!(
                "no working tree can be made in {directory}: {error}"
            ))
        };
        make_directory(directory).map_err(failed)?;
        let place = tempfile::Builder::new()
            .prefix("tree-")
            .tempdir_in(directory);
        let place = place.map_err(failed)?;
        let words = ["worktree", "add", "--detach", "--quiet"].map(OsStr::new);
        let words = [&words[..], &[place.path().as_os_str(), OsStr::new(commit)]].concat();
        self.git.ask_os(&words)?;
        Ok(WorkingTree {
            git: Git {
                directory: place.path().to_owned(),
                ..self.git.clone()
            },
            repository: self.git.clone(),
            place,
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "people name the directory")]
fn make_directory(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)
}

/// A working tree that a search moves from commit to commit.
pub(super) struct WorkingTree {
    git: Git,
    repository: Git,
    place: TempDir,
}

impl WorkingTree {
    /// Its root.
    pub(super) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Checks a commit out.
    pub(super) fn check_out(&self, commit: &str) -> Outcome {
        self.git
            .ask(&["checkout", "--force", "--detach", "--quiet", commit])?;
        Ok(())
    }

    /// The first line of a commit's message.
    pub(super) fn subject(&self, commit: &str) -> Outcome<String> {
        self.git.ask(&["show", "--no-patch", "--format=%s", commit])
    }

    /// Begins the search between two commits.
    pub(super) fn begin(&self, good: &str, bad: &str) -> Outcome<Next> {
        self.forget_changes()?;
        let said = self.git.ask(&["bisect", "start", bad, good])?;
        self.next(&said)
    }

    /// Answers for the commit that is checked out.
    pub(super) fn answer(&self, answer: Answer) -> Outcome<Next> {
        self.forget_changes()?;
        let word = match answer {
            Answer::Good => "good",
            Answer::Bad => "bad",
            Answer::Skip => "skip",
        };
        let words = ["bisect", word].map(OsStr::new);
        let output = self.git.run(&words)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // git has an exit code of its own for commits that cannot be told apart.
        if !output.status.success() && !said.contains(ONLY_SKIPPED) {
            return Err(self.git.refused(&words, &output));
        }
        self.next(&said)
    }

    /// A build may have changed files that git knows. git would refuse to leave such a file, or take
    /// the change along to the next commit.
    fn forget_changes(&self) -> Outcome {
        self.git.ask(&["reset", "--hard", "--quiet"])?;
        Ok(())
    }

    fn next(&self, said: &str) -> Outcome<Next> {
        Ok(match left(said) {
            Some(commits) => Next::Found(commits),
            None => Next::Try(self.git.ask(&["rev-parse", "HEAD"])?),
        })
    }
}

impl Drop for WorkingTree {
    fn drop(&mut self) {
        let words = ["worktree", "remove", "--force"].map(OsStr::new);
        let words = [&words[..], &[self.place.path().as_os_str()]].concat();
        // What is left without it is a directory below the cache, which the next search ignores.
        let _ = self.repository.run(&words);
    }
}

/// The line behind which git lists the commits that are left.
const ONLY_SKIPPED: &str = "The first bad commit could be any of:";

/// The commits that are left, in what `git bisect` says at the end of a search.
fn left(said: &str) -> Option<Vec<String>> {
    let ended = |line: &str| {
        line.strip_suffix(" is the first bad commit")
            .map(str::to_owned)
    };
    if let Some(commit) = said.lines().find_map(ended) {
        return Some(vec![commit]);
    }
    let (_, listed) = said.split_once(ONLY_SKIPPED)?;
    let is_hash =
        |line: &&str| line.len() >= 40 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(listed.lines().filter(is_hash).map(str::to_owned).collect())
}
