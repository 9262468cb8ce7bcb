//! Runs one history under one policy: commits enter the index, callbacks come in order or
//! late, and the policy is asked after each of them.
//!
//! For commit n, its level-0 segments enter the index first. Then their callbacks come, then
//! the callback of the commit. With reordering, each callback is delayed independently by up
//! to this number of commits. When the watermark moves, `Reached` and `Tick` follow for each
//! commit. At the end every callback has come once.

use std::fmt;

use lithify_sim::keyed::{Domain, Seed};

use super::history::History;
use super::measured::{Measured, measure};
use super::schedules::layout_digest;
use super::store::Store;
use crate::policies::{Event, Policy, Segment};

/// How a history is run.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions {
    /// Whether merges keep all versions instead of the newest only.
    pub keeps_all_versions: bool,
    /// The largest delay of a callback, in commits. 0 means in order.
    pub reordering: u64,
    /// The seed of the delays.
    pub seed: Seed,
    /// Whether each job is recorded.
    pub explain: bool,
    /// The divisor whose windows and boundaries are searched in the layout.
    pub boundary_divisor: u64,
    /// Whether the reads of the history are performed.
    pub reads: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            keeps_all_versions: false,
            reordering: 0,
            seed: Seed(0),
            explain: false,
            boundary_divisor: 4,
            reads: true,
        }
    }
}

/// One performed job.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Explained {
    /// The newest commit at that time.
    pub commit: u64,
    /// The keyspace. `None` for a stream that all keyspaces share.
    pub keyspace: Option<String>,
    /// The inputs, as `first..last@level`.
    pub inputs: Vec<String>,
    /// The output. `None` if it was empty or the inputs were dropped.
    pub output: Option<String>,
    /// The bytes of the output.
    pub bytes: u64,
    /// The kind of reason.
    pub cause: &'static str,
    /// The reason.
    pub reason: String,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// All numbers.
    pub measured: Measured,
    /// The jobs, if `explain` was set.
    pub explained: Vec<Explained>,
    /// The digest of the settled layout.
    pub layout: u64,
    /// The live segments, by stream and age.
    pub live: Vec<Segment>,
    /// Inputs of merges that are still on disk, by stream.
    pub kept: Vec<Segment>,
}

/// Why a run has stopped. The cause is always a mistake of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// A job cannot be performed.
    Refused {
        /// The reason that the policy gave.
        reason: String,
        /// What is wrong with the job.
        what: String,
    },
    /// The policy never stops returning jobs.
    Endless {
        /// The newest commit.
        commit: u64,
        /// The reason of the last job.
        reason: String,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { reason, what } => {
                write!(formatter, "the job \"{reason}\" cannot be done: {what}")
            }
            Self::Endless { commit, reason } => write!(
                formatter,
                "after commit {commit} the policy wanted more than {MAX_ROUNDS} rounds of jobs, \
                 the last one because \"{reason}\""
            ),
        }
    }
}

impl std::error::Error for RunError {}

/// The largest number of rounds of jobs for one event. A cascade needs one round for each
/// level.
const MAX_ROUNDS: usize = 1000;

/// A callback that has not come yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Late {
    due: u64,
    /// The random order of callbacks with equal `due`.
    lot: u64,
    place: u64,
    stream: Option<usize>,
    commit: u64,
}

/// Runs a history.
///
/// # Errors
/// If the policy returns a job that cannot be performed, or never stops returning jobs.
pub fn run(
    policy: &dyn Policy,
    history: &History,
    options: &RunOptions,
) -> Result<Outcome, RunError> {
    let Player { store, noted, .. } = play(policy, history, options)?;
    Ok(Outcome {
        layout: layout_digest(&store),
        live: store.live().cloned().collect(),
        kept: store.kept().cloned().collect(),
        measured: measure(&store, history, &noted, options),
        explained: store.explained.unwrap_or_default(),
    })
}

