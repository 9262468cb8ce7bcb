//! The planted bugs that several systems can have: bugs of the shared parts, and bugs
//! that every log can have.

use lithify_sim::planted::Planted;

pub(crate) const NO_CHECKSUM: Planted = Planted::new(
    "no-checksum",
    "M07",
    "an entry whose length fits into the file is accepted without comparing its checksum, as in LevelDB 1.15 and HSQLDB (ALICE, OSDI 2014)",
);

pub(crate) const SALT_WITHOUT_FILE_NUMBER: Planted = Planted::new(
    "salt-without-file-number",
    "M05",
    "the salt of checksums contains the store and the generation but not the file number, so bytes of an earlier file of the same generation are accepted",
);

pub(crate) const SALT_WITHOUT_IDENTITY: Planted = Planted::new(
    "salt-without-identity",
    "M05",
    "the salt of checksums contains only the generation, so bytes of another store at the same offset are accepted",
);

pub(crate) const FILE_NUMBER_NOT_FRESH: Planted = Planted::new(
    "file-number-not-fresh",
    "M05",
    "a new file keeps the file number of the replaced file, so an earlier file of its generation has the same number",
);

pub(crate) const LENGTH_BELIEVED: Planted = Planted::new(
    "length-believed",
    "M09",
    "the length of an entry is not compared with the length of the file, so an opening reads beyond the end of a torn entry and panics",
);

pub(crate) const DAMAGE_TAKEN_FOR_TORN_TAIL: Planted = Planted::new(
    "damage-taken-for-torn-tail",
    "M08",
    "everything from the first invalid entry on is cut off, even if acknowledged entries follow, as in most systems in the study of protocol-aware recovery (FAST 2018)",
);

pub(crate) const BAD_RECORD_SKIPPED: Planted = Planted::new(
    "bad-record-skipped",
    "M10",
    "replay continues behind an invalid entry, so a later entry survives without an earlier entry, the hole that RocksDB defined in 2022",
);

pub(crate) const TORN_TAIL_FATAL: Planted = Planted::new(
    "torn-tail-fatal",
    "M09",
    "a torn last entry makes the opening fail, as in LevelDB before 1.16 and ZooKeeper",
);

pub(crate) const TORN_TAIL_LEFT: Planted = Planted::new(
    "torn-tail-left",
    "M11",
    "an opening does not cut off a torn tail, so the tail stays in the log before new entries, as in kuzu (#5852)",
);

pub(crate) const RECOVERED_TAIL_NOT_SYNCED: Planted = Planted::new(
    "recovered-tail-not-synced",
    "O16",
    "entries that a killed process left in the page cache are served but not synced, the second-crash bugs of RocksDB 7.4.0",
);

pub(crate) const RECOVERED_TAIL_NOT_REWRITTEN: Planted = Planted::new(
    "recovered-tail-not-rewritten",
    "M16",
    "after a failed sync the next process syncs the last entries but does not write the entries again: the pages of the entries are marked clean, so the sync writes nothing (Rebello et al., ATC 2020)",
);
