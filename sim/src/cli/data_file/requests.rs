//! What each line does to the store.

use lithify_sim::git::quote::quote;
use lithify_sim::systems::data_file::{Report, Role, Shared, Statistics, Write};

use super::change;

/// How many commits are read at once on their way out.
const CHANGES: usize = 1000;

/// The answer to a line: one line, or for changes several.
pub(super) fn answer(store: &Shared, line: &[u8]) -> Vec<u8> {
    perform(store, line).unwrap_or_else(|error| {
        let words: Vec<&str> = error.split(char::is_control).collect();
        format!("error {}", words.join(" ")).into_bytes()
    })
}

fn perform(store: &Shared, line: &[u8]) -> Result<Vec<u8>, String> {
    if line.starts_with(b"{") {
        let change = change::decode(line).map_err(|fault| format!("no commit: {fault}"))?;
        return done(store.replicate(&[change]).map_err(text)?);
    }
    let (word, rest) = split(line);
    match (word, split(rest)) {
        (b"put", (key, value)) if !key.is_empty() => write(store, key, Some(value)),
        (b"del", (key, b"")) if !key.is_empty() => write(store, key, None),
        (b"get", (key, b"")) if !key.is_empty() => {
            let value = store.get(key).map_err(text)?;
            let found = value.map(|value| [b"value ".as_slice(), &quote(&value)].concat());
            Ok(found.unwrap_or_else(|| b"none".to_vec()))
        }
        (b"stats", (b"", _)) => Ok(statistics(&store.statistics()).into_bytes()),
        (b"check", (b"", _)) => {
            let report = store.check().map_err(text)?;
            let decision = store.statistics().decision;
            let why = decision.map_or_else(String::new, |decision| decision.to_string());
            let skipped = || format!("ok nothing was done: {why}");
            Ok(report.map_or_else(skipped, shown).into_bytes())
        }
        (b"compact", (b"", _)) => Ok(shown(store.compact().map_err(text)?).into_bytes()),
        (b"changes-since", (commit, b"")) => changes(store, commit),
        (b"promote", (b"", _)) => {
            store.promote();
            done(store.statistics().head)
        }
        _ => Err(format!(
            "{} is none of: put KEY VALUE, del KEY, get KEY, stats, check, compact, changes-since COMMIT, promote",
            String::from_utf8_lossy(&quote(line))
        )),
    }
}

/// The first word, and what is behind its space.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(end) => (&line[..end], &line[end + 1..]),
        None => (line, b""),
    }
}

fn text(failure: lithify_sim::system::Failure) -> String {
    failure.to_string()
}

fn done(commit: u64) -> Result<Vec<u8>, String> {
    Ok(format!("ok {commit}").into_bytes())
}

fn write(store: &Shared, key: &[u8], value: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let write = Write {
        key: key.to_vec(),
        value: value.map(<[u8]>::to_vec),
    };
    done(store.commit(&[vec![write]]).map_err(text)?)
}

fn changes(store: &Shared, commit: &[u8]) -> Result<Vec<u8>, String> {
    let number = str::from_utf8(commit)
        .ok()
        .and_then(|text| text.parse().ok());
    let mut commit: u64 = number.ok_or("changes-since needs the number of a commit")?;
    let mut lines = Vec::new();
    loop {
        let changes = store.changes_since(commit, CHANGES).map_err(text)?;
        let Some(last) = changes.last() else {
            lines.extend(format!("ok {commit}").into_bytes());
            return Ok(lines);
        };
        commit = last.commit;
        for change in &changes {
            lines.extend(change::encode(change));
            lines.push(b'\n');
        }
    }
}

fn shown(report: Report) -> String {
    let Report {
        bytes_before,
        bytes_after,
        entries_copied,
        entries_caught_up,
        pause,
        duration,
    } = report;
    format!(
        "ok bytes_before={bytes_before} bytes_after={bytes_after} entries_copied={entries_copied} entries_caught_up={entries_caught_up} pause_us={} duration_us={}",
        pause.as_micros(),
        duration.as_micros()
    )
}

fn statistics(statistics: &Statistics) -> String {
    let role = match statistics.role {
        Role::Primary => "primary",
        Role::Replica => "replica",
    };
    let space = statistics.space;
    let last = statistics.last.map_or_else(String::new, |report| {
        format!(" last: {}", shown(report).trim_start_matches("ok "))
    });
    let failure = statistics.failure.as_ref();
    let failure = failure.map_or_else(String::new, |failure| format!(" failure: {failure}"));
    format!(
        "ok head={} base={} chain={:016x} keys={} live_bytes={} total_bytes={} dead_ratio={:.3} role={role} checks={} compactions={}{last}{failure}",
        statistics.head,
        statistics.base,
        statistics.chain,
        statistics.keys,
        space.live_bytes,
        space.total_bytes,
        space.dead_ratio(),
        statistics.checks,
        statistics.compactions
    )
}
