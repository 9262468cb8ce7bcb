//! Compares the predictions of `lithify::predict` with a settled store, and its closed
//! forms with the sums that they stand for.
//!
//! The predictions for a store are about a keyspace that every commit touches, and
//! about merges that need no more inputs than the narrowest window has. They do not
//! apply to other histories. The predictions for other designs are compared with sums
//! over all commits.

use lithify::predict::{leveled, live, paced, readable};
use lithify::{Alignment, Commit, Options, Placement, Store};

use crate::system::Equality;

/// The predictions for a store with this history, and the actual values.
pub(super) fn equalities(options: &Options, store: &Store) -> Vec<Equality> {
    let Some(placement) = &options.placement else {
        return Vec::new();
    };
    let head = store.head().get();
    let mut equalities = of_other_designs(&placement.alignment, head);
    let least = placement.alignment.radices().min().unwrap_or(u64::MAX);
    if u64::from(placement.min_inputs) <= least {
        equalities.extend(of_dense_keyspaces(placement, store));
    }
    equalities
}

fn of_dense_keyspaces(placement: &Placement, store: &Store) -> Vec<Equality> {
    let (alignment, head) = (&placement.alignment, store.head().get());
    let (layout, snapshot) = (store.layout(), store.snapshot());
    let foretold = readable::readable(alignment, head, placement.history, placement.remove_inputs);
    let mut equalities = Vec::new();
    for keyspace in &layout.keyspaces {
        let commits: u64 = keyspace.segments.iter().map(|it| it.commits).sum();
        if commits < head {
            continue;
        }
        let ranges = snapshot.readable_commits_of(&keyspace.name);
        let is_read = |commit: &u64| {
            let commit = Commit::new(*commit);
            ranges.iter().any(|range| range.contains(&commit))
        };
        let is_wrong = |commit: &u64| is_read(commit) != foretold.contains(*commit);
        equalities.extend([
            Equality::new(
                "live segments, as foretold",
                keyspace.segments.len() as u64,
                live::segments(alignment, head),
            ),
            Equality::new(
                "commits that can be read and were not foretold, or the other way round",
                (1..=head).filter(is_wrong).count() as u64,
                0,
            ),
        ]);
    }
    equalities
}

/// The closed forms, compared with sums over the commits.
fn of_other_designs(alignment: &Alignment, head: u64) -> Vec<Equality> {
    let widths = alignment.widths();
    // A commit of the leveled variant writes all entries since the last edge of the
    // next level.
    let leveled_entries = |commit: u64| {
        let closing = usize::from(alignment.closing_level(Commit::new(commit)));
        widths.get(closing + 1).map_or(commit, |next| commit % next)
    };
    let paced_entries = |commit: u64| 1 + paced::work_at(alignment, commit);
    let sum = |of: &dyn Fn(u64) -> u64| (1..=head).map(of).sum::<u64>();
    let covers_alone = |commit: u64| {
        let (first, last) = (Commit::new(commit), Commit::new(head));
        let levels = (0..=alignment.max_level()).map(|level| alignment.window(level, last));
        let lowest = levels.into_iter().find(|window| window.contains(first));
        u64::from(alignment.smallest_window(first, last) != lowest)
    };
    vec![
        Equality::new(
            "entries of the leveled variant",
            leveled::entries_written(alignment, head) as u64,
            sum(&leveled_entries),
        ),
        Equality::new(
            "entries of the paced variant",
            paced::entries_written(alignment, head) as u64,
            sum(&paced_entries),
        ),
        Equality::new("smallest windows that are not", sum(&covers_alone), 0),
    ]
}
