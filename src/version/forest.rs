//! Builds the forest from a flat list of segments.
//!
//! The manifest lists segments without the relation between output and inputs. Windows nest, so
//! containment gives that relation.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::commit::Commit;
use crate::segment::{Segment, SegmentId};
use crate::version::node::{Input, Node};

/// The roots of one keyspace, oldest first, from all its segments.
pub(crate) fn forest(segments: &BTreeMap<SegmentId, Arc<Segment>>) -> Vec<Arc<Node>> {
    let mut roots: Vec<&Arc<Segment>> = segments.values().collect();
    // Among nested windows the widest comes first and covers the others.
    roots.sort_by_key(|segment| {
        (
            segment.meta.window.start,
            std::cmp::Reverse(segment.meta.window.level),
        )
    });
    let mut covered = Commit::ZERO;
    let mut nodes = Vec::new();
    for segment in roots {
        if segment.meta.window.end > covered {
            covered = segment.meta.window.end;
            nodes.push(build(segment, segments));
        }
    }
    nodes
}

fn build(segment: &Arc<Segment>, segments: &BTreeMap<SegmentId, Arc<Segment>>) -> Arc<Node> {
    let keyspace = segment.meta.keyspace;
    let inputs: Vec<Input> = segment
        .meta
        .inputs
        .iter()
        .map(|input| {
            let id = SegmentId {
                keyspace,
                end: input.end,
                level: input.level,
            };
            segments
                .get(&id)
                .map_or(Input::Removed { first: input.first }, |segment| {
                    Input::Kept(build(segment, segments))
                })
        })
        .collect();
    Arc::new(Node {
        segment: Arc::clone(segment),
        inputs,
    })
}
