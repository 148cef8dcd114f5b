//! What `driftless secret` accepts. A secret is never an argument: where one is given all the same, it is not kept.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use driftless_statement::{Path, Prefix, PublicKey};

use super::{NoteArgs, key, prefix};

#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Seal a secret to a group and set it as an entry's value. It is read from standard input, byte for byte; on a terminal it
    /// is asked for, twice.
    Set {
        /// Path of the entry, like `shop/checkout/limits`
        #[arg(value_parser = Path::parse)]
        path: Path,
        /// Group of recipients. Default: the one that the entry is sealed to already.
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
        #[command(flatten)]
        source: Source,
        /// Replace a value that is not sealed. It stays readable in the history.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        note: NoteArgs,
    },
    /// Print a secret, byte for byte: opened by the node over its Unix socket, or here with an identity.
    Get {
        /// Path of the entry, like `shop/checkout/limits`
        #[arg(value_parser = Path::parse)]
        path: Path,
        /// Identity file, as `age-keygen` makes it, to open the secret here. May be given several times.
        #[arg(short, long, value_name = "FILE")]
        identity: Vec<PathBuf>,
        /// Print it to a terminal also when it is not plain text.
        #[arg(long)]
        show: bool,
    },
    /// Replace a secret by a new one for the same group. Whoever knew only the old one is no longer flagged.
    Rotate {
        /// Path of the entry, like `shop/checkout/limits`
        #[arg(value_parser = Path::parse)]
        path: Path,
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        note: NoteArgs,
    },
    /// List and change the groups of recipients.
    #[command(subcommand)]
    Recipients(RecipientsCommand),
    /// Seal the secrets of a group to whom it holds now. What is sealed so already is left alone, so it may be run again.
    Reseal {
        /// Group of recipients.
        group: String,
        /// Identity file to open the secrets with. Default: the node opens them.
        #[arg(short, long, value_name = "FILE")]
        identity: Vec<PathBuf>,
        /// Open and seal, and sign nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        note: NoteArgs,
    },
    /// Show what is sealed, to whom, what must be re-sealed, and what must be rotated.
    Status {
        /// Only below this prefix; `/` is everything.
        #[arg(value_parser = prefix, default_value = "/")]
        prefix: Prefix,
    },
}

/// Where a secret comes from.
#[derive(Debug, Args)]
pub struct Source {
    /// Read it from this file, byte for byte, instead of standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "generate")]
    pub from_file: Option<PathBuf>,
    /// Make a new one of this many random bytes, as base64url text. It is not printed.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(16..=1024))]
    pub generate: Option<u16>,
    /// What somebody took for the place of the secret.
    #[arg(hide = true, num_args = 0.., value_parser = forget)]
    pub given: Vec<Forgotten>,
}

/// In the place of an argument that may be a secret.
#[derive(Debug, Clone, Copy)]
pub struct Forgotten;

fn forget(_: &str) -> Result<Forgotten, Infallible> {
    Ok(Forgotten)
}

#[derive(Debug, Subcommand)]
pub enum RecipientsCommand {
    /// List the recipients of a group, or of all groups.
    List {
        /// Group.
        group: Option<String>,
    },
    /// Add a recipient to a group, which is made when there is none; show what must be re-sealed.
    Add {
        /// Group.
        group: String,
        /// Name of the recipient in it.
        name: String,
        /// age recipient, `age1…`.
        #[arg(required_unless_present = "from_node", value_name = "RECIPIENT")]
        recipient: Option<String>,
        /// Key of the node whose recipient it is.
        #[arg(long, value_parser = key, value_name = "KEY")]
        node: Option<PublicKey>,
        /// Ask the node that is called for its recipient and its key.
        #[arg(long, conflicts_with_all = ["recipient", "node"])]
        from_node: bool,
        /// Give NAME another recipient than it has.
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        reseal: ResealArgs,
    },
    /// Remove a recipient from a group; show what must be re-sealed, and then rotated.
    Remove {
        /// Group.
        group: String,
        /// Name of the recipient in it.
        name: String,
        #[command(flatten)]
        reseal: ResealArgs,
    },
}

/// Whether and how a change of a group is followed by sealing anew.
#[derive(Debug, Args)]
pub struct ResealArgs {
    /// Seal the secrets of the group anew at once.
    #[arg(long)]
    pub reseal: bool,
    /// Identity file to open the secrets with. Default: the node opens them.
    #[arg(short, long, value_name = "FILE", requires = "reseal")]
    pub identity: Vec<PathBuf>,
    /// Show what would be signed, and sign nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub note: NoteArgs,
}
