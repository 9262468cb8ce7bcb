//! A file system that can lose power, and the rules for what a crash may leave on disk.
//!
//! [`SimFs`] behaves like a coherent POSIX file system while a process runs on it. It
//! keeps a [`log`](oplog) of every operation that changed something or asked for
//! durability. `SimFs` does not decide what is durable; a [`Model`] does. A
//! [`Frontier`] replays the log under a model. At any operation it says what is
//! certainly durable and which [`Change`]s are *pending*. A legal crash [`Image`] is
//! the durable part plus any set of pending changes that the model's order allows.
//! [`explore`] chooses such sets; when there are few, it chooses all of them. So one
//! execution gives the crash images of every operation under every model.
//!
//! The decomposition into small changes follows ALICE (Pillai et al., OSDI 2014). The
//! named models follow Ferrite (Bornholt et al., ASPLOS 2016) and the manuals cited in
//! [`model`].
//!
//! These modules are for tests with their own checks, without systems and plans:
//! - [`power_loss`] gives every moment of a run at which the process can die or the
//!   power can fail;
//! - [`moving`] is a disk that a second process changes while the first one reads;
//! - [`observed`] is a file system that records and counts the operations on it. Its
//!   [`gate`] holds or fails the operations that a test chooses;
//! - [`conformance`] checks what every implementation of the engine's `Fs` must do.

mod bound;
mod bytes;
pub mod change;
pub mod conformance;
pub mod explore;
pub mod fault;
mod frontier;
mod fs;
pub mod gate;
mod image;
mod labels;
pub mod litmus;
pub mod model;
pub mod moving;
pub mod observed;
pub mod oplog;
mod order;
mod places;
pub mod power_loss;
mod remnants;
mod skipped;
mod state;
pub mod tree;
pub mod usage;

pub use bound::{Endless, MAX_OPERATIONS};
pub use change::{Change, ChangeKind};
pub use explore::{Budget, Choice, Coverage};
pub use fault::{Fault, FaultKind, Harm, Target};
pub use frontier::{Frontier, Known};
pub use fs::SimFs;
pub use image::{Fill, Image};
pub use model::Model;
pub use oplog::{Log, Mark, Operation, place_of};
pub use remnants::Source;
pub use skipped::{SkippedBarrier, context, without_numbers};
pub use tree::{Place, Tree};
pub use usage::{DiskUse, FileUse};
