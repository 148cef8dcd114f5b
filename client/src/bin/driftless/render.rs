//! What commands print, as pure functions of the answers: tables for people. They must not know streams or flags.

pub mod audit;
pub mod change;
pub mod conflicts;
pub mod entries;
pub mod explain;
pub mod grants;
pub mod pending;
pub mod plan;
pub mod revocations;
pub mod roles;
pub mod secrets;
pub mod statements;
pub mod status;
pub mod trust;

#[cfg(test)]
mod tests;

use driftless_client::clock;

/// The moment that ages are counted to, in Unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Now(pub u64);

impl Now {
    /// By this machine's clock.
    pub fn here() -> Self {
        Self(clock::now_ms())
    }
}

/// Seconds as an age, or what stands for none.
pub fn ago(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), |s| clock::age(s.saturating_mul(1000), 0))
}

/// `one entry`, `3 entries`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}
