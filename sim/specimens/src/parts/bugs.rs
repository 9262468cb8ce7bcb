//! The planted bugs that several systems can have: bugs of the shared parts, and bugs
//! that every log can have.

use lithify_sim::planted::Planted;

pub(crate) const NO_CHECKSUM: Planted = Planted::new(
    "no-checksum",
    "M07",
    "an entry counts when its length fits, as in LevelDB 1.15 and HSQLDB (ALICE, OSDI 2014)",
);

pub(crate) const SALT_WITHOUT_FILE_NUMBER: Planted = Planted::new(
    "salt-without-file-number",
    "M05",
    "the salt has the store and the generation and no number of the file, so bytes of an earlier file of that generation pass",
);

pub(crate) const SALT_WITHOUT_IDENTITY: Planted = Planted::new(
    "salt-without-identity",
    "M05",
    "the salt has the generation and nothing else, so bytes of another store at the same place pass",
);

pub(crate) const FILE_NUMBER_NOT_FRESH: Planted = Planted::new(
    "file-number-not-fresh",
    "M05",
    "a new file takes over the number of the one that it replaces, so that an earlier file of its generation has its number",
);

pub(crate) const LENGTH_BELIEVED: Planted = Planted::new(
    "length-believed",
    "M09",
    "the length of a half-written entry is not compared with what is there, and the opening reads beyond the end and panics",
);

pub(crate) const DAMAGE_TAKEN_FOR_TORN_TAIL: Planted = Planted::new(
    "damage-taken-for-torn-tail",
    "M08",
    "everything from the first unreadable entry on is cut, acknowledged or not, as most systems in the study of protocol-aware recovery did (FAST 2018)",
);

pub(crate) const BAD_RECORD_SKIPPED: Planted = Planted::new(
    "bad-record-skipped",
    "M10",
    "replay goes on behind an unreadable entry, the hole that RocksDB defined in 2022",
);

pub(crate) const TORN_TAIL_FATAL: Planted = Planted::new(
    "torn-tail-fatal",
    "M09",
    "a half-written last entry stops the opening, as in LevelDB before 1.16 and ZooKeeper",
);

pub(crate) const TORN_TAIL_LEFT: Planted = Planted::new(
    "torn-tail-left",
    "M11",
    "a torn tail stays and new entries go behind it, out of reach, as in kuzu (#5852)",
);

pub(crate) const RECOVERED_TAIL_NOT_SYNCED: Planted = Planted::new(
    "recovered-tail-not-synced",
    "O16",
    "entries that a killed process left in the page cache are served and not made durable, the second-crash bugs of RocksDB 7.4.0",
);

pub(crate) const RECOVERED_TAIL_NOT_REWRITTEN: Planted = Planted::new(
    "recovered-tail-not-rewritten",
    "M16",
    "after a failed sync the next process syncs the pages that were marked clean, which does nothing (Rebello et al., ATC 2020)",
);
