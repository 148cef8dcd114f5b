//! Arguments of what concerns authority: keys, grants and their terms, roles, revocations, rotations.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use driftless_client::clock;
use driftless_statement::terms::is_label;
use driftless_statement::{Demand, Demands, Labels, Prefix, PublicKey, Scope, Terms, Verb, Verbs};

use super::{SigningArgs, duration, key, prefix};

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key file, readable by its owner only, and print its public key.
    New {
        /// File to make. It must not exist.
        file: PathBuf,
        /// Encrypt it with a passphrase: asked for twice on the terminal, or taken from --passphrase-file.
        #[arg(long)]
        passphrase: bool,
    },
    /// Set, change or remove the passphrase of a key file.
    Passphrase {
        /// Key file.
        file: PathBuf,
        /// File whose only line is the new passphrase, or `/dev/fd/N`. The present one, if there is one, comes from --passphrase-file.
        /// What is not given is asked for on the terminal.
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
        /// Leave the key file without a passphrase.
        #[arg(long, conflicts_with = "new_passphrase_file")]
        remove: bool,
    },
    /// Print the public key of a key file (default: the context's). Of an encrypted one, what FILE.pub beside it says.
    Show {
        /// Key file.
        file: Option<PathBuf>,
    },
    /// Change the root keys of the mesh: end the epoch in force and found the next one.
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
pub struct RotateArgs {
    /// Public keys of the next epoch's root keys, with commas.
    #[arg(long, required = true, value_delimiter = ',', value_parser = key, value_name = "KEY,...")]
    pub roots: Vec<PublicKey>,
    /// How many of them must sign a root act; more than half. Default: the least that is more than half.
    #[arg(long, value_name = "N")]
    pub threshold: Option<u64>,
    /// Keep nothing of what the old root keys said, instead of all that counts or is pending now.
    #[arg(long)]
    pub accept_nothing: bool,
    /// Show what would change, and submit nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
}

#[derive(Debug, Args)]
pub struct GrantArgs {
    /// Public key to give to.
    #[arg(value_parser = key, value_name = "KEY")]
    pub to: Option<PublicKey>,
    /// Verbs, with commas: write, approve, delegate, revoke, operate, member.
    #[arg(value_parser = verbs, requires = "prefix")]
    pub verbs: Option<VerbList>,
    /// Prefix to give them on; `/` is everything.
    #[arg(value_parser = prefix)]
    pub prefix: Option<Prefix>,
    /// Give what a role says (see `driftless role`), instead of naming verbs and a prefix.
    #[arg(long, requires = "to", conflicts_with = "verbs", value_name = "NAME")]
    pub role: Option<String>,
    /// For member: the scopes that the node may hold. Default: all below the prefix.
    #[arg(long, value_delimiter = ',', value_parser = Scope::parse, value_name = "SCOPE,...")]
    pub scopes: Vec<Scope>,
    #[command(flatten)]
    pub terms: TermsArgs,
    /// Give back what revocations took from the key: without this, a revoked key is refused.
    #[arg(long, requires = "to")]
    pub again: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
}

/// On what terms something is granted.
#[derive(Debug, Clone, Args)]
pub struct TermsArgs {
    /// Every write needs approvals: `2:KEY,KEY,KEY` for two of these three keys. Its author never counts.
    #[arg(long, value_parser = demand, value_name = "N:KEY,...")]
    pub approvals: Option<Demand>,
    /// The same, for writes that delete something.
    #[arg(long, value_parser = demand, value_name = "N:KEY,...")]
    pub delete_approvals: Option<Demand>,
    /// Nothing can be said on it after this: a UTC time like 2027-01-31T00:00:00Z, or how long from now, like `30d`. It stops
    /// forgotten keys, not stolen ones: those are revoked.
    #[arg(long, value_parser = not_after, value_name = "WHEN")]
    pub not_after: Option<u64>,
    /// For member: a label of the node, like `region=eu`. May be given again.
    #[arg(long, value_parser = label, value_name = "NAME=VALUE")]
    pub label: Vec<(String, String)>,
}

