//! The shell around `core`: libp2p, redb, HTTP, metrics and configuration. The rooms `p2p`, `store` and `http` never
//! import one another; they meet in the driver.
#![forbid(unsafe_code)]

pub mod assemble;
mod backoff;
pub mod config;
pub mod demo;
pub mod door;
pub mod driver;
pub mod http;
pub mod keys;
pub mod logging;
pub mod metrics;
pub mod p2p;
pub mod secrets;
pub mod store;
pub mod systemd;
