//! The files of a store. The names are those of the document.

/// The data.
pub(super) const DATA: &str = "data.db";

/// The file that the last compaction has replaced. Kept, and read as data only when
/// recovery has to finish a swap: see [`super::recover`].
pub(super) const BACKUP: &str = "data.db.old";

/// A file that is being written.
pub(super) const TEMPORARY: &str = "data.db.tmp";

/// The first file of a store, or a copy of the backup, while it is written. It has a name of
/// its own, so that what lies under [`TEMPORARY`] without data beside it is a whole copy.
pub(super) const NEW: &str = "data.db.new";

/// Makes the store a replica. Stays empty.
pub(super) const REPLICA: &str = "replica";

/// The name that the former has while a promotion is under way.
pub(super) const PROMOTED: &str = "promoted";

/// Whether a file with this name belongs to such a store, and to no other. The lock and
/// the markers have names that several kinds of stores use.
pub(crate) fn owns(name: &str) -> bool {
    [DATA, BACKUP, TEMPORARY, NEW].contains(&name)
}

/// Held by the process that has the store open. Stays empty.
pub(super) const LOCK: &str = "lock";