impl TermsArgs {
    /// What they say; where they are silent, what a role says.
    pub fn over(self, role: Terms) -> Terms {
        let mut labels: Labels = role.labels;
        labels.extend(self.label);
        Terms {
            demands: Demands {
                writes: self.approvals.or(role.demands.writes),
                deletes: self.delete_approvals.or(role.demands.deletes),
            },
            not_after_ms: self.not_after.or(role.not_after_ms),
            labels,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// List the roles.
    List,
    /// Make or change a role. Grants that were made with it stay as they are.
    Set {
        /// Its name: one path segment.
        name: String,
        /// Verbs, with commas.
        #[arg(value_parser = verbs)]
        verbs: VerbList,
        /// Prefix; `/` is everything.
        #[arg(value_parser = prefix)]
        prefix: Prefix,
        /// For member: the scopes that the node may hold. Default: all below the prefix.
        #[arg(long, value_delimiter = ',', value_parser = Scope::parse, value_name = "SCOPE,...")]
        scopes: Vec<Scope>,
        #[command(flatten)]
        terms: TermsArgs,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Delete a role. Grants that were made with it stay.
    Delete {
        /// Its name.
        name: String,
        #[command(flatten)]
        signing: SigningArgs,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("accepted").args(["accept_up_to", "flood"])))]
pub struct RevokeArgs {
    /// Public key to revoke.
    #[arg(value_parser = key, value_name = "KEY", requires = "accepted")]
    pub of: Option<PublicKey>,
    /// Prefix to revoke it on; `/` is everything.
    #[arg(value_parser = prefix, default_value = "/")]
    pub prefix: Prefix,
    /// What it said until then stays, and all else is void: `now`, `never`, a time like 2026-11-26T13:00:00Z, or how long
    /// ago, like `2h`.
    #[arg(long, value_parser = until, value_name = "WHEN")]
    pub accept_up_to: Option<Until>,
    /// It floods: what it said before the flood stays. When that began, the node says that raised the alarm.
    #[arg(long, requires = "of")]
    pub flood: bool,
    /// When the flood began, instead of what the node says: a time, or how long ago.
    #[arg(long, requires = "flood", value_parser = since, value_name = "WHEN")]
    pub since: Option<Until>,
    /// Show what would change, and submit nothing.
    #[arg(long, requires = "of")]
    pub dry_run: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
}

/// Up to when a revocation accepts what its key said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// All that is known.
    Now,
    /// Nothing.
    Never,
    /// A time, Unix milliseconds.
    At(u64),
    /// So long before now.
    Ago(Duration),
}

fn until(text: &str) -> Result<Until, String> {
    let bad =
        || format!("{text:?}: write `now`, `never`, a UTC time like 2026-11-26T13:00:00Z, or how long ago, like `2h`");
    match text {
        "now" => Ok(Until::Now),
        "never" => Ok(Until::Never),
        _ => clock::parse_rfc3339(text).map(Until::At).or_else(|| duration(text).ok().map(Until::Ago)).ok_or_else(bad),
    }
}

fn since(text: &str) -> Result<Until, String> {
    until(text)
        .ok()
        .filter(|until| matches!(until, Until::At(_) | Until::Ago(_)))
        .ok_or_else(|| format!("{text:?}: write a UTC time like 2026-11-26T13:00:00Z, or how long ago, like `2h`"))
}

fn not_after(text: &str) -> Result<u64, String> {
    let bad =
        || format!("{text:?}: write a UTC time like 2027-01-31T00:00:00Z, or how long from now, like `12h` or `30d`");
    let days = || text.strip_suffix('d')?.parse::<u64>().ok()?.checked_mul(24 * 3_600_000);
    let shorter = || u64::try_from(duration(text).ok()?.as_millis()).ok();
    let from_now = || clock::now_ms().checked_add(days().or_else(shorter).filter(|length| *length > 0)?);
    clock::parse_rfc3339(text).or_else(from_now).ok_or_else(bad)
}

fn demand(text: &str) -> Result<Demand, String> {
    let bad = || format!("{text:?}: write how many and of which keys, like `2:KEY,KEY,KEY`");
    let (number, keys) = text.split_once(':').ok_or_else(bad)?;
    let approvals: u64 = number.parse().map_err(|_| bad())?;
    let of = keys.split(',').map(key).collect::<Result<std::collections::BTreeSet<PublicKey>, String>>()?;
    if approvals == 0 || approvals > of.len() as u64 {
        return Err(format!(
            "{approvals} approvals of {} keys; at least one, at most as many as there are keys",
            of.len()
        ));
    }
    Ok(Demand { approvals, of })
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let rule = "a label is NAME=VALUE, each of 1 to 63 characters: a-z 0-9 . _ - in the name, A-Z as well in the value";
    let sound = is_label(name, false) && is_label(value, true);
    if sound { Ok((name.to_owned(), value.to_owned())) } else { Err(format!("{text:?}: {rule}")) }
}

/// Verbs given with commas.
#[derive(Debug, Clone)]
pub struct VerbList(pub Verbs);

pub fn verbs(text: &str) -> Result<VerbList, String> {
    let known = || Verb::ALL.map(Verb::word).join(", ");
    let verb = |word: &str| {
        let found = Verb::ALL.into_iter().find(|verb| verb.word() == word);
        found.ok_or_else(|| format!("no verb is called {word:?}; there are {}", known()))
    };
    text.split(',').map(verb).collect::<Result<_, _>>().map(VerbList)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_to_accept_up_to_are_read() {
        assert_eq!((until("now"), until("never")), (Ok(Until::Now), Ok(Until::Never)));
        assert_eq!(until("1970-01-01T00:00:01Z"), Ok(Until::At(1000)));
        assert_eq!(until("2h"), Ok(Until::Ago(Duration::from_secs(7200))));
        assert!(["", "later", "2026-11-26", "-2h"].into_iter().all(|text| until(text).is_err()));
        assert_eq!(since("1970-01-01T00:00:01Z"), Ok(Until::At(1000)));
        assert!(["", "now", "never"].into_iter().all(|text| since(text).is_err()));
    }

    #[test]
    fn terms_are_read() {
        assert_eq!(not_after("1970-01-01T00:00:01Z"), Ok(1000));
        let month = not_after("30d").unwrap() - clock::now_ms();
        assert!((30 * 86_400_000 - 5_000..=30 * 86_400_000).contains(&month), "{month}");
        assert!(["", "0d", "d", "-1d", "soon", "99999999999999999999d"].iter().all(|text| not_after(text).is_err()));
        let key = "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
        assert_eq!(demand(&format!("1:{key}")).unwrap().of.len(), 1);
        for bad in ["", "1", "1:", "x:y", &format!("0:{key}"), &format!("2:{key}"), &format!("2:{key},{key}")] {
            assert!(demand(bad).is_err(), "{bad}");
        }
        assert_eq!(label("zone=A-1"), Ok(("zone".to_owned(), "A-1".to_owned())));
        for bad in ["", "zone", "zone=", "=a", "Zone=a", "zone=a b", "zone=a=b"] {
            assert!(label(bad).is_err(), "{bad}");
        }
    }
}
