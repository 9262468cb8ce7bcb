//! Writes the data that a damaged store still holds into a new store.
//!
//! Commits keep their numbers. Commit n of the new store consists of the known writes of commit n of
//! the old store; a commit without known writes is empty. So the new store equals the old one up to
//! the first loss, and after it for every key that no loss names.
//!
//! Invariants:
//! - every commit up to [`Salvaged::exact_through`] that is not in [`Salvaged::thinned`] has exactly
//!   the state that it had in the old store;
//! - at every later commit a key has its old value, unless a loss, a thinned range or
//!   [`Salvaged::unproven`] names it. Then it has the newest known value, which may be older;
//! - a damaged block is left out only if its damage is in [`Salvaged::losses`];
//! - the old store is not written to;
//! - until the new store is complete, a file named `restoring` is beside it, and no opening accepts
//!   the directory.
//!
//! If segments have lost entries, commits that the log still holds come from the log. If the manifest
//! is damaged, the commits that the rest of it and the log prove come from these. Later commits come
//! from segment files that no manifest names (see `tables`), and are called unproven: nothing proves
//! that these files are complete, or that they were in force.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Loss, Opened, Reach, Takes, open_as_far};
use crate::backup::{commit_again, make_store};
use crate::commit::Commit;
use crate::error::{Damage, Result};
use crate::fs::Fs;
use crate::options::{Options, Placement};
use crate::read::{Changes, Snapshot};
use crate::recover::{self, Mode};
use crate::version::Part;

/// How a store is salvaged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvage {
    /// The placement of the new store, if no manifest holds the old one. Otherwise it must be equal.
    pub placement: Option<Placement>,
    /// Whether the new store ends with the last exact commit.
    pub exact_only: bool,
}

/// The report on a salvage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// The newest commit of the new store.
    pub head: Commit,
    /// Every commit up to this one is exact, except the thinned ones.
    pub exact_through: Commit,
    /// The commits that the retention of the old store had thinned out, ascending. The new store may
    /// show a part of their state.
    pub thinned: Vec<RangeInclusive<Commit>>,
    /// All damage that was found, and the data that is lost by each.
    pub losses: Vec<Loss>,
    /// The commits that nothing proves, if the manifest is damaged.
    pub unproven: Option<Unproven>,
    /// The new names of keyspaces whose names are lost.
    pub unnamed: Vec<String>,
    /// The placement of the new store.
    pub placement: Placement,
    /// Whether the old store had the same placement; false if that is unknown.
    pub is_placement_known: bool,
}

/// Commits that come from files that no intact manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unproven {
    /// The first of them.
    pub first: Commit,
    /// The damage of the manifest.
    pub damage: Damage,
    /// The segment files.
    pub files: Vec<String>,
}

/// Writes the data that the damaged store at the root of `from` still holds into a new store at the
/// root of `to`. The directory `to` must be missing or empty, or hold the result of an interrupted
/// salvage. Returns which commits are exact, and what is lost. Nothing is written to `from`.
///
/// All commits of an intact store are exact.
///
/// The new store has another identity, and is a primary. Its next commit may get a number that the
/// old store has also given to a commit.
///
/// Reads every byte of the old store twice, and once more for each 262,144 entries of a segment.
///
/// # Errors
/// [`Error::NotAStore`](crate::Error::NotAStore) when nothing can be found,
/// [`Error::Locked`](crate::Error::Locked) while somebody has the old store open for writing,
/// [`Error::BackupRefused`](crate::Error::BackupRefused) for a directory `to` with anything in it,
/// [`Error::Damage`](crate::Error::Damage) for damage that comes up during the salvage, and whatever
/// the disks say.
pub fn salvage(from: Arc<dyn Fs>, to: Arc<dyn Fs>, how: &Salvage) -> Result<Salvaged> {
    let found = recover::Found::list(&*from)?.unwrap_or_default();
    // An interrupted restore is not a damaged store: its source is intact.
    found.must_be_open_to(Mode::ReadOnly)?;
    let options = Options {
        create: false,
        placement: how.placement.clone(),
        ..Options::default()
    };
    let all = open_as_far(Arc::clone(&from), options.clone(), Reach::All)?;
    // The commits that manifest and log prove do not depend on files without a manifest.
    let proven = match all.manifest_damage {
        None => None,
        Some(_) => Some(open_as_far(
            Arc::clone(&from),
            options.clone(),
            Reach::Proven,
        )?),
    };
    let mut plan = Plan::new(&all, proven.as_ref());
    let log = match plan.is_all_exact() {
        true => None,
        false => Some(open_as_far(from, options, Reach::Log)?),
    };
    if let Some(log) = &log {
        plan.prefer_log(log);
    }
    let mut salvaged = plan.report(&all, how);
    if how.exact_only {
        salvaged.head = plan.last_exact();
        plan.cut(salvaged.head);
    }
    let changes = plan.sources.iter().flat_map(Source::changes);
    let head = make_store(&to, |to| commit_again(&salvaged.placement, changes, to))?;
    assert_eq!(head, salvaged.head, "the newest commit that was salvaged");
    Ok(salvaged)
}

