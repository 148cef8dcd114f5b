//! Statements: the signed, immutable unit of replication, and everything needed to read, build, sign and check one.
//!
//! This room is shared by `core` and `client`. It knows hashes, signatures and the codec. It must not know the log,
//! trust, the fold, a clock, a random source or any I/O. The byte format is specified in `docs/statement.md`.

#![forbid(unsafe_code)]

pub mod body;
pub mod bundle;
pub mod codec;
pub mod diff;
pub mod edit;
pub mod frontier;
mod hlc;
pub mod id;
pub mod json;
pub mod limits;
pub mod patch;
pub mod path;
pub mod schema;
pub mod sign;
pub mod statement;
pub mod table;
pub mod terms;
pub mod tree;
pub mod value;

#[cfg(test)]
mod properties;

pub use body::{Accept, Approve, Body, Genesis, Grant, Revoke, Rotate, Verb, Verbs, Write};
pub use edit::{After, Edit, ElementRef, Inserted, Op, Pointer, Step};
pub use frontier::Frontier;
pub use hlc::Hlc;
pub use id::{ElementId, MeshId, PublicKey, StatementId};
pub use path::{Path, Prefix, Scope};
pub use sign::{Points, SecretKey, Signed, Verified};
pub use statement::{Invalid, Note, Statement, Touch, Why};
pub use table::{IdTable, Named};
pub use terms::{Demand, Demands, Labels, Terms};
pub use tree::{Skip, Tree};
pub use value::Value;
