//! The settings: options of the engine, limits that a `Db` has fixed, and the behaviour
//! of the clients.

use ::lithify::Options;
use ::lithify::stepped::Sizes;

use super::LithifyDb;
use super::order::Order;
use crate::system::{Setting, Settings, Values, unknown_value};
use crate::systems::lithify::{self, OPEN_FILES, Promise, ROOM, number};

/// The number of keyspaces of the laboratory's batches. A commit that must be refused
/// names more.
pub(super) const KEYSPACES: usize = 8;

const INBOX: &str = "inbox";
const GROUP: &str = "group-bytes";
const WAITING: &str = "waiting-bytes";
const BACKLOG: &str = "backlog";
const CLIENTS: &str = "clients";
const OTHERS: &str = "others";
const TURNS: &str = "turns";
const TRANSACTIONS: &str = "transactions";

pub(super) const SETTINGS: &[Setting] = &[
    Setting::fixed(
        "divisor",
        "commits of a window, level by level",
        &["2", "3", "2,3"],
    ),
    Setting::fixed(
        "history",
        "versions that a merge keeps",
        &["all", "all", "last-3", "newest"],
    ),
    Setting::tuning(
        "file-level",
        "lowest level that lives in files",
        &["1", "2", "3"],
    ),
    Setting::tuning(
        "memory-budget",
        "bytes of segments in memory, beyond which commits are paid for",
        &["100000", "300", "0"],
    ),
    Setting::tuning("wal-file", "bytes of a WAL file", &["300", "150", "4000"]),
    Setting::tuning(
        "durability",
        "when a commit is acknowledged",
        &["synced", "synced", "buffered", "by-batch"],
    ),
    Setting::tuning(
        INBOX,
        "commits that the compactor's inbox has room for",
        &["4096", "1", "0"],
    ),
    Setting::tuning(
        GROUP,
        "bytes of a group of commits",
        &["1048576", "60", "1"],
    ),
    Setting::tuning(
        WAITING,
        "bytes that may wait before those who do not wait for their commits wait for room",
        &["16777216", "30", "1"],
    ),
    Setting::tuning(
        BACKLOG,
        "commits that the compactor may be behind before commits wait",
        &["1000000", "0", "2"],
    ),
    Setting::tuning(
        CLIENTS,
        "how commits are handed over: waited for, not waited for, in turns, or mixed",
        &["mixed", "waiting", "async"],
    ),
    Setting::tuning(
        OTHERS,
        "what other clients do besides: sync, settle, commit what is refused",
        &["all", "none", "refused"],
    ),
    Setting::tuning(
        TRANSACTIONS,
        "which commits are transactions; with any, other clients bring some that are refused",
        &["none", "some", "all"],
    ),
    Setting::tuning(
        TURNS,
        "who goes on first while a client waits for the end of a call",
        &["mixed", "oldest", "newest"],
    ),
    Setting::tuning(
        OPEN_FILES,
        "segment files that are open at once",
        &["32", "1", "2"],
    ),
    Setting::fixed(
        "remove-inputs",
        "when inputs of merges go",
        &["always", "always", "head-window-2"],
    ),
    Setting::tuning(
        ROOM,
        "bytes of zeros written at once ahead of the end of a log that is synced",
        &["262144", "200", "0", "600"],
    ),
];

/// How commits are submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clients {
    Waiting,
    Async,
    Mixed,
}

/// Which commits of the plan are transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transactions {
    None,
    Some,
    All,
}

/// All chosen settings.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) options: Options,
    pub(super) promise: Promise,
    pub(super) sizes: Sizes,
    pub(super) clients: Clients,
    /// Whether other clients sync and settle.
    pub(super) has_others: bool,
    /// Whether other clients make commits that must be refused.
    pub(super) has_refused: bool,
    pub(super) transactions: Transactions,
    pub(super) order: Order,
}

/// The choice of these settings.
pub(super) fn chosen(settings: &Settings) -> Result<Chosen, String> {
    let values = Values::new(&LithifyDb, settings)?;
    let value = |name: &str| values.value(name);
    let is_of_engine = |name: &str| {
        let mut known = lithify::SETTINGS.iter();
        known.any(|setting| setting.name == name)
    };
    let of_engine = SETTINGS.iter().filter(|setting| is_of_engine(setting.name));
    let of_engine = of_engine.map(|setting| (setting.name.to_owned(), value(setting.name).into()));
    let of_engine = of_engine.collect();
    let options = Options {
        max_backlog_commits: number(BACKLOG, value(BACKLOG))?,
        ..lithify::options(&of_engine)?
    };
    let others = value(OTHERS);
    Ok(Chosen {
        options,
        promise: lithify::promise(&of_engine)?,
        sizes: Sizes {
            inbox_commits: number(INBOX, value(INBOX))?,
            group_bytes: number(GROUP, value(GROUP))?,
            waiting_bytes: number(WAITING, value(WAITING))?,
            max_keyspaces: KEYSPACES,
        },
        clients: match value(CLIENTS) {
            "waiting" => Clients::Waiting,
            "async" => Clients::Async,
            "mixed" => Clients::Mixed,
            other => return Err(unknown_value(SETTINGS, CLIENTS, other)),
        },
        has_others: match others {
            "all" => true,
            "none" | "refused" => false,
            other => return Err(unknown_value(SETTINGS, OTHERS, other)),
        },
        has_refused: others != "none",
        transactions: match value(TRANSACTIONS) {
            "none" => Transactions::None,
            "some" => Transactions::Some,
            "all" => Transactions::All,
            other => return Err(unknown_value(SETTINGS, TRANSACTIONS, other)),
        },
        order: match value(TURNS) {
            "mixed" => Order::Mixed,
            "oldest" => Order::Oldest,
            "newest" => Order::Newest,
            other => return Err(unknown_value(SETTINGS, TURNS, other)),
        },
    })
}
