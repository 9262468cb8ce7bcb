//! What a transaction sees before its commit: its snapshot, with its own writes on top.
//!
//! Each keyspace is walked as a whole from the front, and a part of it from both ends in
//! turn; each written key is read alone. The number of the commit chooses the part and
//! the turns.

use std::collections::BTreeSet;
use std::ops::{Bound, RangeBounds};

use lithify::transaction::Draft;
use lithify::{KeyRange, Result, Snapshot};

use super::transactions::{places, write};
use crate::history::{Batch, State, apply};
use crate::systems::lithify::state_of;

/// What is wrong with the view of a transaction that writes this batch as commit
/// `number`, if anything.
pub(super) fn wrong_view(
    snapshot: &Snapshot,
    (number, batch): (u64, &Batch),
) -> Result<Option<String>> {
    let mut expected = state_of(snapshot)?;
    apply(&mut expected, batch);
    let mut draft = Draft::new(snapshot.clone());
    write(&mut draft, batch)?;
    let mut keyspaces: BTreeSet<String> = snapshot.keyspaces().into_iter().collect();
    keyspaces.extend(places(batch).map(|(keyspace, _)| keyspace));
    for keyspace in keyspaces {
        let whole = Walk::whole();
        let part = Walk::part(&keys_of(&expected, &keyspace), number);
        for walk in [whole, part] {
            if let Some(wrong) = walk.wrong(&draft, &keyspace, &expected)? {
                return Ok(Some(format!("{wrong} in the keyspace {keyspace}")));
            }
        }
    }
    for (keyspace, key) in places(batch) {
        let got = draft.get(&keyspace, &key)?;
        if got.as_deref() != expected.get(&(keyspace, key)).map(Vec::as_slice) {
            return Ok(Some("another value than it has written".to_owned()));
        }
    }
    Ok(None)
}

fn keys_of(state: &State, keyspace: &str) -> Vec<Vec<u8>> {
    let places = state.keys().filter(|(owner, _)| owner == keyspace);
    places.map(|(_, key)| key.clone()).collect()
}

/// A walk through a part of a keyspace.
struct Walk {
    start: Bound<Vec<u8>>,
    end: Bound<Vec<u8>>,
    /// A bit for each step, used again and again: whether it comes from the back.
    turns: u64,
}

impl Walk {
    fn whole() -> Self {
        Self {
            start: Bound::Unbounded,
            end: Bound::Unbounded,
            turns: 0,
        }
    }

    /// A walk between two of these keys.
    fn part(keys: &[Vec<u8>], number: u64) -> Self {
        let turns = xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes());
        let bound = |place: usize, kind: u64| match (keys.get(place), kind % 3) {
            (Some(key), 0) => Bound::Included(key.clone()),
            (Some(key), 1) => Bound::Excluded(key.clone()),
            _ => Bound::Unbounded,
        };
        let most = keys.len() as u64 + 1;
        let places = [turns >> 8, turns >> 24].map(|choice| (choice % most) as usize);
        let [one, other] = places;
        Self {
            start: bound(one.min(other), turns >> 40),
            end: bound(one.max(other), turns >> 48),
            turns,
        }
    }

    /// What differs from the state, if anything.
    fn wrong(&self, draft: &Draft, keyspace: &str, expected: &State) -> Result<Option<String>> {
        let range = KeyRange {
            start: self.start.clone(),
            end: self.end.clone(),
        };
        let mut range = draft.range(keyspace, range)?;
        let mut found = State::new();
        let mut turns = self.turns;
        loop {
            let item = match turns & 1 {
                0 => range.next(),
                _ => range.next_back(),
            };
            turns = turns.rotate_right(1);
            let Some((key, value)) = item.transpose()? else {
                break;
            };
            let place = (keyspace.to_owned(), key.to_vec());
            if found.insert(place, value.to_vec()).is_some() {
                return Ok(Some(format!("the key {key:?} twice")));
            }
        }
        let bounds = (self.start.clone(), self.end.clone());
        let is_inside =
            |(owner, key): &(String, Vec<u8>)| owner == keyspace && bounds.contains(key);
        let own = expected.iter().filter(|(place, _)| is_inside(place));
        Ok(own.ne(found.iter()).then(|| match self.turns {
            0 => "another state than its own".to_owned(),
            _ => format!("another part than its own between {bounds:?}"),
        }))
    }
}
