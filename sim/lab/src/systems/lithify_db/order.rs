//! Which task continues while a client waits for the end of a call. The call takes one
//! turn of the schedule, so a rule gives the turns inside the call.

/// A rule for turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The task that was started first.
    Oldest,
    /// The task that was started last.
    Newest,
    /// Any task, by the number of the turn alone, so that a plan has the same turns in
    /// every run.
    Mixed,
}

impl Order {
    /// Which of this many tasks takes turn number `turn`.
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
