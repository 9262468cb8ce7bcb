//! The laboratory of lithify. It runs a store on a disk that loses power, lies and
//! fails. It reports what is wrong with the store, in a few lines, and why.
//!
//! Three traits connect a store to the laboratory: [`system::System`],
//! [`system::Engine`] and [`system::Instance`]. The example `own_system` is a complete
//! store in one page, with mistakes that are found, shrunk and explained. [`check`] is
//! a test of a store in one line. `cli::main` (feature `cli`) is a program with all
//! commands for a store:
//!
//! ```text
//! cargo run --release -p lithify-sim --example own_system -- run --bug directory-not-synced
//! ```
//!
//! The core of it is short. A [`Campaign`](search::campaign::Campaign) makes a plan
//! from each seed, runs the plan, crashes it everywhere and judges what is left:
//!
//! ```
//! use lithify_sim::search::campaign::Campaign;
//! use lithify_sim::systems::lithify::Lithify;
//!
//! let (ledger, found) = Campaign::new(&Lithify).run(0..2);
//! assert!(found.is_none() && ledger.recovered > 0);
//! ```
//!
//! # Modules, in reading order
//!
//! The basics:
//! - [`system`]: the traits; [`systems`]: the engine as a system.
//! - [`history`]: commits, and the state after each; [`reads`]: questions about them.
//! - [`keyed`]: all randomness; [`stop`]: when to end early; [`planted`], [`panics`];
//!   [`names`]: messages about unknown names.
//!
//! Then five folders, each with its own page:
//! - [`disk`]: the file system that loses power, its persistence models, crash images, faults.
//! - [`run`]: plans, and running them.
//! - [`judge`]: what is checked, and how.
//! - [`search`]: the searches for findings.
//! - [`finding`]: what is done with a finding.

mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod disk;
pub mod finding;
pub mod history;
pub mod judge;
pub mod keyed;
pub mod names;
pub mod panics;
pub mod planted;
pub mod reads;
pub mod run;
pub mod search;
pub mod stop;
pub mod system;
pub mod systems;

pub use check::check;
