//! Plans as text: printed plans read back the same, lines can be removed, errors have
//! places.

use std::collections::BTreeSet;

use lithify_cli::systems::SYSTEMS;
use lithify_cli::systems::parse;
use lithify_sim::disk::FaultKind;
use lithify_sim::finding::replay::replay;
use lithify_sim::finding::traces;
use lithify_sim::judge::Enabled;
use lithify_sim::keyed::Seed;
use lithify_sim::run::execute::execute;
use lithify_sim::run::generate::{Recipe, generate};
use lithify_sim::run::plan::{Action, Plan};
use lithify_sim::run::workload::{WORKLOADS, Workload};
use lithify_sim::system::{Setting, Settings};
use proptest::prelude::*;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

fn recipe(workload: usize) -> Recipe {
    Recipe {
        workload: &WORKLOADS[workload % WORKLOADS.len()],
        faults: FaultKind::ALL.to_vec(),
        ..Recipe::new(SYSTEMS[0])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn printed_plans_read_back_the_same(seed: u64, workload in 0_usize..8) {
        let plan = generate(&recipe(workload), Seed(seed));
        let text = plan.to_string();
        let again = parse(&text).expect("what is printed can be read");
        prop_assert_eq!(&again.actions, &plan.actions);
        prop_assert_eq!(again.to_string(), text);
    }

    #[test]
    fn any_line_can_go(seed: u64, place: prop::sample::Index) {
        let mut plan = generate(&recipe(0), Seed(seed));
        plan.actions.retain(|action| !matches!(action, Action::Fault(_)));
        plan.actions.remove(place.index(plan.actions.len()));
        let outcome = replay(&plan, false).expect("there is no planted bug to miss");
        prop_assert!(outcome.finding.is_none(), "{:?}", outcome.finding);
    }
}

/// Without faults, the operations, the schedule and the settings stay the same.
#[test]
fn faults_do_not_re_roll_anything_else() {
    for seed in 0..20 {
        let with = generate(&recipe(0), Seed(seed));
        let without = generate(
            &Recipe {
                faults: Vec::new(),
                ..recipe(0)
            },
            Seed(seed),
        );
        assert_eq!(with.settings, without.settings);
        let commits = |actions: &[Action]| -> Vec<Action> {
            let is_commit = |action: &&Action| matches!(action, Action::Commit(_) | Action::Run(_));
            actions.iter().filter(is_commit).cloned().collect()
        };
        assert_eq!(commits(&with.actions), commits(&without.actions));
    }
}

/// Settings change at reopening: every changeable setting, to each of its values, and
/// no other setting. A fixed setting stays as it was chosen.
#[test]
fn every_setting_that_may_change_does() {
    SYSTEMS.par_iter().for_each(|&system| {
        let recipe = |fixed: Settings| Recipe {
            workload: &WORKLOADS[1],
            fixed,
            ..Recipe::new(system)
        };
        let changes = |fixed: &Settings| -> BTreeSet<(String, String)> {
            let plans = (0..1200).map(|seed| generate(&recipe(fixed.clone()), Seed(seed)));
            let actions = plans.flat_map(|plan| plan.actions);
            let change = |action| match action {
                Action::Set(name, value) => Some((name, value)),
                _ => None,
            };
            actions.filter_map(change).collect()
        };
        let settings = system.settings().iter();
        let settings = settings.filter(|setting| setting.may_change && setting.values.len() > 1);
        let all = settings.flat_map(|setting| {
            let values = setting.values.iter();
            values.map(|value| (setting.name.to_owned(), (*value).to_owned()))
        });
        let mut all: BTreeSet<(String, String)> = all.collect();
        assert_eq!(changes(&Settings::new()), all, "{}", system.name());
        let (name, value) = all.first().expect("every system has one").clone();
        all.retain(|(other, _)| *other != name);
        let fixed = Settings::from([(name, value)]);
        assert_eq!(changes(&fixed), all, "{}", system.name());
    });
}

/// The set of changeable settings does not affect the commits.
#[test]
fn changes_of_settings_do_not_re_roll_commits() {
    for seed in 0..40 {
        let commits = |settings: &[Setting]| -> Vec<Action> {
            let operations = WORKLOADS[1].operations(Seed(seed), settings, 8);
            let is_commit = |action: &Action| matches!(action, Action::Commit(_));
            operations.into_iter().filter(is_commit).collect()
        };
        assert_eq!(commits(&[]), commits(SYSTEMS[0].settings()));
    }
}

/// A program with its own systems reads their traces with these systems.
#[test]
fn a_trace_is_read_with_the_systems_that_are_given() {
    let text = generate(&recipe(0), Seed(1)).to_string();
    assert!(traces::parse(&SYSTEMS[..1], &text).is_ok());
    let error = traces::parse(&SYSTEMS[1..], &text).expect_err("the system is not among them");
    assert_eq!(
        error.to_string(),
        "line 2, column 8: no system is called \"lithify\"; did you mean \"lithify-db\"?"
    );
}

/// Systems that share a setting do not share its values: only some know batches with a durability of
/// their own. The others took the value for another one for a day.
#[test]
fn a_setting_has_only_the_values_of_its_own_system() {
    for (system, knows_batches) in [
        ("lithify", true),
        ("lithify-db", true),
        ("replica", false),
        ("backup", false),
    ] {
        let plan = |value: &str| {
            let header = format!("lithify-sim 1\nsystem {system}\nmodel posix-min\nseed 1\n");
            parse(&format!("{header}set durability {value}\nbegin\nsettle\n"))
        };
        assert!(plan("buffered").is_ok(), "{system}");
        assert_eq!(plan("by-batch").is_ok(), knows_batches, "{system}");
        let error = plan("sideways").expect_err("no system has it");
        let expected = "the setting durability has no value \"sideways\"";
        assert!(error.to_string().contains(expected), "{system}: {error}");
    }
}

#[test]
fn errors_name_line_and_column() {
    let header = "lithify-sim 1\nsystem lithify\nmodel posix-min\nseed 1\n";
    let cases = [
        ("", "line 1, column 1: the trace is empty"),
        (
            "hello\n",
            "line 1, column 1: a trace begins with \"lithify-sim\" and its version",
        ),
        (
            "lithify-sim 2\n",
            "line 1, column 13: the trace has format version 2, this program reads version 1",
        ),
        (
            "lithify-sim 1\nsystem oracle\n",
            "line 2, column 8: no system is called \"oracle\"; known are lithify, snapshot-log, \
             data-file, replica, wal-ratio, lithify-db, backup",
        ),
    ];
    for (text, expected) in cases {
        let error = parse(text).expect_err("it is no trace");
        assert_eq!(error.to_string(), expected);
    }
    let bodies = [
        (
            "commit a/0=3\n",
            "line 6, column 8: \"a/0=3\" is not a write",
        ),
        (
            "fault fire * 1\n",
            "line 6, column 7: no fault is called \"fire\"",
        ),
        (
            "fault read-error *\n",
            "line 6, column 19: the line ends where a number of a matching operation",
        ),
        ("jump\n", "line 6, column 1: \"jump\" is not an action"),
        (
            "settle now\n",
            "line 6, column 8: \"now\" is more than settle takes",
        ),
        (
            "expect glory\n",
            "line 6, column 8: no oracle is called \"glory\"",
        ),
        (
            "crash before sync wal\n",
            "line 6, column 7: \"before\" needs an operation and its #number",
        ),
        (
            "fault read-error * 0\n",
            "line 6, column 20: \"0\" is not a number of a matching operation, from 1",
        ),
        (
            "fault read-error * 1 forever\n",
            "line 6, column 22: \"forever\" is not \"stays\"",
        ),
        (
            "settle\nset cascade sideways\n",
            "line 7, column 5: the setting cascade has no value \"sideways\"",
        ),
        (
            "settle\nset divisor 3\n",
            "line 7, column 5: the setting divisor cannot change: a store keeps it",
        ),
        (
            "expect pass please\n",
            "line 6, column 13: \"please\" is more than expect takes",
        ),
        (
            "commit a/99999=1.0\n",
            "line 6, column 8: \"a/99999=1.0\" is not a write",
        ),
    ];
    for (body, expected) in bodies {
        let error = parse(&format!("{header}begin\n{body}")).expect_err("it is no trace");
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let heads = [
        (
            "set divisor zero\n",
            "line 5, column 5: the setting divisor is \"zero\"",
        ),
        (
            "set divisor 3\nset divisor 4\n",
            "line 6, column 5: \"divisor\" is set twice",
        ),
        ("system lithify\n", "line 5, column 1: a second system"),
        (
            "begin now\n",
            "line 5, column 7: \"now\" is more than begin takes",
        ),
    ];
    for (head, expected) in heads {
        let error = parse(&format!("{header}{head}begin\n")).expect_err("it is no trace");
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[cfg(feature = "planted-bugs")]
#[test]
fn a_bug_that_is_not_there_is_named_with_its_place() {
    let text = "lithify-sim 1\nsystem lithify\nbug no-such-bug\nbegin\n";
    let error = parse(text).expect_err("it names no bug");
    assert_eq!(
        error.to_string(),
        "line 3, column 5: the system lithify has no planted bug \"no-such-bug\""
    );
}

/// A crash can name the file whose bytes are in the place of lost bytes.
#[test]
fn a_fill_can_name_its_source() {
    let text = |fill: &str| {
        format!("lithify-sim 1\nsystem data-file\nbegin\ncommit a/0=1.0\ncrash{fill}\n")
    };
    for fill in [
        " fill stale",
        " fill stale data.db#2",
        " fill stale foreign:data.db#1",
    ] {
        let plan = parse(&text(fill)).expect("a fill");
        assert!(
            plan.to_string().contains(&format!("crash{fill}\n")),
            "{plan}"
        );
    }
    for fill in [
        " fill stale data.db",
        " fill zero data.db#1",
        " fill stale data.db#0",
    ] {
        assert!(parse(&text(fill)).is_err(), "{fill}");
    }
    // A source that does not exist is reported as unmatched.
    let plan = parse(&text(" fill stale nobody#1")).expect("a plan");
    let outcome = replay(&plan, false).expect("there is no planted bug to miss");
    let execution = outcome.execution.expect("it ran");
    assert_eq!(execution.unmatched.len(), 1, "{:?}", execution.unmatched);
}

/// The rehearsal is struck in the same way as the execution, so every blow finds the
/// operation and the pending changes that it names.
#[test]
fn blows_strike_what_they_name() {
    let storm = Workload::named("storm").expect("it is in the list");
    for &system in SYSTEMS {
        let recipe = Recipe {
            workload: storm,
            ..Recipe::new(system)
        };
        let (mut deaths, mut losses) = (0, 0);
        for seed in 0..60 {
            let plan = generate(&recipe, Seed(seed));
            let text = plan.to_string();
            assert_eq!(parse(&text).expect("it is a trace").to_string(), text);
            let count = |is_meant: fn(&Action) -> bool| {
                let actions = plan.actions.iter();
                actions.filter(|action| is_meant(action)).count()
            };
            deaths += count(|action| matches!(action, Action::DieBefore(_)));
            losses += count(|action| matches!(action, Action::Crash(_)));
            let execution = execute(&plan, &Enabled::default(), false);
            assert_eq!(execution.finding, None, "{text}");
            assert_eq!(execution.unmatched, [""; 0], "{text}");
        }
        assert!(deaths > 5 && losses > 15, "{deaths} and {losses}");
    }
}

/// If the process dies before an operation of an action, the operations before it were
/// done, and that operation and later ones were not.
#[test]
fn a_process_that_dies_has_done_what_came_before() {
    let header = "lithify-sim 1\nsystem lithify\nset memory-budget 0\nbegin\n";
    let plan = |lines: &str| parse(&format!("{header}{lines}")).expect("it is a trace");
    let run = |plan: &Plan| {
        let execution = execute(plan, &Enabled::default(), false);
        assert_eq!(execution.finding, None, "{plan}");
        assert_eq!(execution.unmatched, [""; 0], "{plan}");
        // The operations of the judge at the end come after that.
        let epoch = &execution.epochs[0];
        let calls = epoch.log.operations()[..epoch.end].iter();
        let calls = calls.filter(|operation| operation.is_call());
        let texts = calls.map(|call| epoch.log.describe(call).to_string());
        texts.collect::<Vec<String>>()
    };
    let whole = run(&plan("commit a/0=4.1\nsettle\n"));
    let first = run(&plan("commit a/0=4.1\n")).len();
    assert!(whole.len() > first + 2, "settling writes a file: {whole:?}");
    for at in first..whole.len() {
        let call = &whole[at];
        let same = whole[first..=at].iter().filter(|other| *other == call);
        let dies = format!(
            "commit a/0=4.1\nsettle\ndie before {call} #{}\n",
            same.count()
        );
        let calls = run(&plan(&dies));
        assert_eq!(calls[..at], whole[..at], "{dies}");
    }
}
