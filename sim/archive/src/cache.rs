//! The pieces that were read or written lately. Pieces never change, so the cache is never out of date.
//!
//! Bounded by the bytes of their lines. The choice of the evicted piece has a fixed hasher and one
//! shard, so the requests of a run do not depend on the machine.

use std::fmt;
use std::sync::Arc;

use quick_cache::sync::{Cache as Table, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::piece::Piece;

/// The bytes of pieces that a cache holds, unless its owner says otherwise.
pub const CACHE_BYTES: u64 = 256 * 1024 * 1024;
/// The number of pieces for which a cache is laid out.
const PIECES: usize = 1024;

#[derive(Clone)]
struct Bytes;

impl Weighter<String, Arc<Piece>> for Bytes {
    fn weight(&self, _: &String, piece: &Arc<Piece>) -> u64 {
        piece.bytes.max(1)
    }
}

type Pieces = Table<String, Arc<Piece>, Bytes, Xxh3DefaultBuilder>;

/// The cache.
pub(crate) struct Cache(Pieces);

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cache({} pieces)", self.0.len())
    }
}

impl Cache {
    /// A cache of at most this many bytes; with 0 bytes it holds nothing.
    pub(crate) fn new(bytes: u64) -> Self {
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(PIECES)
            .weight_capacity(bytes)
            .build()
            .expect("all options are set");
        Self(Table::with_options(
            options,
            Bytes,
            Xxh3DefaultBuilder::new(),
            DefaultLifecycle::default(),
        ))
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Piece>> {
        self.0.get(name)
    }

    pub(crate) fn insert(&self, piece: &Arc<Piece>) {
        self.0.insert(piece.name.clone(), Arc::clone(piece));
    }
}
