//! The view: its laws, and what readers get.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../../../tests/tests/figures.rs"]
mod figures;
mod laws;
mod reads;
