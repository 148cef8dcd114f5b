//! Reads a typed value. The read itself makes no call: the snapshot is local, and stays when the node goes away.
//!
//! `cargo run -p driftless-examples --bin read_config -- unix:/run/driftless/driftless.sock shop/checkout/limits`
#![allow(clippy::print_stdout)]

use driftless_client::config::Options;
use driftless_examples::{Failed, argument, endpoint};
use serde::Deserialize;

/// What this service wants to know. Unknown keys are ignored, so operators may add some before the service knows them.
#[derive(Debug, Deserialize)]
struct Limits {
    max: u32,
    #[serde(default)]
    soft: Option<u32>,
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let path = argument(2, "shop/checkout/limits");
    let last_known = std::env::temp_dir().join("read_config.last-known.json");
    // With a last-known file the service starts even when the node is not there yet.
    let config = Options::new(endpoint()?).prefix("shop").cache(last_known).open().await?;
    match config.get::<Limits>(&path)? {
        Some(limits) => println!("{path}: at most {}, soft limit {:?}", limits.max, limits.soft),
        None => println!("{path}: not set"),
    }
    println!("{}", config.staleness());
    Ok(())
}
