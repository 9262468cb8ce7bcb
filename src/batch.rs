//! A batch: the changes of one commit, which are applied all or not at all.
//!
//! Within a batch the last operation on a key wins. Limits are checked when the batch is committed,
//! so building a batch never fails.

use std::sync::Arc;

use crate::commit::Commit;
use crate::error::Result;
use crate::limits;
use crate::names::Names;
use crate::options::Durability;
use crate::segment::run::{EntryRef, Run, prefix_of};

/// Puts and deletes in any number of keyspaces. A keyspace exists from the first commit that names
/// it.
///
/// ```
/// let mut batch = lithify::WriteBatch::new();
/// batch.put("users", b"ada", b"1815");
/// batch.delete("users", b"bob");
/// assert_eq!(batch.len(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct WriteBatch {
    keyspaces: Names,
    operations: Vec<Operation>,
    bytes: Vec<u8>,
    longest_key: usize,
    longest_value: usize,
    durability: Option<Durability>,
    /// The name of the first keyspace before [`WriteBatch::clear`]: most programs name it again.
    cleared: Option<Arc<str>>,
}

#[derive(Clone, Copy, Debug)]
struct Operation {
    keyspace: u32,
    prefix: u64,
    offset: usize,
    key_length: usize,
    value_length: Option<usize>,
}

/// The data that is moved when a batch is sorted: sixteen bytes for each operation.
#[derive(Clone, Copy, Debug)]
struct Sorted {
    prefix: u64,
    keyspace: u32,
    /// The place of the operation in the order of the calls.
    position: u32,
}

impl WriteBatch {
    /// An empty batch. Committing it still takes a commit number.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` of `keyspace` to `value`.
    pub fn put(&mut self, keyspace: &str, key: &[u8], value: &[u8]) {
        self.push(keyspace, key, Some(value));
    }

    /// Removes `key` from `keyspace`; removing an absent key is no error.
    pub fn delete(&mut self, keyspace: &str, key: &[u8]) {
        self.push(keyspace, key, None);
    }

    /// The number of operations in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// True when the batch holds no operation.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The bytes of its keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Sets when the commit of this batch is acknowledged, whatever
    /// [`Options::durability`](crate::Options::durability) says.
    ///
    /// The log keeps the order of commits, so a commit that is [`Durability::Synced`] makes all earlier
    /// commits durable, too. Batches that are committed as one group share a sync if one of them asks
    /// for it. A [`Durability::Buffered`] commit is visible before it is durable, also in a store
    /// whose other commits are not: see [`Store::sync`](crate::Store::sync).
    pub fn durability(&mut self, durability: Durability) {
        self.durability = Some(durability);
    }

    /// The durability of this batch; `None` for that of the store.
    pub(crate) fn own_durability(&self) -> Option<Durability> {
        self.durability
    }

    /// Removes all operations and keeps the memory, and the durability.
    pub fn clear(&mut self) {
        self.cleared = self.keyspaces().first().cloned();
        self.keyspaces.truncate(0);
        self.operations.clear();
        self.bytes.clear();
        self.longest_key = 0;
        self.longest_value = 0;
    }

    fn push(&mut self, keyspace: &str, key: &[u8], value: Option<&[u8]>) {
        let keyspace = self.keyspace_number(keyspace);
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.longest_key = self.longest_key.max(key.len());
        self.longest_value = self.longest_value.max(value.map_or(0, <[u8]>::len));
        self.operations.push(Operation {
            keyspace,
            prefix: prefix_of(key),
            offset,
            key_length: key.len(),
            value_length: value.map(<[u8]>::len),
        });
    }

    /// The number of a keyspace inside this batch. Neighbouring operations mostly name the same
    /// keyspace, so the search starts with the last one.
    fn keyspace_number(&mut self, name: &str) -> u32 {
        let last = self.operations.last().map(|operation| operation.keyspace);
        if let Some(last) = last.filter(|&last| self.keyspaces.is(last, name)) {
            return last;
        }
        let known = self.keyspaces.number(name);
        known.unwrap_or_else(|| {
            let cleared = self.cleared.take().filter(|cleared| **cleared == *name);
            self.keyspaces.add(cleared.unwrap_or_else(|| name.into()))
        })
    }

