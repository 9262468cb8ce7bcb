//! Planted bugs of the archive: each is a mistake that a program over an object store could make.
//! The tests run with one bug active and have to find it.
//!
//! Invariants: without the feature `planted-bugs` the macro is the literal `false`, so a normal build
//! contains no bug. With the feature, at most one bug is active at a time, on the thread that called
//! `with`.
//!
//! This file only names the bugs. The place of each bug is the macro call `planted!(Name)`.

/// Whether a bug is active here.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is_active($crate::planted::Bug::$bug)
    };
}

/// Whether a bug is active here: never, in a normal build.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

#[cfg(feature = "planted-bugs")]
pub use switch::{Bug, with};

#[cfg(feature = "planted-bugs")]
pub(crate) use switch::is_active;

#[cfg(feature = "planted-bugs")]
mod switch {
    use std::cell::Cell;

    /// Defines the enumeration and the list of all bugs from one list.
    macro_rules! bugs {
        ($($bug:ident $story:literal)*) => {
            /// A planted bug.
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
            pub enum Bug {
                $(#[doc = $story] $bug,)*
            }

            impl Bug {
                /// All bugs.
                pub const ALL: &'static [Self] = &[$(Self::$bug),*];
            }
        };
    }

    bugs! {
        FenceOverwrites "A log object replaces an object of its name, so two writers acknowledge one commit."
        FenceTaken "A writer that finds the name taken acknowledges its commit without a look at the object."
        TokenIgnored "A writer takes an object of equal contents for its own, so two writers acknowledge one commit."
        SilenceIsSuccess "A writer takes a lost reply for a success and does not ask again."
        OtherPastAccepted "A writer appends to an archive whose history differs from its own."
        HeadBeforeWindows "The head object moves forward before the windows are written, so a crash leaves them missing."
        HeadIsBelieved "The commit in the head object is taken for the newest one, without a look at the log."
        LogDeleted "A trim deletes log objects, so their names are free for a writer that was slow."
        TrimUnproven "A trim deletes what a listed window covers without a look at this window."
        TrimByHead "A trim removes what every window of the layout covers, whether the window was written or not."
        MovedIsEmpty "A reader takes a log object whose commits were moved for one without commits."
        AbsentIsEmpty "A reader takes a missing window for one without commits."
        OldestFirst "A point read takes the first version that it finds from the oldest window on."
        AtIgnored "A read as of an earlier commit sees the later commits of the same window."
        WiderCountedTwice "A window that is wider than planned is emitted from its first commit, so commits come twice."
        NameUnchecked "The checksum of an object does not cover its name, so a moved object is accepted."
        ForeignAccepted "An object of another archive is accepted."
        ChecksumUnchecked "The checksum of an object is not compared."
        ChainUnchecked "Pieces of two histories are joined without a comparison of their digests."
    }

    thread_local! {
        static ACTIVE: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Runs `run` with `bug` active on this thread, or without a bug, and then restores the previous
    /// state, also when `run` panics.
    pub fn with<T>(bug: Option<Bug>, run: impl FnOnce() -> T) -> T {
        let _restored = Restore(ACTIVE.replace(bug));
        run()
    }

    struct Restore(Option<Bug>);

    impl Drop for Restore {
        fn drop(&mut self) {
            ACTIVE.set(self.0);
        }
    }

    pub(crate) fn is_active(bug: Bug) -> bool {
        ACTIVE.get() == Some(bug)
    }
}
