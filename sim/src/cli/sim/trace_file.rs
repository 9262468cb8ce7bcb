//! Traces on disk.

use std::path::{Path, PathBuf};

use lithify_sim::plan::{Plan, parse};

use super::super::exit::{Exit, Outcome};

/// Reads a trace.
pub(super) fn read(path: &Path) -> Outcome<Plan> {
    let because = |message: String| Exit::Usage.because(format!("{}: {message}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| {
        Exit::Usage.because(format!("cannot read the trace {}: {error}", path.display()))
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| because(not_text(&bytes, error)))?;
    parse(text).map_err(|error| because(error.to_string()))
}

/// Where bytes stop being text.
fn not_text(bytes: &[u8], error: std::str::Utf8Error) -> String {
    let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
    let line = valid.split('\n').next_back().unwrap_or_default();
    format!(
        "line {}, column {}: a byte that is not UTF-8",
        valid.matches('\n').count() + 1,
        line.chars().count() + 1
    )
}

/// These traces, and those in these directories, which end in `.sim`, sorted.
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

/// Writes a trace, and the directory around it when there is none.
pub(super) fn write(path: &Path, plan: &Plan) -> Outcome {
    let failed = |error: std::io::Error| {
        Exit::Usage.because(format!(
            "cannot write the trace {}: {error}",
            path.display()
        ))
    };
    if let Some(directory) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    std::fs::write(path, plan.to_string()).map_err(failed)
}

/// Fails early when traces could not be written there.
pub(super) fn check_directory(directory: &Path) -> Outcome {
    let failed = |error: std::io::Error| {
        Exit::Usage.because(format!(
            "findings cannot be written to {}: {error}",
            directory.display()
        ))
    };
    std::fs::create_dir_all(directory).map_err(failed)?;
    let probe = directory.join(".lithify-sim");
    std::fs::write(&probe, b"").map_err(failed)?;
    std::fs::remove_file(&probe).map_err(failed)
}

/// The name of a finding's trace.
pub(super) fn finding(directory: &Path, seed: u64) -> PathBuf {
    directory.join(format!("seed-{seed}.sim"))
}
