//! Goal: the window arithmetic obeys its laws, and the settled layout is what
//! the placement rule says. Method: every law is checked on generated
//! alignments (divisors 2 to 12, mixed radices, a limited highest level) and
//! commits, near 0 and near `u64::MAX`; the layouts are compared with a slow
//! reference in this file that replays the rule one commit at a time and shares
//! no arithmetic with the library.

use lithify::Commit;
use lithify::align::{Alignment, AlignmentError, Cascade, Level, Placed, Window};
use proptest::prelude::*;

/// Any alignment a user may configure: uniform, mixed, and limited.
fn alignments() -> impl Strategy<Value = Alignment> {
    let unlimited = prop_oneof![
        (2_u64..=12).prop_map(|divisor| Alignment::uniform(divisor).unwrap()),
        prop::collection::vec(2_u64..=12, 1..=5)
            .prop_map(|radices| Alignment::mixed(&radices).unwrap()),
    ];
    (unlimited, prop_oneof![Just(Level::MAX), 0_u8..=4])
        .prop_map(|(alignment, max_level)| alignment.with_max_level(max_level))
}

/// Commits where mistakes hide: small ones, ones near an edge, and the extremes.
fn commits() -> impl Strategy<Value = Commit> {
    prop_oneof![
        0_u64..=3,
        0_u64..=5000,
        any::<u64>(),
        (0_u64..=20).prop_map(|below| u64::MAX - below)
    ]
    .prop_map(Commit::new)
}

fn window(level: Level, start: u64, end: u64) -> Window {
    Window {
        level,
        start: Commit::new(start),
        end: Commit::new(end),
    }
}

/// Widths by repeated multiplication, as the reference for everything else.
fn reference_widths(alignment: &Alignment) -> Vec<u64> {
    let mut widths = vec![1_u64];
    widths.extend(alignment.radices().scan(1_u64, |width, radix| {
        *width *= radix;
        Some(*width)
    }));
    widths
}

/// The settled layout by replaying history: after each commit, every window
/// that ends there is looked at, lowest level first.
fn replay(alignment: &Alignment, touched: &[u64], head: u64, min_inputs: usize) -> Vec<Placed> {
    let widths = reference_widths(alignment);
    let mut live: Vec<Placed> = Vec::new();
    for commit in 1..=head {
        let number = Commit::new(commit);
        if touched.contains(&commit) {
            live.push(Placed {
                window: window(0, commit - 1, commit),
                level: 0,
                first: number,
                last: number,
                commits: 1,
            });
        }
        for (level, &width) in widths.iter().enumerate().skip(1) {
            if commit % width != 0 {
                break;
            }
            let start = commit - width;
            let inside = live
                .iter()
                .filter(|piece| piece.first.get() > start)
                .count();
            if inside >= min_inputs.max(2) {
                let inputs = live.split_off(live.len() - inside);
                let level = Level::try_from(level).unwrap();
                live.push(Placed {
                    window: window(level, start, commit),
                    level,
                    first: inputs[0].first,
                    last: inputs[inside - 1].last,
                    commits: inputs.iter().map(|piece| piece.commits).sum(),
                });
            }
        }
    }
    live
}

/// Digits of `head` in the alignment's radices, lowest first; the last is unbounded.
fn digits(alignment: &Alignment, head: u64) -> Vec<u64> {
    let mut rest = head;
    let mut digits: Vec<u64> = alignment
        .radices()
        .map(|radix| {
            let digit = rest % radix;
            rest /= radix;
            digit
        })
        .collect();
    digits.push(rest);
    digits
}

/// A sparse history: the touched commits in order, and a head at or after them.
fn histories() -> impl Strategy<Value = (Vec<u64>, u64)> {
    (1_u64..=600, 1_u32..=100).prop_flat_map(|(head, percent)| {
        let touched = prop::collection::vec(0_u32..100, usize::try_from(head).unwrap()).prop_map(
            move |draws| {
                let chosen = (1_u64..).zip(draws).filter(|(_, draw)| *draw < percent);
                chosen.map(|(commit, _)| commit).collect::<Vec<u64>>()
            },
        );
        (touched, Just(head))
    })
}

