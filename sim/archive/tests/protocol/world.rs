//! An object store in memory that does what it is told: lists may be out of date, and a request may
//! be performed late. It has no clock.

use std::collections::BTreeMap;

use bytes::Bytes;
use lithify_archive::ask::Listed;
use lithify_archive::{Objects, Reply, Request};
use xxhash_rust::xxh3::Xxh3Default;

/// The objects, and the names that were there before each change.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) objects: BTreeMap<String, Bytes>,
    past: Vec<BTreeMap<String, u64>>,
    /// The requests that were performed.
    pub(crate) requests: Vec<Request>,
}

impl World {
    /// Performs a request.
    pub(crate) fn perform(&mut self, request: &Request) -> Reply {
        self.requests.push(request.clone());
        if !matches!(request, Request::Get { .. } | Request::List { .. }) {
            self.past.push(self.names());
        }
        match request {
            Request::Get { name } => match self.objects.get(name) {
                Some(bytes) => Reply::Bytes(bytes.clone()),
                None => Reply::Absent,
            },
            Request::Create { name, .. } if self.objects.contains_key(name) => Reply::Exists,
            Request::Create { name, bytes } | Request::Put { name, bytes } => {
                self.objects.insert(name.clone(), bytes.clone());
                Reply::Done
            }
            Request::Delete { name } => {
                self.objects.remove(name);
                Reply::Done
            }
            Request::List { prefix } => Reply::Names(listed(&self.names(), prefix)),
        }
    }

    /// A list as it was `age` changes ago.
    pub(crate) fn stale_list(&mut self, prefix: &str, age: usize) -> Reply {
        let place = self.past.len().checked_sub(age);
        match place.and_then(|place| self.past.get(place)) {
            Some(names) => Reply::Names(listed(names, prefix)),
            None => Reply::Names(listed(&self.names(), prefix)),
        }
    }

    /// A number that differs for other objects.
    pub(crate) fn digest(&self) -> u128 {
        let mut hasher = Xxh3Default::new();
        for (name, bytes) in &self.objects {
            hasher.update(name.as_bytes());
            hasher.update(bytes);
        }
        hasher.digest128()
    }

    fn names(&self) -> BTreeMap<String, u64> {
        let objects = self.objects.iter();
        objects
            .map(|(name, bytes)| (name.clone(), bytes.len() as u64))
            .collect()
    }
}

fn listed(names: &BTreeMap<String, u64>, prefix: &str) -> Vec<Listed> {
    let names = names.iter().filter(|(name, _)| name.starts_with(prefix));
    names
        .map(|(name, bytes)| Listed {
            name: name.clone(),
            bytes: *bytes,
        })
        .collect()
}

/// A world behind a lock, as a driver.
#[derive(Debug, Default)]
pub(crate) struct Shared(pub(crate) std::sync::Mutex<World>);

impl Objects for Shared {
    fn perform(&self, request: &Request) -> Reply {
        self.0.lock().unwrap().perform(request)
    }
}
