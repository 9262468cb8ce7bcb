//! Checks that a manifest's state makes sense as a whole: numbers, names, windows, and the shape of
//! the layout. Reads no file.

use std::collections::BTreeSet;

use super::manifest::ManifestFacts;
use super::meta::{Id, Listed};
use super::report::Report;
use crate::commit::Commit;

/// Checks the state of the manifest in force.
pub(super) fn check(state: &ManifestFacts, report: &mut Report) {
    check_numbers(state, report);
    for listed in state.all_segments() {
        check_segment(state, listed, report);
    }
    for keyspace in 0..state.keyspaces.len() as u32 {
        let segments = segments_of(state, keyspace);
        let roots = check_forest(state, &segments, report);
        check_settled(state, keyspace, &roots, report);
    }
    check_places(state, report);
}

fn damage(
    state: &ManifestFacts,
    report: &mut Report,
    expected: impl std::fmt::Display,
    found: String,
) {
    report.damage(&state.name, state.offset, expected, found);
}

fn check_numbers(state: &ManifestFacts, report: &mut Report) {
    let highest = state
        .files
        .keys()
        .copied()
        .max()
        .unwrap_or(0)
        .max(state.oldest_wal);
    if highest >= state.next_file {
        let expected = format!("file numbers below {}", state.next_file);
        damage(state, report, expected, highest.to_string());
    }
    let names: BTreeSet<&String> = state.keyspaces.iter().collect();
    if names.len() < state.keyspaces.len() {
        damage(
            state,
            report,
            "a name for each keyspace",
            format!("{:?}", state.keyspaces),
        );
    }
}

fn check_segment(state: &ManifestFacts, listed: &Listed, report: &mut Report) {
    let meta = &listed.meta;
    let length = state
        .files
        .get(&listed.place.file)
        .map_or(0, |file| file.length);
    let found = if meta.id.keyspace as usize >= state.keyspaces.len() {
        let known = state.keyspaces.len();
        Some(format!("keyspace number {} of {known}", meta.id.keyspace))
    } else if meta.id.end > state.flushed_through {
        let through = state.flushed_through;
        Some(format!(
            "window {} beyond flushed commit {through}",
            meta.window()
        ))
    } else {
        listed.fault(&state.alignment, length)
    };
    if let Some(found) = found {
        let expected = format!("a segment that fits the store for {:?}", meta.id);
        damage(state, report, expected, found);
    }
}

/// The segments of a keyspace. Among those with the same left edge, the widest comes first.
fn segments_of(state: &ManifestFacts, keyspace: u32) -> Vec<&Listed> {
    let mut segments: Vec<&Listed> = state.segments_of(keyspace).collect();
    segments.sort_by_key(|listed| (listed.meta.start, std::cmp::Reverse(listed.meta.id.level)));
    segments
}

/// Windows nest, and every segment inside the window of another segment is an input that a segment
/// names. Returns the outermost segments.
fn check_forest<'a>(
    state: &ManifestFacts,
    segments: &[&'a Listed],
    report: &mut Report,
) -> Vec<&'a Listed> {
    let named: BTreeSet<Id> = segments
        .iter()
        .flat_map(|listed| {
            let keyspace = listed.meta.id.keyspace;
            listed.meta.inputs.iter().map(move |input| Id {
                keyspace,
                end: input.end,
                level: input.level,
            })
        })
        .collect();
    let mut roots = Vec::new();
    let mut covered = 0;
    for &listed in segments {
        let meta = &listed.meta;
        let is_root = meta.id.end > covered;
        if is_root {
            if meta.start < covered {
                let expected = format!("live windows from commit {covered} on");
                damage(state, report, expected, meta.window().to_string());
            }
            covered = meta.id.end;
            roots.push(listed);
        } else if !named.contains(&meta.id) {
            report.note(
                &state.name,
                state.offset,
                format_args!("an input of a segment in place of {:?}", meta.id),
                "a segment that no segment names",
            );
        }
    }
    roots
}

/// Up to the last flushed commit the layout is the settled one: no closed window holds `min_inputs`
/// live segments. The windows that close at that very commit may still be unmerged.
fn check_settled(state: &ManifestFacts, keyspace: u32, roots: &[&Listed], report: &mut Report) {
    let through = Commit::new(state.flushed_through);
    for level in 1..=state.alignment.max_level() {
        let window_of =
            |listed: &&Listed| state.alignment.window(level, Commit::new(listed.meta.last));
        for inside in roots.chunk_by(|a, b| window_of(a) == window_of(b)) {
            let window = window_of(&inside[0]);
            let is_closed =
                window.end < through || window.end == through && planted!(VerifySettledEarly);
            if is_closed && inside.len() as u64 >= state.min_inputs {
                let expected = format!(
                    "fewer than {} live segments of keyspace {:?} in closed window {window}",
                    state.min_inputs, state.keyspaces[keyspace as usize]
                );
                damage(state, report, expected, inside.len().to_string());
            }
        }
    }
}

/// No two segments share bytes of a file.
fn check_places(state: &ManifestFacts, report: &mut Report) {
    let mut places: Vec<_> = state.all_segments().map(|listed| listed.place).collect();
    places.sort_by_key(|place| (place.file, place.start));
    for pair in places.windows(2) {
        if pair[0].file == pair[1].file && pair[0].index.end() > pair[1].start {
            let expected = format!("a segment behind offset {}", pair[0].index.end());
            damage(state, report, expected, format!("{:?}", pair[1]));
        }
    }
}
