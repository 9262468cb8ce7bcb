//! `commit-callback`: the rejected design. The callback of a commit that is a multiple of
//! `divisor^l` merges all segments of level l - 1 that have arrived.
//!
//! With callbacks in order, it makes exact windows. With callbacks out of order, it merges
//! the segments that are there, and a callback after a later one does nothing. So late
//! segments wait for the next multiple.

use lithify::{Alignment, Commit};

use super::aligned::REMOVE;
use super::arrivals::{end, waiting};
use super::count::DIVISOR;
use super::retention::Remove;
use super::segment::Segment;
use super::{Event, Job, Policy, Registered, View};

#[derive(Debug)]
struct CommitCallback {
    alignment: Alignment,
    remove: Remove,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "commit-callback",
    about: "merges whatever has arrived when the callback of an aligned commit comes",
    source: "the rejected proposal of the commit-driven document",
    parameters: &[DIVISOR, REMOVE],
    build: |values| {
        let divisor = values.at_least("divisor", 2)?;
        Ok(Box::new(CommitCallback {
            alignment: Alignment::uniform(divisor).map_err(|error| values.refuse(error))?,
            remove: values.parse("remove")?,
        }))
    },
};

fn merge(view: &View<'_>, stream: usize, level: u8, commit: u64) -> Option<Job> {
    let inputs = waiting(view, stream, level - 1);
    let outputs: Vec<&Segment> = view
        .announced(stream)
        .filter(|segment| segment.level >= level)
        .collect();
    if inputs.is_empty() || end(&outputs) >= commit {
        return None;
    }
    let reason = format!(
        "the callback of commit {commit} found {} segments of level {}",
        inputs.len(),
        level - 1
    );
    Some(Job::merge(&inputs, level, "commit callback", reason))
}

impl Policy for CommitCallback {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Committed { commit } = event else {
            return Vec::new();
        };
        for level in 1..=self.alignment.closing_level(Commit::new(commit)) {
            let jobs: Vec<Job> = (0..view.stream_count())
                .filter_map(|stream| merge(view, stream, level, commit))
                .collect();
            if !jobs.is_empty() {
                return jobs;
            }
        }
        Vec::new()
    }

    fn keeps_input(&self, at: u64, input: &Segment) -> bool {
        self.remove.keeps(at, input)
    }
}
