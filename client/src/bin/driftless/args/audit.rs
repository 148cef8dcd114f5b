//! What `audit` and `trust` accept. It must not know what they do.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use driftless_client::clock;
use driftless_statement::{MeshId, Prefix, PublicKey, Scope, Verb};

use super::{duration, key, prefix};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AuditArgs {
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    #[command(flatten)]
    pub list: AuditListArgs,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Write all that the node has on disk to a file, as JSON lines that prove themselves.
    Export {
        /// File to write; `-` is standard output.
        file: PathBuf,
        /// Only this scope, with `@mesh`.
        #[arg(long, value_parser = Scope::parse)]
        scope: Option<Scope>,
    },
    /// Judge an export without a node: signatures, chains, authority. Exits 0 when all is well, 1 when something is broken.
    Verify {
        /// File that `audit export` wrote.
        file: PathBuf,
        /// The mesh that it must be of. Without it nothing vouches for the mesh that the file names.
        #[arg(long, value_parser = mesh, value_name = "ID")]
        mesh: Option<MeshId>,
    },
}

#[derive(Debug, Args)]
pub struct AuditListArgs {
    /// Only what touches entries, or gives or takes authority, here.
    #[arg(default_value = "", value_parser = prefix, hide_default_value = true, value_name = "PATH|PREFIX")]
    pub prefix: Prefix,
    /// Only by this public key.
    #[arg(long, value_parser = key, value_name = "KEY")]
    pub author: Option<PublicKey>,
    /// Only what claims this time or a later one: 2026-11-26T13:00:00Z, or how long ago, like `2h`.
    #[arg(long, value_parser = moment, value_name = "WHEN")]
    pub since: Option<Moment>,
    /// Only what claims this time or an earlier one.
    #[arg(long, value_parser = moment, value_name = "WHEN")]
    pub until: Option<Moment>,
    /// Only of this kind.
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// Only with this outcome; `refused` is what the node never took in.
    #[arg(long, value_enum)]
    pub outcome: Option<Outcome>,
    /// How many statements at most.
    #[arg(short = 'n', long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// Show each in full: edits, chain of grants, approvals, nodes.
    #[arg(long)]
    pub long: bool,
}

/// Kinds of statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Genesis,
    Write,
    Grant,
    Approve,
    Revoke,
    Accept,
    Rotate,
    Unknown,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Write => "write",
            Self::Grant => "grant",
            Self::Approve => "approve",
            Self::Revoke => "revoke",
            Self::Accept => "accept",
            Self::Rotate => "rotate",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Outcome {
    Fit,
    Unfit,
    Pending,
    Void,
    #[value(name = "not_due")]
    NotDue,
    Refused,
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::Unfit => "unfit",
            Self::Pending => "pending",
            Self::Void => "void",
            Self::NotDue => "not_due",
            Self::Refused => "refused",
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Show who gave what to whom, as a tree from the root keys down, with what is pending, struck or void.
    Show {
        #[command(flatten)]
        source: SourceArgs,
    },
    /// Say whether a key may use a verb at a place, and by which grant or rule. Exits 0 for yes, 1 for no.
    Check {
        #[arg(value_parser = key, value_name = "KEY")]
        of: PublicKey,
        #[arg(value_parser = verb)]
        verb: Verb,
        /// Entry, or prefix with a trailing `/`.
        #[arg(value_name = "PATH|PREFIX/")]
        target: String,
        #[command(flatten)]
        source: SourceArgs,
    },
}

/// Where the statements of `@mesh` come from.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// Judge this export instead of asking a node.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// The mesh that they must be of.
    #[arg(long, value_parser = mesh, value_name = "ID")]
    pub mesh: Option<MeshId>,
}

/// A time, told or relative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Unix milliseconds.
    At(u64),
    /// So long before now.
    Ago(Duration),
}

impl Moment {
    /// Unix milliseconds.
    pub fn millis(self) -> u64 {
        match self {
            Self::At(millis) => millis,
            Self::Ago(length) => clock::now_ms().saturating_sub(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

fn moment(text: &str) -> Result<Moment, String> {
    let bad = || format!("{text:?}: write a UTC time like 2026-11-26T13:00:00Z, or how long ago, like `2h`");
    clock::parse_rfc3339(text).map(Moment::At).or_else(|| duration(text).ok().map(Moment::Ago)).ok_or_else(bad)
}

pub fn mesh(text: &str) -> Result<MeshId, String> {
    text.parse().map_err(|error| format!("{error}; `driftless status` and the node's configuration have it"))
}

fn verb(text: &str) -> Result<Verb, String> {
    let known = || Verb::ALL.map(Verb::word).join(", ");
    let found = Verb::ALL.into_iter().find(|verb| verb.word() == text);
    found.ok_or_else(|| format!("no verb is called {text:?}; there are {}", known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_or_ages() {
        assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(Moment::At(1000)));
        assert_eq!(moment("2h"), Ok(Moment::Ago(Duration::from_secs(7200))));
        assert!(["", "now", "2026-11-26", "-2h"].into_iter().all(|text| moment(text).is_err()));
        assert!(mesh("12").is_err() && verb("own").is_err() && verb("write") == Ok(Verb::Write));
    }

    #[test]
    fn every_kind_of_statement_can_be_asked_for() {
        let words: Vec<&str> = Kind::value_variants().iter().map(|kind| kind.word()).collect();
        assert_eq!(words, driftless_statement::Body::WORDS);
    }
}
