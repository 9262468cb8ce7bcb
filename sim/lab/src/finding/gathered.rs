//! Findings of many seeds, gathered by their signatures.
//!
//! Invariant: the result does not depend on the order of the findings.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::finding::replay::Found;
use crate::finding::signature::{Diagnosis, Signature};

/// Findings with one signature.
#[derive(Clone, Debug)]
pub struct Kind {
    /// The number of seeds that have shown it.
    pub count: u64,
    /// The finding with the shortest trace; of several, the one of the lowest seed.
    pub cheapest: Found,
    /// What had to go wrong in that finding.
    pub why: Vec<String>,
    /// The persistence models under which any seed has shown it.
    pub models: BTreeSet<String>,
}

/// Findings by signature.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    kinds: BTreeMap<Signature, Kind>,
}

impl Gathered {
    /// Adds the finding of a seed.
    pub fn add(&mut self, diagnosis: Diagnosis, found: Found) {
        let kind = Kind {
            count: 1,
            models: BTreeSet::from([found.plan.model.name.to_owned()]),
            cheapest: found,
            why: diagnosis.why,
        };
        self.add_kind(diagnosis.signature, kind);
    }

    /// Adds what another part of a campaign has shown.
    pub fn merge(&mut self, other: Self) {
        for (signature, kind) in other.kinds {
            self.add_kind(signature, kind);
        }
    }

    /// Adds findings with one signature.
    pub fn add_kind(&mut self, signature: Signature, kind: Kind) {
        match self.kinds.entry(signature) {
            Entry::Vacant(place) => {
                place.insert(kind);
            }
            Entry::Occupied(mut place) => {
                let known = place.get_mut();
                known.count += kind.count;
                known.models.extend(kind.models);
                if cost(&kind.cheapest) < cost(&known.cheapest) {
                    (known.cheapest, known.why) = (kind.cheapest, kind.why);
                }
            }
        }
    }

    /// The kinds, the most frequent first.
    #[must_use]
    pub fn kinds(&self) -> Vec<(&Signature, &Kind)> {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, kind)| Reverse(kind.count));
        kinds
    }

    /// The number of findings.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.kinds.values().map(|kind| kind.count).sum()
    }
}

/// The cost of running and reading a trace.
fn cost(found: &Found) -> (usize, usize, u64) {
    let text = found.plan.to_string();
    (found.plan.actions.len(), text.len(), found.seed)
}
