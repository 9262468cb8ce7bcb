//! Inputs that an earlier closing kept, and that are due for removal at this closing.
//!
//! Inputs are removed in the order of commits. So the inputs that are due at this closing, and were
//! not due at the closing before, end between two edges. Only nodes that reach into this range are
//! visited, however many inputs are kept on either side. After an opening there is no earlier
//! closing, so all inputs that are old enough are examined again.

use std::sync::Arc;

use crate::commit::Commit;
use crate::options::RemoveInputs;
use crate::retention::{edge, removes};
use crate::segment::Segment;
use crate::storage::Storage;
use crate::version::{Input, Node};

/// Removes the inputs that are due at the closing `at` and were not due at the closing `before`.
pub(crate) fn remove_due_inputs(storage: &mut Storage, before: Commit, at: Commit) {
    let rule = storage.placement.remove_inputs;
    let Some(through) = edge(rule, at) else {
        return;
    };
    let mut due = Due {
        rule,
        at,
        after: edge(rule, before).unwrap_or(Commit::ZERO),
        through,
        removed: Vec::new(),
    };
    let mut changed = Vec::new();
    for (_, roots) in storage.version.all_roots() {
        let start = roots.partition_point(|node| node.meta().last <= due.after);
        let reached = roots.from(start);
        let reached = reached.take_while(|node| node.meta().first <= through);
        changed.extend(reached.filter_map(|node| due.remove_from(node)));
    }
    if changed.is_empty() {
        return;
    }
    mark!(InputRemovedLater);
    let version = Arc::make_mut(&mut storage.version);
    for node in changed {
        version.replace_window(node);
    }
    storage.forget(due.removed);
}

/// The due inputs: their last commit is above `after` and not above `through`.
struct Due {
    rule: RemoveInputs,
    at: Commit,
    after: Commit,
    through: Commit,
    removed: Vec<Arc<Segment>>,
}

impl Due {
    /// A copy of the node without the due inputs below it; `None` when no input is due.
    fn remove_from(&mut self, node: &Node) -> Option<Arc<Node>> {
        work!(SegmentVisited);
        let inputs = &node.inputs;
        // The last input that begins before the edge may reach beyond the edge.
        let start = inputs.partition_point(|input| input.first() <= self.after);
        let end = inputs.partition_point(|input| input.first() <= self.through);
        let mut changed = Vec::new();
        let start = match planted!(InputAcrossEdgeStays) {
            true => start,
            false => start.saturating_sub(1),
        };
        let reached = inputs.iter().enumerate().take(end);
        for (position, input) in reached.skip(start) {
            if let Input::Kept(below) = input
                && let Some(input) = self.replacement(below)
            {
                changed.push((position, input));
            }
        }
        if changed.is_empty() {
            return None;
        }
        let mut inputs = inputs.clone();
        for (position, input) in changed {
            inputs[position] = input;
        }
        Some(Arc::new(Node {
            segment: Arc::clone(&node.segment),
            inputs,
        }))
    }

    /// The replacement of an input; `None` when the input stays as it is.
    fn replacement(&mut self, input: &Arc<Node>) -> Option<Input> {
        let meta = input.meta();
        if meta.last <= self.after {
            return None;
        }
        if !removes(self.rule, self.at, meta) {
            return self.remove_from(input).map(Input::Kept);
        }
        input.for_each(&mut |segment| {
            work!(SegmentVisited);
            self.removed.push(Arc::clone(segment));
        });
        Some(Input::Removed { first: meta.first })
    }
}
