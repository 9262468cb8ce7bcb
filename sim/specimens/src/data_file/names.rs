//! The files of a store. The document defines the names.

/// The data.
pub(super) const DATA: &str = "data.db";

/// The file that the last compaction has replaced. It is kept, and is used as data only when
/// recovery has to finish a swap: see [`super::recover`].
pub(super) const BACKUP: &str = "data.db.old";

/// The new file of a compaction, until its swap.
pub(super) const TEMPORARY: &str = "data.db.tmp";

/// The first file of a store, or a copy of the backup, while recovery writes it. It does not
/// use the name [`TEMPORARY`], so that a file with that name, if there is no data file, is
/// always a complete copy.
pub(super) const NEW: &str = "data.db.new";

/// The marker of a replica. It stays empty.
pub(super) const REPLICA: &str = "replica";

/// The name of the replica marker during a promotion.
pub(super) const PROMOTED: &str = "promoted";

/// Whether a file with this name belongs to a store of this kind. The lock and the markers
/// do not count, because several kinds of stores use their names.
pub(crate) fn owns(name: &str) -> bool {
    [DATA, BACKUP, TEMPORARY, NEW].contains(&name)
}

/// The file that an open store locks. It stays empty.
pub(super) const LOCK: &str = "lock";
