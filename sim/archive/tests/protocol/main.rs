//! The protocol of an archive under every schedule of a small scope, and under random ones.
//!
//! Goal: whatever the order of the requests of several writers, readers and trims, and whatever
//! happens to each request (refused, done and not answered, done late, never done, the process dies),
//! the laws in `laws.rs` hold. Method: actors are conversations, so the test performs their requests
//! one by one and decides everything by numbers: all of them up to a bound (`exhaustive.rs`), or drawn
//! from a seed (`random.rs`). Each planted bug must break a law, and only with the bug on (`bugs.rs`).
//! `counts.rs` compares numbers of requests with their formulas.

mod bugs;
mod choices;
mod counts;
mod damage;
mod exhaustive;
mod history;
mod laws;
mod play;
mod random;
mod world;
