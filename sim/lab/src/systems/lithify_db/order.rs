//! Who goes on while a client waits for the end of a call: the schedule's turns are behind
//! the call then, so a rule gives them.

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The task that was started first.
    Oldest,
    /// The task that was started last.
    Newest,
    /// Any of them, by the number of the turn alone, so that a plan has the same turns
    /// whenever it runs.
    Mixed,
}

impl Order {
    /// Which of this many tasks has turn number `turn`.
    pub(super) fn pick(self, tasks: usize, turn: u64) -> usize {
        match self {
            Self::Oldest => 0,
            Self::Newest => tasks - 1,
            Self::Mixed => {
                let digest = xxhash_rust::xxh3::xxh3_64(&turn.to_le_bytes());
                (digest % tasks as u64) as usize
            }
        }
    }
}
