//! `git:PATH`: the history of a repository, or a log of a repository in a file, which
//! may be compressed with zstd.

use std::path::Path;

use lithify_policies::git::{CheckedLog, GitError, LineError, LogCommit, RawLog, Repository};
use lithify_sim::cli::exit::{Exit, Failure};

/// The commits of a log, while they are read.
pub(crate) type Commits = Box<dyn Iterator<Item = Result<LogCommit, LineError>>>;

/// Opens a log.
///
/// # Errors
/// If there is neither a repository nor a readable file at the path.
pub(crate) fn open(path: &str) -> Result<Commits, String> {
    let path = Path::new(path);
    if path.is_dir() {
        let repository = Repository::open(Some(path)).map_err(|error| error.to_string())?;
        let log = repository.log().map_err(|error| error.to_string())?;
        return Ok(Box::new(log));
    }
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let bytes = std::fs::read(path).map_err(failed)?;
    let is_compressed = path.extension().is_some_and(|extension| extension == "zst");
    let text = if is_compressed {
        zstd::decode_all(&bytes[..]).map_err(failed)?
    } else {
        bytes
    };
    let log = RawLog::new(std::io::Cursor::new(text));
    Ok(Box::new(CheckedLog::alone(log)))
}

/// The failure for an invalid log.
pub(crate) fn of_log(error: LineError) -> Failure {
    let exit = match &error {
        LineError::Garbled { .. } | LineError::Contradiction { .. } => Exit::Input,
        LineError::Read(_) => Exit::Io,
    };
    exit.because(error)
}

/// The failure for an error of git.
pub(crate) fn of_git(error: GitError) -> Failure {
    let exit = match &error {
        GitError::NotARepository { .. }
        | GitError::NoCommits { .. }
        | GitError::NoBranch { .. } => Exit::Input,
        GitError::NoGit(_) | GitError::Failed(_) => Exit::Io,
    };
    exit.because(error)
}
