//! The properties of a history on which closed forms depend. They are computed from the
//! history and never declared, so a prediction is made only if its assumptions hold.

use lithify::{Alignment, Cascade, Commit};

use crate::forecast::Forecast;

/// How the keys of a dense stream repeat. In a dense stream, all commits write the same
/// number of records, all records have the same size, and there are no tombstones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// No key is ever written twice.
    Distinct,
    /// All keys repeat in turn, after this number of commits.
    InTurn(u64),
    /// The stream is not dense, or keys repeat without such a rule.
    Irregular,
}

/// The properties of one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamProfile {
    /// The commits that touched the stream, each with its number of records.
    pub touched: Vec<(u64, u64)>,
    /// How the keys of the stream repeat.
    pub keys: Keys,
    /// Whether no key was written twice or deleted, so that merges drop nothing.
    pub merges_drop_nothing: bool,
    /// Whether the stream has tombstones. With tombstones, the output of a merge can be
    /// empty.
    pub has_tombstones: bool,
}

/// The properties of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The number of commits.
    pub commits: u64,
    /// Whether merges keep all versions.
    pub keeps_all_versions: bool,
    /// How far callbacks are out of order, in commits. 0 means in order.
    pub reordering: u64,
    /// The probability that a commit touches a stream with one record, if the history was
    /// drawn in this way.
    pub touch_probability: Option<f64>,
    /// The properties of each stream.
    pub streams: Vec<StreamProfile>,
    /// The sizes of commits and live data.
    pub volume: Volume,
}

/// The sizes of commits and live data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// The time in seconds and the bytes of each commit.
    pub commits: Vec<(u64, u64)>,
    /// Bytes of the newest versions of all keys that exist after the last commit.
    pub live_bytes: u64,
    /// The largest value of `live_bytes` after any commit.
    pub max_live_bytes: u64,
}

impl Volume {
    /// The number of committed bytes.
    #[must_use]
    pub fn bytes(&self) -> u128 {
        self.commits.iter().map(|one| u128::from(one.1)).sum()
    }

    /// The time from the first to the last commit.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        let ends = self.commits.first().zip(self.commits.last());
        ends.map_or(0, |(first, last)| last.0 - first.0)
    }

    /// The bytes of the largest commit.
    #[must_use]
    pub fn largest_commit(&self) -> u64 {
        self.commits.iter().map(|one| one.1).max().unwrap_or(0)
    }

    /// The largest sum of bytes of commits within this number of seconds. O(commits).
    #[must_use]
    pub fn max_bytes_within(&self, seconds: u64) -> u64 {
        let (mut first, mut bytes, mut most) = (0, 0, 0);
        for &(time, of_commit) in &self.commits {
            bytes += of_commit;
            while time - self.commits[first].0 > seconds {
                bytes -= self.commits[first].1;
                first += 1;
            }
            most = most.max(bytes);
        }
        most
    }
}

impl Profile {
    /// The number of keys in turn and the number of records of a commit, if all streams are
    /// dense and equal. The first value is `None` for distinct keys.
    #[must_use]
    pub fn dense(&self) -> Option<(Option<u64>, u64)> {
        let first = self.streams.first()?;
        let alike = |stream: &StreamProfile| {
            stream.keys == first.keys && stream.touched.first() == first.touched.first()
        };
        if !self.streams.iter().all(alike) {
            return None;
        }
        let records = first.touched.first()?.1;
        match first.keys {
            Keys::Distinct => Some((None, records)),
            Keys::InTurn(_) if self.keeps_all_versions => Some((None, records)),
            Keys::InTurn(keys) => Some((Some(keys), records)),
            Keys::Irregular => None,
        }
    }

    /// [`Profile::dense`] for a store that has a single stream.
    #[must_use]
    pub fn dense_single(&self) -> Option<(Option<u64>, u64)> {
        (self.streams.len() == 1).then(|| self.dense()).flatten()
    }

    /// The number of streams.
    #[must_use]
    pub fn stream_count(&self) -> u128 {
        self.streams.len() as u128
    }

    /// The number of committed records.
    #[must_use]
    pub fn records(&self) -> u128 {
        let touches = self.streams.iter().flat_map(|stream| &stream.touched);
        touches.map(|&(_, records)| u128::from(records)).sum()
    }

    /// The number of records that the aligned policy writes, level 0 included. `None` if a
    /// merge of the history drops records. O(streams * commits * levels).
    #[must_use]
    pub fn aligned_records(
        &self,
        alignment: &Alignment,
        cascade: Cascade,
        min_inputs: u32,
    ) -> Option<u128> {
        let drops_nothing =
            |stream: &StreamProfile| self.keeps_all_versions || stream.merges_drop_nothing;
        if !self.streams.iter().all(drops_nothing) {
            return None;
        }
        let merged = self.streams.iter().map(|stream| {
            let mut forecast = Forecast::new(alignment.clone(), cascade, min_inputs);
            let mut touched = stream.touched.iter().peekable();
            for commit in 1..=self.commits {
                let touch = touched.next_if(|touch| touch.0 == commit);
                forecast.add(touch.map_or(0, |touch| touch.1));
            }
            u128::from(forecast.merged_entries())
        });
        Some(self.records() + merged.sum::<u128>())
    }
}

impl StreamProfile {
    /// The number of records that the aligned policy writes, level 0 included, if it counts
    /// the stream's own commits instead of the commits of the store.
    #[must_use]
    pub fn counted_records(&self, alignment: &Alignment, cascade: Cascade) -> u128 {
        let mut forecast = Forecast::new(alignment.clone(), cascade, 2);
        for &(_, records) in &self.touched {
            forecast.add(records);
        }
        let records = self.touched.iter().map(|touch| u128::from(touch.1));
        u128::from(forecast.merged_entries()) + records.sum::<u128>()
    }

    /// The commits that touched the stream.
    #[must_use]
    pub fn commits(&self) -> Vec<Commit> {
        let commits = self.touched.iter().map(|touch| Commit::new(touch.0));
        commits.collect()
    }
}
