//! What is whole of a damaged store, asked like an intact one.

use std::sync::Arc;

use lithify::damaged::Takes;
use lithify::fs::Fs;
use lithify::{Options, Store};

use super::{failure, reads};
use crate::reads::{Answer, Question};
use crate::system::{Failure, Lost, Remains};

/// Opens it.
pub(super) fn open(fs: Arc<dyn Fs>, options: Options) -> Result<Box<dyn Remains>, Failure> {
    let store = Store::open_damaged(fs, options).map_err(failure)?;
    Ok(Box::new(Damaged(store)))
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
                takes: match &loss.takes {
                    Takes::Nothing => None,
                    Takes::Versions {
                        keyspace, first, ..
                    } => Some((Some(keyspace.clone()), first.get())),
                    Takes::Commits { first, .. } => Some((None, first.get())),
                },
            })
            .collect()
    }

    fn ask(&self, question: &Question) -> Result<Option<Answer>, Failure> {
        reads::of_store(&self.0, question)
    }
}
