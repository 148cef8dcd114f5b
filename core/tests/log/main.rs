//! The log: what is held of what arrived, and what waits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod laws;
mod room;
#[path = "../trust/world/mod.rs"]
mod world;
