//! The HTTP door over real sockets, in front of the real core: who may do what, what is answered, and what bad input gets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod access;
mod api;
mod bad;
mod cross_site;
mod metrics;
mod page;
mod rates;
mod secrets;
mod support;
mod watch;
