//! What was published about the litmus tests, compared with what the models allow.
//!
//! A model may allow more than its file system: what is safe under the model is then
//! also safe on the file system. A model must never allow less. So a published crash
//! that a model excludes is a contradiction. If a model promises something that nobody
//! has published, a remark states the assumption.
//!
//! A *witness* is an outcome that was seen or printed, in the format of
//! [`Litmus::outcomes`]. If two sources disagree, a crash that was seen counts more
//! than a promise. BOB looks for crashes; if it finds none, that proves nothing and
//! counts as `Unknown` here.
//!
//! The models of a lying disk and of other simulators describe no file system, so this
//! table has no rows for them. Sources are named as in [`model`](super::super::model),
//! and in addition: Mohan is the proposed page on crash-recovery guarantees of Linux
//! file systems (linux-fsdevel, March 2019, and its discussion by Goldstein); Chinner
//! is linux-kernel of 14 September 2018, "metadata operation reordering regards to
//! crash".

use super::super::model::Model;
use super::{LITMUS, Litmus};

/// What was published about a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No crash leaves a surprising outcome.
    Safe,
    /// Some crash leaves a surprising outcome, or may leave one.
    Unsafe,
    /// No source gives an answer.
    Unknown,
}

/// One published statement about one file system and one or more tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The model that stands for the file system.
    pub model: &'static str,
    /// The tests.
    pub litmus: &'static [&'static str],
    /// What was published.
    pub verdict: Verdict,
    /// An outcome that was seen.
    pub witness: Option<&'static str>,
    /// Where it was published.
    pub source: &'static str,
    /// What the model assumes where it differs from the source, and which source
    /// disagrees.
    pub remark: &'static str,
}

/// How a model compares with what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Both say the same.
    Agrees,
    /// The model allows a surprise although none is known: it demands more of a store
    /// than the file system does.
    Weaker,
    /// The model excludes a surprise about which nothing was published.
    Assumes,
    /// The model excludes an outcome that was seen. Must not happen: it would hide
    /// bugs.
    Contradicts,
}

const PREFIX_APPEND: &str = "prefix-append";
const REPLACE: &str = "replace-via-rename";
const CREATE: &str = "create-via-rename";
const ONE_FILE: &str = "ordered-overwrites-one-file";
const TWO_FILES: &str = "ordered-overwrites-two-files";
const IMPLIED_SYNC: &str = "implied-directory-sync";
const NAME_ORDER: &str = "directory-operation-order";
const OVERWRITES: &[&str] = &[ONE_FILE, TWO_FILES];
const EVERY: &[&str] = &[
    PREFIX_APPEND,
    REPLACE,
    CREATE,
    ONE_FILE,
    TWO_FILES,
    IMPLIED_SYNC,
    NAME_ORDER,
];

const FIGURE_3: &str = "Ferrite, figure 3";
const BOB_OVERWRITES: &str = "ALICE, table 1 (BOB): an overwrite is not ordered before anything";

/// The witness of Ferrite: the length covers the rest of the last block, but the bytes
/// are lost.
const ZEROS_TO_BLOCK_END: &str = "f=(a2500)(01596)";
const EMPTY: &str = "f=";