fn numbered(commits: &[u64]) -> Vec<Commit> {
    commits.iter().copied().map(Commit::new).collect()
}

proptest! {
    #[test]
    fn widths_are_products_of_radices_and_end_at_the_highest_level(alignment in alignments()) {
        let widths = reference_widths(&alignment);
        prop_assert_eq!(alignment.widths(), &widths[..]);
        prop_assert_eq!(usize::from(alignment.max_level()), widths.len() - 1);
        for level in 0..=Level::MAX {
            prop_assert_eq!(alignment.width(level), widths.get(usize::from(level)).copied());
        }
    }

    #[test]
    fn windows_of_a_level_partition_the_commits(alignment in alignments(), commit in commits(), level in 0_u8..=70) {
        prop_assume!(commit > Commit::ZERO);
        let window = alignment.window(level, commit);
        prop_assert!(window.contains(commit));
        prop_assert_eq!(window.level, level.min(alignment.max_level()));
        let width = alignment.width(window.level).unwrap();
        prop_assert_eq!(window.start.get() % width, 0);
        // Only a window that would end beyond u64::MAX is narrower.
        let end = u128::from(window.start.get()) + u128::from(width);
        prop_assert_eq!(u128::from(window.end.get()), end.min(u128::from(u64::MAX)));
        // Every member has the same window, and the neighbours have another.
        prop_assert_eq!(alignment.window(level, window.start.next()), window);
        prop_assert_eq!(alignment.window(level, window.end), window);
        if window.start > Commit::ZERO {
            prop_assert_eq!(alignment.window(level, window.start).end, window.start);
        }
    }

    #[test]
    fn windows_nest(alignment in alignments(), commit in commits()) {
        prop_assume!(commit > Commit::ZERO);
        for level in 1..=alignment.max_level() {
            let inner = alignment.window(level - 1, commit);
            prop_assert!(alignment.window(level, commit).covers(&inner));
        }
    }

    #[test]
    fn a_window_ends_exactly_at_the_multiples_of_its_width(alignment in alignments(), commit in commits(), level in 0_u8..=70) {
        let ending = alignment.window_ending(level, commit);
        let aligned = alignment.width(level).is_some_and(|width| commit > Commit::ZERO && commit.get() % width == 0);
        prop_assert_eq!(ending.is_some(), aligned);
        if let Some(window) = ending {
            prop_assert_eq!(window.end, commit);
            prop_assert_eq!(window.level, level);
            prop_assert_eq!(Some(window.width()), alignment.width(level));
            prop_assert_eq!(alignment.window(level, commit), window);
        }
    }

    #[test]
    fn the_closing_level_is_the_highest_window_that_ends_here(alignment in alignments(), commit in commits()) {
        let highest = (0..=alignment.max_level()).rev().find(|&level| alignment.window_ending(level, commit).is_some());
        prop_assert_eq!(alignment.closing_level(commit), highest.unwrap_or(0));
    }

    #[test]
    fn the_smallest_window_is_the_lowest_that_holds_both(alignment in alignments(), one in commits(), other in commits()) {
        let (first, last) = (one.min(other), one.max(other));
        let holds = |level: &Level| first > Commit::ZERO && alignment.window(*level, first) == alignment.window(*level, last);
        let lowest = (0..=alignment.max_level()).find(holds);
        prop_assert_eq!(alignment.smallest_window(first, last), lowest.map(|level| alignment.window(level, first)));
        if first != last {
            prop_assert_eq!(alignment.smallest_window(last, first), None);
        }
    }

    #[test]
    fn the_dense_layout_tiles_the_history_with_one_window_per_unit_of_each_digit(alignment in alignments(), head in 0_u64..=5000) {
        let layout = alignment.layout_at(Commit::new(head));
        let mut reached = Commit::ZERO;
        for window in &layout {
            prop_assert_eq!(window.start, reached);
            prop_assert_eq!(alignment.window_ending(window.level, window.end), Some(*window));
            reached = window.end;
        }
        prop_assert_eq!(reached, Commit::new(head));
        let mut counts = vec![0_u64; usize::from(alignment.max_level()) + 1];
        layout.iter().for_each(|window| counts[usize::from(window.level)] += 1);
        prop_assert_eq!(counts, digits(&alignment, head));
        prop_assert!(layout.is_sorted());
    }

    #[test]
    fn the_dense_layout_is_the_sparse_one_with_every_commit_touched(alignment in alignments(), head in 0_u64..=600, extra in 0_usize..=12) {
        let smallest_radix = alignment.radices().min().unwrap_or(2);
        let min_inputs = extra.min(usize::try_from(smallest_radix).unwrap());
        let touched: Vec<Commit> = (1..=head).map(Commit::new).collect();
        let sparse = alignment.layout_of(&touched, Commit::new(head), min_inputs);
        let windows: Vec<Window> = sparse.iter().map(|piece| piece.window).collect();
        prop_assert_eq!(windows, alignment.layout_at(Commit::new(head)));
        for piece in sparse {
            prop_assert_eq!((piece.first, piece.last, piece.commits), (piece.window.start.next(), piece.window.end, piece.window.width()));
        }
    }

    #[test]
    fn the_sparse_layout_equals_a_replay_of_the_rule(alignment in alignments(), (touched, head) in histories(), min_inputs in 0_usize..=6) {
        let layout = alignment.layout_of(&numbered(&touched), Commit::new(head), min_inputs);
        prop_assert_eq!(layout, replay(&alignment, &touched, head, min_inputs));
    }

    #[test]
    fn with_two_inputs_one_piece_remains_in_each_canonical_window_that_was_touched(alignment in alignments(), (touched, head) in histories()) {
        let layout = alignment.layout_of(&numbered(&touched), Commit::new(head), 2);
        let met = alignment.layout_at(Commit::new(head)).into_iter().filter(|window| touched.iter().any(|&commit| window.contains(Commit::new(commit))));
        prop_assert_eq!(layout.len(), met.count());
        // The piece sits in the lowest window that holds what it contains.
        for piece in layout {
            prop_assert_eq!(alignment.smallest_window(piece.first, piece.last), Some(piece.window));
        }
    }

    #[test]
    fn pieces_are_bounded_by_min_inputs_per_canonical_window(alignment in alignments(), (touched, head) in histories(), min_inputs in 2_usize..=12) {
        let layout = alignment.layout_of(&numbered(&touched), Commit::new(head), min_inputs);
        let digits = digits(&alignment, head);
        let windows_above_zero: u64 = digits[1..].iter().sum();
        let bound = digits[0] + (u64::try_from(min_inputs).unwrap() - 1) * windows_above_zero;
        prop_assert!(u64::try_from(layout.len()).unwrap() <= bound, "{} pieces, bound {bound}", layout.len());
    }

    #[test]
    fn commits_outside_the_history_order_and_repetition_do_not_matter(alignment in alignments(), (touched, head) in histories()) {
        let layout = alignment.layout_of(&numbered(&touched), Commit::new(head), 2);
        let mut noisy: Vec<Commit> = numbered(&touched).into_iter().rev().flat_map(|commit| [commit, commit]).collect();
        noisy.extend([Commit::ZERO, Commit::new(head + 1), Commit::MAX]);
        prop_assert_eq!(alignment.layout_of(&noisy, Commit::new(head), 2), layout);
    }

    #[test]
    fn what_is_printed_parses_back(alignment in alignments()) {
        let text = alignment.to_string();
        prop_assert_eq!(text.parse::<Alignment>().unwrap(), alignment.clone());
        prop_assert_eq!(serde_json::to_value(&alignment).unwrap(), serde_json::Value::from(text));
    }

    #[test]
    fn no_text_panics(text in "[0-9x, none-]{0,24}") {
        if let Ok(alignment) = text.parse::<Alignment>() {
            prop_assert_eq!(alignment.to_string().parse::<Alignment>().unwrap(), alignment);
        }
    }
}

