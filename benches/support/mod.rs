//! What the benchmark targets share.

pub(crate) mod data;
pub(crate) mod device;
pub(crate) mod floor;
pub(crate) mod loser_tree;
pub(crate) mod planted;
