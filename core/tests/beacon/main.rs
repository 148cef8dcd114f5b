//! Beacons: how one is read and taken, and what a mesh learns from them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../../../tests/tests/figures.rs"]
mod figures;
mod laws;
mod simulation;
