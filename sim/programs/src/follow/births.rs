//! Which process made which, and what the two share.

use std::collections::BTreeMap;

use crate::strace::{Event, Outcome};

/// Whom a process was born by, and what it shares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    pub(super) parent: u32,
    pub(super) shares_files: bool,
    pub(super) shares_place: bool,
}

/// Who was born by whom. A child can be seen before the call that made it returns, so the whole
/// output is read for this first.
#[derive(Clone, Debug, Default)]
pub struct Births(pub(super) BTreeMap<u32, Birth>);

impl Births {
    /// Notes the call if it made a process.
    pub fn note(&mut self, event: &Event) {
        let Event::Returned(call) = event else { return };
        let Outcome::Done(child, _) = call.outcome else {
            return;
        };
        if !matches!(&*call.name, "clone" | "clone3" | "fork" | "vfork") {
            return;
        }
        let has = |word: &str| call.arguments.iter().any(|argument| argument.has(word));
        let birth = Birth {
            parent: call.pid,
            shares_files: has("CLONE_FILES"),
            shares_place: has("CLONE_FS"),
        };
        if let Ok(child) = u32::try_from(child) {
            self.0.insert(child, birth);
        }
    }
}
