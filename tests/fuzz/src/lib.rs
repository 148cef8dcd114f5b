//! Fuzz targets: everything that reads bytes from outside, each with a law that must hold whatever the bytes are. A target
//! is a function of bytes that panics when its law breaks; `fuzz_targets/` hangs them under libFuzzer, `src/bin/seeds.rs`
//! makes the inputs to begin with. They must not know sockets, files or clocks.
#![forbid(unsafe_code)]

mod beacon;
mod body;
mod bundle;
mod cbor;
mod reconcile;
mod reference;
mod rfc;
mod schema;
mod script;
pub mod seeds;
mod statement;
mod store;
/// The node's own file, by path: the node itself would bring libp2p under the fuzzer.
#[path = "../../../node/src/store/tables.rs"]
#[allow(dead_code)]
mod tables;
mod wire;

pub use beacon::beacon;
pub use body::{json, patch, pointer, put};
pub use bundle::bundle;
pub use cbor::cbor;
pub use reconcile::{answer, reconcile};
pub use schema::schema;
pub use statement::statement;
pub use store::store;
pub use wire::wire;
