//! One fault at every operation that it can strike.
//!
//! The process that meets a fault ends, the next one opens the store. Faults that leave
//! the bytes alone may lose nothing that was acknowledged, then or in a later crash;
//! faults that give wrong bytes may be answered with an error, never with a wrong state.

use lithify_sim::disk::{Budget, Fault, FaultKind, Image, SimFs};

use crate::crashes::{Looked, Search, images};
use crate::script::{Run, Script, nothing, scripts};
use crate::verdict::Finding;

/// Tries a kind at each place of a script, with a process that ends at the first failure
/// and with one that is used on; returns how many places there are.
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
            // The last group has no witness; what is lost with it must be a suffix.
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

/// The machine loses power after it: whatever the last process has served is there.
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
