//! The policy laboratory (`lithify compare`).
//!
//! Goal: the numbers of the laboratory are correct. Method: numbers are counted by hand
//! (`numbers`), and workloads are compared with their sources (`workloads`). Closed forms must
//! be exact (`exact`). Layouts are compared with the specification and with the engine
//! (`layouts`). Callbacks are reordered (`orders`). Every statement of the commit-driven
//! design, from which these policies come, is tested (`commit_driven`), and so are the mistakes
//! of the design before it (`old_design`, on `old_compactor`) and after it
//! (`tiered_retention`). Published policies keep their known bounds (`field`, `lethe`).
//! Published numbers are measured again (`published`). The lower bound is compared with an
//! exhaustive search (`optimal`).

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
