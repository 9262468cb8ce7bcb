//! Names that get numbers in the order of their arrival.
//!
//! A short list is searched linearly, which is faster than hashing and takes no memory. A longer
//! list has a hash table, so that the cost of a look-up does not grow with the number of names. The
//! table serves look-ups only; the list holds the order. Names are shared, not copied.

use std::sync::Arc;

use hashbrown::HashTable;

/// Up to this many names have no table.
const FEW: usize = 8;

/// Names by number, and numbers by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    names: Vec<Arc<str>>,
    /// The numbers of all names; empty while there are few names.
    numbers: HashTable<u32>,
}

/// The hash is the same in every process.
fn hash(name: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(name.as_bytes())
}

impl Names {
    /// The names, in order of their numbers.
    pub(crate) fn as_slice(&self) -> &[Arc<str>] {
        &self.names
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the name with this number equals `name`.
    pub(crate) fn is(&self, number: u32, name: &str) -> bool {
        work!(NameCompared);
        *self.names[number as usize] == *name
    }

    /// The number of a name.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        if self.numbers.is_empty() {
            return (0..self.names.len() as u32).find(|&number| self.is(number, name));
        }
        let is_same = |&number: &u32| self.is(number, name);
        self.numbers.find(hash(name), is_same).copied()
    }

    /// Adds a new name, and returns its number.
    pub(crate) fn add(&mut self, name: Arc<str>) -> u32 {
        let number = self.names.len() as u32;
        self.names.push(name);
        let unlisted = match self.names.len() {
            0..=FEW => return number,
            _ if self.numbers.is_empty() && !planted!(TableLacksFew) => 0..=number,
            _ => number..=number,
        };
        let names = &self.names;
        let hash_of = |number: &u32| hash(&names[*number as usize]);
        for number in unlisted {
            self.numbers
                .insert_unique(hash_of(&number), number, hash_of);
        }
        number
    }

    /// Removes the newest names until `count` names are left.
    pub(crate) fn truncate(&mut self, count: usize) {
        if count <= FEW {
            self.numbers.clear();
            self.names.truncate(count);
        }
        while self.names.len() > count {
            let name = self.names.pop().expect("there are more than are left");
            let number = self.names.len() as u32;
            let entry = self.numbers.find_entry(hash(&name), |&it| it == number);
            if let Ok(entry) = entry {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::{Work, count};
    use proptest::prelude::*;

    proptest! {
        /// Compares with a list that is searched from the start.
        #[test]
        fn names_keep_their_numbers(
            turns in proptest::collection::vec((0_u32..30, prop::option::of(0_usize..20)), 0..200),
        ) {
            let mut names = Names::default();
            let mut model: Vec<Arc<str>> = Vec::new();
            for (name, truncated) in turns {
                let name: Arc<str> = format!("name-{name}").into();
                let position = model.iter().position(|known| *known == name);
                prop_assert_eq!(names.number(&name), position.map(|position| position as u32));
                if position.is_none() {
                    prop_assert_eq!(names.add(name.clone()) as usize, model.len());
                    model.push(name);
                }
                if let Some(count) = truncated {
                    names.truncate(count);
                    model.truncate(count);
                }
                prop_assert_eq!(names.as_slice(), &model[..]);
            }
        }
    }

    /// 65,000 names in one batch once took 6 s to collect and 6 s to number.
    #[test]
    fn a_look_up_compares_as_many_names_however_many_there_are() {
        let compared = |names: u32| {
            count(Work::NameCompared, || {
                let mut known = Names::default();
                for name in (0..names).chain(0..names) {
                    let name = format!("name-{name}");
                    if known.number(&name).is_none() {
                        known.add(name.into());
                    }
                }
            })
        };
        for names in [100, 1000, 10_000] {
            let compared = compared(names);
            assert!(
                compared < u64::from(2 * names),
                "{compared} for {names} names"
            );
        }
    }
}
