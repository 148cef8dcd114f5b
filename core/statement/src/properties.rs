//! Property tests: laws that hold for every value, edit, statement and byte string. `DRIFTLESS_CASES` sets their number.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bytes;
mod edits;
mod statements;
mod strategies;
mod values;

/// How many cases each property runs.
fn cases() -> proptest::test_runner::Config {
    let cases = std::env::var("DRIFTLESS_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(256);
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}
