//! The engines that can take part, and which of them this build has.

#[cfg(feature = "canopydb")]
mod canopydb;
#[cfg(feature = "fjall")]
mod fjall;
mod lithify;
#[cfg(feature = "lmdb")]
mod lmdb;
#[cfg(feature = "redb")]
mod redb;
#[cfg(feature = "rocksdb")]
mod rocksdb;
#[cfg(feature = "surrealkv")]
mod surrealkv;

use crate::engine::Open;

/// The name of the engine that all others are compared with.
pub(crate) const LITHIFY: &str = "lithify";

/// An engine that this benchmark has an adapter for.
pub(crate) struct Entry {
    /// Its name, which is also the feature that turns it on.
    pub(crate) name: &'static str,
    /// `None` when it was left out of this build.
    pub(crate) open: Option<Open>,
    /// Whether a buffered commit outlives the process when it is killed.
    pub(crate) buffered_survives_kill: bool,
}

/// The opening function of an engine, when the feature is on.
macro_rules! open_if {
    ($feature:literal, $open:path) => {{
        #[cfg(feature = $feature)]
        let open: Option<Open> = Some($open);
        #[cfg(not(feature = $feature))]
        let open: Option<Open> = None;
        open
    }};
}

/// All of them, lithify first.
pub(crate) fn all() -> Vec<Entry> {
    let entry = |name, open| Entry {
        name,
        open,
        buffered_survives_kill: name != "redb",
    };
    vec![
        entry(LITHIFY, Some(lithify::open as Open)),
        entry("canopydb", open_if!("canopydb", canopydb::open)),
        entry("fjall", open_if!("fjall", fjall::open)),
        entry("lmdb", open_if!("lmdb", lmdb::open)),
        entry("redb", open_if!("redb", redb::open)),
        entry("rocksdb", open_if!("rocksdb", rocksdb::open)),
        entry("surrealkv", open_if!("surrealkv", surrealkv::open)),
    ]
}

/// The engine called `name`.
pub(crate) fn find(name: &str) -> Option<Entry> {
    all().into_iter().find(|entry| entry.name == name)
}
