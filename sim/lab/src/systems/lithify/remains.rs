//! The intact part of a damaged store, read like an intact store.

use std::sync::Arc;

use lithify::damaged::Takes;
use lithify::fs::Fs;
use lithify::{Options, Store};

use super::{failure, reads};
use crate::reads::{Answer, Question};
use crate::system::{Failure, Lost, Remains, Taken};

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
