//! The commits that the client has asked for, and the state that a correct store must
//! have.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// A key: its keyspace and the key itself, both as numbers. Numbers make traces short
/// and keys easy to shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The keyspace, below [`Key::KEYSPACES`].
    pub keyspace: u16,
    /// The key in it: a number below 65,536, or one of [`Key::prefix`] or [`Key::high`].
    pub key: u32,
}

/// A value with this many bytes, generated from a tag that distinguishes it from
/// others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    /// The length in bytes.
    pub length: u32,
    /// The tag.
    pub tag: u32,
}

/// One write: a value, or a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// The key.
    pub key: Key,
    /// Its new value; `None` deletes.
    pub value: Option<Value>,
}

/// The writes of one commit, in order: later writes to a key win.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The writes.
    pub writes: Vec<Write>,
}

/// Keys and values, as a store returns them.
pub type State = BTreeMap<(String, Vec<u8>), Vec<u8>>;

/// The form of a key. Traces write it as `12`, `p12` and `f12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `k012`: sorts in the order of the numbers, with a common prefix.
    Number(u16),
    /// This many letters `p`: each is a prefix of all longer ones, and `p0` is the empty key.
    Prefix(u16),
    /// This many bytes 0xff, at least one: keys that sort after it need care.
    High(u16),
}

/// The names of all keyspaces.
static KEYSPACE_NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let letters = ('a'..='h').map(String::from);
    let others = (8..Key::KEYSPACES).map(|number| format!("s{number}"));
    letters.chain(others).collect()
});

impl Key {
    /// The number of keyspaces. The first eight are the letters from a to h.
    pub const KEYSPACES: u16 = 4096;
    const PREFIXES: u32 = 1 << 16;
    const HIGHS: u32 = 2 << 16;

    /// The key with this many letters `p`. Each such key is a prefix of all longer
    /// ones.
    #[must_use]
    pub const fn prefix(length: u16) -> u32 {
        Self::PREFIXES + length as u32
    }

    /// The key with this many bytes 0xff, at least one.
    #[must_use]
    pub const fn high(length: u16) -> u32 {
        Self::HIGHS + length as u32
    }

    /// The form of the key.
    #[must_use]
    pub const fn shape(self) -> Shape {
        let low = self.key as u16;
        match self.key {
            Self::HIGHS.. => Shape::High(low),
            Self::PREFIXES.. => Shape::Prefix(low),
            _ => Shape::Number(low),
        }
    }

    /// The name of the keyspace.
    #[must_use]
    pub fn keyspace_name(self) -> &'static str {
        &KEYSPACE_NAMES[usize::from(self.keyspace % Self::KEYSPACES)]
    }

    /// The keyspace with this name.
    #[must_use]
    pub fn keyspace_named(name: &str) -> Option<u16> {
        let position = KEYSPACE_NAMES.iter().position(|known| known == name);
        position.map(|position| position as u16)
    }

    /// The bytes of the key.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        match self.shape() {
            Shape::Number(number) => format!("k{number:03}").into_bytes(),
            Shape::Prefix(length) => vec![b'p'; usize::from(length)],
            Shape::High(length) => vec![0xff; usize::from(length)],
        }
    }
}

impl Value {
    /// The bytes of the value: the tag in decimals, repeated.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        let tag = format!("{}.", self.tag);
        tag.bytes().cycle().take(self.length as usize).collect()
    }
}

/// The commits so far, and the state after each.
#[derive(Clone, Debug)]
pub struct History {
    batches: Vec<Batch>,
    /// `states[n]` is the state after commit `n`.
    states: Vec<Arc<State>>,
    /// `digests[n]` is a digest of the first `n` batches.
    digests: Vec<u64>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            batches: Vec::new(),
            states: vec![Arc::default()],
            digests: vec![0],
        }
    }
}

impl History {
    /// The number of the last commit.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.batches.len() as u64
    }

    /// All batches, commit 1 first.
    #[must_use]
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// The keyspaces that the commits up to `head` have written to, in the order of first use.
    #[must_use]
    pub fn keyspaces(&self, head: u64) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for write in self.batches[..head as usize]
            .iter()
            .flat_map(|it| &it.writes)
        {
            let name = write.key.keyspace_name();
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// The state after `commit`, which must not be beyond the head.
    #[must_use]
    pub fn state(&self, commit: u64) -> &Arc<State> {
        &self.states[commit as usize]
    }

    /// A digest of the writes up to `commit`: equal histories have equal digests.
    #[must_use]
    pub fn digest(&self, commit: u64) -> u64 {
        self.digests[commit as usize]
    }

    /// Adds a commit.
    pub fn push(&mut self, batch: Batch) {
        let mut state = self.states.last().expect("there is commit 0").clone();
        if !batch.writes.is_empty() {
            apply(Arc::make_mut(&mut state), &batch);
        }
        self.states.push(state);
        let before = self.digests.last().expect("there is commit 0");
        self.digests.push(digest_after(*before, &batch));
        self.batches.push(batch);
    }

    /// Removes the commits after `head`.
    pub fn truncate(&mut self, head: u64) {
        self.batches.truncate(head as usize);
        self.states.truncate(head as usize + 1);
        self.digests.truncate(head as usize + 1);
    }
}

fn digest_after(before: u64, batch: &Batch) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::with_seed(before);
    for write in &batch.writes {
        hasher.update(&write.key.keyspace.to_le_bytes());
        hasher.update(&[u8::from(write.value.is_some())]);
        hasher.update(&write.key.key.to_le_bytes());
        if let Some(Value { length, tag }) = write.value {
            hasher.update(&length.to_le_bytes());
            hasher.update(&tag.to_le_bytes());
        }
    }
    hasher.update(&(batch.writes.len() as u64).to_le_bytes());
    hasher.digest()
}

/// Applies a batch to a state.
pub fn apply(state: &mut State, batch: &Batch) {
    for write in &batch.writes {
        let key = (write.key.keyspace_name().to_owned(), write.key.bytes());
        match write.value {
            Some(value) => state.insert(key, value.bytes()),
            None => state.remove(&key),
        };
    }
}
