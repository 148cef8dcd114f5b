//! What a node is told before it starts: its configuration and its key files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bad;
mod keys;
mod layers;
mod page;
