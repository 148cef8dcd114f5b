//! The pure heart of Driftless: same inputs, same outputs. It never knows a clock, a random source, a socket, a file or
//! async; time comes in as an argument and effects go out as data.
#![forbid(unsafe_code)]

pub mod beacon;
pub mod fold;
pub mod log;
pub mod lthash;
pub mod machine;
pub mod now;
pub mod reconcile;
pub mod rng;
pub mod view;
pub mod wire;

pub use driftless_trust as trust;
