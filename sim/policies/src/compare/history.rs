//! The commits of a comparison: writes, sizes, times and reads.
//!
//! Invariants: keys are numbers `0 .. keyspace_of.len()`, unique over all keyspaces; no
//! commit writes a key twice; the commit clock never goes backwards.

use lithify_sim::keyed::{Domain, Seed};

use crate::policies::Streams;
use crate::policies::{Keys, Profile, StreamProfile, Volume};

/// One write of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Write {
    /// The key.
    pub key: u32,
    /// The bytes of key and value.
    pub bytes: u32,
    /// Whether the write is a deletion.
    pub is_tombstone: bool,
}

/// One read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A read of one key.
    Point(u32),
    /// A read of a range that begins at a key, in the keyspace of the key.
    Scan(u32),
}

/// One commit, and the reads before the next commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// The commit clock in seconds.
    pub seconds: u64,
    /// The writes, by key.
    pub writes: Vec<Write>,
    /// The reads that come after it.
    pub reads: Vec<Read>,
}

/// A history. Commit n is `commits[n - 1]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The name in tables.
    pub name: String,
    /// The keyspace of each key.
    pub keyspace_of: Vec<u32>,
    /// The number of keyspaces.
    pub keyspaces: usize,
    /// The names of the keyspaces. Empty if keyspaces have only numbers.
    pub keyspace_names: Vec<String>,
    /// The commits.
    pub commits: Vec<Commit>,
    /// The probability that a commit touches a keyspace with one new key, if the history
    /// was drawn in this way.
    pub touch_probability: Option<f64>,
}

impl History {
    /// A history without commits.
    #[must_use]
    pub fn new(name: impl Into<String>, keyspaces: usize) -> Self {
        Self {
            name: name.into(),
            keyspaces,
            ..Self::default()
        }
    }

    /// Adds a key to a keyspace.
    pub fn new_key(&mut self, keyspace: usize) -> u32 {
        self.keyspace_of.push(keyspace as u32);
        self.keyspace_of.len() as u32 - 1
    }

    /// Adds a commit. If it contains several writes of a key, the last one counts.
    pub fn push(&mut self, seconds: u64, mut writes: Vec<Write>) {
        writes.reverse();
        writes.sort_by_key(|write| write.key);
        writes.dedup_by_key(|write| write.key);
        let latest = self.commits.last().map_or(0, |commit| commit.seconds);
        self.commits.push(Commit {
            seconds: seconds.max(latest),
            writes,
            reads: Vec::new(),
        });
    }

    /// Adds a read after the newest commit. Has no effect before the first commit.
    pub fn read(&mut self, read: Read) {
        if let Some(commit) = self.commits.last_mut() {
            commit.reads.push(read);
        }
    }

    /// Adds a read after each commit. The key is drawn uniformly from the keys written so
    /// far.
    pub fn read_evenly(&mut self, seed: Seed) {
        let mut written = 0;
        for (place, commit) in self.commits.iter_mut().enumerate() {
            let newest = commit.writes.iter().map(|write| u64::from(write.key) + 1);
            written = newest.max().unwrap_or(0).max(written);
            if written > 0 {
                let mut draws = seed.draws(Domain::Comparison, 1 << 40 | place as u64);
                commit.reads.push(Read::Point(draws.below(written) as u32));
            }
        }
    }

    /// The stream of a key.
    #[must_use]
    pub fn stream(&self, streams: Streams, key: u32) -> usize {
        match streams {
            Streams::Global => 0,
            Streams::PerKeyspace => self.keyspace_of[key as usize] as usize,
        }
    }

    /// The number of streams.
    #[must_use]
    pub fn stream_count(&self, streams: Streams) -> usize {
        match streams {
            Streams::Global => 1,
            Streams::PerKeyspace => self.keyspaces,
        }
    }

    /// The keyspace of each stream. `None` for a stream that all keyspaces share.
    pub(super) fn stream_names(&self, streams: Streams) -> Vec<Option<String>> {
        let name = |place: usize| match self.keyspace_names.get(place) {
            Some(name) => name.clone(),
            None => place.to_string(),
        };
        match streams {
            Streams::Global => vec![None],
            Streams::PerKeyspace => (0..self.keyspaces).map(|place| Some(name(place))).collect(),
        }
    }

