//! Small programs to start from; see `src/bin`. Each takes the node's endpoint as its first argument, as
//! `unix:/path/to/socket` or `http://127.0.0.1:PORT`. It must not hold anything that the programs share beyond that.
#![forbid(unsafe_code)]

use driftless_client::Endpoint;

/// What ends a program.
pub type Failed = Box<dyn std::error::Error>;

/// The endpoint that the first argument names.
pub fn endpoint() -> Result<Endpoint, Failed> {
    let text = std::env::args().nth(1).ok_or("give the node's endpoint, like unix:/run/driftless/driftless.sock")?;
    Ok(text.parse()?)
}

/// A further argument, or what stands for it.
pub fn argument(number: usize, default: &str) -> String {
    std::env::args().nth(number).unwrap_or_else(|| default.to_owned())
}
