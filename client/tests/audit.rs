//! Exports made by hand, judged, and altered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]

#[path = "audit/altered.rs"]
mod altered;
#[path = "audit/authority.rs"]
mod authority;
#[path = "../../tests/tests/figures.rs"]
mod figures;
#[path = "audit/judged.rs"]
mod judged;
#[path = "audit/measure.rs"]
mod measure;
#[path = "audit/offline.rs"]
mod offline;
#[path = "audit/world.rs"]
mod world;
