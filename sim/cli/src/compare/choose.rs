//! The names on the command line of `compare`, and the values that they name.

use clap::builder::{StringValueParser, TypedValueParser};
use lithify_policies::compare::History;
use lithify_policies::compare::git::{self, Grouping};
use lithify_policies::compare::workloads::{self, Scale};
use lithify_policies::policies::registry::{self, ALL};
use lithify_policies::policies::{POLICIES, Spec};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::offering;

use super::super::git_log;

/// The number of keyspaces of workloads with several keyspaces.
pub(super) const DEFAULT_KEYSPACES: usize = 4;
/// The limit of keyspaces: each commit would have to look at this many streams.
const MAX_KEYSPACES: usize = 100_000;

/// A number of keyspaces, or the part of a path that gets its own keyspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyspaces {
    Number(usize),
    Directory,
    Path,
}

/// A number, `directory` or `path`.
pub(super) fn keyspaces(text: &str) -> Result<Keyspaces, String> {
    match (text, text.parse()) {
        ("directory", _) => Ok(Keyspaces::Directory),
        ("path", _) => Ok(Keyspaces::Path),
        (_, Ok(number)) if (1..=MAX_KEYSPACES).contains(&number) => Ok(Keyspaces::Number(number)),
        _ => Err(format!(
            "expected a number from 1 to {MAX_KEYSPACES}, directory or path"
        )),
    }
}

/// A policy with its parameters; completions offer the names.
pub(super) fn policy_names() -> impl TypedValueParser<Value = String> {
    let names = POLICIES.iter().map(|policy| policy.name);
    offering(StringValueParser::new(), ["all"].into_iter().chain(names))
}

/// A workload with its parameters, or `git:PATH`; completions offer the names.
pub(super) fn workload_names() -> impl TypedValueParser<Value = String> {
    let names = workloads::WORKLOADS.iter().map(|workload| workload.name);
    offering(StringValueParser::new(), ["git:"].into_iter().chain(names))
}

/// The policies. Each is built once to check that it is valid.
pub(super) fn policies(texts: &[String]) -> Result<Vec<Spec>, String> {
    let mut specs: Vec<Spec> = Vec::new();
    for text in texts {
        let texts = match text.as_str() {
            "all" => ALL.to_vec(),
            text => vec![text],
        };
        for text in texts {
            let spec: Spec = text.parse()?;
            registry::build(&spec)?;
            specs.push(spec);
        }
    }
    Ok(specs)
}

/// A history by name, or `git:PATH`. An invalid log is bad input, as for `import-git`.
pub(super) fn history(text: &str, scale: Scale, keyspaces: Option<Keyspaces>) -> Outcome<History> {
    let usage = |what: String| Exit::Usage.because(what);
    let Some(path) = text.strip_prefix("git:") else {
        return workload(text, scale, keyspaces).map_err(usage);
    };
    let grouping = match keyspaces {
        None | Some(Keyspaces::Directory) => Grouping::Directory,
        Some(Keyspaces::Path) => Grouping::Path,
        Some(Keyspaces::Number(1)) => Grouping::One,
        Some(Keyspaces::Number(number)) => Grouping::Hashed(number as u64),
    };
    let log = git_log::open(path).map_err(usage)?;
    let history = git::history(&git_name(path), log, grouping, scale.seed);
    history.map_err(|error| git_log::of_log(error).prefixed(path))
}

/// A history by name.
fn workload(text: &str, scale: Scale, keyspaces: Option<Keyspaces>) -> Result<History, String> {
    if let Some(Keyspaces::Directory | Keyspaces::Path) = keyspaces {
        return Err(format!(
            "--keyspaces directory and path are for git histories, {text} has no paths"
        ));
    }
    let history = workloads::build(&text.parse()?, scale)?;
    match keyspaces {
        Some(Keyspaces::Number(number)) if number != history.keyspaces => Err(format!(
            "--keyspaces {number} is for git histories and workloads that have several, {text} \
             has {}",
            history.keyspaces
        )),
        _ => Ok(history),
    }
}

/// `git:` and the name of the file or directory, without the part after its first dot.
fn git_name(path: &str) -> String {
    let name = std::path::Path::new(path)
        .file_name()
        .map_or(path.into(), |name| name.to_string_lossy());
    let stem = name.split('.').next().filter(|stem| !stem.is_empty());
    format!("git:{}", stem.unwrap_or(&name))
}
