//! Goal: the log with snapshots keeps its promises on every disk that a crash may leave,
//! and the checks that say so find each of the bugs that can be planted in it.
//!
//! Method: a scripted history (commits in groups, snapshots step by step, processes that
//! die and leave the page cache) runs once on the simulated file system. Its log of
//! operations gives the crash images of every moment under every honest persistence
//! model; each is opened, held against the history, written on, closed, checked by the
//! independent check, and opened again. Some go through a second crash. Then the same is
//! done with one fault at every operation it can strike, and with one flipped bit at every
//! byte. [`kills`] plants each bug and wants a finding.

mod bits;
mod crashes;
mod drawn;
mod faults;
mod kills;
mod script;
mod verdict;
