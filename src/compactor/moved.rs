//! Moved segments: the same entries at another place, in the same node of the forest.
//!
//! Only nodes with a moved segment at or below them are visited and rebuilt; all other nodes,
//! however many retention keeps, are shared. Windows nest, so segment identities tell which nodes
//! those are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::segment::{Segment, SegmentId, SegmentMeta};
use crate::storage::Storage;
use crate::version::{Input, Node};

/// Replaces segments by their moved copies. Returns the identities of those that retention has
/// removed in the meantime.
pub(crate) fn install_moved(storage: &mut Storage, moved: Vec<Arc<Segment>>) -> Vec<SegmentId> {
    let segments = moved.into_iter();
    let mut moved = Moved {
        segments: segments
            .map(|segment| (segment.meta.id(), segment))
            .collect(),
        missing: BTreeSet::new(),
        memory_bytes: 0,
    };
    moved.missing = moved.segments.keys().copied().collect();
    let version = Arc::make_mut(&mut storage.version);
    let mut next = moved.segments.first_key_value().map(|(id, _)| *id);
    while let Some(id) = next {
        let roots = version.roots(id.keyspace);
        let position = roots.partition_point(|node| node.meta().window.end < id.end);
        // Continue after the root that contains this segment, or would contain it.
        let mut last = id;
        if let Some(root) = roots.get(position)
            && let Some(node) = moved.replace_in(root)
        {
            last = root.meta().id();
            version.replace_window(node);
        }
        let behind = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
        next = moved.segments.range(behind).next().map(|(id, _)| *id);
    }
    if !planted!(MovedMemoryKept) {
        storage.memory_bytes -= moved.memory_bytes;
    }
    moved.missing.into_iter().collect()
}

/// The moved segments, and which of them were found.
struct Moved {
    segments: BTreeMap<SegmentId, Arc<Segment>>,
    missing: BTreeSet<SegmentId>,
    /// Memory that the found segments took before the move.
    memory_bytes: usize,
}

impl Moved {
    /// A copy of the node that holds the moved segments; `None` when the node holds none of them.
    fn replace_in(&mut self, node: &Node) -> Option<Arc<Node>> {
        work!(SegmentVisited);
        let mut inside = self
            .segments
            .range(first_id(node.meta())..=node.meta().id());
        inside.next()?;
        let inputs = node.inputs.iter().map(|input| match input {
            Input::Kept(below) => self
                .replace_in(below)
                .map_or_else(|| input.clone(), Input::Kept),
            Input::Removed { .. } => input.clone(),
        });
        let inputs = inputs.collect();
        let id = node.meta().id();
        let segment = match self.segments.get(&id) {
            Some(segment) => {
                self.missing.remove(&id);
                self.memory_bytes += node.segment.memory_bytes();
                segment
            }
            None => &node.segment,
        };
        Some(Arc::new(Node {
            segment: Arc::clone(segment),
            inputs,
        }))
    }
}

/// The lowest identity that a segment inside the window of this segment can have.
fn first_id(meta: &SegmentMeta) -> SegmentId {
    SegmentId {
        keyspace: meta.keyspace,
        end: meta.window.start.next(),
        level: 0,
    }
}
