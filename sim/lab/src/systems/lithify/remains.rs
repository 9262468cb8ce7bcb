//! The intact part of a damaged store, read like an intact store, and salvaged into a new one.

use std::sync::Arc;

use lithify::damaged::{Loss, Salvage, Takes, salvage as salvage_store};
use lithify::fs::Fs;
use lithify::{Options, Store};

use super::{failure, reads};
use crate::reads::{Answer, Question};
use crate::system::{Failure, Gap, Lost, Remains, Salvaged, Taken};

/// Opens a damaged store.
pub(super) fn open(fs: Arc<dyn Fs>, options: Options) -> Result<Box<dyn Remains>, Failure> {
    let store = Store::open_damaged(fs, options).map_err(failure)?;
    Ok(Box::new(Damaged(store)))
}

fn taken(takes: &Takes) -> Option<Taken> {
    match takes {
        Takes::Nothing => None,
        Takes::Versions {
            keyspace,
            first,
            from,
            to,
            ..
        } => Some(Taken {
            keyspace: Some(keyspace.clone()),
            from: first.get(),
            first_key: from.clone(),
            last_key: to.clone(),
        }),
        Takes::Commits { first, .. } => Some(Taken {
            keyspace: None,
            from: first.get(),
            first_key: Vec::new(),
            last_key: None,
        }),
    }
}

struct Damaged(Store);

impl Remains for Damaged {
    fn head(&self) -> u64 {
        self.0.head().get()
    }

    fn is_end_known(&self) -> bool {
        let is_open = |takes: &Takes| matches!(takes, Takes::Commits { last: None, .. });
        !self.0.losses().iter().any(|loss| is_open(&loss.takes))
    }

    fn lost(&self) -> Vec<Lost> {
        let losses = self.0.losses().iter();
        losses
            .map(|loss| Lost {
                damage: loss.damage.to_string(),
                takes: taken(&loss.takes),
            })
            .collect()
    }

    fn ask(&self, question: &Question) -> Result<Option<Answer>, Failure> {
        reads::of_store(&self.0, question)
    }
}

/// Salvages a damaged store.
pub(super) fn salvage(
    from: Arc<dyn Fs>,
    to: Arc<dyn Fs>,
    options: &Options,
) -> Result<Salvaged, Failure> {
    let how = Salvage {
        placement: options.placement.clone(),
        ..Salvage::default()
    };
    let done = salvage_store(from, to, &how).map_err(failure)?;
    let unproven = done.unproven.as_ref();
    let unproven = unproven.map(|unproven| gap_of(unproven.first.get(), None));
    let thinned = done.thinned.iter();
    Ok(Salvaged {
        head: done.head.get(),
        exact_through: done.exact_through.get(),
        thinned: thinned
            .map(|commits| (commits.start().get(), commits.end().get()))
            .collect(),
        is_unproven: unproven.is_some(),
        gaps: (done.losses.iter().filter_map(gap))
            .chain(unproven)
            .collect(),
        unnamed: done.unnamed.into_iter().filter_map(numbered).collect(),
    })
}

/// A keyspace that is called `keyspace-7` was the eighth. The laboratory uses no such names.
fn numbered(name: String) -> Option<(String, usize)> {
    let number = name.strip_prefix("keyspace-")?.parse().ok()?;
    Some((name, number))
}

fn gap_of(first: u64, last: Option<u64>) -> Gap {
    Gap {
        keyspace: None,
        first,
        last,
        first_key: Vec::new(),
        last_key: None,
    }
}

fn gap(loss: &Loss) -> Option<Gap> {
    match &loss.takes {
        Takes::Nothing => None,
        Takes::Versions {
            keyspace,
            first,
            last,
            from,
            to,
        } => Some(Gap {
            keyspace: Some(keyspace.clone()),
            first_key: from.clone(),
            last_key: to.clone(),
            ..gap_of(first.get(), Some(last.get()))
        }),
        Takes::Commits { first, last } => Some(gap_of(first.get(), last.map(|last| last.get()))),
    }
}
