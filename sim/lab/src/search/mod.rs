//! Where findings are looked for.
//!
//! [`crashes`]: everywhere in one execution. [`campaign`]: in many seeds. [`scope`]: in every
//! order and every image of a small history. [`single_faults`]: with every fault at each of its
//! operations. [`mutants`], [`economy`]: with bugs put in and syncs taken out, to see whether
//! anybody notices.

pub mod campaign;
pub mod crashes;
pub mod economy;
pub mod mutants;
pub mod scope;
pub mod single_faults;
