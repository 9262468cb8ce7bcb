//! The files of a store. The names are those of the document.

/// The data.
pub(super) const DATA: &str = "data.db";

/// The file that the last compaction has replaced. Kept, and read as data only when
/// recovery has to finish a swap: see [`super::recover`].
pub(super) const BACKUP: &str = "data.db.old";

/// A file that is being written.
pub(super) const TEMPORARY: &str = "data.db.tmp";

/// Held by the process that has the store open. Stays empty.
pub(super) const LOCK: &str = "lock";
