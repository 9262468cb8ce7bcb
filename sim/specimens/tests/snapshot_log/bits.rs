//! Flips one bit at every byte of a closed store.
//!
//! The flip is reported, or has no effect, or loses the last group of the log: there,
//! damage cannot be distinguished from a torn tail. A flip never leads to a wrong
//! state.

use lithify_sim::disk::{Image, SimFs};

use crate::script::{Action, Run, Script, nothing, scripts};
use crate::verdict::{Expected, Finding};

/// The number of flips by effect.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flips {
    noticed: u64,
    harmless: u64,
    last_group_lost: u64,
}

/// Flips one bit of every byte in the files that a script leaves.
pub(crate) fn flip(script: &Script) -> Result<Flips, Finding> {
    let mut run = Run::new(SimFs::new(), script.engine.clone(), nothing());
    run.play(&script.actions)?;
    let mut groups = script.actions.iter().filter_map(|action| match action {
        Action::Commit(batches) => Some(batches.len() as u64),
        _ => None,
    });
    run.expected.may_lose = groups.next_back().unwrap_or(0);
    let image = run.fs.image();
    let mut flips = Flips::default();
    for (name, bytes) in image.files() {
        for offset in 0..bytes.len() as u64 {
            flip_one(script, &image, &run.expected, (name, offset), &mut flips).map_err(
                |Finding(text)| Finding(format!("a bit of byte {offset} of {name}: {text}")),
            )?;
        }
    }
    Ok(flips)
}

fn flip_one(
    script: &Script,
    image: &Image,
    expected: &Expected,
    (name, offset): (&str, u64),
    flips: &mut Flips,
) -> Result<(), Finding> {
    let fs = SimFs::from_image(image);
    fs.rot(name, offset)
        .map_err(|error| Finding(error.to_string()))?;
    let mut run = Run::new(fs, script.engine.clone(), expected.clone());
    if !name.ends_with(".log") {
        run.expected.may_lose = 0;
    }
    let failures = run.play(&[Action::Restart])?;
    if !failures.is_empty() {
        flips.noticed += 1;
    } else if run.expected.history.head() == expected.history.head() {
        flips.harmless += 1;
    } else {
        flips.last_group_lost += 1;
    }
    Ok(())
}

#[test]
fn no_flipped_bit_is_answered_with_a_wrong_state() {
    let mut text = String::new();
    for script in scripts() {
        let flips = flip(&script).unwrap_or_else(|Finding(text)| panic!("{}: {text}", script.name));
        text += &format!("{}: {flips:?}\n", script.name);
    }
    insta::assert_snapshot!(text);
}
