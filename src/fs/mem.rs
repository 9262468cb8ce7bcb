//! A file system in memory.

/// A file system in memory.
#[derive(Debug)]
pub struct MemFs;