/// A range of commits, and the opened store that they come from.
struct Source<'a> {
    opened: &'a Opened,
    /// The commit before the first commit of the range.
    after: Commit,
    /// As of the last commit of the range.
    snapshot: Snapshot,
    parts: Vec<Part>,
    named: Arc<[Damage]>,
    thinned: Vec<RangeInclusive<Commit>>,
    losses: Vec<Loss>,
}

impl<'a> Source<'a> {
    /// The known commits of an opened store after `after` up to `through`.
    fn new(opened: &'a Opened, after: Commit, through: Commit) -> Self {
        let version = Arc::clone(&opened.storage.version);
        let damaged = &opened.segments.segments;
        let (mut parts, thinned) = version.known(through, |id| damaged.contains_key(&id));
        if planted!(SalvageDropsUnnamed) {
            parts.retain(|part| {
                let name = version.keyspace_name(part.segment.meta.keyspace);
                !opened.found.unnamed.contains(&name.to_string())
            });
        }
        let mut of_segments = opened.segments.losses.clone();
        for (id, positions) in damaged {
            // Nothing is lost with a segment that is not read: other segments hold its entries.
            if !parts.iter().any(|part| part.segment.meta.id() == *id) {
                let unread = &mut of_segments[positions.clone()];
                unread
                    .iter_mut()
                    .for_each(|loss| loss.takes = Takes::Nothing);
            }
        }
        let named = of_segments.iter().map(|loss| loss.damage.clone()).collect();
        let mut losses = opened.losses.clone();
        losses.extend((of_segments.into_iter()).filter(|_| !planted!(SalvageLossUnnamed)));
        Self {
            opened,
            after,
            snapshot: Snapshot {
                version,
                at: through,
            },
            parts,
            named,
            thinned,
            losses,
        }
    }

    fn changes(&self) -> Changes {
        let named = Arc::clone(&self.named);
        self.snapshot
            .intact_changes(self.after, self.parts.clone(), named)
    }
}

/// The last commit before the first loss, at most `head`.
fn exact_through(losses: &[Loss], head: Commit) -> Commit {
    let firsts = losses.iter().filter_map(|loss| match loss.takes {
        Takes::Nothing => None,
        Takes::Versions { first, .. } | Takes::Commits { first, .. } => Some(first),
    });
    let is_late = planted!(SalvageExactOneLate);
    let before = firsts.map(|first| first.minus(u64::from(!is_late)));
    before.min().map_or(head, |before| before.min(head))
}

/// The loss that remains if the commits from `from` on come from the log.
fn lost_before(from: Commit, takes: Takes) -> Takes {
    match takes {
        Takes::Versions { first, .. } if first >= from => Takes::Nothing,
        Takes::Versions {
            keyspace,
            first,
            last,
            from: from_key,
            to,
        } => Takes::Versions {
            keyspace,
            first,
            last: last.min(from.minus(1)),
            from: from_key,
            to,
        },
        other => other,
    }
}

/// The source of each commit.
struct Plan<'a> {
    /// Consecutive ranges of commits.
    sources: Vec<Source<'a>>,
    losses: Vec<Loss>,
    head: Commit,
    /// The last commit before the first one that has a loss or is not proven.
    exact: Commit,
    /// The first commit that nothing proves.
    unproven: Option<Commit>,
}

