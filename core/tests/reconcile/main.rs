//! Reconciliation: its laws between honest peers, its bounds against dishonest ones, and the messages of both.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../../../tests/tests/figures.rs"]
mod figures;
mod hostile;
mod laws;
mod peers;
mod wire;
