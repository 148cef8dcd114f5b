//! Trust: its rules one by one, as `docs/trust.md` tells them, and its laws.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod demands;
mod epochs;
mod laws;
mod rules;
mod world;
