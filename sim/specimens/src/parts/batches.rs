//! The state machine of the laboratory: one payload is one commit.

use std::collections::BTreeMap;

use lithify_sim::history::{Batch, State};
use lithify_sim::planted;

use super::machine::{Machine, put, take};

/// A payload that holds a whole commit.
const COMMIT: u8 = 1;
/// A payload that holds the first part of a commit. Only a planted bug writes it.
const BEGINNING: u8 = 2;

/// The state, and the number of commits that made it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batches {
    pub(crate) commits: u64,
    pub(crate) state: State,
}

/// The payloads of a batch: one, unless a planted bug splits the batch.
pub(crate) fn payloads(batch: &Batch) -> Vec<Vec<u8>> {
    if planted::is_active("batch-split") && batch.writes.len() > 1 {
        let (first, rest) = batch.writes.split_at(1);
        let part = |writes: &[_]| Batch {
            writes: writes.to_vec(),
        };
        return vec![
            payload(BEGINNING, &part(first)),
            payload(COMMIT, &part(rest)),
        ];
    }
    vec![payload(COMMIT, batch)]
}

/// A payload without a commit, for a planted bug that adds an entry at every opening.
pub(crate) fn note() -> Vec<u8> {
    payload(BEGINNING, &Batch::default())
}

/// The payload of a batch: the kind, then for each write the keyspace, the key, and
/// either 1 and the value or 0.
fn payload(kind: u8, batch: &Batch) -> Vec<u8> {
    let mut bytes = vec![kind];
    for write in &batch.writes {
        put(&mut bytes, write.key.keyspace_name().as_bytes());
        put(&mut bytes, &write.key.bytes());
        bytes.push(u8::from(write.value.is_some()));
        if let Some(value) = write.value {
            put(&mut bytes, &value.bytes());
        }
    }
    bytes
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|error| format!("a keyspace is no text: {error}"))
}

impl Machine for Batches {
    fn apply(&mut self, payload: &[u8]) -> Result<(), String> {
        let (&kind, mut bytes) = payload.split_first().ok_or("an empty payload")?;
        if kind != COMMIT && kind != BEGINNING {
            return Err(format!("a payload of kind {kind}"));
        }
        let mut writes: BTreeMap<(String, Vec<u8>), Option<Vec<u8>>> = BTreeMap::new();
        while !bytes.is_empty() {
            let key = (text(take(&mut bytes)?)?, take(&mut bytes)?.to_vec());
            let (&has_value, rest) = bytes.split_first().ok_or("a write without its kind")?;
            bytes = rest;
            let value = match has_value {
                0 => None,
                _ => Some(take(&mut bytes)?.to_vec()),
            };
            writes.insert(key, value);
        }
        for (key, value) in writes {
            match value {
                Some(value) => self.state.insert(key, value),
                None => self.state.remove(&key),
            };
        }
        self.commits += u64::from(kind == COMMIT);
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.commits.to_le_bytes().to_vec();
        for ((keyspace, key), value) in &self.state {
            put(&mut bytes, keyspace.as_bytes());
            put(&mut bytes, key);
            put(&mut bytes, value);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (commits, mut bytes) = bytes
            .split_first_chunk::<8>()
            .ok_or("the number of commits is missing")?;
        let mut state = State::new();
        while !bytes.is_empty() {
            let key = (text(take(&mut bytes)?)?, take(&mut bytes)?.to_vec());
            state.insert(key, take(&mut bytes)?.to_vec());
        }
        Ok(Self {
            commits: u64::from_le_bytes(*commits),
            state,
        })
    }
}
