//! Builds a commit, and asks the program that comes out of it for its verdict.
//!
//! Invariant: a built program is kept under its commit's hash, and a kept program is not built
//! again. A program gets its name in the cache when it is whole.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "builds and starts programs, which no run does"
)]

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Serialize;
use tempfile::NamedTempFile;

use super::super::exit::{Exit, Outcome};

/// What the program of a commit says about the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "because")]
pub(super) enum Verdict {
    /// The oracle that objects.
    Finds(String),
    Passes,
    /// Why there is no answer.
    Unknown(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finds(oracle) => write!(formatter, "finds {oracle}"),
            Self::Passes => formatter.write_str("passes"),
            Self::Unknown(reason) => write!(formatter, "cannot answer ({reason})"),
        }
    }
}

/// How commits are built and asked.
pub(super) struct Builds {
    /// A command for a shell.
    pub(super) build: String,
    /// The program, seen from the root of a working tree.
    pub(super) program: PathBuf,
    /// The directory of the programs of earlier builds.
    pub(super) cache: PathBuf,
    /// The words between the program's name and `replay`.
    pub(super) words: Vec<String>,
    pub(super) trace: PathBuf,
    /// The most time for one replay.
    pub(super) time: Duration,
}

impl Builds {
    /// The verdict of the commit that is checked out in `tree`.
    pub(super) fn verdict(&self, tree: &Path, commit: &str) -> Outcome<Verdict> {
        let kept = self.cache.join(commit);
        if !kept.exists()
            && let Err(reason) = self.build(tree, &kept)?
        {
            return Ok(Verdict::Unknown(reason));
        }
        self.replay(&kept)
    }

    /// Builds the commit and keeps its program; otherwise the reason why there is none.
    fn build(&self, tree: &Path, kept: &Path) -> Outcome<Result<(), String>> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.build).current_dir(tree);
        // The build of one working tree must not land in the directory of another.
        command.env_remove("CARGO_TARGET_DIR").stdin(Stdio::null());
        let output = command
            .output()
            .map_err(|error| Exit::Usage.because(format!("no shell for the build: {error}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            return Ok(Err(format!(
                "the build fails: {}",
                last.unwrap_or_default().trim()
            )));
        }
        let program = tree.join(&self.program);
        if !program.is_file() {
            return Ok(Err(format!(
                "the build makes no {}",
                self.program.display()
            )));
        }
        let failed = |error: std::io::Error| {
            let cache = self.cache.display();
            Exit::Io.because(format!("the program cannot be kept in {cache}: {error}"))
        };
        let copy = NamedTempFile::new_in(&self.cache).map_err(failed)?;
        // With its permission to be started.
        std::fs::copy(&program, copy.path()).map_err(failed)?;
        copy.persist(kept).map_err(|error| failed(error.error))?;
        Ok(Ok(()))
    }

    fn replay(&self, program: &Path) -> Outcome<Verdict> {
        let failed = |error: std::io::Error| {
            let program = program.display();
            Exit::Io.because(format!("{program} cannot be started: {error}"))
        };
        // A file takes any length; a pipe would have to be read meanwhile.
        let mut said = tempfile::tempfile().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(&self.words).arg("replay").arg(&self.trace);
        command.args(["--format", "json"]).stdin(Stdio::null());
        command
            .stdout(said.try_clone().map_err(failed)?)
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(failed)?;
        if !ends_within(&mut child, self.time).map_err(failed)? {
            let seconds = self.time.as_secs();
            return Ok(Verdict::Unknown(format!(
                "its replay takes more than {seconds} s"
            )));
        }
        Ok(verdict_of(&text(&mut said).map_err(failed)?))
    }
}

/// Waits for a process, and ends it after this time. Whether it has ended by itself.
fn ends_within(child: &mut Child, time: Duration) -> std::io::Result<bool> {
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > time {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

fn text(file: &mut File) -> std::io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The verdict in the JSON of `replay`. An exit code would not do: it says whether the trace does
/// what it expects, and 1 for both of two findings.
fn verdict_of(said: &str) -> Verdict {
    let object: serde_json::Value = match serde_json::from_str(said) {
        Ok(object) => object,
        Err(_) => return Verdict::Unknown("it cannot replay this trace".to_owned()),
    };
    match object.get("found") {
        Some(serde_json::Value::Null) => Verdict::Passes,
        Some(serde_json::Value::String(oracle)) => Verdict::Finds(oracle.clone()),
        _ => Verdict::Unknown("its replay does not say what was found".to_owned()),
    }
}
