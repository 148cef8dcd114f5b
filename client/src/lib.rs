//! What a service or an operator links: the HTTP types, a client with a local snapshot, and signing. It never knows
//! core's fold or the node.
#![forbid(unsafe_code)]

pub mod api;
pub mod keys;
