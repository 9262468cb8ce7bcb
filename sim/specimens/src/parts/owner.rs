//! Finds the owner of a directory by the names of its files.
//!
//! Each store needs a directory of its own: all systems use the name `lock`, and a name
//! that one system uses must not be used by another. So a store refuses a directory with
//! files of another system before it writes anything. Names are sufficient: a file with a
//! name of this system and with wrong bytes is damage, and recovery detects it. Files
//! with other names are left alone.

use lithify::files;
use lithify_sim::system::Failure;

use crate::{data_file, snapshot_log, wal_ratio};

/// The systems that can own files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Engine,
    SnapshotLog,
    WalRatio,
    DataFile,
}

impl Owner {
    /// The owner of a file with this name.
    fn of(name: &str) -> Option<Self> {
        if files::parse_file_name(name).is_some() {
            Some(Self::Engine)
        } else if snapshot_log::owns(name) {
            Some(Self::SnapshotLog)
        } else if wal_ratio::owns(name) {
            Some(Self::WalRatio)
        } else if data_file::owns(name) {
            Some(Self::DataFile)
        } else {
            None
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Engine => "a store of the engine",
            Self::SnapshotLog => "a log with snapshots (wal-node)",
            Self::WalRatio => "a table with a log (ratio-store)",
            Self::DataFile => "a data file (data-file)",
        }
    }
}

/// Refuses a directory in which one of these names belongs to another system.
///
/// # Errors
/// `Other` with the name and its owner.
pub(super) fn refuse_others(names: &[String], system: Owner) -> Result<(), Failure> {
    let owners = names
        .iter()
        .filter_map(|name| Some((name, Owner::of(name)?)));
    match owners.clone().find(|(_, owner)| *owner != system) {
        None => Ok(()),
        Some((name, owner)) => Err(Failure::Other(format!(
            "{name} belongs to {}, and {} needs a directory of its own; nothing was written",
            owner.text(),
            system.text()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_owner_and_foreign_names_have_none() {
        let names = [
            ("manifest-000001", Owner::Engine),
            ("segment-000012", Owner::Engine),
            ("wal-000001", Owner::Engine),
            ("00000000.log", Owner::SnapshotLog),
            ("00000007.index", Owner::SnapshotLog),
            ("00000007.snapshot", Owner::SnapshotLog),
            ("snapshot.tmp", Owner::SnapshotLog),
            (
                "00000007.00000000000000ff-00000000000000aa.identity",
                Owner::SnapshotLog,
            ),
            ("wal-00000001.log", Owner::WalRatio),
            ("wal-new.tmp", Owner::WalRatio),
            ("data.db", Owner::DataFile),
            ("data.db.old", Owner::DataFile),
            ("data.db.tmp", Owner::DataFile),
        ];
        for (name, owner) in names {
            assert_eq!(Owner::of(name), Some(owner), "{name}");
        }
        for name in [
            "lock",
            "replica",
            "promoted",
            "README",
            "wal-1",
            "7.log",
            "data.db.bak",
        ] {
            assert_eq!(Owner::of(name), None, "{name}");
        }
    }
}
