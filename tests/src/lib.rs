//! What end-to-end tests and measurements share: whole meshes over real sockets, driven as a user would drive them. It
//! must not know any room's inside.
#![forbid(unsafe_code)]

pub mod replay;
pub mod sockets;
