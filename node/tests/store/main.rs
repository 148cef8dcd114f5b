//! The store, on real directories and on disks that fail, fill up, lose power and lie: what was acknowledged is there, and
//! nothing else is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod append;
mod bytes;
mod crash;
mod damage;
mod disk;
mod faults;
#[path = "../../../tests/tests/figures.rs"]
mod figures;
mod images;
mod nearly_full;
