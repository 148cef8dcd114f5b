//! The fold: what it means, its laws against naive models, that it answers whatever is said, and what it costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

#[path = "../../../tests/tests/figures.rs"]
mod figures;
mod laws;
mod meaning;
mod measure;
mod schemas;
mod support;
mod totality;
