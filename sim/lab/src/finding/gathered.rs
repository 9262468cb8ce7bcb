//! Findings of many seeds, gathered by their signatures.
//!
//! Invariant: what is gathered does not depend on the order in which findings come.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::finding::replay::Found;
use crate::finding::signature::{Diagnosis, Signature};

/// Findings with one signature.
#[derive(Clone, Debug)]
pub struct Kind {
    /// How many seeds have shown it.
    pub count: u64,
    /// The one with the shortest trace; of equal ones, of the lowest seed.
    pub cheapest: Found,
    /// What had to go wrong in that one.
    pub why: Vec<String>,
}

/// Findings by signature.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    kinds: BTreeMap<Signature, Kind>,
}

impl Gathered {
    /// Adds what a seed has shown.
    pub fn add(&mut self, diagnosis: Diagnosis, found: Found) {
        let why = diagnosis.why;
        match self.kinds.entry(diagnosis.signature) {
            Entry::Vacant(place) => {
                place.insert(Kind {
                    count: 1,
                    cheapest: found,
                    why,
                });
            }
            Entry::Occupied(mut place) => {
                let kind = place.get_mut();
                kind.count += 1;
                if cost(&found) < cost(&kind.cheapest) {
                    (kind.cheapest, kind.why) = (found, why);
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

    /// How many findings there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.kinds.values().map(|kind| kind.count).sum()
    }
}

/// What it takes to run and to read a trace.
fn cost(found: &Found) -> (usize, usize, u64) {
    let text = found.plan.to_string();
    (found.plan.actions.len(), text.len(), found.seed)
}
