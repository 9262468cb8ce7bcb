//! Converts commits of the laboratory to operations of the store. One batch is one
//! commit.

use lithify_sim::history::{Batch, State};

use super::record::Operation;
use super::table::Table;

/// Separates keyspace and key. No keyspace contains this byte.
const SEPARATOR: u8 = b'/';

/// The operations of a batch, in the order of the batch.
pub(super) fn operations(batch: &Batch) -> Vec<Operation> {
    batch
        .writes
        .iter()
        .map(|write| {
            let mut key = write.key.keyspace_name().as_bytes().to_vec();
            key.push(SEPARATOR);
            key.extend(write.key.bytes());
            match write.value {
                Some(value) => Operation::Put(key, value.bytes()),
                None => Operation::Delete(key),
            }
        })
        .collect()
}

/// Converts a table to a state of the laboratory.
pub(super) fn state(table: &Table) -> State {
    let pair = |(key, value): (&Vec<u8>, &Vec<u8>)| {
        let keyspace = key.split(|byte| *byte == SEPARATOR).next();
        let keyspace = keyspace.unwrap_or_default();
        let name = String::from_utf8_lossy(keyspace).into_owned();
        let rest = key.get(keyspace.len() + 1..).unwrap_or_default();
        ((name, rest.to_vec()), value.clone())
    };
    table.pairs().iter().map(pair).collect()
}
