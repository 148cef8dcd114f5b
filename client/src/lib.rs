//! What a service or an operator links: the HTTP types, a client with a local snapshot, and signing. It never knows
//! core's fold or the node.
#![forbid(unsafe_code)]

pub mod api;
pub mod bundle;
pub mod clock;
pub mod endpoint;
pub mod error;
pub mod keys;
pub mod route;
pub mod sse;
pub mod transport;

pub use endpoint::Endpoint;
pub use error::ClientError;
