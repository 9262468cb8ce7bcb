//! One fault at every operation that it can strike.
//!
//! The process with the fault ends, and the next one opens the store. Faults that do not
//! change stored bytes may not lose acknowledged commits, neither then nor in a later
//! crash. Faults that return wrong bytes may lead to an error, but never to a wrong
//! state.

use lithify_sim::disk::{Budget, Fault, FaultKind, Image, SimFs};

use crate::crashes::{Looked, Search, images};
use crate::script::{Run, Script, nothing, scripts};
use crate::verdict::Finding;

/// Tries one kind of fault at each place of a script: once with a process that ends at
/// the first failure, and once with a process that continues. Returns the number of
/// places.
pub(crate) fn strike(script: &Script, kind: FaultKind) -> Result<u32, Finding> {
    let places = strike_process(script, kind, false)?;
    strike_process(script, kind, true).map(|_| places)
}

fn strike_process(script: &Script, kind: FaultKind, goes_on: bool) -> Result<u32, Finding> {
    for at in 1.. {
        let fs = SimFs::new();
        fs.arm(Fault {
            kind,
            file: String::new(),
            at,
            stays: false,
        });
        let mut expected = nothing();
        if kind.harm().excuses_loss() {
            // The last group has no witness, so its loss is not detected. Only a suffix
            // of the history may be lost.
            expected.may_lose = u64::MAX / 2;
        }
        let mut run = Run::new(fs, script.engine.clone(), expected);
        run.goes_on = goes_on;
        run.play(&script.actions)
            .and_then(|_| crash(&mut run, kind))
            .map_err(|Finding(text)| Finding(format!("{kind} at operation {at}: {text}")))?;
        if run.fs.fired().is_empty() {
            return Ok(at - 1);
        }
    }
    unreachable!("a script ends")
}

/// The machine loses power after the fault. Everything that the last process has served
/// must be stored.
fn crash(run: &mut Run, kind: FaultKind) -> Result<(), Finding> {
    run.fs.disarm();
    if kind.harm().excuses_loss() || kind == FaultKind::StrayFiles {
        return Ok(());
    }
    let budget = Budget {
        enumerate: 16,
        bound: 1,
        samples: 0,
    };
    let search = Search::new("posix-min", budget);
    let from = run.serves_since;
    images(run, &Image::default(), from, search, &mut Looked::default())
}

#[test]
fn no_fault_makes_a_store_forget_or_lie() {
    let mut text = String::new();
    for kind in FaultKind::ALL {
        let mut places = 0;
        for script in scripts() {
            places += strike(&script, *kind)
                .unwrap_or_else(|Finding(text)| panic!("{}: {text}", script.name));
        }
        text += &format!("{kind}: {places} places\n");
    }
    insta::assert_snapshot!(text);
}
