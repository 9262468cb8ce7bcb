//! The laboratory of lithify.

pub mod conformance;
