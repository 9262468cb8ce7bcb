//! The policy laboratory (`lithify compare`).
//!
//! Goal: what it says of a policy is true. Method: numbers are counted by hand (`numbers`), and
//! workloads looked at (`workloads`); closed forms admit no difference (`exact`); layouts are compared with the specification and with the engine itself
//! (`layouts`); callbacks are reordered (`orders`); every statement of the commit-driven
//! design that these policies come from is a fact here (`commit_driven`), and so is what was
//! wrong before it (`old_design`, on `old_compactor`) and after it (`tiered_retention`); the
//! policies of the field keep the bounds they are known for (`field`, `lethe`); published numbers are measured again (`published`); and the lower bound is compared with exhaustive
//! search (`optimal`).

mod commit_driven;
mod exact;
mod field;
mod layouts;
mod lethe;
mod numbers;
mod old_compactor;
mod old_design;
mod optimal;
mod orders;
mod published;
mod support;
mod tiered_retention;
mod workloads;
