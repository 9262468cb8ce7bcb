//! Traces and reports on disk.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "people name these files, and no run reads them"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Laboratory;
use super::exit::{Exit, Outcome};
use crate::finding::traces::parse;
use crate::run::plan::Plan;

/// Reads a trace of a system of the laboratory.
pub(super) fn read(laboratory: Laboratory<'_>, path: &Path) -> Outcome<Plan> {
    let because = |message: String| Exit::Usage.because(format!("{}: {message}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| {
        Exit::Usage.because(format!("cannot read the trace {}: {error}", path.display()))
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| because(not_text(&bytes, error)))?;
    parse(laboratory.systems, text).map_err(|error| because(error.to_string()))
}

/// The place of the first byte that is not text.
fn not_text(bytes: &[u8], error: std::str::Utf8Error) -> String {
    let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
    let line = valid.split('\n').next_back().unwrap_or_default();
    format!(
        "line {}, column {}: a byte that is not UTF-8",
        valid.matches('\n').count() + 1,
        line.chars().count() + 1
    )
}

/// The path of a trace for a program that starts in another directory.
pub(super) fn absolute(path: &Path) -> Outcome<PathBuf> {
    std::path::absolute(path).map_err(|error| {
        Exit::Usage.because(format!("{} has no full path: {error}", path.display()))
    })
}

/// The given traces, and the `.sim` files in the given directories, sorted.
pub(super) fn expand(paths: &[PathBuf]) -> Outcome<Vec<PathBuf>> {
    let mut traces = Vec::new();
    for path in paths {
        if !path.is_dir() {
            traces.push(path.clone());
            continue;
        }
        let failed = |error: std::io::Error| {
            Exit::Usage.because(format!("cannot list {}: {error}", path.display()))
        };
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?.path();
            if entry
                .extension()
                .is_some_and(|extension| extension == "sim")
            {
                inside.push(entry);
            }
        }
        if inside.is_empty() {
            return Err(Exit::Usage.because(format!("{} holds no traces", path.display())));
        }
        inside.sort();
        traces.append(&mut inside);
    }
    Ok(traces)
}

/// Writes a trace, and creates its directory if it does not exist.
pub(super) fn write(path: &Path, plan: &Plan) -> Outcome {
    write_text(path, &plan.to_string(), "the trace")
}

/// Writes a text, and creates its directory if it does not exist.
pub(super) fn write_text(path: &Path, text: &str, what: &str) -> Outcome {
    let failed = |error: std::io::Error| {
        Exit::Usage.because(format!("cannot write {what} {}: {error}", path.display()))
    };
    if let Some(directory) = directory_of(path) {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

/// A file for a trace or a report that may be written later. It is checked in advance
/// that the file can be written. If nothing is written, the file is removed again.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    /// What is written, for messages.
    what: &'static str,
    /// Whether the file and the directory were created for this.
    made: [bool; 2],
}

impl Place {
    /// Fails early if a text could not be written there.
    pub(super) fn check(path: &Path, what: &'static str) -> Outcome<Self> {
        let failed = |error: std::io::Error| {
            let path = path.display();
            Exit::Usage.because(format!("{what} cannot be written to {path}: {error}"))
        };
        let directory = directory_of(path);
        let has_directory = directory.is_none_or(Path::exists);
        if let Some(directory) = directory {
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        let mut place = Self {
            path: path.to_owned(),
            what,
            made: [false, !has_directory],
        };
        let is_new = !path.exists();
        let mut options = std::fs::OpenOptions::new();
        options
            .append(true)
            .create(true)
            .open(path)
            .map_err(failed)?;
        place.made[0] = is_new;
        Ok(place)
    }

    /// A file in the same directory, whose name begins with the name of this one.
    pub(super) fn beside(&self, rest: &str) -> PathBuf {
        let stem = self.path.file_stem().unwrap_or_default();
        let name = format!("{}-{rest}", stem.to_string_lossy());
        self.path.with_file_name(name)
    }

    /// Writes a trace.
    pub(super) fn keep(self, plan: &Plan) -> Outcome {
        self.keep_text(&plan.to_string())
    }

    /// Writes a text, in the place of what the file held before. Who reads the file meanwhile
    /// sees the text before it or this one, and no part of it.
    ///
    /// # Errors
    /// If the file cannot be written any more.
    pub fn keep_text(self, text: &str) -> Outcome {
        self.written(|path| replace(path, text))
    }

    /// Writes a text behind what the file holds.
    pub(super) fn append_text(self, text: &str) -> Outcome {
        self.written(|path| {
            let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
            file.write_all(text.as_bytes())
        })
    }

    fn written(mut self, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Outcome {
        self.made = [false; 2];
        write(&self.path).map_err(|error| {
            let (what, path) = (self.what, self.path.display());
            Exit::Usage.because(format!("cannot write {what} {path}: {error}"))
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let [file, directory] = self.made;
        if file {
            let _ = std::fs::remove_file(&self.path);
        }
        if let Some(parent) = directory_of(&self.path).filter(|_| directory) {
            // Only if no other file is in it by now.
            remove_empty(parent);
        }
    }
}

/// Replaces the text of a file that exists. The text gets its name when it is whole. A pipe or
/// a device has no text to replace, and a directory may refuse a second file: then the text is
/// written where it is.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let before = std::fs::metadata(path)?;
    if !before.is_file() {
        return std::fs::write(path, text);
    }
    // A link stays a link.
    let path = std::fs::canonicalize(path)?;
    let directory = directory_of(&path).unwrap_or(Path::new("."));
    let Ok(file) = NamedTempFile::new_in(directory) else {
        return std::fs::write(path, text);
    };
    file.as_file().set_permissions(before.permissions())?;
    name_when_whole(file, text.as_bytes(), &path)
}

/// Writes a new file, and gives it its name behind its bytes: a machine that stops leaves the whole
/// file or what was there before.
pub(super) fn name_when_whole(
    mut file: NamedTempFile,
    bytes: &[u8],
    path: &Path,
) -> std::io::Result<()> {
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The directory part of a path, if any.
fn directory_of(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
}

/// Fails early if traces could not be written there. Returns whether the directory is
/// new.
pub(super) fn check_directory(directory: &Path) -> Outcome<bool> {
    let failed = |error: std::io::Error| {
        Exit::Usage.because(format!(
            "findings cannot be written to {}: {error}",
            directory.display()
        ))
    };
    let is_new = !directory.exists();
    std::fs::create_dir_all(directory).map_err(failed)?;
    let probe = directory.join(".lithify-sim");
    std::fs::write(&probe, b"").map_err(failed)?;
    std::fs::remove_file(&probe).map_err(failed)?;
    Ok(is_new)
}

/// Removes a directory if it is empty.
pub(super) fn remove_empty(directory: &Path) {
    let _ = std::fs::remove_dir(directory);
}

/// The text of a file that is not a trace.
pub(super) fn text(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

/// The path of the trace of a finding.
pub(super) fn finding(directory: &Path, seed: u64) -> PathBuf {
    directory.join(format!("seed-{seed}.sim"))
}
