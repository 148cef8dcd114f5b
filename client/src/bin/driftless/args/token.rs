//! What `driftless token` accepts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use driftless_client::{clock, tokens};
use driftless_statement::Prefix;

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it, this once.
    New(TokenNew),
    /// Show the tokens there are, without the tokens themselves.
    List {
        /// The node's file of tokens (`access.tokens_file`).
        #[arg(long, env = "DRIFTLESS_TOKENS", value_name = "FILE")]
        tokens: PathBuf,
    },
    /// Revoke a token. The node refuses it within seconds, without a restart.
    Revoke {
        /// Its name.
        name: String,
        /// The node's file of tokens (`access.tokens_file`).
        #[arg(long, env = "DRIFTLESS_TOKENS", value_name = "FILE")]
        tokens: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct TokenNew {
    /// Its name, for people: at most 64 of A-Z a-z 0-9 . _ -
    pub name: String,
    /// The node's file of tokens (`access.tokens_file`). Made when there is none.
    #[arg(long, env = "DRIFTLESS_TOKENS", value_name = "FILE")]
    pub tokens: PathBuf,
    /// Prefix that it may read; `/` is everything. May be given several times.
    #[arg(long, value_name = "PREFIX", value_parser = tokens::prefix)]
    pub read: Vec<Prefix>,
    /// Prefix that it may write as the node's own author, and read. May be given several times.
    #[arg(long, value_name = "PREFIX", value_parser = tokens::prefix)]
    pub write: Vec<Prefix>,
    /// It may ask how the node is: status, divergence, metrics.
    #[arg(long)]
    pub observe: bool,
    /// It may hand in statements signed elsewhere.
    #[arg(long)]
    pub submit: bool,
    /// When it ends: how long from now, like `12h` or `30d`, or a time like 2026-11-26T13:00:00Z.
    #[arg(long, default_value = "90d", value_parser = expiry, value_name = "WHEN")]
    pub expires: Expiry,
}

/// When a token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// So long from now.
    After(Duration),
    /// At a time, Unix milliseconds.
    At(u64),
}

/// Ten years: longer is for ever, and a token that nobody needs any more should not be.
const LONGEST_DAYS: u64 = 3650;

fn expiry(text: &str) -> Result<Expiry, String> {
    let bad = || {
        format!(
            "{text:?}: write how long from now, like `12h` or `30d` (1s to {LONGEST_DAYS}d), or a UTC time like 2026-11-26T13:00:00Z"
        )
    };
    let longest = LONGEST_DAYS * 86_400;
    if let Some(millis) = clock::parse_rfc3339(text) {
        let in_time = millis / 1000 <= clock::now_ms() / 1000 + longest;
        return in_time.then_some(Expiry::At(millis)).ok_or_else(bad);
    }
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let (digits, size) =
        units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size))).ok_or_else(bad)?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.parse::<u64>().ok().filter(|_| plain).and_then(|number| number.checked_mul(*size));
    let seconds = seconds.filter(|seconds| (1..=longest).contains(seconds)).ok_or_else(bad)?;
    Ok(Expiry::After(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_tokens_are_read() {
        assert_eq!(expiry("30d"), Ok(Expiry::After(Duration::from_secs(30 * 86_400))));
        assert_eq!(expiry("1s"), Ok(Expiry::After(Duration::from_secs(1))));
        assert_eq!(expiry("1970-01-01T00:00:01Z"), Ok(Expiry::At(1000)));
        let bad = [
            "",
            "d",
            "0s",
            "-1d",
            "+1d",
            "1.5d",
            "30",
            "never",
            "3651d",
            "9999999999999999999d",
            "9000-01-01T00:00:00Z",
        ];
        assert!(bad.into_iter().all(|text| expiry(text).is_err()));
    }
}
