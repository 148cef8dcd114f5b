//! What a service or an operator links: the HTTP types, a client with a local snapshot, and signing. It never knows
//! core's fold or the node.
//!
//! - [`Client`]: one typed call for each route of a node.
//! - [`Config`]: a local snapshot of what a node serves, kept fresh by a watch, read without a call and without a lock.
//! - [`export`], `audit` (a feature): the export of a log, and judging one without a node.
//! - `sealed` (a feature): values sealed to a group of recipients, as age seals them.
//! - `offline` (a feature): what a signer asks of a node, answered from an export on a machine without network.
//! - [`Signer`]: builds and signs statements from what is merged and what is wanted.
#![forbid(unsafe_code)]

pub mod api;
#[cfg(feature = "audit")]
pub mod audit;
pub mod client;
pub mod clock;
pub mod config;
pub mod endpoint;
pub mod error;
pub mod export;
pub mod founding;
pub mod keys;
#[cfg(feature = "audit")]
pub mod offline;
pub mod readable;
pub mod route;
#[cfg(feature = "sealed")]
pub mod sealed;
pub mod sign;
pub mod sse;
pub mod tokens;
pub mod transport;
pub mod tree;
pub mod words;

pub use client::{Client, Precondition};
pub use config::{Change, Config, Handle, Options, Staleness, WatchStream};
pub use driftless_statement::bundle;
pub use endpoint::Endpoint;
pub use error::ClientError;
pub use sign::{SignError, Signer};
pub use tokens::Token;
