//! A git repository, read through the program `git`.
//!
//! The code reads what `git log` and `git ls-tree` show. Shallow clones, replaced objects
//! and grafts appear as git shows them. [`notes`](Repository::notes) reports them,
//! because another clone may show a different history.

#![expect(
    clippy::disallowed_methods,
    reason = "looks for files of git that change what a history is"
)]

use std::io::BufReader;
use std::path::Path;

use super::checked::CheckedLog;
use super::lines::Lines;
use super::objects::TreeReader;
use super::process::{Git, GitError, GitOutput};
use super::raw_log::RawLog;

/// A repository and the commit that its `HEAD` named when it was opened.
#[derive(Clone, Debug)]
pub struct Repository {
    git: Git,
    head: String,
}

/// The log of a repository, checked.
pub type RepositoryLog = CheckedLog<RawLog<BufReader<GitOutput>>>;

impl Repository {
    /// Opens the repository that contains `path`. Without a path, opens the repository of
    /// the working directory, or of git's environment variables.
    ///
    /// # Errors
    /// When git cannot be run, there is no repository, or it has no commit.
    pub fn open(path: Option<&Path>) -> Result<Self, GitError> {
        let git = Git::new(path)?;
        git.ask("rev-parse", &["--git-dir"])
            .map_err(|error| match error {
                GitError::Failed(reason) => GitError::NotARepository {
                    path: git.path().to_owned(),
                    reason,
                },
                other => other,
            })?;
        match git.ask("rev-parse", &["--verify", "--quiet", "HEAD^{commit}"]) {
            Ok(head) => Ok(Self { git, head }),
            Err(GitError::Failed(_)) => Err(without_head(&git)),
            Err(error) => Err(error),
        }
    }

    /// The object id of the commit that `HEAD` named.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The number of commits in the first-parent history.
    ///
    /// # Errors
    /// When git fails.
    pub fn count(&self) -> Result<u64, GitError> {
        let arguments = ["--first-parent", "--count", &self.head];
        let answer = self.git.ask("rev-list", &arguments)?;
        answer
            .parse()
            .map_err(|_| GitError::Failed(format!("git rev-list counts {answer:?} commits")))
    }

    /// The first-parent history, oldest commit first, with the changes of each commit.
    ///
    /// # Errors
    /// If git cannot be started. Later failures come from the iterator.
    pub fn log(&self) -> Result<RepositoryLog, GitError> {
        let arguments = [
            "--first-parent",
            "-m",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "--no-color",
            "--ignore-submodules=none",
            "--reverse",
            "--format=commit %H %ct %P",
            &self.head,
            "--",
        ];
        let log = RawLog::new(BufReader::new(self.git.stream("log", &arguments)?));
        Ok(CheckedLog::of_repository(log, self))
    }

    /// The object ids of the first-parent history, oldest first, one in each line.
    ///
    /// # Errors
    /// If git cannot be started. Later failures come from the lines.
    pub fn commits(&self) -> Result<Lines<BufReader<GitOutput>>, GitError> {
        let arguments = ["--first-parent", "--reverse", &self.head];
        let output = self.git.stream("rev-list", &arguments)?;
        Ok(Lines::new(BufReader::new(output)))
    }

    /// A reader of the trees of commits.
    ///
    /// # Errors
    /// When git cannot be started.
    pub fn trees(&self) -> Result<TreeReader, GitError> {
        TreeReader::start(&self.git)
    }

    /// Reasons why another clone may show another history for the same commits.
    ///
    /// # Errors
    /// When git fails.
    pub fn notes(&self) -> Result<Vec<&'static str>, GitError> {
        let mut notes = Vec::new();
        let ask = |command, arguments: &[&str]| self.git.ask(command, arguments);
        if ask("rev-parse", &["--is-shallow-repository"])? == "true" {
            notes.push("the repository is a shallow clone: its history has no beginning");
        }
        if !ask("for-each-ref", &["--count=1", "refs/replace/"])?.is_empty() {
            notes.push("the repository replaces objects (git replace): other clones may not");
        }
        let grafts = ask("rev-parse", &["--git-path", "info/grafts"])?;
        let grafts = std::fs::metadata(self.git.path().join(grafts));
        if grafts.is_ok_and(|grafts| grafts.len() > 0) {
            notes.push("the repository has grafts (info/grafts): other clones do not");
        }
        Ok(notes)
    }
}

/// The reason why `HEAD` is not a commit.
fn without_head(git: &Git) -> GitError {
    explain_head(git).unwrap_or_else(|error| error)
}

fn explain_head(git: &Git) -> Result<GitError, GitError> {
    let path = git.path().to_owned();
    if let Ok(id) = git.ask("rev-parse", &["--verify", "--quiet", "HEAD"]) {
        let reason = match git.ask("cat-file", &["commit", &id]) {
            Err(error) => error.to_string(),
            Ok(_) => "it names another object".to_owned(),
        };
        return Ok(GitError::Failed(format!(
            "HEAD of the git repository {} is {id}, which cannot be read as a commit: {reason}",
            path.display()
        )));
    }
    let other = git.ask("for-each-ref", &["--count=1", "--format=%(refname)"])?;
    if other.is_empty() {
        return Ok(GitError::NoCommits { path });
    }
    let branch = git.ask("symbolic-ref", &["--quiet", "HEAD"])?;
    Ok(GitError::NoBranch {
        path,
        branch,
        other,
    })
}
