//! The policy laboratory (`lithify compare`).
//!
//! Goal: what it says of a policy is true. Method: closed forms admit no difference
//! (`exact`); layouts are compared with the specification and with the engine itself
//! (`layouts`); callbacks are reordered (`orders`); every statement of the commit-driven
//! design that these policies come from is a fact here (`commit_driven`); the policies of
//! the field keep the bounds they are known for (`field`, `lethe`, `tiered_retention`); published numbers are measured
//! again (`published`); the lower bound is compared with exhaustive search (`optimal`); and
//! the command is used as its user does (`command`).

mod command;
mod commit_driven;
mod exact;
mod field;
mod layouts;
mod lethe;
mod optimal;
mod orders;
mod published;
mod support;
mod tiered_retention;
