//! The laboratory of lithify.

pub mod conformance;
pub mod observed;