impl<'a> Plan<'a> {
    /// `proven` is given when the manifest is damaged.
    fn new(all: &'a Opened, proven: Option<&'a Opened>) -> Self {
        let newest = all.storage.version.known_head();
        let whole = Source::new(all, Commit::ZERO, newest);
        let Some(proven) = proven else {
            let exact = exact_through(&whole.losses, newest);
            return Self::of(vec![whole], exact, None);
        };
        let through = proven.storage.version.known_head();
        let all_proven = Source::new(proven, Commit::ZERO, through);
        let exact = exact_through(&all_proven.losses, through);
        if exact >= newest {
            return Self::of(vec![all_proven], exact, None);
        }
        // A thinned segment may have dropped the deletion of what an earlier commit wrote. So it
        // does not continue the commits of another source.
        let is_thinned = !all_proven.thinned.is_empty() || !whole.thinned.is_empty();
        if is_thinned || exact == Commit::ZERO {
            return Self::of(vec![whole], Commit::ZERO, Some(Commit::new(1)));
        }
        let first = Source::new(proven, Commit::ZERO, exact);
        let rest = Source {
            after: exact,
            ..whole
        };
        Self::of(vec![first, rest], exact, Some(exact.next()))
    }

    fn of(sources: Vec<Source<'a>>, exact: Commit, unproven: Option<Commit>) -> Self {
        let last = sources.last().expect("there is a source");
        let mut losses = last.losses.clone();
        if let Some(first) = unproven {
            // The content of a file without a table is unknown.
            let takes = Takes::Commits { first, last: None };
            let tables = last.opened.found.damages.iter().cloned();
            losses.extend(tables.map(|damage| Loss {
                damage,
                takes: takes.clone(),
            }));
        }
        Self {
            head: last.snapshot.at,
            sources,
            losses,
            exact,
            unproven,
        }
    }

    fn is_all_exact(&self) -> bool {
        self.exact >= self.head
    }

    /// Takes the commits that the log still holds from the log, because its records are intact.
    fn prefer_log(&mut self, log: &'a Opened) {
        let from = log.log_from;
        if from > self.head || log.storage.version.known_head() != self.head {
            return;
        }
        self.cut(from.minus(1));
        self.sources
            .push(Source::new(log, from.minus(1), self.head));
        for loss in &mut self.losses {
            loss.takes = lost_before(from, loss.takes.clone());
        }
        if self.unproven.is_none() {
            self.exact = exact_through(&self.losses, self.head);
        }
    }

    /// Removes the commits after `at`.
    fn cut(&mut self, at: Commit) {
        self.sources.retain(|source| source.after < at);
        for source in &mut self.sources {
            if source.snapshot.at > at {
                *source = Source::new(source.opened, source.after, at);
            }
        }
    }

    /// The report on a store that is made of these sources.
    fn report(&self, all: &Opened, how: &Salvage) -> Salvaged {
        let unproven = self.unproven.zip(all.manifest_damage.clone());
        let mut thinned: Vec<_> = (self.sources.iter())
            .flat_map(|source| source.thinned.clone())
            .collect();
        thinned.sort_by_key(|commits| (*commits.start(), *commits.end()));
        thinned.dedup();
        let placement = match all.has_manifest {
            true => all.storage.placement.clone(),
            false => how.placement.clone().unwrap_or_default(),
        };
        Salvaged {
            head: self.head,
            exact_through: self.exact,
            thinned,
            losses: self.losses.clone(),
            unnamed: match unproven.is_some() || all.manifest_damage.is_none() {
                true => all.found.unnamed.clone(),
                false => Vec::new(),
            },
            unproven: unproven.map(|(first, damage)| Unproven {
                first,
                damage,
                files: all.found.files.clone(),
            }),
            placement,
            is_placement_known: all.has_manifest,
        }
    }

    /// The newest commit that is exact and not thinned.
    fn last_exact(&self) -> Commit {
        let thinned = self.sources.iter().flat_map(|source| &source.thinned);
        let mut thinned: Vec<_> = thinned.collect();
        thinned.sort_by_key(|commits| std::cmp::Reverse(*commits.end()));
        let before = |at: Commit, commits: &&RangeInclusive<Commit>| match commits.contains(&at) {
            true => commits.start().minus(1),
            false => at,
        };
        thinned.iter().fold(self.exact, before)
    }
}
