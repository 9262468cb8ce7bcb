//! The searches for findings.
//!
//! - [`crashes`]: crashes everywhere in one execution.
//! - [`campaign`]: many seeds.
//! - [`scope`]: every order and every image of a small history.
//! - [`single_faults`]: every fault at each of its operations.
//! - [`mutants`], [`economy`]: planted bugs and removed syncs, to see whether a check
//!   notices them.

pub mod campaign;
pub mod crashes;
pub mod economy;
pub mod mutants;
pub mod scope;
pub mod single_faults;
