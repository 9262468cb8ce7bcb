//! Installs merge outputs into the version, and takes their inputs out.

use std::sync::Arc;

use crate::commit::Commit;
use crate::compactor::retired::remove_due_inputs;
use crate::event::Event;
use crate::options::RemoveInputs;
use crate::retention::removes;
use crate::segment::Segment;
use crate::storage::Storage;
use crate::version::{Input, Node, inside_window};

/// A merge output that is ready to replace its inputs.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) segment: Arc<Segment>,
    /// The number of segments that were merged.
    pub(crate) inputs: usize,
}

/// Replaces the inputs of each output by the output, and applies retention. Readers of older
/// versions are not disturbed.
///
/// Retention is evaluated at the latest closing that was installed so far. The two lanes close out
/// of order, so an earlier closing may be installed after a later one, and must not keep inputs
/// that the later closing removes.
pub(crate) fn install_outputs(storage: &mut Storage, at: Commit, outputs: Vec<Output>) {
    // Segments move to files at any commit. Such a commit must not decide which inputs are kept.
    let is_closing = storage.placement.alignment.closing_level(at) > 0;
    // Read before it advances: `remove_due_inputs` needs the edges of both closings.
    let before = storage.latest_closing;
    if is_closing {
        storage.latest_closing = match storage.latest_closing {
            _ if planted!(RetentionLooksBack) => at,
            latest => latest.max(at),
        };
    }
    if is_closing && !outputs.is_empty() {
        event!(DEBUG, "closed", at = at, merges = outputs.len());
    }
    // `latest_closing` advances before the outputs are installed: `install_output` evaluates
    // retention by it.
    for output in outputs {
        install_output(storage, at, output);
    }
    if is_closing || planted!(SpillRetires) {
        let at = if planted!(RetentionLooksBack) {
            at
        } else {
            storage.latest_closing.max(at)
        };
        remove_due_inputs(storage, before, at);
    }
}

fn install_output(storage: &mut Storage, at: Commit, output: Output) {
    let rule = storage.placement.remove_inputs;
    let segment = Arc::clone(&output.segment);
    let meta = &segment.meta;
    assert!(
        meta.window.end <= at && meta.first > meta.window.start,
        "{:?} from commit {} on is installed at commit {at}",
        meta.id(),
        meta.first
    );
    assert!(
        meta.first <= meta.floor && meta.floor <= meta.last,
        "{:?} holds commits {} to {} and can be read from {} on",
        meta.id(),
        meta.first,
        meta.last,
        meta.floor
    );
    let version = Arc::make_mut(&mut storage.version);
    let roots = version.roots(meta.keyspace);
    let mut inputs = Vec::with_capacity(output.inputs);
    let mut gone = Vec::with_capacity(output.inputs);
    for node in roots.range(inside_window(roots, meta.window)) {
        if removes(rule, storage.latest_closing, node.meta()) {
            mark!(InputRemoved);
            node.for_each(&mut |segment| gone.push(Arc::clone(segment)));
            inputs.push(Input::Removed {
                first: node.meta().first,
            });
        } else {
            mark!(InputKept);
            inputs.push(Input::Kept(Arc::clone(node)));
        }
    }
    if rule == RemoveInputs::Always {
        inputs.clear();
    }
    storage.memory_bytes += output.segment.memory_bytes();
    let node = Arc::new(Node {
        segment: output.segment,
        inputs,
    });
    let replaced = version.replace_window(node);
    assert_eq!(
        replaced, output.inputs,
        "a window's live segments change only by its own merge"
    );
    storage.events.push(Event::Merged {
        keyspace: Arc::clone(version.keyspace_name(meta.keyspace)),
        window: meta.window,
        inputs: output.inputs,
        entries: meta.entries,
    });
    count(storage, at, output.inputs, meta.entries);
    storage.forget(gone);
}

fn count(storage: &mut Storage, at: Commit, inputs: usize, entries: u64) {
    storage.histograms.merge_entries.record(entries);
    let counters = &mut storage.counters;
    counters.merges += 1;
    counters.merge_inputs += inputs as u64;
    counters.merge_entries_written += entries;
    if storage.pause.0 != at {
        storage.pause = (at, 0);
    }
    storage.pause.1 += entries;
    counters.longest_pause_entries = counters.longest_pause_entries.max(storage.pause.1);
}
