//! A file system that can lose power, and the rules of what may be left then.
//!
//! [`SimFs`] behaves like a coherent POSIX file system while a process runs on it and
//! keeps a [`log`](oplog) of everything that changed something or asked for durability.
//! It knows nothing of durability itself. A [`Model`] does: a [`Frontier`] replays the log
//! under a model and says, at any operation, what is durable for sure and which
//! [`Change`]s are *pending*. A legal crash [`Image`] is the durable part with any set of
//! pending changes that the model's order allows; [`explore`] chooses sets, all of
//! them when they are few. So one execution gives the crash images of every operation
//! under every model.
//!
//! The decomposition into small changes follows ALICE (Pillai et al., OSDI 2014); the
//! named models follow Ferrite (Bornholt et al., ASPLOS 2016) and the manuals cited in
//! [`model`].
//!
//! For tests with checks of their own, without systems and plans: [`power_loss`] is every moment
//! of a run at which its process can die or the power fail; [`observed`] is a file system that
//! writes down and counts what is done to it, and its [`gate`] holds or fails what a test
//! chooses; [`conformance`] is what every implementation of the engine's `Fs` has to do.

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
pub mod observed;
pub mod oplog;
mod order;
mod places;
pub mod power_loss;
mod remnants;
mod skipped;
mod state;
pub mod usage;

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
pub use usage::{DiskUse, FileUse};
