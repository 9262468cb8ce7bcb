//! The laboratory of lithify: it runs a store on a disk that loses power, lies and fails,
//! and says what is wrong with it, in a few lines, and why.
//!
//! A store of your own goes in by three traits, [`system::System`], [`system::Engine`] and
//! [`system::Instance`]; the example `own_system` is a whole one in one page, with
//! mistakes that are found, shrunk and explained. [`check`] is then a test of it in one line,
//! and `cli::main` (feature `cli`) a program with every command for it:
//!
//! ```text
//! cargo run --release -p lithify-sim --example own_system -- run --bug directory-not-synced
//! ```
//!
//! The heart of it is short. A [`campaign::Campaign`] makes a plan of each seed, runs it,
//! crashes it everywhere and judges what is left:
//!
//! ```
//! use lithify_sim::campaign::Campaign;
//! use lithify_sim::systems::lithify::Lithify;
//!
//! let (ledger, found) = Campaign::new(&Lithify).run(0..2);
//! assert!(found.is_none() && ledger.recovered > 0);
//! ```
//!
//! # What there is, in reading order
//!
//! What happens to a store:
//! - [`system`]: the traits; [`systems`]: the stores that implement them here.
//! - [`history`]: commits, and the state after each; [`workload`]: what clients do.
//! - [`plan`]: everything that a run does, as a list that can be printed, read and edited.
//! - [`keyed`]: all randomness; [`schedule`]: whose turn it is; [`generate`]: from a seed to
//!   a plan.
//!
//! What a disk does to it:
//! - [`simfs`]: the file system that can lose power, its persistence models and crash
//!   images, its faults.
//! - [`execute`]: runs a plan; [`crashes`]: crashes the execution everywhere.
//! - [`oracle`] and [`judge`]: what is checked, and how.
//!
//! What is made of a finding, and of none:
//! - [`replay`], [`shrink`], [`explain`]: again, smaller, and why; [`signature`]: which
//!   findings have one cause.
//! - [`campaign`]: many seeds; [`gathered`]: what they found, by signature; [`scope`]: every
//!   order and every image of a small history; [`single_faults`]: every fault at each of its
//!   operations.
//! - [`planted`], [`mutants`], [`economy`]: bugs put in, and syncs taken out, to see whether
//!   anybody notices.
//!
//! For tests with checks of their own, without systems and plans:
//! - [`power_loss`]: every moment of a run at which its process can die or the power fail.
//! - [`observed`]: a file system that writes down and counts what is done to it; its
//!   [`gate`] holds or fails what a test chooses.
//! - [`conformance`]: what every implementation of the engine's `Fs` has to do.

pub mod campaign;
mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod conformance;
pub mod cpu_time;
pub mod crashes;
pub mod economy;
pub mod execute;
pub mod explain;
pub mod gate;
pub mod gathered;
pub mod generate;
pub mod history;
pub mod judge;
pub mod keyed;
pub mod mutants;
pub mod observed;
pub mod oracle;
pub mod panics;
pub mod plan;
pub mod planted;
pub mod power_loss;
pub mod reads;
pub mod replay;
pub mod schedule;
pub mod scope;
pub mod shrink;
pub mod signature;
pub mod simfs;
pub mod single_faults;
pub mod stop;
pub mod system;
pub mod systems;
pub mod workload;

pub use check::check;
