//! Nodes that talk over real sockets on loopback: who gets in, what travels, and what strangers, members and cuts can do to
//! it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod cut;
mod gate;
mod hostile;
mod member;
mod mesh;
mod support;
