//! Laws of the plans: the objects of a reader cover its commits exactly once, wider windows hold what
//! they stand for, and what a trim removes is inside what it keeps.

use lithify::{Alignment, Commit, Window};
use lithify_archive::plan::{Reach, covers, missing_windows, next_window, objects, wider};
use proptest::prelude::*;

fn alignments() -> impl Strategy<Value = Alignment> {
    let texts = ["2", "3", "4", "2x3", "2,3,5", "none", "7"];
    prop::sample::select(texts.to_vec()).prop_map(|text| text.parse().unwrap())
}

/// A reach whose log objects are those of pushes up to each of these commits.
fn reach(alignment: &Alignment, settled: u64, pushes: &[u64]) -> Reach {
    let settled = Commit::new(settled);
    let mut reach = Reach {
        settled,
        head: settled,
        ..Reach::default()
    };
    for more in pushes {
        let last = Commit::new(reach.head.get() + more);
        while reach.head < last {
            let window = next_window(alignment, reach.head, last);
            reach.tail.push(window);
            reach.head = window.end;
        }
    }
    reach
}

proptest! {
    #[test]
    fn objects_cover_their_commits_once(
        alignment in alignments(),
        settled in 0..300_u64,
        pushes in prop::collection::vec(1..40_u64, 0..5),
        ends in (0..500_u64, 0..500_u64),
    ) {
        let reach = reach(&alignment, settled, &pushes);
        let head = reach.head.get();
        let (from, until) = (ends.0.min(ends.1).min(head), ends.0.max(ends.1).min(head));
        let mut planned = objects(&alignment, &reach, Commit::new(from), Commit::new(until));
        planned.reverse();
        let mut covered = planned.first().map_or(Commit::new(from), |first| first.window.start);
        prop_assert!(covered.get() <= from);
        for object in &planned {
            prop_assert_eq!(object.window.start, covered);
            prop_assert!(object.window.end.get() > from);
            covered = object.window.end;
        }
        prop_assert!(covered.get() >= until || from == until);
        // No more than the live windows of a settled archive.
        if pushes.is_empty() {
            prop_assert!(planned.len() <= alignment.layout_at(reach.head).len());
        }
    }

    #[test]
    fn wider_windows_hold_the_missing_one(
        alignment in alignments(),
        settled in 1..400_u64,
        pushes in prop::collection::vec(1..40_u64, 0..4),
        later in 0..400_u64,
    ) {
        let reach = reach(&alignment, settled, &pushes);
        for planned in objects(&alignment, &reach, Commit::ZERO, reach.head) {
            let mut last = 0;
            let mut found = Vec::new();
            for wider in wider(&alignment, &planned) {
                prop_assert!(wider.window.covers(&planned.window));
                prop_assert!(wider.window.level > last && !wider.is_log);
                last = wider.window.level;
                found.push(wider.window);
            }
            // The live window of every later layout is among them, or is the object itself.
            let layout = alignment.layout_at(Commit::new(reach.head.get() + later));
            let live = layout.iter().find(|it| it.contains(planned.window.end)).unwrap();
            prop_assert!(found.contains(live) || live.level == planned.window.level || planned.is_log);
        }
    }

    #[test]
    fn missing_windows_complete_a_layout(
        alignment in alignments(),
        settled in 0..300_u64,
        more in 0..300_u64,
    ) {
        let (settled, head) = (Commit::new(settled), Commit::new(settled + more));
        let missing = missing_windows(&alignment, settled, head);
        let before = alignment.layout_at(settled);
        for window in alignment.layout_at(head).iter().filter(|window| window.level > 0) {
            prop_assert!(missing.contains(window) != before.contains(window));
        }
    }

    #[test]
    fn a_trim_removes_only_what_is_inside(
        alignment in alignments(),
        heads in prop::collection::vec(1..200_u64, 1..6),
    ) {
        let mut windows: Vec<Window> = Vec::new();
        for head in &heads {
            windows.extend(missing_windows(&alignment, Commit::ZERO, Commit::new(*head)));
        }
        let logs: Vec<Commit> = (1..200).map(Commit::new).collect();
        let covers = covers(&windows, &logs);
        for cover in &covers {
            prop_assert!(windows.contains(&cover.window));
            for inside in &cover.windows {
                prop_assert!(cover.window.covers(inside) && *inside != cover.window);
            }
            for first in &cover.logs {
                prop_assert!(cover.window.contains(*first));
            }
        }
        // The widest ones stay.
        for window in &windows {
            let removed = covers.iter().any(|cover| cover.windows.contains(window));
            let is_inside = windows.iter().any(|other| other.covers(window) && other != window);
            prop_assert_eq!(removed, is_inside);
        }
    }
}
