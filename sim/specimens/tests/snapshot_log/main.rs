//! Goal: the log with snapshots keeps its promises on every disk that a crash may leave,
//! and the checks of this statement find each bug that can be planted.
//!
//! Method: a scripted history (commits in groups, snapshots step by step, processes that
//! die and leave the page cache) runs once on the simulated file system. Its log of
//! operations gives the crash images of every moment under every honest persistence model.
//! Each image is opened, compared with the history, written to, closed, checked by the
//! independent check, and opened again. Some images go through a second crash. The same is
//! done with one fault at every operation that it can strike, and with one flipped bit at
//! every byte. [`kills`] plants each bug and expects a finding.

mod bits;
mod crashes;
mod drawn;
mod faults;
mod kills;
mod script;
mod verdict;
