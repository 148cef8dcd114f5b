//! Property tests: laws that hold for every value, edit, statement and byte string. `DRIFTLESS_CASES` sets their number.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../../../tests/tests/figures.rs"]
mod figures;

mod bytes;
mod edits;
mod statements;
mod strategies;
mod values;

/// How each property runs.
fn cases() -> proptest::test_runner::Config {
    one_in(1)
}

/// As many cases as are asked for, divided by this.
fn one_in(part: u32) -> proptest::test_runner::Config {
    let cases = figures::law((figures::asked() / part).max(32));
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}
