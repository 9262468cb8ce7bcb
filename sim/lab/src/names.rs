//! The message for an unknown name, with the nearest known name.
//!
//! Every list of names (systems, models, faults, workloads, policies, bugs, settings)
//! refuses an unknown name with the messages of this file. For arguments that the
//! parser of the command line knows itself, that parser makes the suggestions.

/// A shorter word is part of too many names.
const SHORTEST_PART: usize = 4;

/// How similar two names must be for a suggestion, from 0 to 1.
const NEAR: f64 = 0.75;

/// The refusal of a name: "no model is called "posix"; did you mean "posix-min"?"
#[must_use]
pub fn unknown<'name>(what: &str, name: &str, known: impl Iterator<Item = &'name str>) -> String {
    suggest(&format!("no {what} is called {name:?}"), name, known)
}

/// The message `what`, and then the nearest known name, or all known names if none is
/// near.
#[must_use]
pub fn suggest<'name>(what: &str, name: &str, known: impl Iterator<Item = &'name str>) -> String {
    let known: Vec<&str> = known.collect();
    match nearest(name, known.iter().copied()) {
        Some(nearest) => format!("{what}; did you mean {nearest:?}?"),
        None if known.is_empty() => format!("{what}; there are none"),
        None => format!("{what}; known are {}", known.join(", ")),
    }
}

/// The name that is probably meant. A word that is part of a name is near to that name;
/// of several such names, the shortest is the nearest.
#[must_use]
pub fn nearest<'name>(name: &str, known: impl Iterator<Item = &'name str>) -> Option<&'name str> {
    let score = |known: &str| match name.len() >= SHORTEST_PART && known.contains(name) {
        true => 1.0 + 1.0 / known.len() as f64,
        false => strsim::jaro_winkler(name, known),
    };
    let mut best: Option<(f64, &str)> = None;
    for known in known {
        let score = score(known);
        // Of equally near names the first wins, so that the order of the list decides.
        if score > best.map_or(NEAR, |best| best.0) {
            best = Some((score, known));
        }
    }
    best.map(|best| best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let models = ["posix-min", "ext4-ordered", "paranoid"];
        for (name, meant) in [
            ("posix-mni", Some("posix-min")),
            ("ext4", Some("ext4-ordered")),
            ("paranoit", Some("paranoid")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, models.into_iter()), meant, "{name}");
        }
    }

    #[test]
    fn without_a_near_name_all_are_listed() {
        let text = unknown("model", "zzz", ["a-model", "b-model"].into_iter());
        assert_eq!(
            text,
            "no model is called \"zzz\"; known are a-model, b-model"
        );
        let text = suggest("none takes no parameters", "x", std::iter::empty());
        assert_eq!(text, "none takes no parameters; there are none");
    }
}