#[test]
fn the_first_windows_of_divisor_four() {
    let four = Alignment::uniform(4).unwrap();
    assert_eq!(
        four.layout_at(Commit::new(23))
            .iter()
            .map(Window::to_string)
            .collect::<Vec<_>>()
            .join(" "),
        "(0..16]@2 (16..20]@1 (20..21]@0 (21..22]@0 (22..23]@0"
    );
    assert_eq!(four.closing_level(Commit::new(16)), 2);
    assert_eq!(four.window(1, Commit::new(8)), window(1, 4, 8));
    assert_eq!(
        four.smallest_window(Commit::new(4), Commit::new(5)),
        Some(window(2, 0, 16))
    );
}

#[test]
fn a_merge_stays_in_the_lowest_window_although_a_wider_one_closes_too() {
    let two = Alignment::uniform(2).unwrap();
    let layout = two.layout_of(&numbered(&[3, 4]), Commit::new(4), 2);
    assert_eq!(
        layout.iter().map(|piece| piece.window).collect::<Vec<_>>(),
        [window(1, 2, 4)]
    );
}

#[test]
fn the_last_commits_of_all_neither_panic_nor_close_a_clipped_window() {
    let two = Alignment::uniform(2).unwrap();
    assert_eq!(two.max_level(), 63);
    assert_eq!(two.window(63, Commit::MAX), window(63, 1 << 63, u64::MAX));
    assert_eq!(two.layout_at(Commit::MAX).len(), 64);
    let last = [Commit::new(u64::MAX - 1), Commit::MAX];
    // Their common window would end at 2^64, so it stays open for ever.
    assert_eq!(two.layout_of(&last, Commit::MAX, 2).len(), 2);
    // u64::MAX is a multiple of 3, so there the window does close.
    assert_eq!(
        Alignment::uniform(3)
            .unwrap()
            .layout_of(&last, Commit::MAX, 2)
            .len(),
        1
    );
    assert_eq!(
        Alignment::uniform(u64::MAX)
            .unwrap()
            .closing_level(Commit::MAX),
        1
    );
}