    /// Refuses a batch beyond a limit.
    pub(crate) fn check_limits(&self) -> Result<()> {
        let names = self.keyspaces().iter();
        let longest_name = names.map(|name| name.len()).max().unwrap_or(0);
        let (bytes, operations) = (self.bytes.len(), self.operations.len());
        limits::check_writes(self.longest_key, self.longest_value, bytes, operations)?;
        limits::check([(
            "the longest keyspace name in bytes",
            longest_name,
            limits::KEYSPACE_NAME_BYTES,
        )])
    }

    /// The names of the keyspaces that the batch touches, in order of first use.
    pub(crate) fn keyspaces(&self) -> &[Arc<str>] {
        self.keyspaces.as_slice()
    }

    /// The name of each keyspace and its sorted run, in order of first use, with all entries at
    /// `commit`.
    pub(crate) fn sorted_runs(&self, commit: Commit) -> Vec<(Arc<str>, Run)> {
        if let [operation] = &self.operations[..] {
            return vec![self.run_of_one(operation, commit)];
        }
        let order = self.sorted_operations();
        let names = self.keyspaces().iter();
        let mut runs: Vec<_> = names
            .map(|name| (Arc::clone(name), Run::default()))
            .collect();
        if let [(_, run)] = &mut runs[..] {
            *run = Run::with_capacity(order.len(), self.bytes.len());
        }
        for (position, sorted) in order.iter().enumerate() {
            let operation = &self.operations[sorted.position as usize];
            let is_overwritten = order
                .get(position + 1)
                .is_some_and(|next| self.is_same_key(*sorted, *next));
            if !is_overwritten {
                let (_, run) = &mut runs[operation.keyspace as usize];
                run.push(self.entry(operation, commit));
            }
        }
        runs
    }

    /// The run of a batch that holds one operation: there is nothing to sort, and single writes are
    /// common.
    fn run_of_one(&self, operation: &Operation, commit: Commit) -> (Arc<str>, Run) {
        let mut run = Run::with_capacity(1, self.bytes.len());
        run.push(self.entry(operation, commit));
        (
            Arc::clone(&self.keyspaces()[operation.keyspace as usize]),
            run,
        )
    }

    fn entry(&self, operation: &Operation, commit: Commit) -> EntryRef<'_> {
        EntryRef {
            key: self.key(operation),
            commit,
            value: self.value(operation),
        }
    }

    /// The operations in order of keyspace, key and position.
    fn sorted_operations(&self) -> Vec<Sorted> {
        let mut order: Vec<Sorted> = (0..)
            .zip(&self.operations)
            .map(|(position, operation)| Sorted {
                keyspace: operation.keyspace,
                position,
                prefix: operation.prefix,
            })
            .collect();
        let first_wins = planted!(BatchFirstWriteWins);
        // Among several operations on a key, the last one comes last because of its position.
        order.sort_unstable_by(|a, b| {
            (a.keyspace, a.prefix)
                .cmp(&(b.keyspace, b.prefix))
                .then_with(|| self.key_at(a.position).cmp(self.key_at(b.position)))
                .then_with(|| match first_wins {
                    true => b.position.cmp(&a.position),
                    false => a.position.cmp(&b.position),
                })
        });
        order
    }

    fn is_same_key(&self, a: Sorted, b: Sorted) -> bool {
        (a.keyspace, a.prefix) == (b.keyspace, b.prefix)
            && self.key_at(a.position) == self.key_at(b.position)
    }

    fn key_at(&self, position: u32) -> &[u8] {
        self.key(&self.operations[position as usize])
    }

    fn key(&self, operation: &Operation) -> &[u8] {
        &self.bytes[operation.offset..operation.offset + operation.key_length]
    }

    fn value(&self, operation: &Operation) -> Option<&[u8]> {
        let start = operation.offset + operation.key_length;
        operation
            .value_length
            .map(|length| &self.bytes[start..start + length])
    }
}
