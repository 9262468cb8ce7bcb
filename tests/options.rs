//! What can be chosen when a store is opened: the defaults, what follows from them, and every
//! contradiction refused with the name of the option.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Alignment, Error, History, Options, Placement, Store};

/// The message with which these options are refused; no store comes to be.
#[track_caller]
fn refused(change: impl FnOnce(&mut Options)) -> String {
    let mut options = Options::default();
    change(&mut options);
    let message = options.check().unwrap_err().to_string();
    let fs = MemFs::new();
    let opened = Store::open(Arc::new(fs.clone()), options).unwrap_err();
    assert_eq!(opened.to_string(), message);
    assert_eq!(lithify::fs::Fs::list(&fs, "").unwrap(), [""; 0]);
    message
}

#[test]
fn contradictions_are_refused_before_anything_is_created() {
    let of_placement = |change: fn(&mut Placement)| {
        refused(|options| change(options.placement.insert(Placement::default())))
    };
    let messages = [
        refused(|options| options.file_level = Some(0)),
        refused(|options| options.max_open_files = 0),
        refused(|options| options.memory_budget_bytes = usize::MAX),
        refused(|options| options.block_bytes = 0),
        refused(|options| options.block_bytes = usize::MAX),
        of_placement(|placement| placement.min_inputs = 1),
        of_placement(|placement| placement.history = History::Last(0)),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn divisors_below_two_are_refused() {
    for divisor in [0, 1] {
        let error = Placement::with_divisor(divisor).unwrap_err();
        assert!(matches!(error, Error::InvalidOptions(_)), "{error}");
    }
    let placement = Placement::with_divisor(7).unwrap();
    assert_eq!(placement.alignment.width(2), Some(49));
}

#[test]
fn files_begin_with_the_first_window_that_is_wide_enough() {
    let options = Options::default();
    for (divisor, level) in [(2, 12), (4, 6), (64, 2), (4096, 1), (5000, 1)] {
        let alignment = Alignment::uniform(divisor).unwrap();
        assert_eq!(options.file_level_for(&alignment), level, "{divisor}");
    }
    let chosen = Options {
        file_level: Some(3),
        ..Options::default()
    };
    assert_eq!(chosen.file_level_for(&Alignment::uniform(4).unwrap()), 3);
}

#[test]
fn a_log_may_grow_to_what_memory_may_hold_and_to_two_files() {
    let budget = |memory_budget_bytes, wal_file_bytes| {
        let options = Options {
            memory_budget_bytes,
            wal_file_bytes,
            ..Options::default()
        };
        options.log_budget_bytes()
    };
    assert_eq!(Options::default().log_budget_bytes(), 32 << 20);
    assert_eq!(budget(100, 10), 100);
    assert_eq!(budget(100, 80), 160);
    assert_eq!(budget(100, u64::MAX), u64::MAX);
}
