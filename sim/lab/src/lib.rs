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
//! The heart of it is short. A [`Campaign`](search::campaign::Campaign) makes a plan of each seed, runs it,
//! crashes it everywhere and judges what is left:
//!
//! ```
//! use lithify_sim::search::campaign::Campaign;
//! use lithify_sim::systems::lithify::Lithify;
//!
//! let (ledger, found) = Campaign::new(&Lithify).run(0..2);
//! assert!(found.is_none() && ledger.recovered > 0);
//! ```
//!
//! # What there is, in reading order
//!
//! What everybody needs:
//! - [`system`]: the traits; [`systems`]: the engine, behind them.
//! - [`history`]: commits, and the state after each; [`reads`]: what can be asked of them.
//! - [`keyed`]: all randomness; [`stop`]: when to end early; [`planted`], [`panics`]; [`names`]:
//!   what is said of a name that does not exist.
//!
//! Then five folders, each with its own page:
//! - [`disk`]: the file system that loses power, its persistence models, crash images, faults.
//! - [`run`]: what happens to a store, as a plan, and running it.
//! - [`judge`]: what is checked, and how.
//! - [`search`]: where findings are looked for.
//! - [`finding`]: what is made of one.

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
