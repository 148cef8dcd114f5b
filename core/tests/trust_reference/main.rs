//! The rules of trust beside a reference: a model written from `docs/trust.md` alone, attacks on the rules inside the model, and
//! the real code judged against it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod attacks;
mod attacks_on_demands;
mod attacks_on_epochs;
mod comparison;
mod holes;
mod machine;
mod model;
mod real;
mod small;
#[path = "../trust/world/mod.rs"]
mod trust_world;
mod worlds;

use trust_world::figures;
