//! Follows every entry under a prefix and prints what changes.
//!
//! `cargo run -p driftless-examples --bin watch_flags -- unix:/run/driftless/driftless.sock shop/flags`
#![allow(clippy::print_stdout)]

use driftless_client::Config;
use driftless_examples::{Failed, argument, endpoint};
use driftless_statement::json;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let prefix = argument(2, "shop/flags");
    let config = Config::open(endpoint()?, &[&prefix]).await?;
    let mut changes = config.watch(&prefix)?;
    for item in changes.seen().items() {
        println!("{} is {}", item.path, json::to_string(&item.value));
    }
    // A slow reader misses values in between, never the last one; a restart of the node is not seen here at all.
    while let Some(change) = changes.next().await {
        match change.after {
            Some(item) => println!("{} is now {}", change.path, json::to_string(&item.value)),
            None => println!("{} is gone", change.path),
        }
    }
    Ok(())
}
