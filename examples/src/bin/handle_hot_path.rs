//! Reads a value on every request of a busy service: a prepared handle holds it as its type already, so a read is one
//! atomic load.
//!
//! `cargo run --release -p driftless-examples --bin handle_hot_path -- unix:/run/driftless/driftless.sock shop/flags`
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use driftless_client::Config;
use driftless_examples::{Failed, argument, endpoint};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Flags {
    dark_mode: bool,
}

const READS: u32 = 10_000_000;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let path = argument(2, "shop/flags");
    let config = Config::open(endpoint()?, &["shop"]).await?;
    // Bound to a path whether the entry exists yet or not. When a new value does not have this type, the last good one
    // stays, and `read().mismatch` says why.
    let flags = config.handle::<Flags>(&path)?;
    if let Some(mismatch) = &flags.read().mismatch {
        println!("the value does not read as flags: {mismatch}");
    }
    let worker = std::thread::spawn(move || {
        let mut reader = flags.reader();
        let started = Instant::now();
        let dark = (0..READS).filter(|_| reader.get().is_some_and(|flags| flags.dark_mode)).count();
        (dark, started.elapsed())
    });
    let (dark, took) = worker.join().map_err(|_| "the worker panicked")?;
    let each: Duration = took / READS;
    println!("{READS} reads, {dark} of them dark, {each:?} each");
    Ok(())
}
