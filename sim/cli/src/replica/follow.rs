//! `follow`: a store takes the commits of a stream.
//!
//! The header is compared with the store before the store is changed. Lines that can be
//! read without waiting become one group with one sync. So a replica that is far behind
//! catches up with few syncs, and a slow stream is acknowledged line by line. Commits
//! that were applied before a refusal stay.

use std::io::Read;

use crate::lines::{Lines, parse};
use crate::store::StoreArgument;
use crate::tuning::TuningArguments;
use crate::write::acknowledge;
use clap::Args;
use lithify::read::CommitChanges;
use lithify::stream::{Header, Line, Receiver, StreamError, Version};
use lithify::{Commit, Error, Options, Replica, Store};
use lithify_sim::cli::args::FormatArgument;
use lithify_sim::cli::exit::{Exit, Failure, Outcome};
use lithify_sim::cli::output::Output;

const EXAMPLES: &str = "\
Examples:
  lithify changes --store S | lithify follow --store R
  lithify changes --store S --since 100 | lithify follow --store R

Makes R a replica: it takes no other commits until it is promoted. A store with commits of its own \
becomes a replica only with --demote. The commits that R already has are compared with the stream. \
Exits with 3 at a gap, at a difference, if R has commits that the stream does not have, at a line \
that was changed on the way, and if the stream ends early; the commits before that stay. Prints \
the number of each commit when the commit is acknowledged.";

/// Takes the commits of a primary from standard input
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Follow {
    #[command(flatten)]
    store: StoreArgument,
    /// Allow that a primary with commits becomes a replica
    #[arg(long)]
    demote: bool,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    tuning: TuningArguments,
}

/// Runs `follow`.
pub(crate) fn follow(arguments: &Follow) -> Outcome {
    let mut lines = Lines::new(std::io::stdin().lock());
    if !lines.read()? {
        return Err(Exit::Input.because("line 1: the stream has no header"));
    }
    let receiver = begin(&lines.line).map_err(at_line(1))?;
    let replica = arguments.open(receiver.header())?;
    let mut follower = Follower {
        replica,
        output: Output::for_writing(),
        format: arguments.format,
        receiver,
        group: Vec::new(),
        first_line: 2,
    };
    let taken = follower.take_all(&mut lines);
    // A refusal of a gathered commit is reported before the error that ended the
    // gathering.
    follower.apply_gathered()?;
    taken?;
    follower.receiver.finish().map_err(refused)?;
    follower.replica.close()?;
    follower.output.finish()
}

/// Reads the header of a stream.
fn begin(line: &[u8]) -> Outcome<Receiver> {
    let input = |what: String| Exit::Input.because(what);
    let version: Version = parse(line, "a header of changes").map_err(input)?;
    version.check().map_err(refused)?;
    let header: Header = parse(line, "a header of changes").map_err(input)?;
    Receiver::new(header).map_err(refused)
}

fn refused(error: StreamError) -> Failure {
    Exit::Input.because(error.to_string())
}

fn at_line(number: u64) -> impl Fn(Failure) -> Failure {
    move |failure| failure.prefixed(&format!("line {number}"))
}

impl Follow {
    /// Opens the replica. A store that is not a replica yet is compared before it
    /// becomes one.
    fn open(&self, header: &Header) -> Outcome<Replica> {
        let trail = &header.trail();
        let is_replica = self.store.is_replica();
        match self.store.holds_manifest()? {
            true if !is_replica => {
                let store = self.store.open()?;
                self.check_role(&store)?;
                check_reach(&store, header).map_err(at_line(1))?;
                let compared = store.snapshot().compare(trail);
                compared.map_err(|error| at_line(1)(error.into()))?;
            }
            true => {}
            false => check_gap(Commit::ZERO, header).map_err(at_line(1))?,
        }
        let mut replica = self.store.open_replica(Options {
            placement: Some(header.placement().clone()),
            ..self.tuning.options()
        })?;
        check_reach(replica.store(), header).map_err(at_line(1))?;
        let compared = replica.compare(trail);
        compared.map_err(|error| at_line(1)(error.into()))?;
        Ok(replica)
    }

    fn check_role(&self, store: &Store) -> Outcome {
        let head = store.head();
        if head == Commit::ZERO || self.demote {
            return Ok(());
        }
        Err(Exit::Store.because(format!(
            "{}: the store is a primary, its newest commit is {head}: --demote makes a replica of \
             it, which takes no other commits until it is promoted",
            self.store.path.display()
        )))
    }
}

/// The stream must begin no later than after the store's head, and must not end before
/// the head.
fn check_reach(store: &Store, header: &Header) -> Outcome {
    let head = store.head();
    match header.head() {
        Some(end) if head > end => Err(Exit::Input.because(format!(
            "the newest commit of the replica is {head}, that of the stream is {end}: the replica \
             has commits that its primary does not have"
        ))),
        _ => check_gap(head, header),
    }
}

fn check_gap(head: Commit, header: &Header) -> Outcome {
    if header.since() <= head {
        return Ok(());
    }
    Err(Failure::from(Error::Gap {
        expected: head.next(),
        found: Commit::new(header.since().get().saturating_add(1)),
    }))
}

struct Follower {
    replica: Replica,
    output: Output,
    format: FormatArgument,
    receiver: Receiver,
    /// The commits that were read and not applied yet.
    group: Vec<CommitChanges>,
    /// The line of the first of these commits.
    first_line: u64,
}

impl Follower {
    /// Gathers and applies commits until there are no more lines.
    fn take_all(&mut self, lines: &mut Lines<impl Read>) -> Outcome {
        while lines.read()? {
            self.gather(&lines.line).map_err(at_line(lines.number))?;
            if !lines.is_at_hand() {
                self.apply_gathered()?;
                self.first_line = lines.number + 1;
            }
        }
        Ok(())
    }

    fn gather(&mut self, line: &[u8]) -> Outcome {
        let line: Line = parse(line, "a commit").map_err(|what| Exit::Input.because(what))?;
        self.group.push(self.receiver.take(line).map_err(refused)?);
        Ok(())
    }

    fn apply_gathered(&mut self) -> Outcome {
        let group = std::mem::take(&mut self.group);
        match self.apply(&group) {
            // One refused commit refuses the whole group: the commits before it are
            // applied one by one.
            Err(Error::Diverged { .. } | Error::Limit { .. }) => {
                for (number, changes) in (self.first_line..).zip(group.chunks(1)) {
                    let applied = self.apply(changes);
                    let head = applied.map_err(|error| at_line(number)(error.into()))?;
                    self.acknowledge(head)?;
                }
                Ok(())
            }
            outcome => {
                let new = outcome.map_err(|error| at_line(self.first_line)(error.into()))?;
                self.acknowledge(new)
            }
        }
    }

    /// Applies commits, and returns the numbers of the new ones.
    fn apply(&mut self, group: &[CommitChanges]) -> Result<std::ops::Range<u64>, Error> {
        let before = self.replica.store().head().next().get();
        let head = self.replica.apply_group(group)?;
        Ok(before..head.next().get())
    }

    fn acknowledge(&mut self, commits: std::ops::Range<u64>) -> Outcome {
        for commit in commits {
            acknowledge(&mut self.output, self.format, commit)?;
        }
        self.output.flush()
    }
}

/// Parses a line as a header, and as a commit.
#[cfg(fuzzing)]
pub(super) fn take_line(line: &[u8]) {
    drop(begin(line));
    drop(parse::<Line>(line, "a commit"));
}