/// Everything that was published about the file systems of the models.
pub const PUBLISHED: &[Published] = &[
    bad("posix-min", EVERY, "POSIX, fsync and its rationale: what was not synced may be lost, and a file's sync does not cover its name"),
    bad("paranoid", EVERY, "ALICE, default model: nothing is ordered but what a sync of the same object orders"),
    bad("ext4-ordered", &[PREFIX_APPEND], FIGURE_3).seen(ZEROS_TO_BLOCK_END),
    bad("ext4-ordered", &[REPLACE], FIGURE_3)
        .seen(EMPTY)
        .remark("ALICE and the manual (auto_da_alloc) say safe; Ferrite saw that the flush is begun and not awaited"),
    bad("ext4-ordered", &[CREATE], FIGURE_3).seen(EMPTY),
    bad("ext4-ordered", OVERWRITES, BOB_OVERWRITES)
        .remark("Ferrite, definition 7, orders writes of the same block only"),
    good("ext4-ordered", &[IMPLIED_SYNC], "ALICE, table 3 (safe file flush); Mohan")
        .remark("the sync commits the journal, in which the name stands"),
    good("ext4-ordered", &[NAME_ORDER], "ALICE, table 3 (names in order); Chinner; Goldstein (one linear journal)"),
    bad("ext4-writeback", &[PREFIX_APPEND], "ALICE, table 1 (BOB): appends are no prefixes"),
    bad("ext4-writeback", &[REPLACE], "ALICE, table 1 (BOB): append and rename are not ordered before anything"),
    bad("ext4-writeback", &[CREATE], "ALICE, table 1 (BOB): an append is not ordered before anything"),
    bad("ext4-writeback", OVERWRITES, BOB_OVERWRITES),
    good("ext4-writeback", &[IMPLIED_SYNC], "Mohan")
        .remark("the journal of names is that of data=ordered"),
    good("ext4-writeback", &[NAME_ORDER], "Chinner; Goldstein (one linear journal)"),
    good("xfs", &[PREFIX_APPEND], "Ferrite, figure 3; Linux commit ba87ea69"),
    bad("xfs", &[REPLACE, CREATE], FIGURE_3).seen(EMPTY),
    bad("xfs", OVERWRITES, BOB_OVERWRITES),
    good("xfs", &[IMPLIED_SYNC, NAME_ORDER], "Mohan (strictly ordered metadata); Chinner"),
    good("btrfs", &[PREFIX_APPEND], FIGURE_3),
    good("btrfs", &[REPLACE], "Ferrite, figure 3; Linux commit 5a3f23d5"),
    bad("btrfs", &[CREATE], "Ferrite, figure 3; bees, which counts on an empty file")
        .seen(EMPTY),
    open("btrfs", OVERWRITES, "ALICE, table 1: BOB saw no violation, which proves nothing"),
    good("btrfs", &[IMPLIED_SYNC], "ALICE, table 3 (safe file flush); Mohan"),
    bad("btrfs", &[NAME_ORDER], "ALICE, table 1 (BOB): names are reordered")
        .seen("g=")
        .remark("Chinner says in 2018 that renames keep their order; a crash that was seen counts for more"),
    open("apfs", &[PREFIX_APPEND], "nothing published")
        .remark("a file's blocks are copied on write, so that its length cannot come before them"),
    open("apfs", &[REPLACE], "nothing published")
        .remark("safe-save is documented as one transaction for directories; that a plain rename waits for the data is an assumption"),
    open("apfs", &[CREATE], "nothing published"),
    open("apfs", OVERWRITES, "nothing published"),
    open("apfs", &[IMPLIED_SYNC], "Apple, fcntl(2): F_FULLFSYNC flushes the drive, and names are not mentioned")
        .remark("names are metadata of the same transaction as the file's own"),
    open("apfs", &[NAME_ORDER], "nothing published")
        .remark("names change in transactions, and transactions are taken to keep their order"),
    good("strict-ordered", EVERY, "ALICE, table 3 (ext3, data=journal: every operation in order)"),
];

const fn says(
    model: &'static str,
    litmus: &'static [&'static str],
    verdict: Verdict,
    source: &'static str,
) -> Published {
    Published {
        model,
        litmus,
        verdict,
        witness: None,
        source,
        remark: "",
    }
}

const fn good(
    model: &'static str,
    litmus: &'static [&'static str],
    source: &'static str,
) -> Published {
    says(model, litmus, Verdict::Safe, source)
}

const fn bad(
    model: &'static str,
    litmus: &'static [&'static str],
    source: &'static str,
) -> Published {
    says(model, litmus, Verdict::Unsafe, source)
}

const fn open(
    model: &'static str,
    litmus: &'static [&'static str],
    source: &'static str,
) -> Published {
    says(model, litmus, Verdict::Unknown, source)
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
            Self::Unknown => "unknown",
        }
    }
}

impl Agreement {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Weaker => "weaker",
            Self::Assumes => "assumes",
            Self::Contradicts => "CONTRADICTS",
        }
    }
}

impl Published {
    const fn seen(self, witness: &'static str) -> Self {
        Self {
            witness: Some(witness),
            ..self
        }
    }

    const fn remark(self, remark: &'static str) -> Self {
        Self { remark, ..self }
    }

    /// How the verdict of `model` on `litmus` compares with this statement.
    #[must_use]
    pub fn agreement(&self, litmus: &Litmus, model: &'static Model) -> Agreement {
        let outcomes = litmus.outcomes(model);
        let is_missing = |witness: &&str| !outcomes.contains(*witness);
        match (self.verdict, litmus.verdict(model)) {
            _ if self.witness.as_ref().is_some_and(is_missing) => Agreement::Contradicts,
            (Verdict::Unsafe, Verdict::Unsafe) | (Verdict::Safe, Verdict::Safe) => {
                Agreement::Agrees
            }
            (Verdict::Safe | Verdict::Unknown, Verdict::Unsafe) => Agreement::Weaker,
            (Verdict::Unknown, _) => Agreement::Assumes,
            (Verdict::Unsafe, _) | (Verdict::Safe, Verdict::Unknown) => Agreement::Contradicts,
        }
    }
}

impl Litmus {
    /// The verdict of a model. Never `Unknown`.
    #[must_use]
    pub fn verdict(&self, model: &'static Model) -> Verdict {
        match self.surprises(model).is_empty() {
            true => Verdict::Safe,
            false => Verdict::Unsafe,
        }
    }

    /// The statement about this test and the file system of `model`.
    #[must_use]
    pub fn published(&self, model: &Model) -> Option<&'static Published> {
        PUBLISHED
            .iter()
            .find(|row| row.model == model.name && row.litmus.contains(&self.name))
    }

    /// The test with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        LITMUS.iter().find(|litmus| litmus.name == name)
    }
}
