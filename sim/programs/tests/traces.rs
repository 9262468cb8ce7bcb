//! Faults of ours in what recordings mean, each as the shortest recording that shows it.
//!
//! A trace begins with its story. The lines behind it are steps as a recording has them, except that
//! `bytes` is the content itself. `May be found at the end` lists what the images at the end may
//! hold, as `PATH=CONTENT` words separated by spaces, one image for each `|`, under every model that
//! keeps syncs and does not lose a rename in parts.

#[allow(dead_code, reason = "other tests use the rest")]
mod hand;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use lithify_programs::Recording;
use lithify_programs::blobs::Blobs;
use lithify_programs::losses::{Crashes, Shown};
use lithify_programs::steps::Step;
use lithify_sim::disk::model::MODELS;
use lithify_sim::disk::{Budget, Place};
use lithify_sim::stop::Stop;
use serde_json::Value;

const FOUND: &str = "// May be found at the end: ";

fn step(line: &str, blobs: &mut Blobs) -> Step {
    let mut value: Value = serde_json::from_str(line).expect("it is JSON");
    for fields in value.as_object_mut().expect("a step").values_mut() {
        if let Some(Value::String(text)) = fields.get_mut("bytes") {
            *text = blobs.keep(text.as_bytes().to_vec()).to_string();
        }
    }
    serde_json::from_value(value).expect("it is a step")
}

fn read(path: &Path) -> (Recording, BTreeSet<String>) {
    let text = std::fs::read_to_string(path).expect("it is there");
    let found = text.lines().find_map(|line| line.strip_prefix(FOUND));
    let found = found.expect("it says what may be found").split('|');
    let found = found.map(|image| image.trim().to_owned()).collect();
    let recording = hand::recording(|blobs| {
        let steps = text.lines().filter(|line| !line.starts_with("//"));
        steps.map(|line| step(line, blobs)).collect()
    });
    (recording, found)
}

fn words(shown: &Shown) -> String {
    let words = shown.iter().filter_map(|(path, place)| match place {
        Place::File { bytes, .. } => Some(format!("{path}={}", String::from_utf8_lossy(bytes))),
        Place::Symlink(target) => Some(format!("{path}->{target}")),
        Place::Directory => None,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn no_fault_comes_back() {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces");
    let traces = std::fs::read_dir(traces).expect("they are there");
    for path in traces.map(|entry| entry.expect("it is there").path()) {
        let (recording, allowed) = read(&path);
        let end = recording.disk.log().operations().len();
        for model in MODELS
            .iter()
            .filter(|model| model.honest && !model.splits_renames)
        {
            let mut found = BTreeSet::new();
            let visit = &mut |loss: lithify_programs::losses::Loss, _, shown: Shown| {
                if loss.position == end {
                    found.insert(words(&shown));
                }
                ControlFlow::Continue(())
            };
            Crashes::of(&recording.disk).visit(model, Budget::ALL, &Stop::never(), visit);
            let name = path.display();
            assert!(!found.is_empty(), "{name}: {}", model.name);
            let new: Vec<&String> = found.difference(&allowed).collect();
            assert!(new.is_empty(), "{name}: {}: {new:?}", model.name);
        }
    }
}