/// Runs a history until every callback has come.
pub(super) fn play<'run>(
    policy: &'run dyn Policy,
    history: &History,
    options: &RunOptions,
) -> Result<Player<'run>, RunError> {
    let streams = policy.streams();
    let stream_of = |key: u32| history.stream(streams, key);
    let mut player = Player {
        store: Store::new(history, policy, options.keeps_all_versions),
        policy,
        noted: Noted::default(),
    };
    player.store.explained = options.explain.then(Vec::new);
    player.store.stream_names = history.stream_names(streams);
    let mut late: Vec<Late> = Vec::new();
    let mut callbacks = 0;
    for (place, commit) in history.commits.iter().enumerate() {
        let number = place as u64 + 1;
        let touched = player.store.commit(commit, policy.ingest(), stream_of);
        let segments = touched.into_iter().map(Some);
        for stream in segments.chain([None]) {
            late.push(lateness(options, number, callbacks, stream));
            callbacks += 1;
        }
        late.sort_unstable();
        let due = late.partition_point(|callback| callback.due <= number);
        for callback in late.drain(..due).collect::<Vec<Late>>() {
            player.deliver(callback)?;
        }
        player.note();
        if options.reads {
            for &read in &commit.reads {
                let through_memory = policy.reads_through_memory();
                player.store.read(read, through_memory, stream_of);
            }
        }
    }
    for callback in late {
        player.deliver(callback)?;
    }
    Ok(player)
}

/// Draws the time at which a callback comes.
fn lateness(options: &RunOptions, commit: u64, place: u64, stream: Option<usize>) -> Late {
    let (delay, lot) = if options.reordering == 0 {
        (0, place)
    } else {
        let mut draws = options.seed.draws(Domain::Schedule, place);
        (draws.between(0, options.reordering), draws.below(u64::MAX))
    };
    Late {
        due: commit.saturating_add(delay),
        lot,
        place,
        stream,
        commit,
    }
}

/// Numbers that are recorded after each commit.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// The largest distance of the head from the watermark.
    pub(super) lag: u64,
    /// Live segments, after each commit.
    pub(super) live: Vec<u64>,
    /// The largest age of a live tombstone at any time, in commits.
    pub(super) oldest_tombstone: u64,
}

/// The state of a run.
pub(super) struct Player<'run> {
    pub(super) store: Store,
    policy: &'run dyn Policy,
    noted: Noted,
}

impl Player<'_> {
    /// Delivers one callback, and handles its consequences.
    fn deliver(&mut self, callback: Late) -> Result<(), RunError> {
        let commit = callback.commit;
        if let Some(stream) = callback.stream {
            self.store.announce(stream, commit);
            return self.ask(Event::SegmentAdded { stream, commit });
        }
        self.store.hear(commit);
        self.ask(Event::Committed { commit })?;
        let mut before = self.store.moment.seconds;
        while let Some(commit) = self.store.advance() {
            self.store.beat(self.policy);
            self.ask(Event::Reached { commit })?;
            let now = self.store.moment.seconds;
            self.ask(Event::Tick { before, now })?;
            before = now;
        }
        Ok(())
    }

    /// Asks the policy about an event until it returns no job.
    fn ask(&mut self, event: Event) -> Result<(), RunError> {
        let mut reason = String::new();
        for _ in 0..MAX_ROUNDS {
            let jobs = self.policy.plan(&self.store.view(), event);
            if jobs.is_empty() {
                return Ok(());
            }
            for job in jobs {
                reason.clone_from(&job.reason);
                self.store.apply(job, self.policy)?;
            }
        }
        Err(RunError::Endless {
            commit: self.store.moment.head,
            reason,
        })
    }

    /// Records the numbers after a commit.
    fn note(&mut self) {
        let (moment, noted) = (self.store.moment, &mut self.noted);
        noted.lag = noted.lag.max(moment.head - moment.watermark);
        let live: usize = self.store.streams.iter().map(Vec::len).sum();
        noted.live.push(live as u64);
        noted.oldest_tombstone = noted.oldest_tombstone.max(self.store.tombstone_age());
    }
}