#[test]
fn equal_placement_is_equal_however_it_is_written() {
    let limited = Alignment::uniform(4).unwrap().with_max_level(2);
    assert_eq!(limited, Alignment::mixed(&[4, 4]).unwrap());
    assert_eq!(limited.to_string(), "4x2");
    assert_eq!("4, 4".parse::<Alignment>().unwrap(), limited);
    assert_eq!(Alignment::uniform(4).unwrap().to_string(), "4");
    assert_eq!(
        "30,10,12,24".parse::<Alignment>().unwrap().to_string(),
        "30,10,12,24"
    );
    assert_eq!(limited.with_max_level(0).to_string(), "none");
}

#[test]
fn errors_name_the_number_and_the_lowest_allowed() {
    let message = |text: &str| text.parse::<Alignment>().unwrap_err().to_string();
    assert_eq!(
        message("1"),
        "divisor 1 is too small: the lowest allowed is 2"
    );
    assert_eq!(
        message("4,0"),
        "radix 0 (number 2 in the list) is too small: the lowest allowed is 2"
    );
    assert_eq!(
        message("1,4"),
        "radix 1 (number 1 in the list) is too small: the lowest allowed is 2"
    );
    assert_eq!(Alignment::mixed(&[]), Err(AlignmentError::NoRadices));
    assert_eq!(
        message("4294967296,2,2147483648"),
        "radix 2147483648 (number 3 in the list) makes windows of 8589934592 * 2147483648 commits: the widest allowed is 18446744073709551615"
    );
    assert!(
        message("four").starts_with("\"four\" is not a divisor: expected a whole number from 2")
    );
    assert_eq!(
        "both".parse::<Cascade>().unwrap_err().to_string(),
        "unknown cascade \"both\": expected \"step\" or \"direct\""
    );
}

#[test]
fn cascades_have_one_name_everywhere() {
    for cascade in [Cascade::Step, Cascade::Direct] {
        assert_eq!(cascade.to_string().parse::<Cascade>(), Ok(cascade));
        assert_eq!(
            serde_json::to_value(cascade).unwrap(),
            serde_json::Value::from(cascade.to_string())
        );
    }
    assert_eq!(Cascade::default(), Cascade::Step);
}
