//! The laboratory of lithify.