    /// The properties on which closed forms depend.
    #[must_use]
    pub fn profile(&self, streams: Streams, keeps_all_versions: bool, reordering: u64) -> Profile {
        let mut writes: Vec<Vec<(u64, Vec<Write>)>> = vec![Vec::new(); self.stream_count(streams)];
        for (place, commit) in self.commits.iter().enumerate() {
            let number = place as u64 + 1;
            for &write in &commit.writes {
                let stream = &mut writes[self.stream(streams, write.key)];
                match stream.last_mut() {
                    Some((last, of_commit)) if *last == number => of_commit.push(write),
                    _ => stream.push((number, vec![write])),
                }
            }
        }
        let commits = self.commits.len() as u64;
        Profile {
            commits,
            keeps_all_versions,
            reordering,
            // The means are valid for histories that touch each stream independently.
            touch_probability: match streams {
                Streams::PerKeyspace => self.touch_probability,
                Streams::Global => None,
            },
            streams: writes
                .iter()
                .map(|stream| stream_profile(stream, commits))
                .collect(),
            volume: self.volume(),
        }
    }

    fn volume(&self) -> Volume {
        let mut of_keys = vec![0_u64; self.keyspace_of.len()];
        let mut volume = Volume::default();
        for commit in &self.commits {
            for write in &commit.writes {
                let exists = u64::from(write.bytes) * u64::from(!write.is_tombstone);
                let before = std::mem::replace(&mut of_keys[write.key as usize], exists);
                volume.live_bytes = volume.live_bytes + exists - before;
            }
            volume.max_live_bytes = volume.max_live_bytes.max(volume.live_bytes);
            let bytes = commit.writes.iter().map(|write| u64::from(write.bytes));
            volume.commits.push((commit.seconds, bytes.sum()));
        }
        volume
    }
}

fn stream_profile(commits: &[(u64, Vec<Write>)], head: u64) -> StreamProfile {
    let all = || commits.iter().flat_map(|commit| &commit.1);
    let mut keys: Vec<u32> = all().map(|write| write.key).collect();
    let written = keys.len();
    keys.sort_unstable();
    keys.dedup();
    let has_tombstones = all().any(|write| write.is_tombstone);
    let is_distinct = keys.len() == written;
    StreamProfile {
        touched: commits
            .iter()
            .map(|commit| (commit.0, commit.1.len() as u64))
            .collect(),
        keys: match is_dense(commits, head) && !has_tombstones {
            true if is_distinct => Keys::Distinct,
            true => turns(commits).map_or(Keys::Irregular, Keys::InTurn),
            false => Keys::Irregular,
        },
        merges_drop_nothing: is_distinct && !has_tombstones,
        has_tombstones,
    }
}

/// Whether every commit writes, with the same number of writes, and all writes have one
/// size.
fn is_dense(commits: &[(u64, Vec<Write>)], head: u64) -> bool {
    let Some((_, first)) = commits.first() else {
        return false;
    };
    let alike = |commit: &(u64, Vec<Write>)| {
        commit.1.len() == first.len() && commit.1.iter().all(|one| one.bytes == first[0].bytes)
    };
    commits.len() as u64 == head && commits.iter().all(alike)
}

/// The number of commits after which the same keys repeat, if all keys repeat in turn.
fn turns(commits: &[(u64, Vec<Write>)]) -> Option<u64> {
    let keys = |place: usize| commits[place].1.iter().map(|write| write.key);
    let period = (1..commits.len()).find(|&place| keys(place).eq(keys(0)))?;
    let repeats = (period..commits.len()).all(|place| keys(place).eq(keys(place - period)));
    let mut first_turn: Vec<u32> = (0..period).flat_map(keys).collect();
    let writes = first_turn.len();
    first_turn.sort_unstable();
    first_turn.dedup();
    (repeats && first_turn.len() == writes).then_some(period as u64)
}
